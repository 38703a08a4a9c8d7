package call

import (
	"slices"
	"time"
)

type goneReason string

const (
	goneLeft     goneReason = "left"
	goneLost     goneReason = "lost"
	goneReplaced goneReason = "replaced"
	goneRemoved  goneReason = "removed"
)

// person is who wants to come in.
type person struct {
	handle         handle
	id, name, role string
	// rooms tells that their client can take part in rooms.
	rooms bool
}

// member is somebody in the call.
type member struct {
	person
	state mediaState
	// away is since when their connection is broken, zero while it is not.
	away time.Time
}

func (m *member) info() memberInfo {
	return memberInfo{ID: m.id, Name: m.name, Present: m.away.IsZero(), Role: m.role, State: m.state}
}

func (c *call) member(h handle) *member {
	for _, m := range c.members {
		if m.handle == h {
			return m
		}
	}
	return nil
}

func (c *call) memberByID(id string) *member {
	for _, m := range c.members {
		if m.id == id {
			return m
		}
	}
	return nil
}

func (c *call) memberInfos() []memberInfo {
	all := make([]memberInfo, 0, len(c.members))
	for _, m := range c.members {
		all = append(all, m.info())
	}
	return all
}

// join makes somebody a member. Whoever was in under the same id is replaced.
func (c *call) join(now time.Time, p person) *refusal {
	if !c.hasPlace(p) {
		return errFull
	}
	c.entering = p.handle
	defer func() { c.entering = 0 }()
	if old := c.memberByID(p.id); old != nil {
		c.takeOut(old, goneReplaced, errReplaced)
	}
	m := &member{person: p}
	c.members = append(c.members, m)
	c.announce(m)
	c.settlePath(now)
	c.ringWaiting(now, m)
	return nil
}

// hasPlace tells whether somebody may come in: beside one other always, beside more if all can move into the room.
func (c *call) hasPlace(p person) bool {
	n, strangers, others := 1, 0, true
	for _, m := range c.members {
		if m.id != p.id {
			n++
			others = others && m.rooms
		}
	}
	for _, identity := range c.around.participants {
		if identity != p.id && c.memberByID(identity) == nil {
			strangers++
		}
	}
	switch inRoom := n > 2 || others && (strangers > 0 || c.around.live); {
	case n > maxMembers:
		return false
	case !inRoom:
		return true
	case !others || !p.rooms:
		return false
	}
	return c.around.limit == 0 || n+strangers <= c.around.limit
}

// setState takes note of what a member sends.
func (c *call) setState(h handle, s mediaState) *refusal {
	m := c.member(h)
	if m == nil {
		return errVisiting
	}
	if m.state != s {
		m.state = s
		c.announce(m)
	}
	return nil
}

// takeOut ends a member's session and tells the others. The path must be settled afterwards.
func (c *call) takeOut(m *member, reason goneReason, why *refusal) {
	if reason == goneRemoved {
		c.tell(m.handle, &goneMessage{head{Type: "gone"}, m.id, reason})
	}
	c.end(m.handle, why)
	c.members = slices.DeleteFunc(c.members, func(other *member) bool { return other == m })
	c.tellAll(m.handle, func() message { return &goneMessage{head{Type: "gone"}, m.id, reason} })
	if len(c.members) == 0 && c.entering == 0 {
		c.stopRinging()
	}
}

// announce tells everybody else how a member is now.
func (c *call) announce(m *member) {
	c.tellAll(m.handle, func() message { return &memberMessage{head{Type: "member"}, m.info()} })
}

// tellOthers tells all members but one.
func (c *call) tellOthers(but handle, make func() message) {
	for _, m := range c.members {
		if m.handle != but && m.handle != c.entering {
			c.tell(m.handle, make())
		}
	}
}

// tellAll tells all members and visitors but one.
func (c *call) tellAll(but handle, make func() message) {
	c.tellOthers(but, make)
	for _, v := range c.visitors {
		if v.handle != but {
			c.tell(v.handle, make())
		}
	}
}
