package call

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tuttilive/tutti/internal/limit"
)

// What one connection may send in the mean, and at once.
const (
	messagesPerSecond = 50
	messageBurst      = 200
	bytesPerSecond    = 256 << 10
	byteBurst         = 1 << 20
	// What everybody hears of comes less often: who is away for a while must not find more than is kept for them.
	newsPerSecond = 5
	newsBurst     = 50
	// maxMalformed messages are borne with.
	maxMalformed = 10
)

// flow limits what comes in on one connection. It belongs to its reader.
type flow struct{ messages, bytes, news *rate.Limiter }

func newFlow() flow {
	return flow{
		rate.NewLimiter(messagesPerSecond, messageBurst), rate.NewLimiter(bytesPerSecond, byteBurst),
		rate.NewLimiter(newsPerSecond, newsBurst),
	}
}

// allow counts a message of some bytes.
func (f flow) allow(now time.Time, size int) bool {
	return f.messages.AllowN(now, 1) && f.bytes.AllowN(now, size)
}

// allowNews counts a message if it is of a kind that others hear of.
func (f flow) allowNews(now time.Time, kind string) bool {
	switch kind {
	case "state", "arrived", "ring", "viaRoom", "viaDirect":
		return f.news.AllowN(now, 1)
	}
	return true
}

// perAddressAsk is how often one address may even ask for a WebSocket on which it could be told that it is too often.
var perAddressAsk = limit.Rate{Name: "call-ask", PerSecond: 10, Burst: 300}

// perAddressConnect is how often one address may connect: a school or an office may be one.
var perAddressConnect = limit.Rate{Name: "call", PerSecond: 5, Burst: 100}

// addresses limits how many connections one address has, and how often it opens one.
type addresses struct {
	most       int
	often, ask limit.Rate
	rates      limit.Rates

	mu   sync.Mutex
	open map[netip.Prefix]int
}

func newAddresses() *addresses {
	return &addresses{most: 500, often: perAddressConnect, ask: perAddressAsk, open: map[netip.Prefix]int{}}
}

// enter counts a new connection; if it is let in, leave must follow.
func (a *addresses) enter(now time.Time, who netip.Prefix) bool {
	if !a.rates.AllowAt(a.often, who, now) {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open[who] >= a.most {
		return false
	}
	a.open[who]++
	return true
}

// mayAsk counts a request for a WebSocket.
func (a *addresses) mayAsk(now time.Time, who netip.Prefix) bool {
	return a.rates.AllowAt(a.ask, who, now)
}

func (a *addresses) leave(who netip.Prefix) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open[who]--; a.open[who] <= 0 {
		delete(a.open, who)
	}
}
