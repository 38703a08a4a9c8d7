// Package poll is what the people in a room are asked, and how they vote. It is pure state: time and identifiers are arguments.
package poll

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/tuttilive/tutti/internal/room/plain"
	"github.com/tuttilive/tutti/internal/room/refuse"
)

// Limits on polls.
const (
	MaxQuestionRunes = 200
	MinOptions       = 2
	MaxOptions       = 10
	MaxOptionRunes   = 80
	// MaxOpen polls take votes at a time, MaxKept are shown; the oldest closed one goes first.
	MaxOpen   = 3
	MaxKept   = 10
	MaxVoters = 200_000
)

// Why something is refused.
var (
	ErrQuestion = &refuse.Refusal{Code: "malformed", Message: fmt.Sprintf("a question has 1 to %d characters", MaxQuestionRunes)}
	ErrOptions  = &refuse.Refusal{Code: "malformed", Message: fmt.Sprintf("a poll has %d to %d different options of 1 to %d characters", MinOptions, MaxOptions, MaxOptionRunes)}
	ErrMany     = &refuse.Refusal{Code: "full", Message: fmt.Sprintf("at most %d polls are open at a time", MaxOpen)}
	ErrNoPoll   = &refuse.Refusal{Code: "not_found", Message: "no such poll"}
	ErrClosed   = &refuse.Refusal{Code: "closed", Message: "the poll is closed"}
	ErrChoices  = &refuse.Refusal{Code: "malformed", Message: "choices are indices of options, one or, where allowed, several"}
	ErrVoters   = &refuse.Refusal{Code: "full", Message: "no more votes are counted"}
)

// Option is one answer.
type Option struct {
	Text  string `json:"text"`
	Votes int    `json:"votes"`
}

// Poll is a question as it stands: a snapshot.
type Poll struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Question string    `json:"question"`
	Options  []Option  `json:"options"`
	Multiple bool      `json:"multiple"`
	Open     bool      `json:"open"`
	Voters   int       `json:"voters"`
}

// Polls are those of one room. The zero value has none. It belongs to one owner.
type Polls struct{ list []*state }

type state struct {
	Poll
	votes map[string]uint16 // by identity: a bit for each option
	// voters are those of whom nobody knows any more how they voted.
	voters int
}

func (s *state) snapshot() Poll {
	p := s.Poll
	p.Options, p.Voters = slices.Clone(s.Options), s.voters+len(s.votes)
	return p
}

// Open asks a question.
func (p *Polls) Open(id, question string, options []string, multiple bool, now time.Time) (Poll, error) {
	s := &state{Poll: Poll{ID: id, At: now, Question: plain.Line(question), Multiple: multiple, Open: true}, votes: map[string]uint16{}}
	if n := utf8.RuneCountInString(s.Question); n == 0 || n > MaxQuestionRunes {
		return Poll{}, ErrQuestion
	}
	if len(options) < MinOptions || len(options) > MaxOptions {
		return Poll{}, ErrOptions
	}
	for _, text := range options {
		text = plain.Line(text)
		same := func(o Option) bool { return o.Text == text }
		if n := utf8.RuneCountInString(text); n == 0 || n > MaxOptionRunes || slices.ContainsFunc(s.Options, same) {
			return Poll{}, ErrOptions
		}
		s.Options = append(s.Options, Option{Text: text})
	}
	open := 0
	for _, other := range p.list {
		if other.Open {
			open++
		}
	}
	if open >= MaxOpen {
		return Poll{}, ErrMany
	}
	if len(p.list) >= MaxKept {
		i := slices.IndexFunc(p.list, func(s *state) bool { return !s.Open })
		p.list = slices.Delete(p.list, i, i+1) // some is closed, as fewer may be open than are kept
	}
	p.list = append(p.list, s)
	return s.snapshot(), nil
}

func (p *Polls) find(id string) *state {
	for _, s := range p.list {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// Vote counts somebody's choice; a later one takes the place of an earlier one.
func (p *Polls) Vote(identity, id string, choices []int) (Poll, error) {
	s := p.find(id)
	switch {
	case s == nil:
		return Poll{}, ErrNoPoll
	case !s.Open:
		return Poll{}, ErrClosed
	case len(choices) == 0 || len(choices) > 1 && !s.Multiple || len(choices) > len(s.Options):
		return Poll{}, ErrChoices
	}
	var vote uint16
	for _, c := range choices {
		if c < 0 || c >= len(s.Options) || vote&(1<<c) != 0 {
			return Poll{}, ErrChoices
		}
		vote |= 1 << c
	}
	before, voted := s.votes[identity]
	if !voted && len(s.votes) >= MaxVoters {
		return Poll{}, ErrVoters
	}
	s.count(before, -1)
	s.count(vote, 1)
	s.votes[identity] = vote
	return s.snapshot(), nil
}

func (s *state) count(vote uint16, by int) {
	for i := range s.Options {
		if vote&(1<<i) != 0 {
			s.Options[i].Votes += by
		}
	}
}

// Close ends a poll; its result stays.
func (p *Polls) Close(id string) (Poll, error) {
	s := p.find(id)
	switch {
	case s == nil:
		return Poll{}, ErrNoPoll
	case !s.Open:
		return Poll{}, ErrClosed
	}
	s.Open = false
	s.voters, s.votes = s.voters+len(s.votes), nil // nobody votes any more: who voted how is not kept
	return s.snapshot(), nil
}

// All are the polls that are kept, oldest first.
func (p *Polls) All() []Poll {
	all := make([]Poll, 0, len(p.list))
	for _, s := range p.list {
		all = append(all, s.snapshot())
	}
	return all
}
