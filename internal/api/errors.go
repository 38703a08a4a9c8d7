package api

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
)

// apiError is an error as clients see it: a status, a stable code, and a plain sentence.
type apiError struct {
	status        int
	code, message string
}

func (e *apiError) Error() string { return e.message }

var (
	errUnknownPath = &apiError{http.StatusNotFound, "not_found", "there is nothing at this address"}
	errRate        = &apiError{http.StatusTooManyRequests, "rate_limited", "too many requests from this address: wait a moment"}
	errBadBody     = &apiError{http.StatusBadRequest, "bad_request", "the request's body is not the JSON that is expected here"}
	errOperator    = &apiError{http.StatusUnauthorized, "unauthorized", "this needs the server's API key and secret"}
	errOrigin      = &apiError{http.StatusForbidden, "forbidden", "pages of another site may not do this"}
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
	{room.ErrNotAllowed, http.StatusForbidden, "forbidden"},
	{room.ErrFull, http.StatusConflict, "full"},
	{room.ErrAlreadyOnAir, http.StatusConflict, "exists"},
	{room.ErrNoParticipant, http.StatusNotFound, "not_found"},
	{room.ErrNoPublication, http.StatusNotFound, "not_found"},
	{auth.ErrExpired, http.StatusUnauthorized, "expired"},
	{auth.ErrMissing, http.StatusUnauthorized, "unauthorized"},
	{auth.ErrInvalid, http.StatusUnauthorized, "unauthorized"},
	{auth.ErrDenied, http.StatusForbidden, "forbidden"},
	{studio.ErrNotLive, http.StatusNotFound, "not_live"},
	{studio.ErrNoRoom, http.StatusNotFound, "not_found"},
	{studio.ErrShutdown, http.StatusServiceUnavailable, "unavailable"},
	{store.ErrExists, http.StatusConflict, "exists"},
}

// translate gives the error that clients see. What is not known to be harmless is logged and not shown.
func translate(err error) *apiError {
	for _, k := range known {
		if errors.Is(err, k.err) {
			return &apiError{k.status, k.code, k.err.Error()}
		}
	}
	slog.Error("answering a request", "error", err)
	return &apiError{http.StatusInternalServerError, "internal", "something went wrong on the server"}
}

// fail answers with an error.
func fail(w http.ResponseWriter, err error) {
	var e *apiError
	if !errors.As(err, &e) {
		e = translate(err)
	}
	if e.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "5")
	}
	type body struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	answer(w, e.status, map[string]body{"error": {e.code, e.message}})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone when this fails
}

// maxBody bounds what a client may send as JSON, bodyPatience how long it may take for that.
const (
	maxBody      = 64 << 10
	bodyPatience = 10 * time.Second
)

// read decodes a JSON body; an empty one leaves v as it is.
func read(w http.ResponseWriter, r *http.Request, v any) error {
	connection := http.NewResponseController(w)
	if connection.SetReadDeadline(time.Now().Add(bodyPatience)) == nil {
		defer func() { _ = connection.SetReadDeadline(time.Time{}) }() // it worked a moment ago
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return errBadBody
	}
	return nil
}
