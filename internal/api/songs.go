package api

import (
	"net/http"

	"github.com/tuttilive/tutti/internal/room/songs"
	"github.com/tuttilive/tutti/internal/studio"
)

// songVerbs are the requests of the audience's vocabulary that are about songs.
var songVerbs = map[string]string{
	"request": "requestSong", "remove": "removeSong", "move": "moveSong", "join": "joinSong", "play": "playSong", "pause": "pauseSong",
	"turn": "turnSong", "list": "listSong", "unlist": "unlistSong",
}

// getSongs tells what is sung, with the lyrics of the song that goes on.
func (a *API) getSongs(w http.ResponseWriter, _ *http.Request, s *studio.Studio) {
	view, lyrics := s.Songs()
	answer(w, http.StatusOK, struct {
		songs.View
		Lyrics []songs.Line `json:"lyrics,omitempty"`
	}{view, lyrics})
}

// actOnSongs does one of the verbs of songs, and answers with what is sung then.
func (a *API) actOnSongs(w http.ResponseWriter, r *http.Request) {
	if _, s, ok := a.requested(w, r, songVerbs); ok {
		a.getSongs(w, r, s)
	}
}
