package rollcall

import (
	"slices"
	"time"
)

// Stay is how long somebody was in the room: First and Last are when they came and were seen last, Total is all the time between
// that they were there. Here tells that they are there now, Vouched that somebody vouches for them: others may be anybody, under any number of names.
type Stay struct {
	Identity, Name string
	First, Last    time.Time
	Total          time.Duration
	Here           bool
	Vouched        bool
}

// Attendance is the list of all who were in a room, of MaxPeople at most. The zero value is empty. It belongs to one owner, who serializes calls.
type Attendance struct {
	stays []Stay
	at    map[string]int
	of    [hereVouched + 1]int // how many there are of each worth
}

// Came notes that somebody is there, or has another name now. Where the list is full somebody makes place who is less to be missed, if there is one.
func (a *Attendance) Came(identity, name string, vouched bool, now time.Time) {
	i, ok := a.at[identity]
	if !ok {
		if i = a.place(vouched, now); i < 0 {
			return
		}
		a.at[identity] = i
		a.stays[i] = Stay{Identity: identity, First: now, Last: now}
		a.of[awayStranger]++
	}
	a.change(i, func(s *Stay) {
		*s = s.until(now)
		s.Name, s.Last, s.Here, s.Vouched = name, now, true, s.Vouched || vouched
	})
}

// change changes a stay, and follows what it is worth.
func (a *Attendance) change(i int, f func(*Stay)) {
	s := &a.stays[i]
	a.of[s.worth()]--
	f(s)
	a.of[s.worth()]++
}

// place makes place for somebody, -1 where there is none. A stranger gets that of a stranger who is away, others that of any stranger or of somebody
// who is away: of those who are missed the least, and of them who was there the shortest.
func (a *Attendance) place(vouched bool, now time.Time) int {
	if len(a.stays) < MaxPeople {
		if a.at == nil {
			a.at = map[string]int{}
		}
		a.stays = append(a.stays, Stay{})
		return len(a.stays) - 1
	}
	most := hereStranger
	if vouched {
		most = hereVouched
	}
	worth := 0
	for worth < most && a.of[worth] == 0 {
		worth++
	}
	if worth == most {
		return -1
	}
	least, shortest := -1, time.Duration(0)
	for i := range a.stays {
		if a.stays[i].worth() != worth {
			continue
		}
		if total := a.stays[i].until(now).Total; least < 0 || total < shortest {
			least, shortest = i, total
		}
	}
	delete(a.at, a.stays[least].Identity)
	a.of[worth]--
	return least
}

// How much somebody would be missed on the list. Nobody vouches for a stranger.
const (
	awayStranger = iota
	hereStranger
	awayVouched
	hereVouched
)

func (s *Stay) worth() int {
	switch {
	case s.Vouched && s.Here:
		return hereVouched
	case s.Vouched:
		return awayVouched
	case s.Here:
		return hereStranger
	}
	return awayStranger
}

// until is the stay as it is at a moment.
func (s Stay) until(now time.Time) Stay {
	if s.Here {
		s.Total += now.Sub(s.Last)
		s.Last = now
	}
	return s
}

// Went notes that somebody is not there any more.
func (a *Attendance) Went(identity string, now time.Time) {
	i, ok := a.at[identity]
	if !ok || !a.stays[i].Here {
		return
	}
	a.change(i, func(s *Stay) {
		*s = s.until(now)
		s.Here = false
	})
}

// List is everybody in the order in which they came first.
func (a *Attendance) List(now time.Time) []Stay {
	list := make([]Stay, len(a.stays))
	for i, s := range a.stays {
		list[i] = s.until(now)
	}
	slices.SortStableFunc(list, func(a, b Stay) int { return a.First.Compare(b.First) }) // a place may have been another's
	return list
}

// Restore is the list as it was told before a restart, when people were there until a moment later: who was there then is there no more until they
// come.
func Restore(list []Stay, until time.Time) Attendance {
	a := Attendance{at: map[string]int{}}
	for _, s := range list[:min(len(list), MaxPeople)] {
		if _, twice := a.at[s.Identity]; twice {
			continue
		}
		a.at[s.Identity] = len(a.stays)
		a.stays = append(a.stays, s)
		a.of[s.worth()]++
		if until.Before(s.Last) {
			until = s.Last
		}
		a.Went(s.Identity, until)
	}
	return a
}
