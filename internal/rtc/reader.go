package rtc

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/ice"
	"github.com/tuttilive/tutti/internal/rtc/twcc"
)

const (
	// maxForeign bounds the datagrams of other shards that wait for a reader.
	maxForeign = 256
)

// reader is a shard's receiving goroutine: it reads batches, tells protocols apart, and decrypts for the peers whose
// home the shard is. Everything without a lock belongs to the goroutine.
type reader struct {
	shard *Shard
	in    *receiver

	// paths are the validated addresses whose datagrams the kernel gives to this shard.
	paths map[pathKey]*path
	last  *path // of the datagram before, since they come in runs
	check ice.Check

	large, small slab
	packets      packetPool
	header       rtpHeader
	control      []byte
	others       []byte        // of a compound packet, without reports of arrivals
	arrivals     []twcc.Report // those
	touched      []*Stream     // streams with packets in this batch
	now          time.Duration
	waited       time.Duration // the datagram that is looked at, until it was read
	latest       time.Duration // when the newest came that was read

	mu      sync.Mutex
	posted  []func()
	foreign []foreignDatagram
	woken   bool

	reports  reportQueue
	closing  atomic.Bool
	finished chan struct{}
}

// foreignDatagram was read on another shard than its peer's home, after the client's address changed.
type foreignDatagram struct {
	path  *path
	bytes []byte
	came  time.Duration
}

// pathKey is an address in a form that hashes fast.
type pathKey struct {
	hi, lo uint64
	port   uint16
}

func keyOf(a netip.AddrPort) pathKey {
	ip := a.Addr().As16()
	return pathKey{binary.NativeEndian.Uint64(ip[:8]), binary.NativeEndian.Uint64(ip[8:]), a.Port()}
}

func newReader(s *Shard) *reader {
	r := &reader{shard: s, paths: make(map[pathKey]*path), finished: make(chan struct{})}
	r.in = s.socket.receiver(r.batch)
	return r
}

// run is the reader goroutine. It ends after close.
func (r *reader) run() {
	defer close(r.finished)
	for {
		err := r.in.read()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			r.now = media.Now()
			r.awake()
			if r.closing.Load() {
				return
			}
		case errors.Is(err, net.ErrClosed):
			return
		}
		// Any other error is the fate of one datagram (ICMP).
	}
}

// batch takes the n datagrams that were read at a time, and tells how many peers had packets among them that had none in the restTime before, and for
// how long the shard has worked in all.
func (r *reader) batch(n int, read time.Duration) (brought int, busy time.Duration) {
	r.now = read
	r.in.took(time.Now())
	bytes := 0
	for i := range n {
		if b, from := r.in.datagram(i); b != nil {
			bytes += len(b)
			r.waited = min(r.in.waited(i), r.now-r.latest) // time does not go back where a clock was set
			r.latest = r.came()
			r.datagram(b, from)
		}
	}
	r.waited = 0
	brought = r.senders()
	r.flush()
	c := &r.shard.counts
	c.receivedPackets.Add(uint64(n))
	c.receivedBytes.Add(uint64(bytes))
	c.reading.Add(int64(media.Now() - r.now))
	return brought, time.Duration(c.reading.Load() + c.sending.Load())
}

// dropped counts a packet that goes nowhere.
func (r *reader) dropped(why drop) { r.shard.counts.dropped[why].Add(1) }

// post runs f on the reader goroutine.
func (r *reader) post(f func()) {
	r.mu.Lock()
	r.posted = append(r.posted, f)
	r.wakeLocked()
	r.mu.Unlock()
}

// came is when the datagram that is looked at came to this machine: a reader that was late must not look like a network that is.
func (r *reader) came() time.Duration { return r.now - r.waited }

// forward hands over a datagram that another shard has read, and when it came. When the queue is full it is lost.
func (r *reader) forward(p *path, b []byte, came time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.foreign) >= maxForeign {
		r.dropped(dropForwarded)
		return
	}
	r.foreign = append(r.foreign, foreignDatagram{p, append([]byte(nil), b...), came})
	r.wakeLocked()
}

// wakeLocked makes the pending read return.
func (r *reader) wakeLocked() {
	if !r.woken {
		r.woken = true
		r.shard.socket.interrupt()
	}
}

// awake does what others have asked for.
func (r *reader) awake() {
	r.mu.Lock()
	r.shard.socket.resume() // first: a wake-up from now on interrupts again
	r.woken = false
	posted, foreign := r.posted, r.foreign
	r.posted, r.foreign = nil, nil
	r.mu.Unlock()
	for _, f := range posted {
		f()
	}
	for _, d := range foreign {
		if home := d.path.peer.home.Load(); home == r.shard {
			r.waited = max(0, r.now-d.came)
			r.deliver(d.path, d.bytes)
		}
	}
	r.waited = 0
	r.flush()
	r.shard.counts.reading.Add(int64(media.Now() - r.now))
}

// close lets the goroutine end once it has done what was posted before.
func (r *reader) close() {
	r.closing.Store(true)
	r.post(func() {})
}

func (r *reader) datagram(b []byte, from netip.AddrPort) {
	kind := classify(b)
	if kind == unknownProtocol {
		r.dropped(dropStranger)
		return
	}
	if kind == stunProtocol {
		r.connectivityCheck(b, from)
		return
	}
	p := r.last
	if p == nil || p.addr != from {
		if p = r.paths[keyOf(from)]; p == nil {
			r.dropped(dropStranger) // not from a validated address
			return
		}
		r.last = p
	}
	if home := p.peer.home.Load(); home != r.shard {
		home.reader.forward(p, b, r.came())
		return
	}
	r.deliver(p, b)
}

// deliver gives a datagram to its peer. The shard is the peer's home.
func (r *reader) deliver(p *path, b []byte) {
	p.heard = r.now
	if p.to != p.peer.remote.Load() {
		p.peer.heardElsewhere(p, r.now)
	}
	switch classify(b) {
	case rtpProtocol:
		r.rtp(p.peer, b)
	case rtcpProtocol:
		r.rtcp(p.peer, b)
	case dtlsProtocol:
		p.peer.secure.receive(b)
	}
}

// senders counts the peers with packets in this batch that had none in the restTime before.
func (r *reader) senders() (n int) {
	for _, s := range r.touched {
		if s.Inbound.peer.rx.counts(r.now) {
			n++
		}
	}
	return n
}

// flush ends a batch.
func (r *reader) flush() {
	for i, s := range r.touched {
		s.touched = false
		if s.sink != nil {
			s.sink.Flush()
		}
		r.touched[i] = nil
	}
	r.touched = r.touched[:0]
	r.reports.flush(r)
}

// verify reads a connectivity check and tells whom it is for; nil when it is none, or is not authentic. An unknown user
// name fragment costs a map look-up and nothing else.
func (e *Endpoint) verify(check *ice.Check, b []byte) *login {
	if check.Parse(b) != nil {
		return nil
	}
	l := e.login(check.Ufrag)
	if l == nil || check.Verify(l.Pwd) != nil {
		return nil
	}
	return l
}

// connectivityCheck answers a binding request.
func (r *reader) connectivityCheck(b []byte, from netip.AddrPort) {
	login := r.shard.endpoint.verify(&r.check, b)
	if login == nil {
		r.dropped(dropStranger)
		return
	}
	answer, err := r.check.Answer(from, login.Pwd)
	if r.check.Conflict {
		answer, err = r.check.Refuse(login.Pwd)
	}
	if err != nil {
		return
	}
	if !r.check.Conflict && !login.peer.checked(r, login, from, r.check.Nominated) {
		return
	}
	r.shard.write(answer, from)
}
