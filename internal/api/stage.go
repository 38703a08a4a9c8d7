package api

import (
	"net/http"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// getStage tells how the stage is: to hosts all, to others what everybody may know.
func (a *API) getStage(w http.ResponseWriter, r *http.Request) {
	s, claims, err := a.inside(r)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	answer(w, http.StatusOK, stageFor(s, claims))
}

// stageFor is the stage as somebody may know it.
func stageFor(s *studio.Studio, who auth.Claims) stage.Snapshot {
	if who.Video.RoomAdmin || s.RoleOf(who.Identity).Directs() {
		return s.Stage()
	}
	return s.Stage().Public()
}

// actOnStage does one of the stage's verbs, for those who may direct the room as any host, for others with a token of their own
// as who they are. Hosts may give the identity for whom they do what people do for themselves.
func (a *API) actOnStage(w http.ResponseWriter, r *http.Request) {
	var action stage.Action
	if err := read(w, r, &action); err != nil {
		refusal.Write(w, err)
		return
	}
	action.Verb = stage.Verb(r.PathValue("verb"))
	claims, err := a.admit(r, studio.ToJoin)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	by := studio.Actor{Identity: claims.Identity, Name: claims.Name, Admin: claims.Video.RoomAdmin, Named: !studio.MayRename(claims)}
	if a.isOperator(r) { // who is nobody in particular
		by = studio.Actor{App: true}
	}
	if (by.Admin || by.App) && action.Verb.OfOneself() {
		by.Identity, by.Name = action.Identity, ""
	}
	s, err := a.house.Studio(r.PathValue("room"))
	if err == nil {
		err = s.StageAct(by, action)
	}
	if err != nil {
		refusal.Write(w, err)
		return
	}
	answer(w, http.StatusOK, stageFor(s, claims))
}
