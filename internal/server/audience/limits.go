package audience

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tuttilive/tutti/internal/limit"
)

// addresses limits how many connections one address has, and how often it opens one: all within half a minute or so. The zero limit
// bounds nothing.
type addresses struct {
	most       int
	often, ask limit.Rate
	rates      limit.Rates

	mu   sync.Mutex
	open map[netip.Prefix]int
}

func newAddresses(most int) *addresses {
	return &addresses{
		most:  most,
		often: limit.Rate{Name: "audience", PerSecond: max(rate.Limit(most)/20, 1), Burst: max(most/2, 1)},
		ask:   limit.Rate{Name: "audience-ask", PerSecond: max(rate.Limit(most)/10, 2), Burst: max(most, 1)},
		open:  map[netip.Prefix]int{},
	}
}

// enter counts a new connection, which leave counts off in any case, and tells whether it may stay.
func (a *addresses) enter(now time.Time, who netip.Prefix) bool {
	a.mu.Lock()
	a.open[who]++
	n := a.open[who]
	a.mu.Unlock()
	return a.most == 0 || n <= a.most && a.rates.AllowAt(a.often, who, now)
}

// mayAsk counts a request for a WebSocket, on which it could be told that it is too often.
func (a *addresses) mayAsk(now time.Time, who netip.Prefix) bool {
	return a.most == 0 || a.rates.AllowAt(a.ask, who, now)
}

func (a *addresses) leave(who netip.Prefix) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open[who]--; a.open[who] <= 0 {
		delete(a.open, who)
	}
}
