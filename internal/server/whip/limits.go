package whip

import (
	"net"
	"net/netip"
	"sync"
)

// limits count sessions, so that nobody takes all there are. A client that was not admitted, or never connects, holds its
// place only until it is refused or times out.
type limits struct {
	*counts
	sessions, perAddress int
}

type counts struct {
	mu        sync.Mutex
	all       tally
	byAddress map[netip.Prefix]*tally
}

// tally is how many sessions there are, and how many of them are not connected yet.
type tally struct{ sessions, connecting int }

func newLimits(sessions, perAddress int) limits {
	if sessions <= 0 {
		sessions = 10_000
	}
	if perAddress <= 0 {
		perAddress = 1000
	}
	return limits{&counts{byAddress: map[netip.Prefix]*tally{}}, sessions, perAddress}
}

// slot is one place under the limits.
type slot struct {
	limits     limits
	address    netip.Prefix
	connecting *bool // guarded by limits.mu
}

// take gives a place to a remote address, or an error that says which limit is reached.
func (l limits) take(remote string) (slot, error) {
	address := prefixOf(remote)
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.byAddress[address]
	if t == nil {
		t = &tally{}
	}
	switch {
	case l.all.sessions >= l.sessions || l.all.connecting >= max(1, l.sessions/4):
		return slot{}, errFull
	case t.sessions >= l.perAddress || t.connecting >= max(1, l.perAddress/4):
		return slot{}, errRate
	}
	l.byAddress[address] = t
	t.add(1, 1)
	l.all.add(1, 1)
	connecting := true
	return slot{l, address, &connecting}, nil
}

// connected tells that the session's peer is connected.
func (s slot) connected() {
	s.limits.mu.Lock()
	defer s.limits.mu.Unlock()
	if !*s.connecting {
		return
	}
	*s.connecting = false
	s.limits.all.add(0, -1)
	if t := s.limits.byAddress[s.address]; t != nil {
		t.add(0, -1)
	}
}

// release gives the place back. It is called once.
func (s slot) release() {
	s.connected()
	s.limits.mu.Lock()
	defer s.limits.mu.Unlock()
	s.limits.all.add(-1, 0)
	if t := s.limits.byAddress[s.address]; t != nil {
		if t.add(-1, 0); t.sessions == 0 {
			delete(s.limits.byAddress, s.address)
		}
	}
}

func (t *tally) add(sessions, connecting int) {
	t.sessions += sessions
	t.connecting += connecting
}

// prefixOf is what counts as one address: a /64 in IPv6, since that is what one customer has.
func prefixOf(remote string) netip.Prefix {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	address = address.Unmap().WithZone("")
	bits := 64
	if address.Is4() {
		bits = 32
	}
	prefix, _ := address.Prefix(bits)
	return prefix
}
