package flv

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gobwas/ws"

	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/fanout"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// Options are what the door needs.
type Options struct {
	House *studio.House
	// Tick is how long tags are gathered before they are written: 0 writes each picture with the sound before it, more saves work. At most 350 ms.
	Tick time.Duration
	// PerAddress is how many viewers one address (IPv6: a /64) has, 0 for any number; those of this machine are not bounded.
	PerAddress int
	Log        *slog.Logger
}

// Handler serves /live/{room}.flv. Viewers of plain HTTP/1.1 outlive the request's handler: they end with the program.
type Handler struct {
	gate   gate
	places limit.Places
	log    *slog.Logger
}

// New makes the door.
func New(o Options) *Handler {
	log := o.Log
	if log == nil {
		log = slog.Default()
	}
	log = log.With("door", "flv")
	return &Handler{gate: &houseGate{
		house: o.House, tick: min(max(o.Tick, 0), 350*time.Millisecond), log: log,
	}, places: limit.Places{Most: o.PerAddress}, log: log}
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate")
	header.Set("Cache-Control", "no-store")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		header.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		header.Set("Access-Control-Allow-Headers", "Authorization, X-Tutti-Key")
		header.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		header.Set("Allow", "GET, HEAD, OPTIONS")
		refusal.Write(w, refusal.Method)
		return
	}
	name, pass, ok := roomOf(r.URL.Path)
	if !ok {
		refusal.Write(w, refusal.NotFound)
		return
	}
	k := overHTTP
	if r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		k = overWebSocket
	}
	k.codecs = fanout.ParseCodecs(r.URL.Query().Get("codecs"))
	who := limit.Network(r.RemoteAddr)
	if !h.places.Enter(who) && !limit.Local(who) {
		h.places.Leave(who)
		refusal.Write(w, refusal.TooOften)
		return
	}
	watch, s, err := h.gate.open(r.Context(), name, credentialOf(r, pass).From(r.RemoteAddr), k)
	if err != nil {
		h.places.Leave(who)
		refusal.Write(w, err)
		return
	}
	watch = &placed{watch, &h.places, who}
	if k.name == overWebSocket.name {
		h.upgrade(w, r, s, watch)
		return
	}
	header.Set("Content-Type", "video/x-flv")
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodHead {
		watch.Close()
		return
	}
	if r.ProtoMajor == 1 && r.TLS == nil {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			s.Serve(nil, conn, responseHead(header), watch)
			return
		}
	}
	serve(w, r, s, watch)
}

// placed is a viewer who has a place until the end.
type placed struct {
	fanout.Watcher
	places *limit.Places
	who    netip.Prefix
}

// Close implements fanout.Watcher.
func (p *placed) Close() {
	p.places.Leave(p.who)
	p.Watcher.Close()
}

// upgrade goes on over a WebSocket (RFC 6455). Nothing is read from it: who leaves closes the connection, and browsers ask for
// nothing else.
func (h *Handler) upgrade(w http.ResponseWriter, r *http.Request, s *fanout.Stream, watch fanout.Watcher) {
	conn, _, _, err := ws.UpgradeHTTP(r, w)
	if err != nil { // it has answered
		h.log.Debug("no WebSocket came about", "error", err)
		watch.Close()
		return
	}
	s.Serve(nil, conn, nil, watch)
}

// responseHead is the head of a response whose body ends with the connection.
func responseHead(header http.Header) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\n")
	header.Set("Connection", "close")
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	header.Write(&b)
	b.WriteString("\r\n")
	return b.Bytes()
}

// roomOf finds the room in /live/{room}.flv or /live/~{pass}/{room}.flv.
func roomOf(path string) (name, pass string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/live/")
	if !ok {
		return "", "", false
	}
	pass, rest = studio.CutPass(rest)
	name, ok = strings.CutSuffix(rest, ".flv")
	return name, pass, ok && name != "" && !strings.Contains(name, "/")
}

func credentialOf(r *http.Request, pass string) studio.Credential {
	query := r.URL.Query()
	c := studio.Credential{Token: query.Get("token"), Key: query.Get("key"), Pass: pass}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		c.Token = strings.TrimSpace(bearer)
	}
	if key := r.Header.Get("X-Tutti-Key"); key != "" {
		c.Key = key
	}
	return c
}

// serve writes a stream to a response whose connection cannot be taken over: over TLS, or as one of many on a connection.
func serve(w http.ResponseWriter, r *http.Request, s *fanout.Stream, watch fanout.Watcher) {
	defer watch.Close()
	reading := s.Read(watch)
	control := http.NewResponseController(w)
	w.WriteHeader(http.StatusOK)
	control.Flush()
	_ = reading.Follow(r.Context().Done(), func(bufs [][]byte) error { // the viewer has gone, and is counted
		for _, b := range bufs {
			n, err := w.Write(b)
			watch.Sent(n)
			if err != nil {
				return err
			}
		}
		return control.Flush()
	})
}
