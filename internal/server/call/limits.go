package call

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What one connection may send in the mean, and at once.
const (
	messagesPerSecond = 50
	messageBurst      = 200
	bytesPerSecond    = 256 << 10
	byteBurst         = 1 << 20
	// maxMalformed messages are borne with.
	maxMalformed = 10
)

// flow limits what comes in on one connection. It belongs to its reader.
type flow struct{ messages, bytes *rate.Limiter }

func newFlow() flow {
	return flow{rate.NewLimiter(messagesPerSecond, messageBurst), rate.NewLimiter(bytesPerSecond, byteBurst)}
}

// allow counts a message of some bytes.
func (f flow) allow(now time.Time, size int) bool {
	return f.messages.AllowN(now, 1) && f.bytes.AllowN(now, size)
}

// maxAddresses bounds the memory of rates; beyond it all start anew.
const maxAddresses = 50_000

// addresses limits what one address does: how many connections it has, and how often it opens one. An address is a /64 in
// IPv6, since that is what one customer has.
type addresses struct {
	connections int
	perSecond   rate.Limit
	burst       int

	mu    sync.Mutex
	open  map[netip.Prefix]int
	rates map[netip.Prefix]*rate.Limiter
}

func newAddresses() *addresses {
	return &addresses{
		connections: 500, perSecond: 5, burst: 100, // a school or an office may be one address
		open: map[netip.Prefix]int{}, rates: map[netip.Prefix]*rate.Limiter{},
	}
}

// enter counts a new connection; if it is let in, leave must follow.
func (a *addresses) enter(now time.Time, who netip.Prefix) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	limiter := a.rates[who]
	if limiter == nil {
		if len(a.rates) >= maxAddresses {
			clear(a.rates)
		}
		limiter = rate.NewLimiter(a.perSecond, a.burst)
		a.rates[who] = limiter
	}
	if a.open[who] >= a.connections || !limiter.AllowN(now, 1) {
		return false
	}
	a.open[who]++
	return true
}

func (a *addresses) leave(who netip.Prefix) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open[who]--; a.open[who] <= 0 {
		delete(a.open, who)
	}
}

// prefixOf is what counts as one address.
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
