package probe

import (
	"net/netip"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// kind is a kind of test.
type kind uint8

const (
	lookup kind = iota
	transfer
	socket
	session
	kinds
)

// Limits of the door. What one network may have is enough for a few people behind one address who test at once; what all
// may have together leaves most of a small machine's uplink to what it is there for.
const (
	requestsPerSecond = 4
	requestsBurst     = 60
	bytesPerMinute    = 192 << 20
	allBytesPerMinute = 1 << 30
	// maxNetworks bounds what is remembered.
	maxNetworks = 10_000
)

// atOnce are the tests of a kind that may be under way at the same time, of one network and of all.
var atOnce = [kinds]struct{ network, all int }{
	lookup: {16, 256}, transfer: {8, 64}, socket: {8, 256}, session: {8, 128},
}

// network is where a client comes from: its address, for IPv6 its /64, since that is what one client has.
type network = netip.Prefix

// bucket is an allowance that fills up steadily.
type bucket struct {
	left, capacity, perSecond float64
	at                        time.Time
}

// has fills the bucket up to now and tells whether so much is in it.
func (b *bucket) has(n float64, now time.Time) bool {
	b.left = min(b.capacity, b.left+max(0, now.Sub(b.at).Seconds())*b.perSecond)
	b.at = now
	return b.left >= n
}

// account is what one network does and may still do.
type account struct {
	requests, bytes bucket
	underWay        [kinds]int
}

func (a *account) idle() bool { return a.underWay == [kinds]int{} }

// ledger keeps the accounts.
type ledger struct {
	now func() time.Time

	mu       sync.Mutex
	accounts map[network]*account
	all      account
}

func newLedger(now func() time.Time) *ledger {
	l := &ledger{now: now, accounts: map[network]*account{}}
	l.all.bytes = bucket{allBytesPerMinute, allBytesPerMinute, allBytesPerMinute / 60, now()}
	return l
}

// account is a network's. It is nil when there are too many. The lock is held.
func (l *ledger) account(who network) *account {
	a := l.accounts[who]
	if a != nil {
		return a
	}
	if len(l.accounts) >= maxNetworks {
		for n, other := range l.accounts {
			if other.idle() {
				delete(l.accounts, n) // what all may have together still holds
			}
		}
		if len(l.accounts) >= maxNetworks {
			return nil
		}
	}
	now := l.now()
	a = &account{
		requests: bucket{requestsBurst, requestsBurst, requestsPerSecond, now},
		bytes:    bucket{bytesPerMinute, bytesPerMinute, bytesPerMinute / 60, now},
	}
	l.accounts[who] = a
	return a
}

// enter counts a test that begins. leave must be called once, at its end.
func (l *ledger) enter(who network, k kind) (leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.account(who)
	switch {
	case a == nil, l.all.underWay[k] >= atOnce[k].all:
		return nil, errFull
	case !a.requests.has(1, l.now()):
		return nil, refusal.TooOften
	case a.underWay[k] >= atOnce[k].network:
		return nil, errBusy
	}
	a.requests.left--
	a.underWay[k]++
	l.all.underWay[k]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		a.underWay[k]--
		l.all.underWay[k]--
	}, nil
}

// spend counts bytes that will be transferred. The network has a test under way.
func (l *ledger) spend(who network, bytes int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, n, now := l.account(who), float64(bytes), l.now()
	switch {
	case a == nil:
		return errFull
	case !a.bytes.has(n, now):
		return errSpent
	case !l.all.bytes.has(n, now):
		return errFull
	}
	a.bytes.left -= n
	l.all.bytes.left -= n
	return nil
}
