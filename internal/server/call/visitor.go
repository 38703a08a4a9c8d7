package call

import (
	"slices"
	"time"
)

type (
	visitorGoneReason string
	ringEndReason     string
)

const (
	visitorAccepted visitorGoneReason = "accepted"
	visitorDeclined visitorGoneReason = "declined"
	visitorMissed   visitorGoneReason = "missed"
	visitorLeft     visitorGoneReason = "left"

	ringLeft   ringEndReason = "left"
	ringMissed ringEndReason = "missed"
)

// visitor is somebody who has opened the link and has not decided yet.
type visitor struct {
	handle   handle
	id, name string
	// member is who they would be in the call.
	member string
	role   string
	// ringing lasts until the moment named; unanswered tells that it once passed.
	ringing    bool
	until      time.Time
	unanswered bool
	away       time.Time
}

func (v *visitor) info() visitorInfo { return visitorInfo{ID: v.id, Name: v.name, Ringing: v.ringing} }

// goneReason is why somebody is no visitor any more who went without a word.
func (v *visitor) goneReason() visitorGoneReason {
	if v.unanswered {
		return visitorMissed
	}
	return visitorLeft
}

func (c *call) visitor(h handle) *visitor {
	for _, v := range c.visitors {
		if v.handle == h {
			return v
		}
	}
	return nil
}

func (c *call) visitorInfos() []visitorInfo {
	all := make([]visitorInfo, 0, len(c.visitors))
	for _, v := range c.visitors {
		all = append(all, v.info())
	}
	return all
}

// visit lets somebody wait at the door. Whoever waited under the same id is replaced.
func (c *call) visit(now time.Time, p person) *refusal {
	v := &visitor{handle: p.handle, id: "v-" + p.id, name: p.name, member: p.id, role: p.role}
	if i := slices.IndexFunc(c.visitors, func(old *visitor) bool { return old.id == v.id }); i >= 0 {
		c.end(c.visitors[i].handle, errReplaced)
		c.visitors = slices.Delete(c.visitors, i, i+1)
	}
	if len(c.visitors) >= maxVisitors {
		return errFull
	}
	c.visitors = append(c.visitors, v)
	if len(c.members) == 0 {
		return nil
	}
	c.startRinging(now, v, c.members[0])
	return nil
}

// ring rings a visitor in a member's name.
func (c *call) ring(now time.Time, h handle, to string) *refusal {
	m := c.member(h)
	if m == nil {
		return errVisiting
	}
	for _, v := range c.visitors {
		if v.id == to {
			c.startRinging(now, v, m)
			return nil
		}
	}
	return errNoVisitor
}

// ringWaiting rings those who came before anybody was there.
func (c *call) ringWaiting(now time.Time, m *member) {
	for _, v := range c.visitors {
		if !v.ringing && !v.unanswered {
			c.startRinging(now, v, m)
		}
	}
}

func (c *call) startRinging(now time.Time, v *visitor, from *member) {
	v.ringing, v.until = true, now.Add(ringFor)
	c.tell(v.handle, &ringMessage{head{Type: "ring"}, from.id, from.name})
	c.announceVisitor(v)
}

// missed ends the ringing of somebody who did not answer.
func (c *call) missed(v *visitor) {
	v.ringing, v.unanswered = false, true
	c.tell(v.handle, &ringEndMessage{head{Type: "ringEnd"}, ringMissed})
	c.announceVisitor(v)
}

// stopRinging is for when nobody waits any more: whoever comes next rings again.
func (c *call) stopRinging() {
	for _, v := range c.visitors {
		if v.ringing {
			c.tell(v.handle, &ringEndMessage{head{Type: "ringEnd"}, ringLeft})
		}
		v.ringing, v.unanswered = false, false
	}
}

func (c *call) announceVisitor(v *visitor) {
	c.tellOthers(0, func() message { return &visitorMessage{head{Type: "visitor"}, v.info()} })
}

// accept makes a visitor a member, on the same session.
func (c *call) accept(now time.Time, h handle, name string, rooms bool) *refusal {
	v := c.visitor(h)
	if v == nil {
		return malformed("only a visitor accepts")
	}
	p := person{handle: h, id: v.member, name: name, role: v.role, rooms: rooms}
	if p.name == "" {
		p.name = v.name
	}
	if !c.hasPlace(p) {
		return errFull
	}
	c.forgetVisitor(v, visitorAccepted, "")
	return c.join(now, p)
}

// decline sends a visitor away by their own wish, with a text for those who wait. A name is told before, so that they know
// who it was.
func (c *call) decline(h handle, name, text string) *refusal {
	v := c.visitor(h)
	if v == nil {
		return malformed("only a visitor declines")
	}
	if name != "" && name != v.name {
		v.name = name
		c.announceVisitor(v)
	}
	c.end(h, nil)
	c.forgetVisitor(v, visitorDeclined, text)
	return nil
}

// forgetVisitor takes a visitor off the list.
func (c *call) forgetVisitor(v *visitor, reason visitorGoneReason, text string) {
	c.visitors = slices.DeleteFunc(c.visitors, func(other *visitor) bool { return other == v })
	c.tellOthers(v.handle, func() message {
		return &visitorGoneMessage{head{Type: "visitorGone"}, v.id, reason, text}
	})
}
