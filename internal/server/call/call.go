package call

import (
	"slices"
	"time"
)

const (
	// maxMembers are in a call at most.
	maxMembers = 50
	// maxVisitors wait at most.
	maxVisitors = 10
	// ringFor is how long somebody is rung.
	ringFor = 60 * time.Second
)

// rules are what a call is told of the world.
type rules struct {
	// settle is how long two must have been alone on the room path; grace is how long the place is kept of somebody whose
	// connection broke.
	settle, grace time.Duration
	// ticket gives what a member needs to join the room.
	ticket func(handle) (url, token string)
}

// handle names one session in a call. Whoever comes in anew, though under the same id, has another one.
type handle uint64

// call is the state of one call: who is in it, who waits, and how their media goes. It is pure: what happens comes in by
// its methods, with the time; what people shall hear of it is collected as effects, in order. Its one owner is a line.
type call struct {
	rules    rules
	members  []*member // in order of coming
	visitors []*visitor
	around   surroundings
	path     path
	wish     wish
	// back is when two go back to the direct path, zero while they need not.
	back time.Time
	// entering is the one who is just coming in, and is told of everything by the welcome.
	entering handle
	effects  []effect
}

// effect is something that one person hears, or the end of their session.
type effect struct {
	to handle
	// message is nil at the end.
	message message
	// why is nil when the session ended by the person's own wish.
	why *refusal
}

func newCall(r rules) *call { return &call{rules: r, path: path{kind: alone}} }

func (c *call) tell(to handle, m message) { c.effects = append(c.effects, effect{to: to, message: m}) }

func (c *call) end(h handle, why *refusal) { c.effects = append(c.effects, effect{to: h, why: why}) }

// take gives the effects since it was last asked.
func (c *call) take() []effect {
	e := c.effects
	c.effects = nil
	return e
}

func (c *call) empty() bool { return len(c.members) == 0 && len(c.visitors) == 0 }

// drop takes note that somebody's connection broke.
func (c *call) drop(now time.Time, h handle) {
	if m := c.member(h); m != nil {
		m.away = now
		c.announce(m)
	}
	if v := c.visitor(h); v != nil {
		v.away = now
	}
}

// resume takes note that somebody is back on a new connection.
func (c *call) resume(h handle) {
	if m := c.member(h); m != nil && !m.away.IsZero() {
		m.away = time.Time{}
		c.announce(m)
	}
	if v := c.visitor(h); v != nil {
		v.away = time.Time{}
	}
}

// leave takes somebody out. why is what they are told, nil when it is their own wish.
func (c *call) leave(now time.Time, h handle, reason goneReason, why *refusal) {
	if m := c.member(h); m != nil {
		c.takeOut(m, reason, why)
		c.settlePath(now)
		return
	}
	if v := c.visitor(h); v != nil {
		c.end(h, why)
		c.forgetVisitor(v, v.goneReason(), "")
	}
}

// sessionsOf are those of somebody by the id that they have in the call or would have: as a member, as a visitor, or both.
func (c *call) sessionsOf(id string) (all []handle) {
	if m := c.memberByID(id); m != nil {
		all = append(all, m.handle)
	}
	for _, v := range c.visitors {
		if v.member == id {
			all = append(all, v.handle)
		}
	}
	return all
}

// advance does what is due.
func (c *call) advance(now time.Time) {
	for _, m := range slices.Clone(c.members) {
		if !m.away.IsZero() && !now.Before(m.away.Add(c.rules.grace)) {
			c.takeOut(m, goneLost, errSessionExpired)
		}
	}
	for _, v := range slices.Clone(c.visitors) {
		switch {
		case !v.away.IsZero() && !now.Before(v.away.Add(c.rules.grace)):
			c.end(v.handle, errSessionExpired)
			c.forgetVisitor(v, v.goneReason(), "")
		case v.ringing && !now.Before(v.until):
			c.missed(v)
		}
	}
	c.settlePath(now)
}

// next is when advance has something to do, zero when never.
func (c *call) next() time.Time {
	due := c.back
	sooner := func(t time.Time) {
		if due.IsZero() || t.Before(due) {
			due = t
		}
	}
	for _, m := range c.members {
		if !m.away.IsZero() {
			sooner(m.away.Add(c.rules.grace))
		}
	}
	for _, v := range c.visitors {
		if !v.away.IsZero() {
			sooner(v.away.Add(c.rules.grace))
		}
		if v.ringing {
			sooner(v.until)
		}
	}
	return due
}

// signal passes a description or candidate from one to the other of a direct path.
func (c *call) signal(h handle, r *signalRequest) *refusal {
	from := c.member(h)
	switch {
	case from == nil:
		return errVisiting
	case c.path.kind != direct || r.Generation != c.path.generation:
		return nil // the call has moved on
	}
	to := c.memberByID(r.To)
	if to == nil || to == from {
		return errNoMember
	}
	c.tell(to.handle, &signalMessage{head{Type: "signal"}, from.id, r.Generation, r.Description, r.Candidate})
	return nil
}

// arrived passes on that somebody's media goes by the new path.
func (c *call) arrived(h handle, generation uint64) *refusal {
	from := c.member(h)
	switch {
	case from == nil:
		return errVisiting
	case generation != c.path.generation:
		return nil
	}
	c.tellOthers(h, func() message { return &arrivedMessage{head{Type: "arrived"}, from.id, generation} })
	return nil
}

var errVisiting = malformed("this is for members of the call")
