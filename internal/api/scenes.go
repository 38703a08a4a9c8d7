package api

import (
	"net/http"

	"github.com/tuttilive/tutti/internal/room/scenes"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// getScenes lists the kinds of rooms that somebody can create.
func (a *API) getScenes(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, struct {
		Scenes []*scenes.Scene `json:"scenes"`
	}{a.house.Scenes().All()})
}

func (a *API) getScene(w http.ResponseWriter, r *http.Request) {
	scene, ok := a.house.Scenes().Find(r.PathValue("name"))
	if !ok {
		refusal.Write(w, refusal.NotFound)
		return
	}
	answer(w, http.StatusOK, scene)
}
