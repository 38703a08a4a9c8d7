package hls

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	mux "github.com/tuttilive/tutti/internal/mux/hls"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// exposed are the header fields that pages of other sites may read.
const exposed = "Age, Content-Range, Date, ETag, Retry-After, WWW-Authenticate"

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
	cache := shortly
	if r.Header.Get("Authorization") != "" || r.Header.Get(keyHeader) != "" {
		cache = "private, no-cache" // the address does not tell who may see it
	}
	b, v, err := s.enter(p.room, r)
	if err != nil {
		refuse(w, err, cache)
		return
	}
	snapshot, ready := b.whole(r.Context(), isClassic(r))
	if !ready {
		notYet(w, b, cache)
		return
	}
	send(w, r, snapshot.Index(), cache, v)
}

// isClassic tells whether who asks for a playlist will not know low latency: the players that fetch it as they would a file, by range, are VLC, those
// that are built on ffmpeg, and Chromium's own.
func isClassic(r *http.Request) bool { return r.Header.Get("Range") != "" }

// shortly is what caches are told of what changes: they take the requests of all who wait for a show to begin, or poll, as one a second.
const shortly = "public, max-age=1"

// refuse refuses. That nothing is on the air may be kept by caches as what is on the air may be; other refusals are for whoever asked.
func refuse(w http.ResponseWriter, err error, cache string) {
	if errors.Is(err, studio.ErrNotLive) {
		w.Header().Set("Cache-Control", cache)
	}
	refusal.Write(w, err)
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
		refuse(w, studio.ErrNotLive, shortly)
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
			notYet(w, b, shortly)
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

// send answers with a resource, or a range of media.
func send(w http.ResponseWriter, r *http.Request, resource *mux.Resource, cache string, v *viewer) {
	h := w.Header()
	h.Set("Cache-Control", cache)
	body, size, tag, pressed := resource.Body, resource.Size, resource.Tag, false
	if resource.Playlist {
		h.Set("Vary", "Accept-Encoding")
	} else {
		h.Set("Accept-Ranges", "bytes")
	}
	if resource.Gzip != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		body, size, tag, pressed = [][]byte{resource.Gzip}, len(resource.Gzip), resource.GzipTag, true
	}
	h.Set("ETag", tag)
	if matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	status := http.StatusOK
	// Ranges are of GET alone (RFC 9110, section 14.2).
	if condition := r.Header.Get("If-Range"); r.Method == http.MethodGet && !resource.Playlist && (condition == "" || condition == tag) {
		switch some := parseSpan(r.Header.Get("Range"), size); {
		case some.beyond:
			h.Set("Content-Range", "bytes */"+strconv.Itoa(size))
			h.Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		case some.length > 0:
			h.Set("Content-Range", some.of(size))
			status, body, size = http.StatusPartialContent, some.cut(body), some.length
		}
	}
	h.Set("Content-Type", resource.Type)
	if pressed {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(size))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	deliver(w, r, body, size, func(n int) {
		if v != nil {
			v.watcher.Sent(n)
		}
	})
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

// matches reads If-None-Match (RFC 9110, section 13.1.2), which compares weakly.
func matches(condition, tag string) bool {
	if condition == "" {
		return false
	}
	for known := range strings.SplitSeq(condition, ",") {
		known = strings.TrimPrefix(strings.TrimSpace(known), "W/")
		if known == "*" || known == tag {
			return true
		}
	}
	return false
}

// notYet answers where the first segment takes longer than a request may wait.
func notYet(w http.ResponseWriter, b *broadcast, cache string) {
	if b.ended() {
		refuse(w, studio.ErrNotLive, cache)
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
