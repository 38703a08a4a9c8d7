// Package push sends what is on the air to other servers, over RTMP and RTMPS: CDNs, platforms. A room has targets; while it is on
// the air each that is enabled has a connection, which is tried again when it breaks.
//
// The stream key in a target's address is a secret: it is in no log, no answer and no error.
package push

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
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
	// URL is rtmp[s]://host[:port]/app[/stream], with Key what the platform calls stream key, where that is not in the URL.
	URL     string `json:"url"`
	Key     string `json:"key,omitempty"`
	Enabled bool   `json:"enabled"`
}

// Status is a target as it may be shown.
type Status struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Address is the URL without what is secret.
	Address string `json:"address"`
	Enabled bool   `json:"enabled"`
	State   State  `json:"state"`
	// Since is when the state began, Error why the last attempt failed, Attempts how many did since it was last live.
	Since    time.Time `json:"since,omitzero"`
	Error    string    `json:"error,omitempty"`
	Attempts int       `json:"attempts,omitempty"`
	// Bytes were sent since it went live.
	Bytes uint64 `json:"bytes,omitempty"`
}

// ErrTarget tells that a target's address is not one.
var ErrTarget = errors.New("the address is not of the form rtmp://host/app/stream or rtmps://host/app/stream")

const (
	maxURL  = 1024
	maxName = 100
	hidden  = "•••"
)

// place is a target's address taken apart.
type place struct {
	secure bool
	host   string // with port
	name   string // of the host
	app    string
	stream string // secret
	tcURL  string
}

// place takes the address apart. Its errors say nothing of what is in it.
func (t Target) place() (place, error) {
	u, err := url.Parse(t.URL)
	if err != nil || len(t.URL)+len(t.Key) > maxURL || u.Hostname() == "" || u.User != nil || strings.ContainsFunc(t.URL+t.Key, func(r rune) bool { return r <= ' ' }) {
		return place{}, ErrTarget
	}
	p := place{name: u.Hostname()}
	port := u.Port()
	switch u.Scheme {
	case "rtmp":
		port = orPort(port, "1935")
	case "rtmps":
		p.secure, port = true, orPort(port, "443")
	default:
		return place{}, ErrTarget
	}
	p.host = net.JoinHostPort(p.name, port)
	path := strings.TrimPrefix(u.EscapedPath(), "/")
	if t.Key != "" {
		p.app, p.stream = strings.TrimSuffix(path, "/"), t.Key
		if u.RawQuery != "" {
			return place{}, ErrTarget
		}
	} else {
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return place{}, ErrTarget
		}
		p.app, p.stream = path[:i], path[i+1:]
		if u.RawQuery != "" {
			p.stream += "?" + u.RawQuery
		}
	}
	if p.app == "" || p.stream == "" {
		return place{}, ErrTarget
	}
	p.tcURL = fmt.Sprintf("%s://%s/%s", u.Scheme, u.Host, p.app)
	return p, nil
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
	return p.tcURL + "/" + hidden
}

// withoutSecret is an error's text in which the stream key, which a server may have said, is hidden.
func (p place) withoutSecret(err error) string {
	text := err.Error()
	name, query, _ := strings.Cut(p.stream, "?")
	for _, secret := range []string{p.stream, name, query} {
		if len(secret) >= 3 {
			text = strings.ReplaceAll(text, secret, hidden)
		}
	}
	if values, err := url.ParseQuery(query); err == nil {
		for _, list := range values {
			for _, v := range list {
				if len(v) >= 3 {
					text = strings.ReplaceAll(text, v, hidden)
				}
			}
		}
	}
	return text
}
