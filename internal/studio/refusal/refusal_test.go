package refusal

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

func TestHowLongToWait(t *testing.T) {
	slow := &room.Refusal{Code: "slow", Message: "one message in 30 s"}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"it is known":      {slow.After(29*time.Second + time.Millisecond), "30"},
		"it is not":        {TooOften, "5"},
		"and so again":     {TooOften, "5"},
		"coming back":      {studio.ErrReturning, "2"},
		"it does not help": {auth.ErrDenied, ""},
	} {
		w := httptest.NewRecorder()
		if Write(w, c.err); w.Header().Get("Retry-After") != c.want {
			t.Errorf("%s: %q, want %q", name, w.Header().Get("Retry-After"), c.want)
		}
	}
	if TooOften.Wait != 0 {
		t.Error("what all are told was changed")
	}
}

func TestWrite(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		body   string
	}{
		"of the house":  {fmt.Errorf("watching: %w", studio.ErrNotLive), 404, `"code":"not_live"`},
		"coming back":   {studio.ErrReturning, 404, `"state":"returning"`},
		"expired":       {auth.ErrExpired, 401, `"code":"expired"`},
		"a door's own":  {fmt.Errorf("x: %w", &Error{Status: 418, Code: "bad_request", Message: "short and stout"}), 418, "short and stout"},
		"what is inner": {errors.New("open /data/keys.yaml: permission denied"), 500, "something went wrong"},
	} {
		w := httptest.NewRecorder()
		Write(w, c.err)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) || strings.Contains(w.Body.String(), "keys.yaml") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}
