// Package limit bounds how often one address may do something, and how much of something it has at a time.
package limit

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is how often one address may do something: a burst at once, then so many a second.
type Rate struct {
	Name      string
	PerSecond rate.Limit
	Burst     int
}

// maxOwners bounds the memory; beyond it all start anew.
const maxOwners = 50_000

// Rates remembers who did how much of what. The zero value is ready; its methods may be called from any goroutine.
type Rates struct {
	mu     sync.Mutex
	owners map[owner]*rate.Limiter
}

type owner struct {
	name string
	from netip.Prefix
}

// Allow counts one deed of an address, and tells whether it is within the rate.
func (r *Rates) Allow(l Rate, from netip.Prefix) bool { return r.AllowAt(l, from, time.Now()) }

// AllowAt is Allow at a time.
func (r *Rates) AllowAt(l Rate, from netip.Prefix, now time.Time) bool {
	who := owner{l.Name, from}
	r.mu.Lock()
	defer r.mu.Unlock()
	lim := r.owners[who]
	if lim == nil {
		if r.owners == nil || len(r.owners) >= maxOwners {
			r.owners = map[owner]*rate.Limiter{}
		}
		lim = rate.NewLimiter(l.PerSecond, l.Burst)
		r.owners[who] = lim
	}
	return lim.AllowN(now, 1)
}

// Network is what counts as one address: of IPv6 the /64, since that is what one customer has, but for this machine's own. remote is an address with or
// without a port; what is neither counts as one and the same.
func Network(remote string) netip.Prefix {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	return NetworkOf(a)
}

// NetworkOf is Network of an address that is read already.
func NetworkOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() && !a.IsLoopback() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // fails for no address only, which is a network of its own
	return p
}
