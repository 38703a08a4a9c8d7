package rtc

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

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
)

// path is a remote address from which an authenticated check came. It is immutable but for lastCheck.
type path struct {
	peer      *Peer
	addr      netip.AddrPort
	to        *destination
	shard     *Shard       // whose reader knows the path
	lastCheck atomic.Int64 // media time in nanoseconds
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
	c.lastCheck = r.now
	if !c.homeFixed {
		c.homeFixed = true
		p.home.Store(r.shard)
	}
	if l == c.next {
		// The first check with new credentials ends the old ones (RFC 8445, section 9).
		p.endpoint.forget(c.current)
		c.current, c.next, c.selected = l, nil, nil
	}
	if t == nil {
		t = &path{peer: p, addr: from, to: r.shard.socket.destination(from), shard: r.shard}
		c.add(t)
		r.paths[keyOf(from)] = t
		r.last = nil // it may be of the peer that had the address before
	}
	t.lastCheck.Store(int64(r.now))
	if c.selected != t && (c.selected == nil || nominated || c.selected.silentFor(r.now) > p.endpoint.silence) {
		c.selected = t
		p.remote.Store(t.to)
		p.secure.pathFound()
	}
	return true
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

// lose stops sending to an address that somebody else has now.
func (p *Peer) lose(t *path) {
	c := &p.connectivity
	c.Lock()
	defer c.Unlock()
	c.paths = slices.DeleteFunc(c.paths, func(o *path) bool { return o == t })
	if c.selected == t {
		c.selected = nil
		p.remote.Store(nil)
	}
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

// forget takes the path out of its reader's table.
func (t *path) forget() {
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
