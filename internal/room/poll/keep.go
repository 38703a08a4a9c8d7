package poll

import (
	"maps"
	"slices"
)

// MaxKeptVotes bounds whose votes are kept of one poll over a restart. A poll with more voters is closed by it: nobody could tell any
// more who has voted.
const MaxKeptVotes = 5000

// Kept is a poll that outlives a restart. Votes have a bit for each option.
type Kept struct {
	Poll
	Votes map[string]uint16 `json:"votes,omitempty"`
}

// Keep is what is to be kept of the polls. It shares nothing with them.
func (p *Polls) Keep() []Kept {
	var all []Kept
	for _, s := range p.list {
		k := Kept{Poll: s.snapshot()}
		switch {
		case !s.Open: // the result is enough
		case len(s.votes) > MaxKeptVotes:
			k.Open = false
		default:
			k.Votes = maps.Clone(s.votes)
		}
		all = append(all, k)
	}
	return all
}

// Restore makes polls of what was kept.
func Restore(kept []Kept) Polls {
	var p Polls
	for _, k := range kept[max(len(kept)-MaxKept, 0):] {
		s := &state{Poll: k.Poll, votes: map[string]uint16{}}
		s.Options, s.voters = slices.Clone(k.Options), k.Voters-len(k.Votes)
		maps.Copy(s.votes, k.Votes)
		p.list = append(p.list, s)
	}
	return p
}
