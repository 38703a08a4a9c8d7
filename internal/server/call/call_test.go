package call

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// play is a call in virtual time. People are named by one word, which is their id; what they hear is written down.
type play struct {
	t       *testing.T
	call    *call
	now     time.Time
	last    handle
	handles map[string]handle
	names   map[handle]string
	heard   []string
}

func newPlay(t *testing.T) *play {
	return &play{
		t: t, now: time.Unix(1_000_000, 0), handles: map[string]handle{}, names: map[handle]string{},
		call: newCall(rules{
			settle: 10 * time.Second, grace: 30 * time.Second,
			ticket: func(handle) (string, string) { return "wss://here", "ticket" },
		}),
	}
}

// person gives somebody a new handle; name may carry marks: "b-" has no rooms.
func (p *play) person(name string) person {
	p.last++
	id := strings.TrimSuffix(name, "-")
	if old, again := p.handles[id]; again {
		p.names[old] = "old " + id
	}
	p.handles[id], p.names[p.last] = p.last, id
	return person{handle: p.last, id: id, name: strings.ToUpper(id), role: "guest", rooms: id == name}
}

func (p *play) refused(who string, r *refusal) {
	p.listen()
	if r != nil {
		p.heard = append(p.heard, who+" refused "+string(r.code))
	}
}

func (p *play) join(name string) {
	who := p.person(name)
	r := p.call.join(p.now, who)
	p.refused(who.id, r)
	if r == nil {
		p.heard = append(p.heard, fmt.Sprintf("%s joined %s", who.id, p.path(p.call.pathOf(p.call.member(who.handle)))))
	}
}

func (p *play) visit(name string) { p.refused(name, p.call.visit(p.now, p.person(name))) }

func (p *play) leave(name string) { p.call.leave(p.now, p.handles[name], goneLeft, nil); p.listen() }
func (p *play) drop(name string)  { p.call.drop(p.now, p.handles[name]); p.listen() }
func (p *play) back(name string)  { p.call.resume(p.handles[name]); p.listen() }
func (p *play) around(identities ...string) {
	p.call.observe(p.now, surroundings{participants: identities, limit: p.call.around.limit})
	p.listen()
}
func (p *play) viaRoom(name string, why reason) {
	p.refused(name, p.call.askRoom(p.now, p.handles[name], p.call.path.generation, why))
}
func (p *play) viaDirect(name string) { p.refused(name, p.call.askDirect(p.now, p.handles[name])) }

// wait lets time pass, and lets happen what is due then and not before.
func (p *play) wait(seconds float64) {
	end := p.now.Add(time.Duration(seconds * float64(time.Second)))
	for {
		due := p.call.next()
		if due.IsZero() || due.After(end) {
			break
		}
		p.now = due
		p.call.advance(p.now)
		if again := p.call.next(); !again.IsZero() && !again.After(due) {
			p.t.Fatalf("what is due at %v is never done", due)
		}
		p.listen()
	}
	p.now = end
	p.call.advance(p.now)
	p.listen()
}

func (p *play) path(i pathInfo) string {
	switch i.Kind {
	case direct:
		return fmt.Sprintf("direct#%d %s polite:%v", i.Generation, i.Peer, *i.Polite)
	case viaRoom:
		return fmt.Sprintf("room#%d %s", i.Generation, i.Reason)
	}
	return string(i.Kind)
}

// listen writes down what people hear.
func (p *play) listen() {
	for _, e := range p.call.take() {
		said := "end"
		switch m := e.message.(type) {
		case nil:
			if e.why != nil {
				said += " " + string(e.why.code)
			}
		case *memberMessage:
			said = "member " + m.Member.ID
			if !m.Member.Present {
				said += " away"
			}
		case *goneMessage:
			said = fmt.Sprintf("gone %s %s", m.ID, m.Reason)
		case *visitorMessage:
			said = fmt.Sprintf("visitor %s ringing:%v", m.Visitor.ID, m.Visitor.Ringing)
		case *visitorGoneMessage:
			said = strings.TrimSpace(fmt.Sprintf("visitorGone %s %s %s", m.ID, m.Reason, m.Text))
		case *ringMessage:
			said = "ring " + m.From
		case *ringEndMessage:
			said = "ringEnd " + string(m.Reason)
		case *pathMessage:
			said = "path " + p.path(m.Path)
		case *arrivedMessage:
			said = fmt.Sprintf("arrived %s #%d", m.From, m.Generation)
		case *signalMessage:
			said = fmt.Sprintf("signal %s #%d", m.From, m.Generation)
		default:
			p.t.Fatalf("unknown message %T", m)
		}
		p.heard = append(p.heard, p.names[e.to]+" < "+said)
	}
}

// hears checks what was heard since it was last asked.
func (p *play) hears(want ...string) {
	p.t.Helper()
	if !slices.Equal(p.heard, want) {
		p.t.Fatalf("heard\n\t%s\nnot\n\t%s", strings.Join(p.heard, "\n\t"), strings.Join(want, "\n\t"))
	}
	p.heard = nil
}

func TestPath(t *testing.T) {
	for name, act := range map[string]func(p *play){
		"two meet and part": func(p *play) {
			p.join("a")
			p.hears("a joined alone")
			p.join("b")
			p.hears("a < member b", "a < path direct#1 b polite:false", "b joined direct#1 a polite:true")
			p.leave("a")
			p.hears("a < end", "b < gone a left", "b < path alone")
		},
		"a third moves all into the room, and two come back after ten seconds": func(p *play) {
			p.join("a")
			p.join("b")
			p.heard = nil
			p.join("c")
			p.hears("a < member c", "b < member c", "a < path room#2 people", "b < path room#2 people", "c joined room#2 people")
			p.join("d")
			p.hears("a < member d", "b < member d", "c < member d", "d joined room#2 people")
			p.leave("d")
			p.leave("b")
			p.heard = nil
			p.wait(9.9)
			p.hears()
			p.wait(0.1)
			p.hears("a < path direct#3 c polite:false", "c < path direct#3 a polite:true")
		},
		"who comes within the ten seconds keeps the room": func(p *play) {
			p.join("a")
			p.join("b")
			p.join("c")
			p.leave("c")
			p.wait(9)
			p.join("c")
			p.leave("c")
			p.heard = nil
			p.wait(9)
			p.hears()
			p.wait(1)
			p.hears("a < path direct#3 b polite:false", "b < path direct#3 a polite:true")
		},
		"one alone leaves the room path at once, and two who meet then are direct at once": func(p *play) {
			p.join("a")
			p.join("b")
			p.join("c")
			p.leave("c")
			p.leave("b")
			p.heard = nil
			p.join("d")
			p.hears("a < member d", "a < path direct#4 d polite:false", "d joined direct#4 a polite:true")
		},
		"a wish holds until somebody asks for the direct path": func(p *play) {
			p.join("a")
			p.join("b")
			p.heard = nil
			p.viaRoom("b", reasonNoPath)
			p.hears("a < path room#2 no_path", "b < path room#2 no_path")
			p.wait(100)
			p.hears()
			p.viaRoom("a", reasonWish)
			p.hears()
			p.viaDirect("a")
			p.hears("a < path direct#3 b polite:false", "b < path direct#3 a polite:true")
		},
		"a wish outlives a third who came and went": func(p *play) {
			p.join("a")
			p.join("b")
			p.viaRoom("b", reasonWish)
			p.join("c")
			p.leave("c")
			p.heard = nil
			p.wait(100)
			p.hears()
		},
		"a wish ends with another pair": func(p *play) {
			p.join("a")
			p.join("b")
			p.viaRoom("b", reasonWish)
			p.join("c")
			p.leave("b")
			p.heard = nil
			p.wait(10)
			p.hears("a < path direct#3 c polite:false", "c < path direct#3 a polite:true")
		},
		"a wish ends with the last of the two": func(p *play) {
			p.join("a")
			p.join("b")
			p.viaRoom("b", reasonWish)
			p.leave("b")
			p.heard = nil
			p.join("b")
			p.hears("a < member b", "a < path direct#4 b polite:false", "b joined direct#4 a polite:true")
		},
		"a wish of another generation is late": func(p *play) {
			p.join("a")
			p.join("b")
			p.heard = nil
			p.refused("a", p.call.askRoom(p.now, p.handles["a"], 7, reasonNoPath))
			p.hears()
		},
		"a wish cannot be granted without rooms": func(p *play) {
			p.join("a-")
			p.join("b")
			p.heard = nil
			p.viaRoom("b", reasonNoPath)
			p.hears("b refused no_room")
		},
		"going direct cannot be granted to three": func(p *play) {
			p.join("a")
			p.join("b")
			p.join("c")
			p.heard = nil
			p.viaDirect("a")
			p.hears()
		},
		"a stranger in the room": func(p *play) {
			p.join("a")
			p.around("s")
			p.hears("a joined alone", "a < path room#1 outside")
			p.join("b")
			p.hears("a < member b", "b joined room#1 outside")
			p.around("s", "a", "b")
			p.around("a", "b")
			p.wait(9)
			p.hears()
			p.around("a")
			p.wait(1)
			p.hears("a < path direct#2 b polite:false", "b < path direct#2 a polite:true")
		},
		"a stranger who turns out to be the one who comes": func(p *play) {
			p.join("a")
			p.heard = nil
			p.call.around = surroundings{participants: []string{"b"}}
			p.join("b")
			p.hears("a < member b", "a < path direct#1 b polite:false", "b joined direct#1 a polite:true")
		},
		"a room on the air": func(p *play) {
			p.join("a")
			p.join("b")
			p.heard = nil
			p.call.observe(p.now, surroundings{live: true})
			p.listen()
			p.hears("a < path room#2 outside", "b < path room#2 outside")
			p.viaDirect("a")
			p.hears()
		},
		"a stranger does not move who cannot use rooms": func(p *play) {
			p.join("a-")
			p.join("b")
			p.heard = nil
			p.around("s")
			p.hears()
		},
		"who reloads is a new peer on a new path": func(p *play) {
			p.join("a")
			p.join("b")
			p.heard = nil
			p.join("a")
			p.hears("old a < end replaced", "b < gone a replaced", "b < member a", "b < path direct#2 a polite:false", "a joined direct#2 b polite:true")
		},
		"who comes back with a client that cannot use rooms is direct at once": func(p *play) {
			p.join("a")
			p.join("b")
			p.viaRoom("b", reasonWish)
			p.heard = nil
			p.join("b-")
			p.hears("old b < end replaced", "a < gone b replaced", "a < member b", "a < path direct#3 b polite:false", "b joined direct#3 a polite:true")
		},
		"who reloads while three are in the room moves nobody": func(p *play) {
			p.join("a")
			p.join("b")
			p.join("c")
			p.heard = nil
			p.join("a")
			p.hears("old a < end replaced", "b < gone a replaced", "c < gone a replaced", "b < member a", "c < member a", "a joined room#2 people")
		},
	} {
		t.Run(name, func(t *testing.T) { act(newPlay(t)) })
	}
}

func TestPlaces(t *testing.T) {
	for name, act := range map[string]func(p *play){
		"a third who cannot use rooms": func(p *play) {
			p.join("a")
			p.join("b")
			p.heard = nil
			p.join("c-")
			p.hears("c refused full")
		},
		"a third with one who cannot use rooms": func(p *play) {
			p.join("a-")
			p.join("b")
			p.heard = nil
			p.join("c")
			p.hears("c refused full")
			p.join("a") // the same person comes back with a better client
			p.heard = nil
			p.join("c")
			p.hears("b < member c", "a < member c", "b < path room#3 people", "a < path room#3 people", "c joined room#3 people")
		},
		"who cannot use rooms where the call is in the room": func(p *play) {
			p.join("a")
			p.around("s")
			p.heard = nil
			p.join("b-")
			p.hears("b refused full")
		},
		"a room with a limit": func(p *play) {
			p.call.around.limit = 3
			p.join("a")
			p.join("b")
			p.join("c")
			p.heard = nil
			p.join("d")
			p.hears("d refused full")
			p.join("a")
			p.heard = p.heard[len(p.heard)-1:]
			p.hears("a joined room#2 people")
		},
		"strangers count towards the limit, and do not move two for whom there is no place": func(p *play) {
			p.call.around.limit = 3
			p.join("a")
			p.join("b")
			p.heard = nil
			p.around("s", "t")
			p.hears()
			p.join("c")
			p.hears("c refused full")
		},
		"fifty": func(p *play) {
			for i := range maxMembers {
				p.join(fmt.Sprint("m", i))
			}
			p.heard = nil
			p.join("x")
			p.hears("x refused full")
			if n := len(p.call.members); n != maxMembers {
				p.t.Fatalf("%d members", n)
			}
		},
		"ten visitors": func(p *play) {
			for i := range maxVisitors {
				p.visit(fmt.Sprint("m", i))
			}
			p.hears()
			p.visit("x")
			p.hears("x refused full")
			p.visit("m1")
			p.hears("old m1 < end replaced")
		},
		"a visitor for whom there is no place any more": func(p *play) {
			p.join("a")
			p.join("b-")
			p.visit("x")
			p.heard = nil
			p.refused("x", p.call.accept(p.now, p.handles["x"], "X", true))
			p.hears("x refused full")
			if len(p.call.visitors) != 1 {
				p.t.Fatal("the visitor is gone: the line dismisses them")
			}
		},
	} {
		t.Run(name, func(t *testing.T) { act(newPlay(t)) })
	}
}

func TestPresence(t *testing.T) {
	for name, act := range map[string]func(p *play){
		"back within the grace": func(p *play) {
			p.join("a")
			p.join("b")
			p.heard = nil
			p.drop("a")
			p.hears("b < member a away")
			p.wait(29.9)
			p.back("a")
			p.hears("b < member a")
			p.wait(100)
			p.hears()
		},
		"lost": func(p *play) {
			p.join("a")
			p.join("b")
			p.heard = nil
			p.drop("a")
			p.wait(29.9)
			p.hears("b < member a away")
			p.wait(0.1)
			p.hears("a < end expired", "b < gone a lost", "b < path alone")
		},
		"both lost": func(p *play) {
			p.join("a")
			p.join("b")
			p.drop("a")
			p.drop("b")
			p.wait(30)
			if !p.call.empty() || !p.call.next().IsZero() {
				p.t.Fatal("somebody is left")
			}
		},
		"removed": func(p *play) {
			p.join("a")
			p.join("b")
			p.heard = nil
			p.call.leave(p.now, p.handles["b"], goneRemoved, errRemoved)
			p.listen()
			p.hears("b < gone b removed", "b < end forbidden", "a < gone b removed", "a < path alone")
		},
		"what somebody sends": func(p *play) {
			p.join("a")
			p.join("b")
			p.heard = nil
			p.refused("a", p.call.setState(p.handles["a"], mediaState{Camera: true}))
			p.hears("b < member a")
			p.refused("a", p.call.setState(p.handles["a"], mediaState{Camera: true}))
			p.hears()
		},
		"arrived": func(p *play) {
			p.join("a")
			p.join("b")
			p.join("c")
			p.heard = nil
			p.refused("a", p.call.arrived(p.handles["a"], 2))
			p.hears("b < arrived a #2", "c < arrived a #2")
			p.refused("a", p.call.arrived(p.handles["a"], 1))
			p.hears()
		},
		"signals": func(p *play) {
			p.join("a")
			p.join("b")
			p.visit("x")
			p.heard = nil
			signal := func(from, to string, generation uint64) {
				p.refused(from, p.call.signal(p.handles[from], &signalRequest{To: to, Generation: generation}))
			}
			signal("a", "b", 1)
			p.hears("b < signal a #1")
			signal("a", "nobody", 1)
			p.hears("a refused unknown")
			signal("a", "a", 1)
			p.hears("a refused unknown")
			signal("a", "b", 2)
			p.hears()
			signal("x", "a", 1)
			p.hears("x refused malformed")
			p.viaRoom("a", reasonWish)
			p.heard = nil
			signal("a", "b", 2)
			p.hears()
		},
	} {
		t.Run(name, func(t *testing.T) { act(newPlay(t)) })
	}
}

func TestRinging(t *testing.T) {
	for name, act := range map[string]func(p *play){
		"accepted": func(p *play) {
			p.join("a")
			p.visit("x")
			p.hears("a joined alone", "x < ring a", "a < visitor v-x ringing:true")
			p.refused("x", p.call.accept(p.now, p.handles["x"], "X", true))
			p.hears("a < visitorGone v-x accepted", "a < member x", "a < path direct#1 x polite:false")
			p.wait(100)
			p.hears()
			p.refused("x", p.call.accept(p.now, p.handles["x"], "X", true))
			p.hears("x refused malformed")
		},
		"declined": func(p *play) {
			p.join("a")
			p.visit("x")
			p.heard = nil
			p.refused("x", p.call.decline(p.handles["x"], "", "later"))
			p.hears("x < end", "a < visitorGone v-x declined later")
			p.refused("a", p.call.decline(p.handles["a"], "", ""))
			p.hears("a refused malformed")
		},
		"missed, rung again, gone": func(p *play) {
			p.join("a")
			p.visit("x")
			p.heard = nil
			p.wait(59.9)
			p.hears()
			p.wait(0.1)
			p.hears("x < ringEnd missed", "a < visitor v-x ringing:false")
			p.join("b")
			p.heard = nil
			p.refused("b", p.call.ring(p.now, p.handles["b"], "v-x"))
			p.hears("x < ring b", "a < visitor v-x ringing:true", "b < visitor v-x ringing:true")
			p.leave("x")
			p.hears("x < end", "a < visitorGone v-x missed", "b < visitorGone v-x missed")
			p.refused("b", p.call.ring(p.now, p.handles["b"], "v-x"))
			p.hears("b refused unknown")
		},
		"nobody waits any more, and somebody comes anew": func(p *play) {
			p.join("a")
			p.visit("x")
			p.heard = nil
			p.leave("a")
			p.hears("a < end", "x < gone a left", "x < ringEnd left")
			p.join("b")
			p.hears("x < member b", "x < ring b", "b joined alone")
		},
		"whose host reloads is not rung twice": func(p *play) {
			p.join("a")
			p.visit("x")
			p.heard = nil
			p.join("a")
			p.hears("old a < end replaced", "x < gone a replaced", "x < member a", "a joined alone")
		},
		"before anybody is there": func(p *play) {
			p.visit("x")
			p.hears()
			p.join("a")
			p.hears("x < member a", "x < ring a", "a joined alone")
			if infos := p.call.visitorInfos(); len(infos) != 1 || !infos[0].Ringing {
				p.t.Fatalf("visitors %v", infos)
			}
		},
		"lost": func(p *play) {
			p.join("a")
			p.visit("x")
			p.heard = nil
			p.drop("x")
			p.wait(29)
			p.back("x")
			p.hears()
			p.drop("x")
			p.wait(30)
			p.hears("x < end expired", "a < visitorGone v-x left")
		},
	} {
		t.Run(name, func(t *testing.T) { act(newPlay(t)) })
	}
}
