// Package pull fetches streams from elsewhere into rooms: over RTMP, RTMPS, SRT, or HLS. A source is fetched always, or from
// the first viewer on until some time after the last one.
package pull

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/dial"
)

// Bounds.
const (
	maxName    = 60 // bytes
	maxURL     = 2000
	maxSources = 4 // of a room
)

// Mode says when a source is fetched.
type Mode string

const (
	Always Mode = "always"
	Demand Mode = "demand"
)

// Why a source is refused.
var (
	ErrSource   = errors.New("a source has a URL of the form rtmp://host/app/stream, rtmps://, srt://host:port?streamid=..., http(s)://host/....m3u8, and the mode always or demand")
	ErrNotFound = errors.New("there is no such source")
	ErrTooMany  = errors.New("a room has at most 4 sources")
	// ErrOperators tells that hosts choose no such source, ErrNotYours that an operator chose this one.
	ErrOperators = errors.New("sources over SRT are for operators")
	ErrNotYours  = errors.New("an operator chose this source: only operators change it")
)

// Source is where a room's stream is fetched from.
type Source struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	URL  string `json:"url"`
	Mode Mode   `json:"mode"`
	// Backup is shown only while no other encoder sends, where the room shows one at a time.
	Backup  bool `json:"backup,omitempty"`
	Enabled bool `json:"enabled"`
	// Operator tells that an operator chose it. Then only operators change it.
	Operator bool `json:"operator,omitempty"`
}

// protocol is "rtmp", "srt" or "hls", with the parsed URL.
func (s Source) protocol() (string, *url.URL, error) {
	u, err := url.Parse(s.URL)
	if err != nil || len(s.URL) > maxURL || u.Hostname() == "" || u.Fragment != "" {
		return "", nil, ErrSource
	}
	switch u.Scheme {
	case "rtmp", "rtmps":
		if _, stream := streamOf(u); stream == "" {
			return "", nil, ErrSource
		}
		return "rtmp", u, nil
	case "srt":
		if u.Port() == "" {
			return "", nil, ErrSource
		}
		return "srt", u, nil
	case "http", "https":
		return "hls", u, nil
	}
	return "", nil, ErrSource
}

// streamOf is what to play of an RTMP server; stream is empty where a URL does not name it. Both are as they are written, with their escapes: a
// slash that is escaped divides nothing.
func streamOf(u *url.URL) (app, stream string) {
	path := strings.Trim(u.EscapedPath(), "/")
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return path, ""
	}
	return path[:i], path[i+1:]
}

func (s Source) check() error {
	if s.Mode != Always && s.Mode != Demand || len(s.Name) > maxName {
		return ErrSource
	}
	protocol, _, err := s.protocol()
	if err == nil && protocol == "srt" && !s.Operator { // whose library a hostile server can end
		return ErrOperators
	}
	return err
}

// wanted tells whether a source is to be fetched.
func (s Source) wanted() bool { return s.Enabled && s.check() == nil }

// address is the URL without what may be secret: user, query, the last part of a path of RTMP, and the path of HLS, in which passes and signatures lie.
func (s Source) address() string {
	protocol, u, err := s.protocol()
	if err != nil {
		return ""
	}
	text := u.Scheme + "://" + u.Host
	switch app, _ := streamOf(u); {
	case protocol == "rtmp":
		text += "/" + app + "/" + dial.Hidden
	case strings.Trim(u.Path, "/") != "":
		text += "/" + dial.Hidden
	}
	if u.RawQuery != "" {
		text += "?" + dial.Hidden
	}
	return text
}

// withoutSecret is an error's text in which what may be secret is hidden, with its escapes or without.
func (s Source) withoutSecret(err error) string {
	return dial.WithoutSecrets(err, s.secrets())
}

// secrets are what may be secret of the URL.
func (s Source) secrets() []string {
	protocol, u, bad := s.protocol()
	if bad != nil {
		return nil
	}
	_, last := streamOf(u)
	password, _ := u.User.Password()
	secrets := []string{u.RawQuery, u.User.String(), u.User.Username(), password, last}
	if protocol == "hls" {
		secrets = append(secrets, strings.Split(u.EscapedPath(), "/")...)
	}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			value = name
		}
		secrets = append(secrets, value)
	}
	for _, secret := range secrets {
		for _, unescape := range []func(string) (string, error){url.PathUnescape, url.QueryUnescape} {
			if plain, err := unescape(secret); err == nil {
				secrets = append(secrets, plain, url.PathEscape(plain), url.QueryEscape(plain))
			}
		}
	}
	return secrets
}

// hostPort is where to connect.
func hostPort(u *url.URL, port string) string {
	if p := u.Port(); p != "" {
		port = p
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// State says how a source fares.
type State string

const (
	// Idle is a source that nobody wants now, Waiting one that failed and is tried again.
	Idle       State = "idle"
	Connecting State = "connecting"
	Live       State = "live"
	Waiting    State = "waiting"
)

// Status is a source as it may be shown.
type Status struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Address string `json:"address"`
	Mode    Mode   `json:"mode"`
	Backup  bool   `json:"backup"`
	Enabled bool   `json:"enabled"`
	// Operator tells that only operators change it.
	Operator bool      `json:"operator,omitempty"`
	State    State     `json:"state"`
	Since    time.Time `json:"since,omitzero"`
	// Error is why the last attempt failed, in a sentence, Reason in a word, with the other server's own Code where it refused.
	Error    string       `json:"error,omitempty"`
	Reason   dial.Trouble `json:"reason,omitempty"`
	Code     string       `json:"code,omitempty"`
	Attempts int          `json:"attempts,omitempty"`
}

func statusOf(s Source) Status {
	st := Status{ID: s.ID, Name: s.Name, Address: s.address(), Mode: s.Mode, Backup: s.Backup, Enabled: s.Enabled, Operator: s.Operator, State: Idle}
	if err := s.check(); err != nil { // it may be kept since before that was so
		st.Error = err.Error()
		st.Reason, st.Code = s.reasonOf(err)
	}
	return st
}

// Change is what is changed of a source; nil leaves what is.
type Change struct {
	Name    *string `json:"name"`
	URL     *string `json:"url"`
	Mode    *Mode   `json:"mode"`
	Backup  *bool   `json:"backup"`
	Enabled *bool   `json:"enabled"`
}

// apply changes a source in the name of an operator or of a host.
func (c Change) apply(s Source, operator bool) (Source, error) {
	if s.Operator && !operator {
		return s, ErrNotYours
	}
	if c.Name != nil {
		s.Name = *c.Name
	}
	if c.URL != nil {
		s.URL = strings.TrimSpace(*c.URL)
	}
	if c.Mode != nil {
		s.Mode = *c.Mode
	}
	if c.Backup != nil {
		s.Backup = *c.Backup
	}
	if c.Enabled != nil {
		s.Enabled = *c.Enabled
	}
	protocol, _, _ := s.protocol()
	s.Operator = s.Operator || operator && (c.URL != nil || protocol == "srt")
	return s, s.check()
}
