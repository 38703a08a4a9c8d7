package call

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// view is what one client knows of a call from nothing but its welcome and the messages after it.
type view struct {
	members  map[string]memberInfo
	visitors map[string]visitorInfo // nil for visitors
	path     pathInfo
	ended    bool
}

// model is a call with a view for each person, compared after each step.
type model struct {
	t     *testing.T
	call  *call
	now   time.Time
	last  handle
	views map[handle]*view
	ids   map[handle]int
}

func (m *model) listen() {
	for _, e := range m.call.take() {
		v := m.views[e.to]
		if v == nil || v.ended {
			m.t.Fatalf("%d hears %+v, who is not there", e.to, e)
		}
		switch msg := e.message.(type) {
		case nil:
			v.ended = true
			delete(m.views, e.to)
		case *memberMessage:
			v.members[msg.Member.ID] = msg.Member
		case *goneMessage:
			if _, there := v.members[msg.ID]; !there {
				m.t.Fatalf("%d hears that %s has gone, who was not there", e.to, msg.ID)
			}
			delete(v.members, msg.ID)
		case *visitorMessage:
			v.visitors[msg.Visitor.ID] = msg.Visitor
		case *visitorGoneMessage:
			if _, there := v.visitors[msg.ID]; !there {
				m.t.Fatalf("%d hears that %s has gone, who was not there", e.to, msg.ID)
			}
			delete(v.visitors, msg.ID)
		case *pathMessage:
			if msg.Path.Kind != alone && msg.Path.Generation <= v.path.Generation {
				m.t.Fatalf("%d goes from %+v to %+v", e.to, v.path, msg.Path)
			}
			generation := max(v.path.Generation, msg.Path.Generation)
			v.path = msg.Path
			v.path.Generation = generation
		}
	}
}

// welcome gives somebody who came in the view that the welcome does.
func (m *model) welcome(h handle) {
	v := &view{members: map[string]memberInfo{}}
	for _, info := range m.call.memberInfos() {
		v.members[info.ID] = info
	}
	if mem := m.call.member(h); mem != nil {
		v.visitors = map[string]visitorInfo{}
		for _, info := range m.call.visitorInfos() {
			v.visitors[info.ID] = info
		}
		v.path = m.call.pathOf(mem)
	}
	m.views[h] = v
}

// check compares what everybody knows with what is.
func (m *model) check(step string) {
	c := m.call
	n := len(c.members)
	switch c.path.kind {
	case alone:
		if n > 1 {
			m.t.Fatalf("%s: %d members are alone", step, n)
		}
	case direct:
		if n != 2 || c.path.pair != [2]handle{c.members[0].handle, c.members[1].handle} {
			m.t.Fatalf("%s: %d members are direct, %v", step, n, c.path)
		}
	case viaRoom:
		for _, mem := range c.members {
			if !mem.rooms {
				m.t.Fatalf("%s: %s is in the room and cannot", step, mem.id)
			}
		}
		if n == 0 {
			m.t.Fatalf("%s: nobody is in the room", step)
		}
	}
	if n > maxMembers || len(c.visitors) > maxVisitors || len(m.views) != n+len(c.visitors) {
		m.t.Fatalf("%s: %d members, %d visitors, %d views", step, n, len(c.visitors), len(m.views))
	}
	if due := c.next(); !due.IsZero() && due.Before(m.now) {
		m.t.Fatalf("%s: what is due is late by %v", step, m.now.Sub(due))
	}
	for h, v := range m.views {
		self := c.member(h)
		know := maps.Clone(v.members)
		if self != nil {
			know[self.id] = self.info() // about oneself one is not told
		}
		if is := c.memberInfos(); len(is) != len(know) || slices.ContainsFunc(is, func(i memberInfo) bool { return know[i.ID] != i }) {
			m.t.Fatalf("%s: %d thinks of the members %v, who are %v", step, h, know, is)
		}
		if self == nil {
			continue
		}
		if is := c.visitorInfos(); len(is) != len(v.visitors) || slices.ContainsFunc(is, func(i visitorInfo) bool { return v.visitors[i.ID] != i }) {
			m.t.Fatalf("%s: %s thinks of the visitors %v, who are %v", step, self.id, v.visitors, is)
		}
		is := c.pathOf(self)
		if v.path.Kind != is.Kind || is.Kind != alone && (v.path.Generation != is.Generation || v.path.Peer != is.Peer || v.path.Reason != is.Reason) {
			m.t.Fatalf("%s: %s takes the path %+v, which is %+v", step, self.id, v.path, is)
		}
	}
}

// FuzzCall does anything in any order: nobody is told of more or less than what is.
func FuzzCall(f *testing.F) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 0))
		steps := make([]byte, 600)
		for i := range steps {
			steps[i] = byte(r.Uint32())
		}
		f.Add(steps)
	}
	f.Fuzz(func(t *testing.T, steps []byte) {
		m := &model{t: t, now: time.Unix(1_000_000, 0), views: map[handle]*view{}}
		m.call = newCall(rules{
			settle: 10 * time.Second, grace: 30 * time.Second,
			ticket: func(handle) (string, string) { return "wss://here", "ticket" },
		})
		for len(steps) >= 2 {
			m.step(steps[0], steps[1])
			steps = steps[2:]
		}
	})
}

func (m *model) step(what, who byte) {
	c := m.call
	id := fmt.Sprint("p", who%5)
	p := person{handle: m.last + 1, id: id, name: id, rooms: who%16 != 15}
	mem := func() handle {
		if len(c.members) == 0 {
			return 0
		}
		return c.members[int(who)%len(c.members)].handle
	}
	vis := func() handle {
		if len(c.visitors) == 0 {
			return 0
		}
		return c.visitors[int(who)%len(c.visitors)].handle
	}
	either := mem()
	if what >= 128 && vis() != 0 {
		either = vis()
	}
	step := fmt.Sprintf("%d by %s", what%14, id)
	switch what % 14 {
	case 0, 1:
		m.last++
		if c.join(m.now, p) == nil {
			m.welcome(p.handle)
		}
	case 2:
		m.last++
		if c.visit(m.now, p) == nil {
			m.welcome(p.handle)
		}
	case 3:
		c.leave(m.now, either, goneLeft, nil)
	case 4:
		c.drop(m.now, either)
	case 5:
		c.resume(either)
	case 6:
		if h := vis(); c.accept(m.now, h, "", p.rooms) == nil {
			m.listen()
			m.welcome(h)
		}
	case 7:
		c.decline(vis(), "", "")
	case 8:
		if v := c.visitor(vis()); v != nil {
			c.ring(m.now, mem(), v.id)
		}
	case 9:
		c.askRoom(m.now, mem(), c.path.generation, reasonWish)
	case 10:
		c.askDirect(m.now, mem())
	case 11:
		around := surroundings{limit: int(who % 8), live: who%32 == 31}
		for i := range who % 3 {
			around.participants = append(around.participants, fmt.Sprint("p", 3+i))
		}
		c.observe(m.now, around)
	case 12:
		c.setState(mem(), mediaState{Camera: who%2 == 0})
	case 13:
		m.now = m.now.Add(time.Duration(who) * 200 * time.Millisecond)
		c.advance(m.now)
	}
	m.listen()
	m.check(step)
}
