package flv

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

const (
	// sendBuffer is the kernel's send buffer for a viewer in bytes, unsentLimit what of it may wait to be sent first.
	sendBuffer  = 256 << 10
	unsentLimit = 128 << 10
)

// Options are what the door needs.
type Options struct {
	House *studio.House
	// Tick is how long tags are gathered before they are written: 0 writes each frame, more saves work. At most 350 ms.
	Tick time.Duration
	Log  *slog.Logger
}

// Handler serves /live/{room}.flv. Viewers of plain HTTP/1.1 outlive the request's handler: they end with the program.
type Handler struct {
	gate gate
	log  *slog.Logger
}

// New makes the door.
func New(o Options) *Handler {
	log := o.Log
	if log == nil {
		log = slog.Default()
	}
	log = log.With("door", "flv")
	return &Handler{gate: &houseGate{
		house: o.House, demand: demandOf(o.House.VideoConversion()), tick: min(max(o.Tick, 0), 350*time.Millisecond), log: log,
	}, log: log}
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", "*")
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
	name, ok := roomOf(r.URL.Path)
	if !ok {
		refusal.Write(w, refusal.NotFound)
		return
	}
	watch, s, err := h.gate.open(name, credentialOf(r).From(r.RemoteAddr))
	if err != nil {
		refusal.Write(w, err)
		return
	}
	header.Set("Content-Type", "video/x-flv")
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodHead {
		watch.Close()
		return
	}
	f := newFeed(s.ring, watch)
	if r.ProtoMajor == 1 && r.TLS == nil && h.sweep(w, s, f) {
		return
	}
	defer watch.Close()
	serve(w, r, s, &f)
}

// sweep takes the connection over and hands it to a sweeper. It tells whether it could.
func (h *Handler) sweep(w http.ResponseWriter, s *stream, f feed) bool {
	control := http.NewResponseController(w)
	conn, _, err := control.Hijack()
	if err != nil {
		return false
	}
	conn.SetDeadline(time.Time{})
	plain, ok := conn.(syscall.Conn)
	var raw syscall.RawConn
	if ok {
		raw, err = plain.SyscallConn()
	}
	head := responseHead(w.Header())
	if !ok || err != nil {
		serveConn(conn, head, s, &f)
		return true
	}
	raw.Control(func(fd uintptr) { keepShort(int(fd)) })
	v := newViewer(conn, raw, f, head)
	if !s.serve(v) {
		v.close(nil)
	}
	return true
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

func roomOf(path string) (string, bool) {
	name, ok := strings.CutPrefix(path, "/live/")
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(name, ".flv")
	return name, ok && name != "" && !strings.Contains(name, "/")
}

func credentialOf(r *http.Request) studio.Credential {
	query := r.URL.Query()
	c := studio.Credential{Token: query.Get("token"), Key: query.Get("key")}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		c.Token = strings.TrimSpace(bearer)
	}
	if key := r.Header.Get("X-Tutti-Key"); key != "" {
		c.Key = key
	}
	return c
}

// serve writes a stream to a response that cannot be handed to a sweeper: over TLS, or as one of many on a connection.
func serve(w http.ResponseWriter, r *http.Request, s *stream, f *feed) {
	control := http.NewResponseController(w)
	w.WriteHeader(http.StatusOK)
	control.Flush()
	follow(r.Context().Done(), s, f, func(bufs [][]byte) error {
		control.SetWriteDeadline(time.Now().Add(stallLimit))
		for _, b := range bufs {
			n, err := w.Write(b)
			f.watcher.Sent(n)
			if err != nil {
				return err
			}
		}
		return control.Flush()
	})
}

// serveConn writes a stream to a connection that has been taken over but has no descriptor of its own.
func serveConn(conn net.Conn, head []byte, s *stream, f *feed) {
	defer f.watcher.Close()
	defer conn.Close()
	if _, err := conn.Write(head); err != nil {
		return
	}
	follow(nil, s, f, func(bufs [][]byte) error {
		conn.SetWriteDeadline(time.Now().Add(stallLimit))
		buffers := net.Buffers(bufs)
		n, err := buffers.WriteTo(conn)
		f.watcher.Sent(int(n))
		return err
	})
}

// follow writes what comes until the stream ends, the viewer is too slow, or done is closed.
func follow(done <-chan struct{}, s *stream, f *feed, write func([][]byte) error) {
	var bufs [][]byte
	for {
		woken := s.ring.Woken()
		var err error
		bufs, err = f.next(bufs[:0], media.Now())
		if len(bufs) > 0 {
			if write(bufs) != nil {
				return
			}
			continue
		}
		if err != nil {
			return
		}
		select {
		case <-woken:
		case <-done:
			return
		}
	}
}
