package stage

import "time"

// Next is when Expire has something to do; zero for never.
func (s *Stage) Next() time.Time {
	var next time.Time
	earlier := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	if len(s.absences) > 0 {
		earlier(s.absences[0].since.Add(s.rules.Grace))
	}
	if len(s.invited) > 0 {
		earlier(s.invited[0].Until)
	}
	if s.adopts {
		return next
	}
	for _, list := range [][]Sanction{s.silenced, s.banned} {
		for _, x := range list {
			earlier(x.Until)
		}
	}
	return next
}

// Expire ends what has had its time.
func (s *Stage) Expire(now time.Time) []Happening {
	s.begin(now)
	for len(s.absences) > 0 && !s.absences[0].since.Add(s.rules.Grace).After(now) {
		a := s.absences[0]
		s.absences = s.absences[1:]
		p := s.people[a.identity]
		switch {
		case p == nil:
		case !p.here && p.away.Equal(a.since):
			s.forget(p, Gone)
		case p.off.Equal(a.since) && s.seatOf(a.identity) > 0 && !p.elsewhere:
			s.vacate(s.seatOf(a.identity), Gone, Person{})
		}
	}
	for len(s.invited) > 0 && !s.invited[0].Until.After(now) {
		s.uninviteFor(s.people[s.invited[0].Identity], Expired, Person{})
	}
	if !s.adopts {
		s.silenced = s.expireSanctions(s.silenced, Unsilenced)
		s.banned = s.expireSanctions(s.banned, Unbanned)
	}
	return s.end()
}

func (s *Stage) expireSanctions(list []Sanction, what What) []Sanction {
	kept := list[:0]
	for _, x := range list {
		if x.Until.IsZero() || x.Until.After(s.now) {
			kept = append(kept, x)
			continue
		}
		s.tell(Happening{What: what, Person: x.Person, Reason: Expired})
	}
	return kept
}
