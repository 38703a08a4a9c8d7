package whip

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

// httpError is an error as clients see it: a status, a stable code, and a plain sentence.
type httpError struct {
	status        int
	code, message string
}

func (e *httpError) Error() string { return e.message }

var (
	errNotFound       = &httpError{http.StatusNotFound, "not_found", "there is nothing at this address"}
	errNoSession      = &httpError{http.StatusNotFound, "not_found", "there is no such session, or it has ended"}
	errMethod         = &httpError{http.StatusMethodNotAllowed, "bad_request", "this method is not served here"}
	errNotSDP         = &httpError{http.StatusUnsupportedMediaType, "bad_request", "the body must be an offer with Content-Type: application/sdp"}
	errNotFragment    = &httpError{http.StatusUnsupportedMediaType, "bad_request", "the body must have Content-Type: application/trickle-ice-sdpfrag"}
	errTooLarge       = &httpError{http.StatusRequestEntityTooLarge, "bad_request", "SDP of more than 64 KiB is not taken"}
	errBadBody        = &httpError{http.StatusBadRequest, "bad_request", "the request's body could not be read"}
	errBadOffer       = &httpError{http.StatusBadRequest, "bad_request", "the body is not an SDP offer that can be answered"}
	errBadFragment    = &httpError{http.StatusBadRequest, "bad_request", "the body is not an SDP fragment with ICE credentials or candidates"}
	errNothingSent    = &httpError{http.StatusNotAcceptable, "bad_request", "the offer sends neither sound nor pictures in a codec that is known here"}
	errOtherSession   = &httpError{http.StatusPreconditionFailed, "bad_request", "the ICE session has changed: If-Match does not name it"}
	errRestartRefused = &httpError{http.StatusUnprocessableEntity, "bad_request", "this ICE restart is not possible: make a new session"}
	errOrigin         = &httpError{http.StatusForbidden, "forbidden", "pages of another site must show a key to publish"}
	errFull           = &httpError{http.StatusServiceUnavailable, "full", "there is no room for another session on this server: ask again later"}
	errRate           = &httpError{http.StatusTooManyRequests, "rate_limited", "there are too many sessions from this address"}
)

// known translates the errors of the house.
var known = []struct {
	err    error
	status int
	code   string
}{
	{room.ErrBadName, http.StatusBadRequest, "bad_name"},
	{room.ErrBadIdentity, http.StatusBadRequest, "bad_request"},
	{room.ErrTooLarge, http.StatusBadRequest, "bad_request"},
	{room.ErrTooManyTracks, http.StatusNotAcceptable, "bad_request"},
	{room.ErrNotAllowed, http.StatusForbidden, "forbidden"},
	{room.ErrFull, http.StatusConflict, "full"},
	{auth.ErrExpired, http.StatusUnauthorized, "expired"},
	{auth.ErrMissing, http.StatusUnauthorized, "unauthorized"},
	{auth.ErrInvalid, http.StatusUnauthorized, "unauthorized"},
	{auth.ErrDenied, http.StatusForbidden, "forbidden"},
	{studio.ErrNotLive, http.StatusNotFound, "not_live"},
	{studio.ErrNoRoom, http.StatusNotFound, "not_live"},
	{studio.ErrShutdown, http.StatusServiceUnavailable, "unavailable"},
	{errShutdown, http.StatusServiceUnavailable, "unavailable"},
}

// translate shows nothing that is not known to be harmless.
func translate(err error) *httpError {
	var e *httpError
	if errors.As(err, &e) {
		return e
	}
	for _, k := range known {
		if errors.Is(err, k.err) {
			return &httpError{k.status, k.code, k.err.Error()}
		}
	}
	return &httpError{http.StatusInternalServerError, "internal", "something went wrong on the server"}
}

// fail answers with an error.
func fail(w http.ResponseWriter, err error) {
	e := translate(err)
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	switch e.status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", "5")
	}
	w.WriteHeader(e.status)
	type body struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	_ = json.NewEncoder(w).Encode(map[string]body{"error": {e.code, e.message}}) // the client is gone when this fails
}
