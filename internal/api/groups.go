package api

import (
	"encoding/json"
	"net/http"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// groupVerbs are the requests of the audience's vocabulary that are about a room's groups.
var groupVerbs = map[string]string{
	"plan": "planGroups", "shuffle": "shuffleGroups", "assign": "assignGroup", "open": "openGroups", "side": "openSide",
	"message": "messageGroups", "close": "closeGroups", "join": "joinGroup",
}

// getGroups tells how a room's groups are: to hosts all, to others what everybody may know.
func (a *API) getGroups(w http.ResponseWriter, r *http.Request, s *studio.Studio) {
	view := s.Groups()
	if claims, err := a.admit(r, studio.ToWatch); err != nil || !claims.Video.RoomAdmin && !s.RoleOf(claims.Identity).Directs() {
		view = view.Public()
	}
	answer(w, http.StatusOK, view)
}

// actOnGroups does one of the verbs of groups, and answers with how they are then, or with the way into one.
func (a *API) actOnGroups(w http.ResponseWriter, r *http.Request) {
	reply, s, ok := a.requested(w, r, groupVerbs)
	switch {
	case !ok:
	case reply.Data != nil:
		answer(w, http.StatusOK, reply.Data)
	default:
		a.getGroups(w, r, s)
	}
}

// acts does one of some verbs after which there is nothing to say.
func (a *API) acts(verbs map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, _, ok := a.requested(w, r, verbs); ok {
			w.WriteHeader(http.StatusNoContent)
		}
	}
}

// requested does a request of the audience's vocabulary that has a verb here: for operators in the application's name, for others as
// studio.Caller says.
func (a *API) requested(w http.ResponseWriter, r *http.Request, verbs map[string]string) (talk.Reply, *studio.Studio, bool) {
	refuse := func(err error) (talk.Reply, *studio.Studio, bool) {
		refusal.Write(w, err)
		return talk.Reply{}, nil, false
	}
	fields := json.RawMessage("{}")
	if err := read(w, r, &fields); err != nil {
		return refuse(err)
	}
	claims, err := a.admit(r, studio.ToJoin)
	if err == nil && !claims.Video.RoomAdmin && credential(r).Token == "" {
		err = auth.ErrMissing // a link does not tell who shows it
	}
	if err != nil {
		return refuse(err)
	}
	kind, ok := verbs[r.PathValue("verb")]
	if !ok {
		return refuse(studio.ErrUnknownType)
	}
	s, err := a.house.Studio(r.PathValue("room"))
	if err != nil {
		return refuse(err)
	}
	req, err := talk.DecodeAs(kind, fields)
	if err != nil {
		return refuse(err)
	}
	who := studio.Actor{App: true}
	if !a.isOperator(r) {
		if who, err = s.Caller(claims); err != nil {
			return refuse(err)
		}
	}
	answered := make(chan talk.Reply, 1)
	s.Do(who, req, func(reply talk.Reply) { answered <- reply })
	reply := <-answered
	if reply.Err != nil {
		return refuse(reply.Err)
	}
	return reply, s, true
}
