// Package push sends what is on the air to other servers, over RTMP, RTMPS, SRT and WHIP: CDNs, platforms. A room has targets; while it is on
// the air each that is enabled has a connection, which is tried again when it breaks.
//
// The stream key in a target's address is a secret: it is in no log, no answer and no error.
package push

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/dial"
	"github.com/tuttilive/tutti/internal/studio"
)

// State is how a target does.
type State string

const (
	// Idle targets wait for a show, or are disabled. Waiting ones failed and are tried again.
	Idle       State = "idle"
	Connecting State = "connecting"
	Live       State = "live"
	Waiting    State = "waiting"
)

// Target is where a room's shows are sent, as it is kept.
type Target struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// URL is rtmp[s]://host[:port]/app[/stream], srt://host:port[?streamid=...&passphrase=...&latency=...], or the http[s]:// address of a
	// WHIP endpoint, with Key what the platform calls stream key, where that is not in the URL: SRT's stream id, WHIP's bearer token.
	URL     string `json:"url"`
	Key     string `json:"key,omitempty"`
	Enabled bool   `json:"enabled"`
	// Operator tells that an operator chose it. Then only operators change it.
	Operator bool `json:"operator,omitempty"`
}

// Status is a target as it may be shown.
type Status struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Address is the URL without what is secret.
	Address string `json:"address"`
	Enabled bool   `json:"enabled"`
	// Operator tells that only operators change it.
	Operator bool  `json:"operator,omitempty"`
	State    State `json:"state"`
	// Since is when the state began, Error why the last attempt failed, in a sentence, Reason in a word, with the other server's own Code
	// where it refused; Attempts how many did since it was last live.
	Since    time.Time    `json:"since,omitzero"`
	Error    string       `json:"error,omitempty"`
	Reason   dial.Trouble `json:"reason,omitempty"`
	Code     string       `json:"code,omitempty"`
	Attempts int          `json:"attempts,omitempty"`
	// Bytes were sent since it went live.
	Bytes uint64 `json:"bytes,omitempty"`
}

// ErrTarget tells that a target's address is not one.
var ErrTarget = errors.New("the address is not of the form rtmp://host/app/stream, rtmps://host/app/stream, srt://host:port?streamid=... or https://host/... (WHIP)")

const (
	maxURL  = 1024
	maxName = 100
)

// place is a target's address taken apart: one for each protocol.
type place interface {
	// address is the URL without what is secret, secrets that.
	address() string
	secrets() []string
	// publish connects and sends the show until something ends, which it always does. It calls the session's live when the target
	// takes the show.
	publish(ctx context.Context, s *session, w *studio.Watcher) error
}

// forOperators tells whether a target is one over SRT or WHIP, whose libraries trust a server more than hosts' servers deserve.
func (t Target) forOperators() bool {
	scheme, _, _ := strings.Cut(strings.ToLower(t.URL), ":")
	return scheme == "srt" || scheme == "http" || scheme == "https"
}

// check tells what is wrong with a target: ErrTarget, or ErrOperators of one that a host must not have chosen. One may have been kept since before
// that was so.
func (t Target) check() error {
	if len(t.Name) > maxName {
		return ErrTarget
	}
	if _, err := t.place(); err != nil {
		return err
	}
	if t.forOperators() && !t.Operator {
		return ErrOperators
	}
	return nil
}

// wanted is where shows are to be sent, if they are.
func (t Target) wanted() (place, bool) {
	if !t.Enabled || t.check() != nil {
		return nil, false
	}
	at, err := t.place()
	return at, err == nil
}

// place takes the address apart. Its errors say nothing of what is in it.
func (t Target) place() (place, error) {
	u, err := url.Parse(t.URL)
	if err != nil || len(t.URL)+len(t.Key) > maxURL || u.Hostname() == "" || u.User != nil || u.Fragment != "" ||
		strings.ContainsFunc(t.URL+t.Key, func(r rune) bool { return r <= ' ' }) {
		return nil, ErrTarget
	}
	switch u.Scheme {
	case "rtmp", "rtmps":
		return rtmpPlaceOf(u, t.Key)
	case "srt":
		return srtPlaceOf(u, t.Key)
	case "http", "https":
		return whipPlaceOf(u, t.Key)
	}
	return nil, ErrTarget
}

func orPort(port, standard string) string {
	if port == "" {
		return standard
	}
	return port
}

// address is the URL without what is secret.
func (t Target) address() string {
	p, err := t.place()
	if err != nil {
		return ""
	}
	return p.address()
}

// secretsOf is a query and the values in it.
func secretsOf(query string) []string {
	list := []string{query}
	if values, err := url.ParseQuery(query); err == nil {
		for _, of := range values {
			list = append(list, of...)
		}
	}
	return list
}

// bFrames is a trouble of WHIP's.
const bFrames dial.Trouble = "bframes"

// forOperators is that of a target that only operators choose.
const forOperators dial.Trouble = "operators"

// reasonOf is an error in a word, with the other server's own name for it where that tells nothing secret.
func reasonOf(p place, err error) (reason dial.Trouble, code string) {
	if errors.Is(err, errBFrames) {
		return bFrames, ""
	}
	if errors.Is(err, ErrOperators) {
		return forOperators, ""
	}
	reason, code = dial.TroubleOf(err)
	if code != dial.WithoutSecrets(errors.New(code), p.secrets()) {
		code = ""
	}
	return reason, code
}
