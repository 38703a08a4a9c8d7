package turn

import (
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/tuttilive/tutti/internal/limit"
)

// Limits bound what clients may use; 0 stands for the default.
type Limits struct {
	// Allocations are how many a user may have at once, 30 by default. A browser takes one for each of its network
	// addresses, each of our transports and each of its peer connections.
	Allocations int
	// AddressAllocations are how many one client address may have at once (for IPv6 one /64), a quarter of the ports by default.
	AddressAllocations int
	// Bitrate is what all relays of a user carry together, both ways, in bit/s, 50 Mbit/s by default; what exceeds it is dropped.
	Bitrate int
	// Connections are how many TCP and TLS connections there may be, 4000 by default, and AddressConnections how many from
	// one address, 400 by default.
	Connections, AddressConnections int
	// Requests are how many STUN and TURN requests an address may send a second in the mean, 60 by default; ten times as
	// many at once. More are not answered, so that nobody can use the server to flood a faked address.
	Requests int
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		value *int
		usual int
	}{
		{&l.Allocations, 30}, {&l.Bitrate, 50_000_000}, {&l.Connections, 4000}, {&l.AddressConnections, 400}, {&l.Requests, 60},
	} {
		if *d.value == 0 {
			*d.value = d.usual
		}
	}
	return l
}

// requestRates limits how often each address may ask.
type requestRates struct {
	rate  limit.Rate
	rates limit.Rates
}

func newRequestRates(perSecond int) *requestRates {
	return &requestRates{rate: limit.Rate{Name: "turn", PerSecond: rate.Limit(perSecond), Burst: 10 * perSecond}}
}

// allow counts one request.
func (r *requestRates) allow(from netip.Addr, now time.Time) bool {
	return r.rates.AllowAt(r.rate, limit.NetworkOf(from), now)
}

// allowance is a user's share of bandwidth: a leaky bucket (GCRA) in one word, for several goroutines without a lock.
type allowance struct {
	nanosPerByte int64
	due          atomic.Int64 // when what was taken is paid off, in ns on the caller's clock
}

// allowanceBurst is how much may be taken at once, in time at the full rate: a keyframe of a good picture is well below it.
const allowanceBurst = 500 * time.Millisecond

func newAllowance(bitrate int) *allowance {
	return &allowance{nanosPerByte: max(1, int64(8*time.Second)/int64(bitrate))}
}

// take tells whether n bytes may pass at a time, and counts them if so.
func (a *allowance) take(n int, now int64) bool {
	for {
		due := a.due.Load()
		next := max(due, now) + int64(n)*a.nanosPerByte
		if next-now > int64(allowanceBurst) {
			return false
		}
		if a.due.CompareAndSwap(due, next) {
			return true
		}
	}
}
