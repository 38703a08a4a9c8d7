package rollcall

import "time"

// Stay is how long somebody was in the room: First and Last are when they came and were seen last, Total is all the time between
// that they were there. Here tells that they are there now.
type Stay struct {
	Identity, Name string
	First, Last    time.Time
	Total          time.Duration
	Here           bool
}

// Attendance is the list of all who were in a room. The zero value is empty. It belongs to one owner, who serializes calls.
type Attendance struct {
	stays []Stay
	at    map[string]int
}

// Came notes that somebody is there, or has another name now. Beyond MaxPeople nobody is noted.
func (a *Attendance) Came(identity, name string, now time.Time) {
	i, ok := a.at[identity]
	switch {
	case !ok && len(a.stays) >= MaxPeople:
		return
	case !ok:
		if a.at == nil {
			a.at = map[string]int{}
		}
		i = len(a.stays)
		a.at[identity] = i
		a.stays = append(a.stays, Stay{Identity: identity, First: now, Last: now})
	}
	s := &a.stays[i]
	if s.Here {
		s.Total += now.Sub(s.Last)
	}
	s.Name, s.Last, s.Here = name, now, true
}

// Went notes that somebody is not there any more.
func (a *Attendance) Went(identity string, now time.Time) {
	i, ok := a.at[identity]
	if !ok || !a.stays[i].Here {
		return
	}
	s := &a.stays[i]
	s.Total += now.Sub(s.Last)
	s.Last, s.Here = now, false
}

// List is everybody in the order in which they came first.
func (a *Attendance) List(now time.Time) []Stay {
	list := make([]Stay, len(a.stays))
	for i, s := range a.stays {
		if s.Here {
			s.Total += now.Sub(s.Last)
			s.Last = now
		}
		list[i] = s
	}
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
		if until.Before(s.Last) {
			until = s.Last
		}
		a.Went(s.Identity, until)
	}
	return a
}
