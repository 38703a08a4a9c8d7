package api

import (
	"net/http"
	"time"

	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// getPK tells how a room's contest with another is.
func (a *API) getPK(w http.ResponseWriter, r *http.Request) {
	if _, err := a.admit(r, studio.ToWatch); err != nil {
		refusal.Write(w, err)
		return
	}
	a.answerPK(w, r)
}

func (a *API) answerPK(w http.ResponseWriter, r *http.Request) {
	view, ok := a.house.PK(r.PathValue("room"))
	if !ok {
		refusal.Write(w, studio.ErrPKNone)
		return
	}
	answer(w, http.StatusOK, view)
}

// invitePK asks another room to a contest; where that has asked this one, both begin.
func (a *API) invitePK(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Room     string `json:"room"`
		Duration int    `json:"duration"` // seconds
	}
	if err := read(w, r, &req); err != nil {
		refusal.Write(w, err)
		return
	}
	seconds := min(max(req.Duration, -1), 1<<20)
	if err := a.house.InvitePK(r.PathValue("room"), req.Room, time.Duration(seconds)*time.Second); err != nil {
		refusal.Write(w, err)
		return
	}
	a.answerPK(w, r)
}

func (a *API) acceptPK(w http.ResponseWriter, r *http.Request) {
	if err := a.house.AcceptPK(r.PathValue("room")); err != nil {
		refusal.Write(w, err)
		return
	}
	a.answerPK(w, r)
}

// scorePK adds points of the application's own, for instance of paid gifts.
func (a *API) scorePK(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Points int64 `json:"points"`
	}
	if err := read(w, r, &req); err != nil {
		refusal.Write(w, err)
		return
	}
	if _, ok := a.house.PK(r.PathValue("room")); !ok {
		refusal.Write(w, studio.ErrPKNone)
		return
	}
	a.house.ScorePK(r.PathValue("room"), req.Points)
	w.WriteHeader(http.StatusNoContent)
}

// endPK declines, withdraws or calls off.
func (a *API) endPK(w http.ResponseWriter, r *http.Request) {
	if err := a.house.EndPK(r.PathValue("room")); err != nil {
		refusal.Write(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
