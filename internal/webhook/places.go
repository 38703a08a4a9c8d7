package webhook

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// maxReviews is how many messages are looked at at a time; of these a room has half at most, an address a quarter.
	maxReviews        = 64
	reviewsPerRoom    = maxReviews / 2
	reviewsPerAddress = maxReviews / 4
	// maxWaits is how many wait for that, of all, of a room and of an address; once half of all wait, of a room few.
	maxWaits      = 512
	waitsPerShare = 64
	waitsPerRoom  = 8
	placeWithin   = time.Second // how long they do
)

// places are for messages that are looked at. Those who wait for one get it by turns: of the room that has the fewest who came first. So however many
// messages some rooms have, those of another wait for few. The zero value has none taken.
type places struct {
	mu        sync.Mutex
	taken     int
	waiting   []*waiter // in the order in which they came
	rooms     map[string]share
	addresses map[netip.Prefix]share
}

// share is what a room or an address has of the places.
type share struct{ taken, waits int }

type waiter struct {
	room    string
	address netip.Prefix // invalid where it is not known, and not bounded then
	has     chan bool    // gets one: whether there is a place for it, or it lost its turn
}

func newWaiter(roomName string, address netip.Prefix) *waiter {
	return &waiter{roomName, address, make(chan bool, 1)}
}

// take waits for a place, which leave gives back; it is false where there is none in time.
func (p *places) take(roomName string, address netip.Prefix) (leave func(), ok bool) {
	w := newWaiter(roomName, address)
	if !p.join(w) {
		return nil, false
	}
	patience := time.NewTimer(placeWithin)
	defer patience.Stop()
	select {
	case ok = <-w.has:
	case <-patience.C:
		if p.giveUp(w) {
			return nil, false
		}
		ok = <-w.has
	}
	if !ok {
		return nil, false
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.taken--
		p.count(w, -1, 0)
		p.seat()
	}, true
}

// join has somebody wait, unless too many do. Where all who may wait do, the first of a room takes the turn of the last of the room that has the most.
func (p *places) join(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	most := waitsPerShare
	if len(p.waiting) >= maxWaits/2 {
		most = waitsPerRoom
	}
	if p.rooms[w.room].waits >= most || w.address.IsValid() && p.addresses[w.address].waits >= waitsPerShare {
		return false
	}
	if len(p.waiting) >= maxWaits && (p.rooms[w.room].waits > 0 || !p.displace()) {
		return false
	}
	p.waiting = append(p.waiting, w)
	p.count(w, 0, 1)
	p.seat()
	return true
}

// displace takes the turn of the last of the room that has the most who wait, unless each has one. The caller holds the lock.
func (p *places) displace() bool {
	last := 0
	for i, w := range p.waiting {
		if p.rooms[w.room].waits >= p.rooms[p.waiting[last].room].waits {
			last = i
		}
	}
	w := p.waiting[last]
	if p.rooms[w.room].waits < 2 {
		return false
	}
	p.waiting = slices.Delete(p.waiting, last, last+1)
	p.count(w, 0, -1)
	w.has <- false
	return true
}

// giveUp tells whether somebody still waited, and does no more.
func (p *places) giveUp(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.waiting, w)
	if i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		p.count(w, 0, -1)
	}
	return i >= 0
}

// seat gives the places that are free to those who wait. The caller holds the lock.
func (p *places) seat() {
	for p.taken < maxReviews {
		next := -1
		for i, w := range p.waiting {
			has := p.rooms[w.room].taken
			if has < reviewsPerRoom && p.addresses[w.address].taken < reviewsPerAddress && (next < 0 || has < p.rooms[p.waiting[next].room].taken) {
				next = i
			}
		}
		if next < 0 {
			return
		}
		w := p.waiting[next]
		p.waiting = slices.Delete(p.waiting, next, next+1)
		p.taken++
		p.count(w, 1, -1)
		w.has <- true
	}
}

// count changes what the room and the address of somebody have. The caller holds the lock.
func (p *places) count(w *waiter, taken, waits int) {
	if p.rooms == nil {
		p.rooms, p.addresses = map[string]share{}, map[netip.Prefix]share{}
	}
	add(p.rooms, w.room, taken, waits)
	if w.address.IsValid() {
		add(p.addresses, w.address, taken, waits)
	}
}

func add[K comparable](shares map[K]share, of K, taken, waits int) {
	s := shares[of]
	s.taken, s.waits = s.taken+taken, s.waits+waits
	shares[of] = s
	if s == (share{}) {
		delete(shares, of)
	}
}
