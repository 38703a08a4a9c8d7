package studio

import (
	"cmp"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/room"
)

// lastNInterval is how often it is looked whose cameras a subscriber gets who may have only so many.
const lastNInterval = 500 * time.Millisecond

// capPictures gives each subscriber no more than so many cameras: those it has pinned, then those of who spoke last, then those
// it has already. Screens are not counted, nor what the subscriber itself has paused. The caller holds the lock.
func (s *Studio) capPictures(now time.Duration) {
	n := s.house.lastN
	if n == 0 || s.cappedAt != 0 && now-s.cappedAt < lastNInterval {
		return
	}
	s.cappedAt = now
	wanted := map[*Participant][]*Subscription{}
	spoke := map[*Subscription]time.Duration{}
	for _, entry := range s.tracks {
		if entry.pub.Source != room.Camera {
			continue
		}
		for sub := range entry.subscribers {
			if !sub.wish.paused {
				wanted[sub.participant] = append(wanted[sub.participant], sub)
				spoke[sub] = s.speakers.SpokeLast(entry.identity)
			}
		}
	}
	for _, subs := range wanted {
		slices.SortFunc(subs, func(a, b *Subscription) int {
			switch {
			case a.pinned != b.pinned:
				return cmp.Compare(order(b.pinned), order(a.pinned))
			case spoke[a] != spoke[b]:
				return cmp.Compare(spoke[b], spoke[a])
			case a.wish.capped != b.wish.capped:
				return cmp.Compare(order(a.wish.capped), order(b.wish.capped))
			}
			return cmp.Compare(a.trackSID, b.trackSID)
		})
		for i, sub := range subs {
			sub.cap(i >= n)
		}
	}
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
