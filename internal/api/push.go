package api

import (
	"errors"
	"net/http"

	"github.com/tuttilive/tutti/internal/push"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// What is refused of targets.
var (
	errNoPush      = &refusal.Error{Status: http.StatusForbidden, Code: "off", Message: "this server does not push"}
	errPushBy      = &refusal.Error{Status: http.StatusForbidden, Code: "forbidden", Message: "on this server operators alone choose where shows are pushed"}
	errPushOverBy  = &refusal.Error{Status: http.StatusForbidden, Code: "forbidden", Message: push.ErrOperators.Error()}
	errTargetOf    = &refusal.Error{Status: http.StatusForbidden, Code: "forbidden", Message: push.ErrNotYours.Error()}
	errNoTarget    = &refusal.Error{Status: http.StatusNotFound, Code: "not_found", Message: push.ErrNotFound.Error()}
	errTarget      = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: push.ErrTarget.Error()}
	errManyTargets = &refusal.Error{Status: http.StatusConflict, Code: "full", Message: push.ErrTooMany.Error()}
)

// mayPush lets a handler through for those who may choose where a room's shows are pushed.
func (a *API) mayPush(next http.HandlerFunc) http.HandlerFunc {
	return a.directed(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case a.pusher == nil:
			refusal.Write(w, errNoPush)
		case a.operatorsPush && !a.isOperator(r):
			refusal.Write(w, errPushBy)
		default:
			next(w, r)
		}
	})
}

func refuseTarget(w http.ResponseWriter, err error) {
	for _, k := range []struct {
		is    error
		means *refusal.Error
	}{{push.ErrNotFound, errNoTarget}, {push.ErrTarget, errTarget}, {push.ErrTooMany, errManyTargets}, {push.ErrOperators, errPushOverBy}, {push.ErrNotYours, errTargetOf}} {
		if errors.Is(err, k.is) {
			err = k.means
		}
	}
	refusal.Write(w, err)
}

func (a *API) getTargets(w http.ResponseWriter, r *http.Request) {
	list, err := a.pusher.Of(r.PathValue("room"))
	if err != nil {
		refusal.Write(w, err)
		return
	}
	answer(w, http.StatusOK, map[string]any{"targets": list})
}

func (a *API) addTarget(w http.ResponseWriter, r *http.Request) {
	var c push.Change
	err := read(w, r, &c)
	var st push.Status
	if err == nil {
		st, err = a.pusher.Add(r.PathValue("room"), c, a.isOperator(r))
	}
	if err != nil {
		refuseTarget(w, err)
		return
	}
	answer(w, http.StatusCreated, st)
}

func (a *API) changeTarget(w http.ResponseWriter, r *http.Request) {
	var c push.Change
	err := read(w, r, &c)
	var st push.Status
	if err == nil {
		st, err = a.pusher.Set(r.PathValue("room"), r.PathValue("id"), c, a.isOperator(r))
	}
	if err != nil {
		refuseTarget(w, err)
		return
	}
	answer(w, http.StatusOK, st)
}

func (a *API) removeTarget(w http.ResponseWriter, r *http.Request) {
	if err := a.pusher.Remove(r.PathValue("room"), r.PathValue("id"), a.isOperator(r)); err != nil {
		refuseTarget(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
