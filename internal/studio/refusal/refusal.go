// Package refusal says to HTTP clients why something is not done: a status, a stable code that programs can rely on, and a
// plain sentence. All doors that speak HTTP refuse in this form:
//
//	{"error": {"code": "not_live", "message": "room is not live"}}
package refusal

import (
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/intake"
	"github.com/tuttilive/tutti/internal/room/pk"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/tally"
)

// Error is a refusal. Message is shown to clients.
type Error struct {
	Status        int
	Code, Message string
	// State, where there is one, tells cases of a code apart for programs, for instance "returning" of "not_live".
	State string
	// Wait is after how long it may be asked again, where that is known and helps.
	Wait time.Duration
}

func (e *Error) Error() string { return e.Message }

// Refusals that several doors need.
var (
	NotFound = &Error{Status: http.StatusNotFound, Code: "not_found", Message: "there is nothing at this address"}
	Method   = &Error{Status: http.StatusMethodNotAllowed, Code: "bad_request", Message: "this method is not served here"}
	TooOften = &Error{Status: http.StatusTooManyRequests, Code: "rate_limited", Message: "too many requests from this address: wait a moment"}
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
	{studio.ErrUnmute, http.StatusForbidden, "forbidden"},
	{room.ErrFull, http.StatusConflict, "full"},
	{intake.ErrPublished, http.StatusConflict, "busy"},
	{studio.ErrFrom, http.StatusForbidden, "forbidden"},
	{studio.ErrKeyOver, http.StatusUnauthorized, "unauthorized"},
	{room.ErrAlreadyOnAir, http.StatusConflict, "exists"},
	{room.ErrNoParticipant, http.StatusNotFound, "not_found"},
	{room.ErrNoPublication, http.StatusNotFound, "not_found"},
	{auth.ErrExpired, http.StatusUnauthorized, "expired"},
	{auth.ErrMissing, http.StatusUnauthorized, "unauthorized"},
	{auth.ErrInvalid, http.StatusUnauthorized, "unauthorized"},
	{auth.ErrDenied, http.StatusForbidden, "forbidden"},
	{studio.ErrNotLive, http.StatusNotFound, "not_live"},
	{studio.ErrNoPicture, http.StatusNotFound, "no_picture"},
	{studio.ErrCannotDecode, http.StatusServiceUnavailable, "unavailable"},
	{studio.ErrPKBusy, http.StatusConflict, "busy"},
	{studio.ErrPKAsked, http.StatusTooManyRequests, "asked"},
	{studio.ErrPKNone, http.StatusNotFound, "no_pk"},
	{pk.ErrSelf, http.StatusBadRequest, "bad_request"},
	{pk.ErrDuration, http.StatusBadRequest, "bad_request"},
	{pk.ErrState, http.StatusConflict, "wrong_state"},
	{studio.ErrNoRoom, http.StatusNotFound, "not_found"},
	{studio.ErrTooOften, http.StatusTooManyRequests, "rate_limited"},
	{store.ErrFull, http.StatusInsufficientStorage, "disk_full"},
	{studio.ErrShutdown, http.StatusServiceUnavailable, "unavailable"},
}

// Of is the refusal that an error means. What is not known to be harmless is not shown.
func Of(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if errors.Is(err, studio.ErrReturning) {
		return &Error{Status: http.StatusNotFound, Code: "not_live", Message: studio.ErrReturning.Error(), State: "returning", Wait: 2 * time.Second}
	}
	var no *room.Refusal
	if errors.As(err, &no) {
		return &Error{Status: statusOf(no.Code), Code: no.Code, Message: no.Message, Wait: no.Wait}
	}
	for _, k := range known {
		if errors.Is(err, k.err) {
			return &Error{Status: k.status, Code: k.code, Message: k.err.Error()}
		}
	}
	return &Error{Status: http.StatusInternalServerError, Code: "internal", Message: "something went wrong on the server"}
}

// statusOf translates the codes of the stage and of what the audience does.
func statusOf(code string) int {
	switch code {
	case "forbidden", "banned", "locked", "waiting":
		return http.StatusForbidden
	case "not_found", "no_seat", "off":
		return http.StatusNotFound
	case "rate_limited", "slow", "busy":
		return http.StatusTooManyRequests
	case "not_allowed", "silenced":
		return http.StatusForbidden
	case "unavailable":
		return http.StatusServiceUnavailable
	case "bad_request", "too_long", "malformed", "too_large":
		return http.StatusBadRequest
	}
	return http.StatusConflict
}

// usualWait is what is told where it is not known after how long there will be room.
const usualWait = 5 * time.Second

// counts has how often each code was given.
var counts tally.Reasons

// Counts tells how often requests were refused since the process started, by code.
func Counts() map[string]uint64 { return counts.Read() }

// Write answers with the refusal that an error means. What clients are not shown is logged.
func Write(w http.ResponseWriter, err error) {
	e := Of(err)
	counts.Count(e.Code)
	if e.Status == http.StatusInternalServerError {
		slog.Error("a request failed", "error", err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	if h.Get("Cache-Control") == "" { // the door knows better
		h.Set("Cache-Control", "no-store")
	}
	wait := e.Wait
	switch e.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		if wait == 0 {
			wait = usualWait
		}
	}
	if wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	w.WriteHeader(e.Status)
	type body struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		State   string `json:"state,omitempty"`
	}
	_ = json.NewEncoder(w).Encode(map[string]body{"error": {e.Code, e.Message, e.State}}) // the client is gone when this fails
}
