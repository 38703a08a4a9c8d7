package api

import (
	"errors"
	"net/http"

	"github.com/tuttilive/tutti/internal/pull"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// What is refused of sources.
var (
	errNoPull      = &refusal.Error{Status: http.StatusForbidden, Code: "off", Message: "this server fetches nothing"}
	errPullBy      = &refusal.Error{Status: http.StatusForbidden, Code: "forbidden", Message: "on this server operators alone choose what is fetched"}
	errSRTBy       = &refusal.Error{Status: http.StatusForbidden, Code: "forbidden", Message: pull.ErrOperators.Error()}
	errSourceOf    = &refusal.Error{Status: http.StatusForbidden, Code: "forbidden", Message: pull.ErrNotYours.Error()}
	errNoSource    = &refusal.Error{Status: http.StatusNotFound, Code: "not_found", Message: pull.ErrNotFound.Error()}
	errSource      = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: pull.ErrSource.Error()}
	errManySources = &refusal.Error{Status: http.StatusConflict, Code: "full", Message: pull.ErrTooMany.Error()}
)

// mayPull lets a handler through for those who may choose what is fetched into a room.
func (a *API) mayPull(next http.HandlerFunc) http.HandlerFunc {
	return a.directed(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case a.puller == nil:
			refusal.Write(w, errNoPull)
		case a.operatorsPull && !a.isOperator(r):
			refusal.Write(w, errPullBy)
		default:
			next(w, r)
		}
	})
}

func refuseSource(w http.ResponseWriter, err error) {
	for _, k := range []struct {
		is    error
		means *refusal.Error
	}{{pull.ErrNotFound, errNoSource}, {pull.ErrSource, errSource}, {pull.ErrTooMany, errManySources}, {pull.ErrOperators, errSRTBy}, {pull.ErrNotYours, errSourceOf}} {
		if errors.Is(err, k.is) {
			err = k.means
		}
	}
	refusal.Write(w, err)
}

func (a *API) getSources(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, map[string]any{"sources": a.puller.Of(r.PathValue("room"))})
}

func (a *API) addSource(w http.ResponseWriter, r *http.Request) {
	var c pull.Change
	err := read(w, r, &c)
	var st pull.Status
	if err == nil {
		st, err = a.puller.Add(r.PathValue("room"), c, a.isOperator(r))
	}
	if err != nil {
		refuseSource(w, err)
		return
	}
	answer(w, http.StatusCreated, st)
}

func (a *API) changeSource(w http.ResponseWriter, r *http.Request) {
	var c pull.Change
	err := read(w, r, &c)
	var st pull.Status
	if err == nil {
		st, err = a.puller.Set(r.PathValue("room"), r.PathValue("id"), c, a.isOperator(r))
	}
	if err != nil {
		refuseSource(w, err)
		return
	}
	answer(w, http.StatusOK, st)
}

func (a *API) removeSource(w http.ResponseWriter, r *http.Request) {
	if err := a.puller.Remove(r.PathValue("room"), r.PathValue("id"), a.isOperator(r)); err != nil {
		refuseSource(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
