package audience

import (
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"github.com/tuttilive/tutti/internal/limit"
)

// addresses limits how many connections one address has, and how often it opens one: all within half a minute or so. The zero limit
// bounds nothing.
type addresses struct {
	often, ask limit.Rate
	rates      limit.Rates
	open       limit.Places
}

func newAddresses(most int) *addresses {
	return &addresses{
		often: limit.Rate{Name: "audience", PerSecond: max(rate.Limit(most)/20, 1), Burst: max(most/2, 1)},
		ask:   limit.Rate{Name: "audience-ask", PerSecond: max(rate.Limit(most)/10, 2), Burst: max(most, 1)},
		open:  limit.Places{Most: most},
	}
}

// enter counts a new connection, which leave counts off in any case, and tells whether it may stay.
func (a *addresses) enter(now time.Time, who netip.Prefix) bool {
	place := a.open.Enter(who)
	return a.open.Most == 0 || place && a.rates.AllowAt(a.often, who, now)
}

// mayAsk counts a request for a WebSocket, on which it could be told that it is too often.
func (a *addresses) mayAsk(now time.Time, who netip.Prefix) bool {
	return a.open.Most == 0 || a.rates.AllowAt(a.ask, who, now)
}

func (a *addresses) leave(who netip.Prefix) { a.open.Leave(who) }
