package call

import "time"

type pathKind string

const (
	alone   pathKind = "alone"
	direct  pathKind = "direct"
	viaRoom pathKind = "room"
)

// reason says why a call is on the room path.
type reason string

const (
	reasonPeople  reason = "people"
	reasonOutside reason = "outside"
	reasonNoPath  reason = "no_path"
	reasonWish    reason = "wish"
)

// path is how the members' media goes.
type path struct {
	kind       pathKind
	generation uint64
	// pair are the two of a direct path: the first came first, so the second is the polite one.
	pair   [2]handle
	reason reason
}

// wish is a member's request for the room, and the ids of the two whom it concerns.
type wish struct {
	reason reason
	pair   [2]string
}

// surroundings are what is known of the room of the same name.
type surroundings struct {
	// participants are the identities in it, hidden ones and ingests too.
	participants []string
	// live tells that it is on the air.
	live bool
	// limit is how many participants it may have, 0 for any number.
	limit int
}

// strangers counts who is in the room without being in the call.
func (c *call) strangers() int {
	n := 0
	for _, identity := range c.around.participants {
		if c.memberByID(identity) == nil {
			n++
		}
	}
	return n
}

// needsRoom tells that the room is where the call is heard, whoever is in it.
func (c *call) needsRoom() bool { return c.around.live || c.strangers() > 0 }

// mayMove tells whether all members can take part in the room.
func (c *call) mayMove() bool {
	for _, m := range c.members {
		if !m.rooms {
			return false
		}
	}
	return c.around.limit == 0 || len(c.members)+c.strangers() <= c.around.limit
}

// wanted is the path that the situation asks for, without its generation.
func (c *call) wanted() path {
	n := len(c.members)
	switch {
	case n > 2:
		return path{kind: viaRoom, reason: reasonPeople}
	case n > 0 && c.needsRoom() && c.mayMove():
		return path{kind: viaRoom, reason: reasonOutside}
	case n == 2 && c.wish.reason != "" && c.mayMove():
		return path{kind: viaRoom, reason: c.wish.reason}
	case n == 2:
		return path{kind: direct, pair: [2]handle{c.members[0].handle, c.members[1].handle}}
	}
	return path{kind: alone}
}

// settlePath follows the situation: at once, but that two who were on the room path stay there until they have been alone
// for a while, if both can.
func (c *call) settlePath(now time.Time) {
	if n := len(c.members); n < 2 || n == 2 && c.pairIDs() != c.wish.pair {
		c.wish = wish{}
	}
	want := c.wanted()
	if want.kind == viaRoom && c.path.kind == viaRoom || want.kind != viaRoom && want.kind == c.path.kind && want.pair == c.path.pair {
		c.back = time.Time{}
		return
	}
	if c.path.kind == viaRoom && want.kind == direct && c.mayMove() {
		if c.back.IsZero() {
			c.back = now.Add(c.rules.settle)
		}
		if now.Before(c.back) {
			return
		}
	}
	c.move(want)
}

// move takes all members to a path.
func (c *call) move(to path) {
	to.generation = c.path.generation + 1
	c.path, c.back = to, time.Time{}
	for _, m := range c.members {
		if m.handle != c.entering {
			c.tell(m.handle, &pathMessage{head{Type: "path"}, c.pathOf(m)})
		}
	}
}

// pathOf is the path as a member sees it.
func (c *call) pathOf(m *member) pathInfo {
	info := pathInfo{Kind: c.path.kind}
	switch c.path.kind {
	case direct:
		polite, other := false, c.path.pair[1]
		if m.handle == c.path.pair[1] {
			polite, other = true, c.path.pair[0]
		}
		info.Generation, info.Polite = c.path.generation, &polite
		if peer := c.member(other); peer != nil {
			info.Peer = peer.id
		}
	case viaRoom:
		info.Generation, info.Reason = c.path.generation, c.path.reason
		info.URL, info.Token = c.rules.ticket(m.handle)
	}
	return info
}

// pairIDs are the ids of two who are alone, in an order of their own.
func (c *call) pairIDs() [2]string {
	a, b := c.members[0].id, c.members[1].id
	if a > b {
		a, b = b, a
	}
	return [2]string{a, b}
}

// askRoom is a member's request to leave the direct path.
func (c *call) askRoom(now time.Time, h handle, generation uint64, why reason) *refusal {
	switch {
	case c.member(h) == nil:
		return errVisiting
	case c.path.kind != direct || generation != c.path.generation:
		return nil // the call has moved already
	case !c.mayMove():
		return errNoRoom
	}
	c.wish = wish{why, c.pairIDs()}
	c.settlePath(now)
	return nil
}

// askDirect is a member's request to try the direct path again, without waiting.
func (c *call) askDirect(now time.Time, h handle) *refusal {
	if c.member(h) == nil {
		return errVisiting
	}
	c.wish = wish{}
	if want := c.wanted(); c.path.kind == viaRoom && want.kind == direct {
		c.move(want)
	}
	return nil
}

// observe takes note of the room of the same name.
func (c *call) observe(now time.Time, around surroundings) {
	c.around = around
	c.settlePath(now)
}
