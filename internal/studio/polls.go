package studio

import (
	"crypto/rand"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/poll"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

func (s *Studio) openPoll(_ Actor, r talk.Request) talk.Reply {
	lines := []*string{&r.Question}
	for i := range r.Options {
		lines = append(lines, &r.Options[i])
	}
	if err := s.house.words.Fit(lines...); err != nil {
		return talk.Reply{Err: err}
	}
	p, err := s.gather().polls.Open(rand.Text()[:12], r.Question, r.Options, r.Multiple, time.Now())
	return s.tellPoll(p, err)
}

func (s *Studio) closePoll(_ Actor, r talk.Request) talk.Reply {
	p, err := s.gather().polls.Close(r.Poll)
	return s.tellPoll(p, err)
}

func (s *Studio) vote(a Actor, r talk.Request) talk.Reply {
	a, err := s.whose(a, r)
	if err != nil {
		return talk.Reply{Err: err}
	}
	c := s.gather()
	p, err := c.polls.Vote(a.Identity, r.Poll, r.Choices)
	if err == nil {
		s.keepLater(partTalk)
	}
	if err == nil && c.heard() { // an audience votes all at once
		c.pending.Add(talk.Poll{Poll: p})
		s.tellWithin(countEvery)
	}
	return talk.Reply{Err: err, Poll: p.ID}
}

// tellPoll tells everybody how a poll stands. The caller holds the lock.
func (s *Studio) tellPoll(p poll.Poll, err error) talk.Reply {
	if err != nil {
		return talk.Reply{Err: err}
	}
	s.keepLater(partTalk)
	s.tell(talk.Poll{Poll: p})
	s.tellWitnesses(room.PollChanged{Poll: p})
	return talk.Reply{Poll: p.ID}
}

// Polls are the room's, oldest first.
func (s *Studio) Polls() []poll.Poll {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gather().polls.All()
}
