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

// perAddressConnect is how often one address may connect: a school or an office may be one.
var perAddressConnect = limit.Rate{Name: "call", PerSecond: 5, Burst: 100}

// addresses limits how many connections one address has, and how often it opens one.
type addresses struct {
	most  int
	often limit.Rate
	rates limit.Rates

	mu   sync.Mutex
	open map[netip.Prefix]int
}

func newAddresses() *addresses {
	return &addresses{most: 500, often: perAddressConnect, open: map[netip.Prefix]int{}}
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

func (a *addresses) leave(who netip.Prefix) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open[who]--; a.open[who] <= 0 {
		delete(a.open, who)
	}
}
