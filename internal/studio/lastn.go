package studio

import (
	"cmp"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/room"
)

// lastNInterval is how often it is looked whose cameras a subscriber gets who may have only so many.
const lastNInterval = 500 * time.Millisecond

// lastN is what is kept for giving each subscriber no more than so many cameras. It is guarded by the studio's lock.
type lastN struct {
	at time.Duration // of the last look
	// due tells that a subscription has come, gone, or is wanted otherwise. Else nobody's cameras change unless their order does.
	due bool
	// order are all cameras, of who spoke last first.
	order, spare []ranked
	choosers     []*Participant // scratch space
}

// ranked is a camera with the place of whose it is among all who have one: those who spoke last at the same time have the same.
type ranked struct {
	entry *published
	spoke time.Duration
	place int
}

// pick is a camera that a subscriber may get. What it is compared by is beside it: there are many, all over the memory.
type pick struct {
	sub            *Subscription
	place          int
	pinned, capped bool
}

// capPictures gives each subscriber no more than so many cameras: those it has pinned, then those of who spoke last, then those
// it has already. Screens are not counted, nor what the subscriber itself has paused. In a room of hundreds there are ten thousands of
// subscriptions: they are looked through only when there is a reason to, and once. The caller holds the lock.
func (s *Studio) capPictures(now time.Duration) {
	n, l := s.house.lastN, &s.lastN
	if n == 0 || l.at != 0 && now-l.at < lastNInterval {
		return
	}
	l.at = now
	if !s.orderCameras() && !l.due {
		return
	}
	l.due = false
	for _, c := range l.order {
		for sub := range c.entry.subscribers {
			if sub.wish.paused {
				continue
			}
			p := sub.participant
			if len(p.picks) == 0 {
				l.choosers = append(l.choosers, p)
			}
			p.pick(pick{sub, c.place, sub.pinned, sub.wish.capped}, n)
		}
	}
	for _, p := range l.choosers {
		for _, c := range p.picks {
			c.sub.cap(false)
		}
		clear(p.picks)
		p.picks = p.picks[:0]
	}
	clear(l.choosers)
	l.choosers = l.choosers[:0]
}

// orderCameras puts all cameras in the order that all subscribers share, and tells whether it is another one than before.
func (s *Studio) orderCameras() (changed bool) {
	l := &s.lastN
	now := l.spare[:0]
	for _, entry := range s.tracks {
		if entry.pub.Source == room.Camera {
			now = append(now, ranked{entry: entry, spoke: s.speakers.SpokeLast(entry.identity)})
		}
	}
	slices.SortFunc(now, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.spoke, a.spoke), cmp.Compare(a.entry.pub.SID, b.entry.pub.SID))
	})
	for i := 1; i < len(now); i++ {
		now[i].place = now[i-1].place
		if now[i].spoke != now[i-1].spoke {
			now[i].place = i
		}
	}
	changed = !slices.EqualFunc(now, l.order, func(a, b ranked) bool { return a.entry == b.entry && a.place == b.place })
	l.order, l.spare = now, l.order
	clear(l.spare)
	return changed
}

// pick takes a camera among the first n, and leaves out the one that is not among them for it.
func (p *Participant) pick(c pick, n int) {
	if len(p.picks) == n {
		last := p.picks[n-1]
		if c.compare(last) > 0 {
			c.sub.cap(true)
			return
		}
		last.sub.cap(true)
		p.picks = p.picks[:n-1]
	}
	at, _ := slices.BinarySearchFunc(p.picks, c, pick.compare)
	p.picks = slices.Insert(p.picks, at, c)
}

// compare puts first what a subscriber rather gets.
func (c pick) compare(other pick) int {
	switch {
	case c.pinned != other.pinned:
		return order(other.pinned) - order(c.pinned)
	case c.place != other.place:
		return c.place - other.place
	case c.capped != other.capped:
		return order(c.capped) - order(other.capped)
	}
	return cmp.Compare(c.sub.trackSID, other.sub.trackSID)
}

// cap leaves a picture out, or does not any more, and tells the subscriber as if the way did not carry it. The studio's lock is
// held.
func (s *Subscription) cap(capped bool) {
	if s.wish.capped == capped {
		return
	}
	s.wish.capped = capped
	s.sender.SetPaused(s.wish.paused || capped)
	s.tell(capped)
	if entry := s.participant.studio.tracks[s.trackSID]; entry != nil {
		entry.kick()
	}
}

func order(b bool) int {
	if b {
		return 1
	}
	return 0
}
