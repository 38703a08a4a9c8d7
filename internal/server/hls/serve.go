package hls

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	mux "github.com/tuttilive/tutti/internal/mux/hls"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// exposed are the header fields that pages of other sites may read.
const exposed = "ETag, Date, Retry-After"

// ServeHTTP answers requests for /live/{room}/index.m3u8 and what it names.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Expose-Headers", exposed)
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		w.Header().Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, X-Tutti-Key, If-None-Match, Range")
		w.Header().Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		refusal.Write(w, refusal.Method)
		return
	}
	p, ok := parsePath(r.URL.Path)
	switch {
	case !ok:
		refusal.Write(w, refusal.NotFound)
	case p.id == "":
		s.serveIndex(w, r, p)
	default:
		s.serveMedia(w, r, p)
	}
}

// path is what a request asks for: a room's multivariant playlist, or a thing by name in the folder id.
type path struct{ room, id, name, pass string }

func parsePath(p string) (path, bool) {
	rest, ok := strings.CutPrefix(p, "/live/")
	if !ok || len(rest) > 512 {
		return path{}, false
	}
	pass, rest := studio.CutPass(rest)
	roomName, rest, ok := strings.Cut(rest, "/")
	if !ok || roomName == "" {
		return path{}, false
	}
	if rest == "index.m3u8" {
		return path{room: roomName, pass: pass}, true
	}
	id, name, ok := strings.Cut(rest, "/")
	if !ok || id == "" || name == "" || strings.Contains(name, "/") {
		return path{}, false
	}
	return path{roomName, id, name, pass}, true
}

func (s *Server) serveIndex(w http.ResponseWriter, r *http.Request, p path) {
	c := credential(r)
	c.Pass = p.pass
	if err := s.house.Admit(r.Context(), p.room, c.From(r.RemoteAddr)); err != nil {
		refusal.Write(w, err)
		return
	}
	b, v, err := s.enter(p.room, r)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	snapshot, ready := b.whole(r.Context())
	if !ready {
		notYet(w, b)
		return
	}
	cache := "public, max-age=1"
	if r.Header.Get("Authorization") != "" || r.Header.Get(keyHeader) != "" {
		cache = "private, no-cache" // the address does not tell who may see it
	}
	send(w, r, snapshot.Index(), cache, v)
}

// enter counts the viewer of a room's program; the viewer is nil where there are too many to count.
func (s *Server) enter(roomName string, r *http.Request) (*broadcast, *viewer, error) {
	b, watcher, err := s.watch(roomName)
	if err != nil {
		return nil, nil, err
	}
	k := keyOf(b, r)
	if v := s.audience.find(k, time.Now()); v != nil {
		watcher.Close()
		return b, v, nil
	}
	if !s.audience.room(k.address) {
		watcher.Close()
		return b, nil, nil
	}
	return b, s.audience.enter(k, watcher, time.Now()), nil
}

func (s *Server) serveMedia(w http.ResponseWriter, r *http.Request, p path) {
	s.mu.Lock()
	b := s.broadcasts[p.id]
	s.mu.Unlock()
	if b == nil || b.room != p.room || b.stream.Load() == nil {
		refusal.Write(w, studio.ErrNotLive)
		return
	}
	v := s.audience.find(keyOf(b, r), time.Now())
	playlist := strings.HasSuffix(p.name, ".m3u8")
	if v == nil && playlist && !b.ended() {
		// Somebody who came by way of a cache, or slept: knowing the folder is enough.
		if again, viewer, err := s.enter(p.room, r); err == nil && again == b {
			v = viewer
		}
	}
	var wish directives
	if playlist {
		var err error
		if wish, err = parseDirectives(r.URL.RawQuery); err != nil {
			refusal.Write(w, err)
			return
		}
		if _, ready := b.ready(r.Context()); !ready {
			notYet(w, b)
			return
		}
	}
	if k := s.keep(w, r); k != nil {
		k.begin(inquiry{broadcast: b, name: p.name, wish: wish, gzip: acceptsGzip(r.Header.Get("Accept-Encoding")), viewer: v})
		return
	}
	found, err := b.await(r.Context(), p.name, wish)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	send(w, r, found.resource, found.cache, v)
}

// send answers with a resource.
func send(w http.ResponseWriter, r *http.Request, resource *mux.Resource, cache string, v *viewer) {
	h := w.Header()
	h.Set("Content-Type", resource.Type)
	h.Set("Cache-Control", cache)
	body, size, tag := resource.Body, resource.Size, resource.Tag
	if resource.Playlist {
		h.Set("Vary", "Accept-Encoding")
	}
	if resource.Gzip != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body, size, tag = [][]byte{resource.Gzip}, len(resource.Gzip), resource.GzipTag
	}
	h.Set("ETag", tag)
	if matches(r.Header.Get("If-None-Match"), resource) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(size))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	control := http.NewResponseController(w)
	if control.SetWriteDeadline(time.Now().Add(writeTimeout)) == nil {
		defer control.SetWriteDeadline(time.Time{}) // for the connection's next request
	}
	for _, piece := range body {
		n, err := w.Write(piece)
		if v != nil {
			v.watcher.Sent(n)
		}
		if err != nil {
			return
		}
	}
}

// acceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3).
func acceptsGzip(accept string) bool {
	for choice := range strings.SplitSeq(accept, ",") {
		coding, weight, _ := strings.Cut(choice, ";")
		if coding = strings.TrimSpace(coding); !strings.EqualFold(coding, "gzip") && coding != "*" {
			continue
		}
		q, ok := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		value, err := strconv.ParseFloat(q, 64)
		return !ok || err == nil && value > 0
	}
	return false
}

// matches reads If-None-Match (RFC 9110, section 13.1.2).
func matches(condition string, resource *mux.Resource) bool {
	if condition == "" {
		return false
	}
	for tag := range strings.SplitSeq(condition, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == "*" || tag == resource.Tag || tag == resource.GzipTag {
			return true
		}
	}
	return false
}

// notYet answers where the first segment takes longer than a request may wait.
func notYet(w http.ResponseWriter, b *broadcast) {
	if b.ended() {
		refusal.Write(w, studio.ErrNotLive)
		return
	}
	refusal.Write(w, errNotYet)
}

const keyHeader = "X-Tutti-Key"

// credential is what a request shows: a token or a link key as bearer, or a link key in a header or the query.
func credential(r *http.Request) studio.Credential {
	c := studio.Credential{Key: r.Header.Get(keyHeader)}
	if scheme, value, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		c.Token = strings.TrimSpace(value)
	}
	query := r.URL.Query()
	if c.Key == "" {
		c.Key = query.Get("key")
	}
	if c.Token == "" {
		c.Token = query.Get("token")
	}
	return c
}

// errNotYet asks for patience: segments have to be cut first.
var errNotYet = &refusal.Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "the first pictures have not come yet: ask again"}
