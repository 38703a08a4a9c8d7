package rtc

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/ice"
)

const (
	// consentTimeout is how long a peer lives without a valid check (RFC 7675, section 5.1).
	consentTimeout = 30 * time.Second
	// pathSilence is how long the nominated path may be without checks before another validated one takes over although it
	// is not nominated: the client's address has changed and it does not nominate again.
	pathSilence = 4 * time.Second
	// maxPaths bounds the validated addresses of one peer.
	maxPaths = 16
	// trafficSilence is how long nothing may come on the nominated path before another one that was nominated as well, and on
	// which the remote sends, takes over.
	trafficSilence = time.Second
	// nominationSpread is within what time a client that nominates whatever works (aggressive nomination) does so.
	nominationSpread = time.Second
)

// path is a remote address from which an authenticated check came. It is immutable but for the times.
type path struct {
	peer      *Peer
	addr      netip.AddrPort
	to        *destination
	shard     *Shard        // whose reader knows the path, nil over TCP
	tcp       *tcpConn      // the connection that is the path, nil over UDP
	lastCheck atomic.Int64  // media time in nanoseconds
	nominated time.Duration // when it was last nominated, 0 for never; the peer's connectivity is locked
	heard     time.Duration // when something else than a check came last; the home shard's reader owns it
}

// login is a name under which checks for a peer come.
type login struct {
	ice.Credentials
	peer *Peer
}

// checked takes an authenticated check that came from an address to a shard's reader. It is false when the peer is
// closed.
func (p *Peer) checked(r *reader, l *login, from netip.AddrPort, nominated bool) bool {
	p.connectivity.Lock()
	defer p.connectivity.Unlock()
	c := &p.connectivity
	if c.closed {
		return false
	}
	t := c.find(r.shard, from)
	if t == nil && !r.vacate(from, p.endpoint.silence) {
		return false
	}
	if !c.homeFixed {
		c.homeFixed = true
		p.home.Store(r.shard)
	}
	if t == nil {
		t = &path{peer: p, addr: from, to: r.shard.socket.destination(from), shard: r.shard}
		r.paths[keyOf(from)] = t
		r.last = nil // it may be of the peer that had the address before
	}
	p.confirm(t, l, r.now, nominated)
	return true
}

// checkedTCP takes an authenticated check that came on a connection: a new path, or the one that the connection is
// already. It is false when the peer is closed or has let the connection go.
//
// The home shard stays open until data comes over TCP: when UDP works too, its checks shall decide which shard it is,
// since the kernel decides which shard reads its datagrams.
func (p *Peer) checkedTCP(t *path, l *login, now time.Duration, nominated bool) bool {
	c := &p.connectivity
	c.Lock()
	defer c.Unlock()
	if c.closed || t.lastCheck.Load() != 0 && !slices.Contains(c.paths, t) {
		return false
	}
	p.confirm(t, l, now, nominated)
	return true
}

// settle fixes the home shard, because data has come over TCP.
func (p *Peer) settle() *Shard {
	c := &p.connectivity
	c.Lock()
	defer c.Unlock()
	c.homeFixed = true
	return p.home.Load()
}

// confirm notes a valid check on a path, and selects the path if that is what it means. The lock is held.
func (p *Peer) confirm(t *path, l *login, now time.Duration, nominated bool) {
	c := &p.connectivity
	c.lastCheck = now
	if l == c.next {
		// The first check with new credentials ends the old ones (RFC 8445, section 9).
		p.endpoint.forget(c.current)
		c.current, c.next, c.selected = l, nil, nil
	}
	if t.lastCheck.Load() == 0 {
		c.add(t)
	}
	t.lastCheck.Store(int64(now))
	if nominated {
		t.nominated = now
	}
	if c.prefers(t, now, nominated, p.endpoint.silence) {
		c.selected = t
		p.remote.Store(t.to)
		p.secure.pathFound()
		p.wayChanged()
	}
}

// prefers tells whether a path that was just checked takes over. Of several that are nominated it is the latest one,
// except that TCP waits until UDP is not nominated any more: a client that nominates whatever works means the best of it
// (RFC 5245, section 8.1.1.2).
func (c *connectivity) prefers(t *path, now time.Duration, nominated bool, silence time.Duration) bool {
	s := c.selected
	switch {
	case s == t:
		return false
	case s == nil, s.silentFor(now) > silence:
		return true
	case !nominated:
		return false
	}
	return t.tcp == nil || s.tcp != nil || s.nominated == 0 || now-s.nominated > nominationSpread
}

// heardElsewhere notes, on the home shard's reader, that the remote sends on another path than we do. Firefox nominates
// each path that works, also towards ICE-lite where RFC 8445, section 8.1.1 forbids it, and then keeps to the one with the
// highest priority, whichever it nominated last. So where several are nominated its traffic tells which one it means. What
// comes late from a path that was left changes nothing, as the new one has traffic by then.
func (p *Peer) heardElsewhere(t *path, now time.Duration) {
	c := &p.connectivity
	c.Lock()
	defer c.Unlock()
	s := c.selected
	if s == nil || s == t || t.nominated == 0 || now-max(s.heard, s.nominated) <= trafficSilence {
		return
	}
	c.selected = t
	p.remote.Store(t.to)
	p.wayChanged()
}

// silentFor is how long no valid check has come from the address.
func (t *path) silentFor(now time.Duration) time.Duration {
	return now - time.Duration(t.lastCheck.Load())
}

// vacate makes an address free for another peer. It is false while the peer that has it is alive there: with ICE-lite
// nobody proves that answers reach him, so a forged source address could cut off whoever really is there. An address
// that has gone silent is taken from its peer: a NAT has given the port to somebody else.
func (r *reader) vacate(from netip.AddrPort, silence time.Duration) bool {
	old := r.paths[keyOf(from)]
	if old == nil {
		return true
	}
	if old.silentFor(r.now) <= silence {
		return false
	}
	delete(r.paths, keyOf(from))
	// Not here: the caller has its own peer locked.
	r.post(func() { old.peer.lose(old) })
	return true
}

// lose stops sending to an address that somebody else has now, or on a connection that has ended. Another path takes its
// place if there is one that lives.
func (p *Peer) lose(t *path) {
	c := &p.connectivity
	c.Lock()
	defer c.Unlock()
	c.paths = slices.DeleteFunc(c.paths, func(o *path) bool { return o == t })
	if c.selected != t {
		return
	}
	c.selected = nil
	now := media.Now()
	for _, o := range c.paths {
		if o.silentFor(now) <= p.endpoint.silence && (c.selected == nil || o.lastCheck.Load() > c.selected.lastCheck.Load()) {
			c.selected = o
		}
	}
	if c.selected == nil {
		p.remote.Store(nil)
		return
	}
	p.remote.Store(c.selected.to)
	p.wayChanged()
}

func (c *connectivity) find(s *Shard, from netip.AddrPort) *path {
	for _, t := range c.paths {
		if t.addr == from && t.shard == s {
			return t
		}
	}
	return nil
}

// add keeps a path and forgets the one that was checked longest ago when there are too many.
func (c *connectivity) add(t *path) {
	if len(c.paths) >= maxPaths {
		oldest := -1
		for i, o := range c.paths {
			if o != c.selected && (oldest < 0 || o.lastCheck.Load() < c.paths[oldest].lastCheck.Load()) {
				oldest = i
			}
		}
		c.paths[oldest].forget()
		c.paths[oldest] = c.paths[len(c.paths)-1]
		c.paths = c.paths[:len(c.paths)-1]
	}
	c.paths = append(c.paths, t)
}

// forget takes the path out of its reader's table, or ends its connection.
func (t *path) forget() {
	if t.tcp != nil {
		t.tcp.finish()
		return
	}
	r := t.shard.reader
	r.post(func() {
		if key := keyOf(t.addr); r.paths[key] == t {
			delete(r.paths, key)
		}
		if r.last == t {
			r.last = nil
		}
	})
}
