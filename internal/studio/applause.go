package studio

import (
	"crypto/rand"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/applause"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// maxLikes is how many taps one request may carry.
const maxLikes = 100

// What likes and gifts are worth in a contest with another room: a gift is worth what the application says, else freePoints.
const (
	likePoints = 1
	freePoints = 10
)

func giftPoints(g applause.Gift) int64 {
	if g.Value > 0 {
		return int64(g.Count) * int64(g.Value)
	}
	return int64(g.Count) * freePoints
}

var errGifts = &room.Refusal{Code: "not_allowed", Message: "gifts are given by the application here"}

func (s *Studio) like(a Actor, r talk.Request) talk.Reply {
	a, err := s.whose(a, r)
	if err != nil {
		return talk.Reply{Err: err}
	}
	n := max(r.Count, 1)
	added := s.gather().applause.Like(a.Identity, min(n, maxLikes), time.Now())
	if added < n {
		s.house.shed.Add("like", uint64(n-added))
	}
	if added > 0 {
		s.keepLater(partTalk)
		s.tellWithin(countEvery) // how many there are by then
		s.house.ScorePK(s.name, int64(added)*likePoints)
	}
	return talk.Reply{}
}

// gift is somebody's in the audience; what is paid for comes from the application.
func (s *Studio) gift(a Actor, r talk.Request) talk.Reply {
	if !a.App {
		if err := s.mayGive(a, r); err != nil {
			return talk.Reply{Err: err}
		}
	}
	from := a.person()
	return talk.Reply{Err: s.give(&from, applause.Gift{Name: r.Gift, Count: max(r.Count, 1), To: r.To}, a.App)}
}

// mayGive tells whether somebody in the audience may give a gift. Its name is text that everybody is told. The caller holds the lock.
func (s *Studio) mayGive(a Actor, r talk.Request) error {
	switch {
	case !s.givesGifts():
		return errGifts
	case s.stage.Silenced(a.Identity):
		return stage.ErrSilenced
	case r.To != "" && !s.stage.Knows(r.To):
		return stage.ErrNoPerson
	}
	return s.house.words.Takes(r.Gift)
}

// givesGifts tells whether the audience gives gifts by itself. The caller holds the lock.
func (s *Studio) givesGifts() bool { return s.scene.Has("gifts") }

// Give counts a gift that the application vouches for. from may be nil.
func (s *Studio) Give(from *talk.Person, g applause.Gift) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrNoRoom
	}
	return s.give(from, g, true)
}

// give counts a gift and tells of it. The caller holds the lock.
func (s *Studio) give(from *talk.Person, g applause.Gift, free bool) error {
	c, giver := s.gather(), ""
	if !free {
		giver = from.Identity
	}
	if err := c.applause.Give(giver, g, time.Now()); err != nil {
		return err
	}
	s.keepLater(partTalk)
	s.house.ScorePK(s.name, giftPoints(g))
	given := room.GiftGiven{ID: rand.Text()[:16], Gift: g, Total: c.applause.Given(g.Name)}
	if from != nil {
		given.By, given.ByName = from.Identity, from.Name
	}
	s.tell(talk.Gift{ID: given.ID, Gift: g.Name, Count: g.Count, Value: g.Value, From: from, To: g.To, Total: given.Total})
	s.tellWitnesses(given)
	return nil
}
