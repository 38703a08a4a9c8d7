package api

import (
	"net/http"
	"strconv"

	"github.com/tuttilive/tutti/internal/studio"
)

// mostPlaysListed bounds how many viewings are listed of each kind.
const (
	playsListed     = 100
	mostPlaysListed = 1000
)

// getPlays tells who watched a room, for how long and how much: no names, for players show none.
func (a *API) getPlays(w http.ResponseWriter, r *http.Request) {
	limit := playsListed
	if n, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil && n >= 0 {
		limit = min(n, mostPlaysListed)
	}
	p := a.house.Plays(r.PathValue("room"))
	first := func(list []studio.Play) []studio.Play {
		return append([]studio.Play{}, list[:min(limit, len(list))]...)
	}
	answer(w, http.StatusOK, map[string]any{"now": first(p.Now), "over": first(p.Over), "watched": p.Watched})
}
