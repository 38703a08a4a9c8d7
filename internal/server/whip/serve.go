package whip

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

const (
	// maxSDP bounds what a client sends, in bytes.
	maxSDP = 64 << 10

	sdpType      = "application/sdp"
	fragmentType = "application/trickle-ice-sdpfrag" // RFC 8840, section 9

	publishVerb = "whip"
	viewVerb    = "whep"
)

// path is what a request addresses: a room's endpoint, or a session below it.
type path struct {
	verb, room string
	id         string // empty for the endpoint
	part       string // of a viewer's session: layer or events, else empty
}

func (p path) endpoint() string { return "/" + p.verb + "/" + url.PathEscape(p.room) }

// parsePath reads /whip/{room}, /whep/{room}, /{verb}/{room}/{session}, /whep/{room}/{session}/layer and .../events.
func parsePath(s string) (path, bool) {
	if len(s) > 512 {
		return path{}, false
	}
	verb, rest, ok := strings.Cut(strings.TrimPrefix(s, "/"), "/")
	if !ok || verb != publishVerb && verb != viewVerb {
		return path{}, false
	}
	roomName, rest, below := strings.Cut(rest, "/")
	id, part, within := strings.Cut(rest, "/")
	if roomName == "" || below && id == "" || within && (verb != viewVerb || part != layerPart && part != eventsPart) {
		return path{}, false
	}
	return path{verb, roomName, id, part}, true
}

// ServeHTTP answers WHIP and WHEP requests.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*") // whoever has the key may come from any page
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Patch, Retry-After, WWW-Authenticate")
	p, ok := parsePath(r.URL.Path)
	if !ok {
		refusal.Write(w, refusal.NotFound)
		return
	}
	switch {
	case r.Method == http.MethodOptions:
		options(w, p)
	case p.part == layerPart && r.Method == http.MethodPost:
		s.chooseLayer(w, r, p)
	case p.part == eventsPart && r.Method == http.MethodPost:
		s.subscribe(w, r, p)
	case p.part == eventsPart && r.Method == http.MethodGet:
		s.events(w, r, p)
	case p.part != "":
		h.Set("Allow", methods(p))
		refusal.Write(w, refusal.Method)
	case p.id == "" && r.Method == http.MethodPost:
		s.create(w, r, p)
	case p.id != "" && r.Method == http.MethodPatch:
		s.patch(w, r, p)
	case p.id != "" && r.Method == http.MethodDelete:
		s.remove(w, p)
	default:
		h.Set("Allow", methods(p))
		refusal.Write(w, refusal.Method)
	}
}

func methods(p path) string {
	switch {
	case p.part == eventsPart:
		return "GET, POST, OPTIONS"
	case p.id == "" || p.part != "":
		return "POST, OPTIONS"
	}
	return "PATCH, DELETE, OPTIONS"
}

// options answers preflights and tells what is taken (RFC 9725, section 4.2; RFC 5789, section 3.1).
func options(w http.ResponseWriter, p path) {
	h := w.Header()
	h.Set("Allow", methods(p))
	if p.part == "" {
		h.Set("Accept-Post", sdpType)
		h.Set("Accept-Patch", fragmentType)
	} else {
		h.Set("Accept-Post", "application/json")
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, X-Tutti-Key")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

// create makes a session of an offer.
func (s *Server) create(w http.ResponseWriter, r *http.Request, p path) {
	offer, err := readBody(w, r, sdpType, errNotSDP)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	place, err := s.limits.take(r.RemoteAddr)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	x := s.newSession(p, place)
	serve := s.publish
	if p.verb == viewVerb {
		serve = s.view
	}
	answer, err := serve(x, r, offer)
	if err == nil && !s.keep(x) {
		err = studio.ErrShutdown
	}
	if err != nil {
		x.end(errors.Join(errRefused, err))
		x.refused(err)
		if e := refusal.Of(err); p.verb == publishVerb && e.Status < http.StatusInternalServerError {
			s.house.TurnAway(p.room, publishVerb, e.Code, e.Message)
		}
		refusal.Write(w, err)
		return
	}
	if x.watcher != nil {
		go x.untilOver()
	}
	x.log.Info("session made", "client", program(r.UserAgent()))
	h := w.Header()
	h.Set("Content-Type", sdpType)
	h.Set("Cache-Control", "no-store")
	h.Set("Location", x.location())
	h.Set("ETag", x.tag)
	h.Set("Accept-Patch", fragmentType)
	if x.watcher != nil {
		x.link(h)
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer) // the client is gone when this fails, and its peer will time out
}

// refused logs why a client was not served, where that is not the client's own doing.
func (x *session) refused(err error) {
	if refusal.Of(err).Status == http.StatusInternalServerError {
		x.log.Error("serving an offer", "error", err)
	} else {
		x.log.Debug("offer refused", "error", err)
	}
}

// remove ends a session (RFC 9725, section 4.2).
func (s *Server) remove(w http.ResponseWriter, p path) {
	x, ok := s.find(p)
	if !ok {
		refusal.Write(w, errNoSession)
		return
	}
	x.end(errDeleted)
	w.WriteHeader(http.StatusOK)
}

// patch takes candidates, which an ICE-lite server does not need, and restarts ICE (RFC 9725, section 4.3).
func (s *Server) patch(w http.ResponseWriter, r *http.Request, p path) {
	x, ok := s.find(p)
	if !ok {
		refusal.Write(w, errNoSession)
		return
	}
	body, err := readBody(w, r, fragmentType, errNotFragment)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	f, err := parseFragment(body)
	if err != nil {
		refusal.Write(w, errBadFragment)
		return
	}
	answer, err := x.trickle(f, r.Header.Get("If-Match"))
	if err != nil {
		refusal.Write(w, err)
		return
	}
	if answer == "" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	h := w.Header()
	h.Set("Content-Type", fragmentType)
	h.Set("Cache-Control", "no-store")
	h.Set("ETag", x.currentTag())
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, answer)
}

// readBody reads a body of a media type.
func readBody(w http.ResponseWriter, r *http.Request, want string, wrongType error) (string, error) {
	if got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || got != want {
		return "", wrongType
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSDP))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return "", errTooLarge
	case err != nil:
		return "", errBadBody
	}
	return string(body), nil
}

// credential is what a request shows: a LiveKit token or a link key as bearer, or a link key in a header or the query.
// RFC 9725, section 4.5, knows the bearer only, and that is where encoders put their stream key.
func credential(r *http.Request) studio.Credential {
	var c studio.Credential
	if scheme, value, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		value = strings.TrimSpace(value)
		if strings.Count(value, ".") == 2 {
			c.Token = value // a JWT (RFC 7519, section 3); keys have no dots
		} else {
			c.Key = value
		}
	}
	if c.Key == "" {
		c.Key = r.Header.Get("X-Tutti-Key")
	}
	if c.Key == "" && c.Token == "" {
		c.Key = r.URL.Query().Get("key")
	}
	return c
}
