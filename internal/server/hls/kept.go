package hls

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tuttilive/tutti/internal/deadline"
	"github.com/tuttilive/tutti/internal/poller"
)

// kept is a plain connection of a player between its requests, and while it waits for an answer: without a goroutine and without buffers. At any
// time one goroutine has it: the lane's poller, who serves a queue, who writes to it, or, last, the HTTP server.
type kept struct {
	lane *lane
	conn plain
	raw  syscall.RawConn
	id   poller.ID
	// from is whom the HTTP server let through, and for whom nothing needs to be looked at again; address is that of the viewer.
	from    uint64
	address uint64
	// standing are the header fields of all answers.
	standing []byte
	returns  int          // how often it went back to the HTTP server
	rest     []byte       // what came behind the request that is being answered
	asks     inquiry      // what is waited for
	seen     atomic.Int64 // Unix time of the last request in s
	writing  atomic.Bool  // an answer that takes long
}

// inquiry is a request for media that somebody may make.
type inquiry struct {
	broadcast *broadcast
	name      string
	wish      directives
	gzip      bool
	viewer    *viewer // nil where there are too many to count
	until     time.Time
}

// keep takes the connection of a request over, if it is one of a player that can be kept.
func (s *Server) keep(w http.ResponseWriter, r *http.Request) *kept {
	if s.lanes == nil || r.TLS != nil || !isPlain(r) {
		return nil
	}
	if _, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); !ok {
		return nil
	}
	lane, fields := s.lanes.next(), s.standing.of(w.Header())
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil
	}
	var rest []byte
	returns := 0
	if n := buffered.Reader.Buffered(); n > 0 {
		rest = make([]byte, n)
		_, _ = io.ReadFull(buffered, rest) // they are in memory
	}
	if back, ok := conn.(*returned); ok {
		rest, conn, returns = append(rest, back.unread...), back.plain, back.times
	}
	whole, _ := conn.(plain)
	raw := poller.Descriptor(conn)
	if raw == nil { // it cannot be kept, and cannot be answered any more
		conn.Close()
		return nil
	}
	whole.SetDeadline(time.Time{})
	k := &kept{lane: lane, conn: whole, raw: raw, from: introductionOf(r).hash(), address: keyOf(nil, r).address, rest: rest, returns: returns, standing: fields}
	k.touch()
	if !lane.take(k) {
		conn.Close()
		return nil
	}
	return k
}

func (k *kept) touch() { k.seen.Store(time.Now().Unix()) }

// quiet is for how many whole seconds nothing was asked for.
func (k *kept) quiet(now time.Time) time.Duration {
	return time.Duration(now.Unix()-k.seen.Load()) * time.Second
}

// hungUp tells whether the other side has closed, whatever it sent before and is not read yet.
func (k *kept) hungUp() (yes bool) {
	err := k.raw.Control(func(fd uintptr) { yes = hungUp(fd) })
	return yes || err != nil
}

// begin answers the first request of a connection that was just taken over.
func (k *kept) begin(a inquiry) {
	w := scribes.Get().(*scribe)
	defer scribes.Put(w)
	k.serve(a, w)
}

// serve answers a request, and those behind it.
func (k *kept) serve(a inquiry, w *scribe) {
	defer k.survive()
	if k.answer(a, w) {
		k.goOn(w)
	}
}

// survive is deferred where requests are answered: a panic ends their connection, as with the HTTP server, and not the process.
func (k *kept) survive() {
	if p := recover(); p != nil {
		k.lane.server.log.Error("panic while answering a kept connection", "panic", p, "stack", string(debug.Stack()))
		k.close()
	}
}

// Readable implements poller.Reader.
func (k *kept) Readable() {
	defer k.survive()
	n, err := k.lane.fill(k)
	switch {
	case err != nil, n == 0:
		k.close()
	case n == len(k.lane.buffer):
		k.giveBack(bytes.Clone(k.lane.buffer[:]))
	default:
		k.run(k.lane.buffer[:n], k.lane.scribe)
	}
}

// run answers requests until one waits, or there is none.
func (k *kept) run(b []byte, w *scribe) {
	for len(b) > 0 {
		k.touch()
		r, size, ok := parseRequest(b)
		var a inquiry
		if ok && r.from == k.from {
			a, ok = k.lane.server.asked(k, r)
		} else {
			ok = false
		}
		if !ok {
			k.giveBack(bytes.Clone(b))
			return
		}
		k.rest = nil
		if len(b) > size {
			k.rest = bytes.Clone(b[size:])
		}
		if !k.answer(a, w) {
			return
		}
		b = k.rest
	}
	k.rest = nil
	k.lane.watch(k)
}

// goOn is run of what came behind the request that was answered.
func (k *kept) goOn(w *scribe) { k.run(k.rest, w) }

// answer answers, and tells whether the connection is ready for the next request: else somebody else has it now, or it is gone.
func (k *kept) answer(a inquiry, w *scribe) bool {
	found, coming, err := a.broadcast.look(a.name, a.wish)
	switch {
	case err != nil:
		return k.write(w.refuse(err, k.standing), nil, w)
	case coming == nil:
		return k.write(w.head(found, a.gzip, k.standing), a.viewer, w)
	case a.until.IsZero():
		a.until = time.Now().Add(lateAfter * coming.Target())
	case time.Now().After(a.until):
		return k.write(w.refuse(errLate, k.standing), nil, w)
	}
	k.asks = a
	k.lane.wait(coming, k)
	return false
}

// write sends an answer. What the connection does not take at once is written by a goroutine, which goes on with the connection then.
func (k *kept) write(pieces [][]byte, v *viewer, w *scribe) bool {
	defer clear(pieces) // a scribe that rests must not hold what a playlist's window has left behind
	n, err := w.write(k.raw, pieces)
	if v != nil {
		v.watcher.Sent(n)
	}
	if err != nil {
		k.close()
		return false
	}
	left := after(pieces, n)
	if len(left) == 0 {
		return true
	}
	rest := net.Buffers(append([][]byte(nil), left...))
	if len(left) == len(pieces) {
		rest[0] = bytes.Clone(rest[0]) // the head is the scribe's
	}
	k.writing.Store(true)
	k.lane.spawn(k, func() {
		n, err := deadline.Send(k.conn, &rest)
		k.touch()
		k.writing.Store(false)
		if v != nil {
			v.watcher.Sent(int(n))
		}
		if err != nil {
			k.close()
			return
		}
		w := scribes.Get().(*scribe)
		defer scribes.Put(w)
		k.goOn(w)
	})
	return false
}

// after is what is left of pieces of which n bytes were written.
func after(pieces [][]byte, n int) [][]byte {
	for len(pieces) > 0 && n >= len(pieces[0]) {
		n -= len(pieces[0])
		pieces = pieces[1:]
	}
	if len(pieces) > 0 {
		pieces[0] = pieces[0][n:]
	}
	return pieces
}

// giveBack returns the connection to the HTTP server, with what was read of it.
func (k *kept) giveBack(unread []byte) {
	if k.lane.leave(k) {
		k.lane.server.giveBack(&returned{k.conn, unread, k.returns + 1})
	}
}

func (k *kept) close() {
	if k.lane.leave(k) {
		k.conn.Close()
	}
}

// plain is a connection without TLS, as far as it is that of whoever wraps it.
type plain interface {
	net.Conn
	syscall.Conn
	io.ReaderFrom
	CloseWrite() error
	SetLinger(seconds int) error
}

// returned is a connection of which something was read already.
type returned struct {
	plain
	unread []byte
	times  int
}

// maxReturns is how often a connection may come back until it stays: what is asked for on it is not what doors are good at.
const maxReturns = 2

// settled is the address of a connection that stays with the HTTP server. As its type is another one, keep does not take it over.
type settled struct{ net.Addr }

// LocalAddr implements net.Conn. It is what the HTTP server tells handlers of a connection.
func (c *returned) LocalAddr() net.Addr {
	if c.times >= maxReturns {
		return settled{c.plain.LocalAddr()}
	}
	return c.plain.LocalAddr()
}

func (c *returned) Read(b []byte) (int, error) {
	if len(c.unread) > 0 {
		n := copy(b, c.unread)
		if c.unread = c.unread[n:]; len(c.unread) == 0 {
			c.unread = nil
		}
		return n, nil
	}
	return c.plain.Read(b)
}

// WriteTo implements io.WriterTo, which the connection would do past what is unread.
func (c *returned) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{c})
}

// asked finds what a request on a kept connection asks for. It is false where that is not simply media, or somebody is not counted yet.
func (s *Server) asked(k *kept, r request) (inquiry, bool) {
	text, query, _ := strings.Cut(string(r.target), "?")
	if strings.IndexByte(text, '%') >= 0 {
		var err error
		if text, err = url.PathUnescape(text); err != nil {
			return inquiry{}, false
		}
	}
	p, ok := parsePath(text)
	if !ok || p.id == "" {
		return inquiry{}, false
	}
	s.mu.Lock()
	b := s.broadcasts[p.id]
	s.mu.Unlock()
	if b == nil || b.room != p.room {
		return inquiry{}, false
	}
	if stream := b.stream.Load(); stream == nil || !stream.Snapshot().Ready() {
		return inquiry{}, false
	}
	v := s.audience.find(viewerKey{b, k.address, r.agent}, time.Now())
	a := inquiry{broadcast: b, name: p.name, gzip: r.gzip, viewer: v}
	if !strings.HasSuffix(p.name, ".m3u8") {
		return a, true
	}
	if v == nil && !b.ended() && s.audience.room(k.address) {
		return a, false
	}
	var err error
	a.wish, err = parseDirectives(query)
	return a, err == nil
}
