package rtc

import (
	"net/netip"
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
	shard     *Shard        // whose reader knows the path
	lastCheck time.Duration // guarded by the peer's connectivity lock
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
	t := c.find(r.shard, from)
	if t == nil {
		t = &path{peer: p, addr: from, to: r.shard.socket.destination(from), shard: r.shard}
		c.add(t)
		r.paths[keyOf(from)] = t
	}
	t.lastCheck = r.now
	if c.selected != t && (c.selected == nil || nominated || r.now-c.selected.lastCheck > p.endpoint.silence) {
		c.selected = t
		p.remote.Store(t.to)
		p.secure.pathFound()
	}
	return true
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
			if o != c.selected && (oldest < 0 || o.lastCheck < c.paths[oldest].lastCheck) {
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
