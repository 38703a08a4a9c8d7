package call

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/plain"
	"github.com/tuttilive/tutti/internal/studio"
)

// firstWithin is how long somebody may take to say what they want.
const firstWithin = 10 * time.Second

// serve serves one WebSocket until it ends.
func (s *Server) serve(ctx context.Context, sock *socket, r *http.Request) {
	l, st, refused, about := s.arrive(ctx, sock, r)
	if refused != nil {
		last := *refused
		if last.close == 0 { // before coming in nothing is borne with
			last.close = closeMalformed
		}
		sock.refuse(&last, about)
		return
	}
	if st == nil {
		return // it went away before it said anything
	}
	defer l.lose(st, sock)
	in, mistakes := newFlow(), 0
	for {
		data, err := sock.read(ctx, s.silence)
		got, refused := received{}, whatBroke(err)
		switch {
		case err != nil && refused == nil:
			sock.close(websocket.StatusNormalClosure, "")
			return
		case err == nil && !in.allow(time.Now(), len(data)):
			refused = errTooFast
		case err == nil:
			if got, refused = parse(data); refused == nil && !in.allowNews(time.Now(), got.kind) {
				refused = errTooFast
				break
			}
			refused = l.handle(st, sock, got, refused)
		}
		if refused == nil {
			continue
		}
		if refused.code == codeMalformed {
			if mistakes++; mistakes > maxMalformed {
				refused = errTooManyMalformed
			}
		}
		sock.refuse(refused, got)
		if refused.close != 0 {
			return
		}
	}
}

// whatBroke is what a client is told whose message could not be read; nil when it is gone.
func whatBroke(err error) *refusal {
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.Is(err, errNotText):
		return malformed("messages are text")
	}
	return nil
}

// arrive reads the first message and lets its sender in.
func (s *Server) arrive(ctx context.Context, sock *socket, r *http.Request) (*line, *seat, *refusal, received) {
	name := strings.TrimPrefix(r.URL.Path, "/call/")
	if err := room.CheckName(name); err != nil {
		return nil, nil, refusalOf(err, s.log), received{}
	}
	data, err := sock.read(ctx, firstWithin)
	if err != nil {
		if refused := whatBroke(err); refused != nil {
			return nil, nil, refused, received{}
		}
		sock.close(websocket.StatusNormalClosure, "")
		return nil, nil, nil, received{}
	}
	got, refused := parse(data)
	if refused != nil {
		return nil, nil, refused, got
	}
	var l *line
	var st *seat
	switch first := got.request.(type) {
	case *joinRequest:
		l, st, refused = s.admit(sock, r, name, studio.Credential{Token: first.Token, Key: first.Key}, first.Name, first.Identity, true, *first.Room)
	case *visitRequest:
		l, st, refused = s.admit(sock, r, name, studio.Credential{Token: first.Token, Key: first.Key}, first.Name, first.Identity, false, false)
	case *resumeRequest:
		l, st, refused = s.resume(sock, name, first)
	default:
		refused = malformed("join, visit or resume comes first")
	}
	return l, st, refused, got
}

// admit asks the house, and lets somebody in.
func (s *Server) admit(sock *socket, r *http.Request, name string, c studio.Credential, own, secret string, asMember, rooms bool) (*line, *seat, *refusal) {
	if c == (studio.Credential{}) && !sameOrigin(r) {
		return nil, nil, errOrigin
	}
	claims, err := s.house.Admit(name, c.From(r.RemoteAddr), studio.ToJoin)
	if err != nil {
		return nil, nil, refusalOf(err, s.log)
	}
	if !maySpeak(claims) {
		return nil, nil, errCannotSpeak
	}
	if claims, err = s.house.Introduce(name, c, claims, own, secret); err != nil {
		return nil, nil, refusalOf(err, s.log)
	}
	claims.Name = plain.Name(claims.Name) // an application's may be anything
	who := caller{claims: claims, url: roomURL(r), host: r.Host}
	for {
		l, err := s.open(name)
		if err != nil {
			return nil, nil, refusalOf(err, s.log)
		}
		st, refused := l.enter(sock, who, s.look(name), asMember, rooms)
		if st != nil {
			s.house.NoteUse(name)
		}
		if st != nil || refused != nil {
			return l, st, refused
		}
	}
}

// resume finds the session that somebody wants to go on with.
func (s *Server) resume(sock *socket, name string, r *resumeRequest) (*line, *seat, *refusal) {
	if !s.passes.ours(name, r.Session) {
		return nil, nil, errSessionUnknown
	}
	l := s.find(name)
	if l == nil {
		return nil, nil, errSessionExpired
	}
	st, refused := l.resume(sock, r.Session, *r.Seq)
	if st == nil && refused == nil {
		refused = errSessionExpired
	}
	return l, st, refused
}

// maySpeak tells whether somebody may take part in a conversation in which the server does not stand between: what it
// could not enforce there, it does not let in.
func maySpeak(c auth.Claims) bool {
	p := studio.Permission(c.Video)
	return p.Publish && p.Subscribe && len(p.Sources) == 0 && !p.Hidden
}

// sameOrigin tells whether a request comes from our own page, or from no page at all.
func sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

// roomURL is where the client that asks reaches rooms: the same host and scheme as this request. The header only gets
// here from a trusted proxy.
func roomURL(r *http.Request) string {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		return "wss://" + r.Host
	}
	return "ws://" + r.Host
}
