package stage

import (
	"maps"
	"slices"
	"time"
)

// AdoptDirectors has those direct who do so by another stage, as far as they are here, and nobody else, whatever they came with and whoever
// gave them an office here.
func (s *Stage) AdoptDirectors(directors map[string]bool, now time.Time) []Happening {
	s.begin(now)
	everybody := slices.Sorted(maps.Keys(s.people))
	for _, identity := range everybody {
		p := s.people[identity]
		p.Admin = directors[identity] && (p.Admin || p.here)
	}
	for _, identity := range slices.Clone(s.cohosts) {
		if !directors[identity] {
			s.cohosts = without(s.cohosts, identity)
			s.deposed(s.people[identity])
		}
	}
	if former := s.people[s.host]; former != nil && !directors[s.host] {
		s.host = ""
		s.deposed(former)
		s.succeed()
	}
	for _, identity := range everybody {
		if p := s.people[identity]; p.here {
			s.findHost(p)
		}
	}
	return s.end()
}

func (s *Stage) deposed(p *person) {
	s.tell(Happening{What: RoleChanged, Person: p.Person, Role: s.RoleOf(p.Identity), Reason: ByHost})
	s.dropMute(p)
}
