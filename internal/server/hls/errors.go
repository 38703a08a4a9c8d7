package hls

import (
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

// known translates the errors of the house.
var known = []struct {
	err    error
	status int
	code   string
}{
	{room.ErrBadName, http.StatusBadRequest, "bad_name"},
	{auth.ErrExpired, http.StatusUnauthorized, "expired"},
	{auth.ErrMissing, http.StatusUnauthorized, "unauthorized"},
	{auth.ErrInvalid, http.StatusUnauthorized, "unauthorized"},
	{auth.ErrDenied, http.StatusForbidden, "forbidden"},
	{studio.ErrNotLive, http.StatusNotFound, "not_live"},
	{studio.ErrNoRoom, http.StatusNotFound, "not_live"},
	{studio.ErrShutdown, http.StatusServiceUnavailable, "unavailable"},
}

// translate shows nothing that is not known to be harmless.
func translate(err error) *httpError {
	for _, k := range known {
		if errors.Is(err, k.err) {
			return &httpError{k.status, k.code, k.err.Error()}
		}
	}
	return &httpError{http.StatusInternalServerError, "internal", "something went wrong on the server"}
}
