package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/record"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// What is refused of recordings.
var (
	errNoRecorder     = &refusal.Error{Status: http.StatusForbidden, Code: "off", Message: record.ErrOff.Error()}
	errOperatorRecord = &refusal.Error{Status: http.StatusForbidden, Code: "forbidden", Message: "on this server operators alone record"}
	errNoRecording    = &refusal.Error{Status: http.StatusNotFound, Code: "not_found", Message: record.ErrNotFound.Error()}
	errRecorded       = &refusal.Error{Status: http.StatusConflict, Code: "exists", Message: record.ErrRunning.Error()}
	errAway           = &refusal.Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: record.ErrAway.Error()}
	errNoSpace        = &refusal.Error{Status: http.StatusInsufficientStorage, Code: "disk_full", Message: record.ErrNoSpace.Error()}
)

// recording is one as clients see it.
type recording struct {
	record.Recording
	Files []recordedFile `json:"files"`
	// Play is the playlist of what is finished, Picture and Strip are how it looks.
	Play    string         `json:"play,omitempty"`
	Picture string         `json:"picture,omitempty"`
	Strip   *recordedStrip `json:"strip,omitempty"`
}

type recordedStrip struct {
	record.Strip
	URL string `json:"url"`
}

type recordedFile struct {
	record.File
	URL string `json:"url"`
}

func recordingOf(r record.Recording) recording {
	out := recording{Recording: r, Files: []recordedFile{}}
	base := fmt.Sprintf("/api/rooms/%s/recordings/%s", url.PathEscape(r.Room), r.ID)
	for _, f := range r.Files {
		out.Files = append(out.Files, recordedFile{f, base + "/files/" + f.Name})
		if f.Finished {
			out.Play = base + "/index.m3u8"
		}
	}
	if r.Pictured {
		out.Picture = base + "/picture.jpg"
	}
	if r.Strip != nil {
		out.Strip = &recordedStrip{*r.Strip, base + "/strip.jpg"}
	}
	return out
}

func recordingsOf(list []record.Recording) []recording {
	out := []recording{}
	for _, r := range list {
		out = append(out, recordingOf(r))
	}
	return out
}

// refuseRecording translates what package record refuses.
func refuseRecording(w http.ResponseWriter, err error) {
	for _, k := range []struct {
		is    error
		means *refusal.Error
	}{{record.ErrOff, errNoRecorder}, {record.ErrNotFound, errNoRecording}, {record.ErrRunning, errRecorded}, {record.ErrNoSpace, errNoSpace}, {record.ErrAway, errAway}} {
		if errors.Is(err, k.is) {
			err = k.means
		}
	}
	refusal.Write(w, err)
}

// mayRecord lets a handler through for those who may begin recordings of the room.
func (a *API) mayRecord(next http.HandlerFunc) http.HandlerFunc {
	return a.directed(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case a.recorder == nil || a.recorder.Mode() == record.Off:
			refusal.Write(w, errNoRecorder)
		case a.recorder.Mode() == record.ForOperators && !a.isOperator(r):
			refusal.Write(w, errOperatorRecord)
		default:
			next(w, r)
		}
	})
}

// getRecordings lists the recordings of a room: for hosts all, for those who may watch the published ones.
func (a *API) getRecordings(w http.ResponseWriter, r *http.Request) {
	list := []record.Recording{}
	_, err := a.admitWith(r, playerCredential(r), studio.ToDirect)
	directs := err == nil
	if !directs {
		if _, watches := a.admitWith(r, playerCredential(r), studio.ToWatch); watches != nil {
			refusal.Write(w, watches)
			return
		}
	}
	if a.recorder != nil {
		for _, rec := range a.recorder.Of(r.PathValue("room")) {
			if directs || rec.Published {
				list = append(list, rec)
			}
		}
	}
	answer(w, http.StatusOK, map[string]any{"recordings": recordingsOf(list)})
}

func (a *API) getAllRecordings(w http.ResponseWriter, _ *http.Request) {
	list := []record.Recording{}
	if a.recorder != nil {
		list = a.recorder.All()
	}
	answer(w, http.StatusOK, map[string]any{"recordings": recordingsOf(list)})
}

func (a *API) startRecording(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Title string `json:"title"`
	}
	if err := read(w, r, &req); err != nil {
		refusal.Write(w, err)
		return
	}
	if len(req.Title) > maxTitle {
		refusal.Write(w, errBadBody)
		return
	}
	name := r.PathValue("room")
	s, err := a.house.Studio(name)
	if err != nil {
		refusal.Write(w, a.house.NotLive(name))
		return
	}
	if req.Title == "" {
		req.Title = s.Info().Live.Title
	}
	rec, err := a.recorder.Start(name, req.Title, a.actor(r))
	if err != nil {
		refuseRecording(w, err)
		return
	}
	answer(w, http.StatusCreated, recordingOf(rec))
}

// recordingFor finds the recording that a request names, if whoever asks may know of it; who only watches may be a player. Operators may of all
// rooms there ever were.
func (a *API) recordingFor(r *http.Request, watching bool) (record.Recording, error) {
	c := credential(r)
	if watching {
		c = playerCredential(r)
	}
	_, err := a.admitWith(r, c, studio.ToDirect)
	directs := err == nil
	if !directs && watching {
		_, err = a.admitWith(r, c, studio.ToWatch)
	}
	if err != nil {
		return record.Recording{}, err
	}
	if a.recorder == nil {
		return record.Recording{}, errNoRecording
	}
	rec, current, err := a.recorder.Find(r.PathValue("id"))
	if err != nil || rec.Room != r.PathValue("room") || !current && !a.isOperator(r) || !directs && !rec.Published {
		return record.Recording{}, errNoRecording
	}
	if !directs {
		if _, err := a.house.AdmitReplay(r.Context(), rec.Room, c.From(r.RemoteAddr)); err != nil {
			return record.Recording{}, err
		}
	}
	return rec, nil
}

func (a *API) getRecording(w http.ResponseWriter, r *http.Request) {
	rec, err := a.recordingFor(r, true)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	answer(w, http.StatusOK, recordingOf(rec))
}

// recordingToChange finds the recording that a request changes, if whoever asks may: where operators alone record, they alone.
func (a *API) recordingToChange(r *http.Request) (record.Recording, error) {
	rec, err := a.recordingFor(r, false)
	if err == nil && a.recorder.Mode() == record.ForOperators && !a.isOperator(r) {
		err = errOperatorRecord
	}
	return rec, err
}

func (a *API) changeRecording(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Title     *string `json:"title"`
		Published *bool   `json:"published"`
	}
	rec, err := a.recordingToChange(r)
	if err == nil {
		err = read(w, r, &req)
	}
	if err == nil && req.Title != nil && len(*req.Title) > maxTitle {
		err = errBadBody
	}
	if err == nil {
		rec, err = a.recorder.Change(rec.ID, req.Title, req.Published)
	}
	if err != nil {
		refuseRecording(w, err)
		return
	}
	answer(w, http.StatusOK, recordingOf(rec))
}

func (a *API) stopRecording(w http.ResponseWriter, r *http.Request) {
	rec, err := a.recordingToChange(r)
	if err == nil {
		rec, err = a.recorder.Stop(r.Context(), rec.ID)
	}
	if err != nil {
		refuseRecording(w, err)
		return
	}
	answer(w, http.StatusOK, recordingOf(rec))
}

func (a *API) deleteRecording(w http.ResponseWriter, r *http.Request) {
	rec, err := a.recordingToChange(r)
	if err == nil {
		err = a.recorder.Delete(r.Context(), rec.ID)
	}
	if err != nil {
		refuseRecording(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// getRecordedFile gives a movie, or a range of it; with the query download it is one to be saved.
func (a *API) getRecordedFile(w http.ResponseWriter, r *http.Request) {
	rec, err := a.recordingFor(r, true)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	file, about, err := a.recorder.OpenFile(r.Context(), rec.ID, r.PathValue("file"))
	if err != nil {
		refuseRecording(w, err)
		return
	}
	defer file.Close()
	h := w.Header()
	h.Set("Content-Type", "video/mp4")
	h.Set("Cache-Control", "private, no-cache")
	ended := time.Time{}
	if about.Finished { // it changes no more, and its name was made up
		h.Set("ETag", fmt.Sprintf(`"%s-%d"`, about.Name, about.Bytes))
		ended = about.StartedAt.Add(time.Duration(about.Duration * float64(time.Second)))
	}
	if r.URL.Query().Has("download") {
		name := fmt.Sprintf("%s %s.mp4", rec.Room, about.StartedAt.Format("2006-01-02 15-04-05"))
		h.Set("Content-Disposition", "attachment; filename*=UTF-8''"+url.PathEscape(name))
	}
	// Of several ranges ServeContent reads on a goroutine that may outlive it, while the file is closed, and thousands of tiny ones would be as
	// many questions to a bucket. A server may ignore the field (RFC 9110, 14.2).
	if strings.Contains(r.Header.Get("Range"), ",") {
		r.Header.Del("Range")
	}
	http.ServeContent(w, r, "", ended, file)
}

func (a *API) getRecordSettings(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, a.recorder.SettingsOf(r.PathValue("room")))
}

// longestKeep is in seconds: a hundred years.
const longestKeep = 100 * 365 * 24 * 3600

func (a *API) setRecordSettings(w http.ResponseWriter, r *http.Request) {
	var s record.Settings
	err := read(w, r, &s)
	if err == nil && (s.Keep < 0 || s.Keep > longestKeep) {
		err = errBadBody
	}
	if err == nil {
		err = a.recorder.Set(r.PathValue("room"), s)
	}
	if err != nil {
		refusal.Write(w, err)
		return
	}
	answer(w, http.StatusOK, s)
}
