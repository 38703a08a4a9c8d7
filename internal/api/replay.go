package api

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/tuttilive/tutti/internal/mux/movie"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// getRecordedPlaylist gives all finished files of a recording as one playlist (HLS) of ranges of them. Players cannot send headers with what it
// names, so a link's key and a token in the query are in those addresses too.
func (a *API) getRecordedPlaylist(w http.ResponseWriter, r *http.Request) {
	rec, err := a.recordingFor(r, true)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	files, err := a.recorder.Pieces(rec.ID)
	if err != nil {
		refuseRecording(w, err)
		return
	}
	query := url.Values{}
	for _, name := range []string{"key", "token"} {
		if v := r.URL.Query().Get(name); v != "" {
			query.Set(name, v)
		}
	}
	shown := ""
	if len(query) > 0 {
		shown = "?" + query.Encode()
	}
	var list []movie.Listed
	for _, f := range files {
		list = append(list, movie.Listed{
			Pieces: f.Pieces, URI: "files/" + f.Name + shown, Header: func(n int) string { return fmt.Sprintf("files/%s/headers/%d%s", f.Name, n, shown) },
		})
	}
	h := w.Header()
	h.Set("Content-Type", "application/vnd.apple.mpegurl")
	h.Set("Cache-Control", "private, no-cache")
	w.Write(movie.Playlist(list))
}

// getRecordedHeader gives what a player must read before pieces of a file.
func (a *API) getRecordedHeader(w http.ResponseWriter, r *http.Request) {
	rec, err := a.recordingFor(r, true)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	var n int
	if _, err := fmt.Sscanf(r.PathValue("n"), "%d", &n); err != nil {
		refusal.Write(w, errNoRecording)
		return
	}
	header, err := a.recorder.Header(rec.ID, r.PathValue("file"), n)
	if err != nil {
		refuseRecording(w, err)
		return
	}
	w.Header().Set("Content-Type", "video/mp4")
	w.Header().Set("Cache-Control", "private, max-age=86400")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(header))
}

// getRecordedPicture gives how a recording looks.
func (a *API) getRecordedPicture(strip bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rec, err := a.recordingFor(r, true)
		if err != nil {
			refusal.Write(w, err)
			return
		}
		picture, err := a.recorder.OpenPicture(rec.ID, strip)
		if err != nil {
			refuseRecording(w, err)
			return
		}
		w.Header().Set("Content-Type", "image/jpeg")
		w.Header().Set("Cache-Control", "private, max-age=60")
		w.Write(picture)
	}
}
