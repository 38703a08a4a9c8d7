package stage

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/room/refuse"
)

// walker does whatever bytes say to a stage, and looks after each step whether everything is still as it must be.
type walker struct {
	t     testing.TB
	bytes []byte
	s     *Stage
	now   time.Time
	told  model
	steps []string
}

func (w *walker) next(n int) int {
	if len(w.bytes) == 0 {
		return 0
	}
	b := int(w.bytes[0])
	w.bytes = w.bytes[1:]
	return b % n
}

var walkerRules = []Rules{
	{Seats: 3, Requests: true, Invitations: true},
	{Seats: 2, Requests: true, Claims: true, WaitingRoom: true, Lock: true},
	{WaitingRoom: true, Lock: true},
	{Seats: 2, Invitations: true, SeatArrivals: true, WaitingRoom: true, Lock: true},
}

func walk(t testing.TB, bytes []byte) {
	w := &walker{t: t, bytes: bytes, now: time.Unix(1_000_000, 0)}
	r := walkerRules[w.next(len(walkerRules))]
	r.Grace, r.Invitation = 30*time.Second, 60*time.Second
	w.s = New(r)
	w.told = newModel(r.Seats)
	all := Verbs()
	for len(w.bytes) > 0 {
		who := Person{Identity: fmt.Sprint("p", w.next(6)), Name: "n"}
		var happened []Happening
		switch what := w.next(8); what {
		case 0:
			how := Arrival{Admin: w.next(4) == 0, Participant: w.next(2) == 0, Speaker: w.next(4) != 0}
			w.note("%s comes %+v", who.Identity, how)
			var err error
			if happened, err = w.s.Come(who, how, w.now); err != nil && !isRefusal(err) {
				t.Fatal(err)
			}
		case 1:
			only := w.next(2) == 0
			w.note("%s goes %v", who.Identity, only)
			happened = w.s.Go(who.Identity, only, w.now)
		case 2:
			w.now = w.now.Add(time.Duration(w.next(40)) * time.Second)
			w.note("time %s", w.now)
			happened = w.s.Expire(w.now)
		case 3:
			happened = w.s.SetMedia(who.Identity, w.next(2) == 0, w.next(2) == 0, w.now)
		case 4:
			w.s.SetElsewhere(who.Identity, w.next(2) == 0, w.now)
		default:
			a := Action{Verb: all[w.next(len(all))], Identity: fmt.Sprint("p", w.next(7)), Seat: w.next(5), Name: "m", For: w.next(3) * 20}
			by := Actor{Person: who, Admin: w.next(6) == 0}
			w.note("%s (%v) %+v", who.Identity, by.Admin, a)
			before := w.s.Snapshot()
			var err error
			happened, err = w.s.Act(by, a, w.now)
			if err != nil {
				if !isRefusal(err) {
					t.Fatal(err)
				}
				if after := w.s.Snapshot(); !reflect.DeepEqual(before, after) || happened != nil {
					w.fail("what was refused (%v) changed the stage", err)
				}
			} else if len(happened) == 0 && !reflect.DeepEqual(before, w.s.Snapshot()) {
				w.fail("the stage changed and nothing is told")
			}
		}
		w.told.follow(happened)
		w.look()
	}
	w.restart()
	w.empty()
}

func isRefusal(err error) bool {
	var r *refuse.Refusal
	return errors.As(err, &r) && r.Code != "" && r.Message != ""
}

func (w *walker) note(format string, args ...any) {
	w.steps = append(w.steps, fmt.Sprintf(format, args...))
}

func (w *walker) fail(format string, args ...any) {
	w.t.Helper()
	for _, s := range w.steps[max(0, len(w.steps)-30):] {
		w.t.Log(s)
	}
	w.t.Fatalf("step %d: %s\n%+v", len(w.steps), fmt.Sprintf(format, args...), w.s.Snapshot())
}

// restart looks at what a restart of the server makes of the stage: all is as it was but who waits before the door, and who does not come
// back within the grace has nothing any more.
func (w *walker) restart() {
	was, back := modelOf(w.s.Snapshot()), Restore(w.s.rules, w.s.Keep(), w.now)
	is := modelOf(back.Snapshot())
	was.Waiting, was.muted, is.muted = nil, nil, nil
	if !reflect.DeepEqual(was, is) {
		w.fail("a restart makes of %+v\n%+v", was, is)
	}
	back.Expire(w.now.Add(w.s.rules.Grace))
	if left := back.Keep(); len(left.People) > 0 || left.Host != "" || len(left.Queue) > 0 {
		w.fail("nobody came back, and there is still %+v", left)
	}
}

// empty has everybody go, and sees that nothing stays.
func (w *walker) empty() {
	for identity := range w.s.people {
		w.told.follow(w.s.Go(identity, false, w.now))
	}
	for n := 0; !w.s.Next().IsZero(); n++ {
		if n > 1000 {
			w.fail("it never ends")
		}
		if next := w.s.Next(); next.After(w.now) {
			w.now = next
		}
		w.told.follow(w.s.Expire(w.now))
		w.look()
	}
	if s := w.s.Snapshot(); len(w.s.people) > 0 || s.Host != nil || len(s.Seated())+len(s.Cohosts)+s.QueueLength+len(s.Invitations)+s.WaitingLength > 0 {
		w.fail("somebody is left: %v", w.s.people)
	}
}

// look checks what must hold at any time.
func (w *walker) look() {
	s, snap := w.s, w.s.Snapshot()
	must := func(ok bool, what string, args ...any) {
		w.t.Helper()
		if !ok {
			w.fail(what, args...)
		}
	}
	seated := map[string]bool{}
	for _, who := range snap.Seated() {
		must(!seated[who.Identity], "%s has two seats", who.Identity)
		seated[who.Identity] = true
		must(who.Identity != s.host, "the host sits")
	}
	up := func(identity string) bool { return seated[identity] || identity == s.host }
	known := func(identity string) bool { return s.people[identity] != nil && !s.gates.waits(identity) }
	for i, r := range s.queue {
		must(known(r.Identity) && !up(r.Identity) && !s.Banned(r.Identity), "a request of %s stays", r.Identity)
		must(s.asked(r.Identity) == i, "%s asks twice", r.Identity)
	}
	for i, v := range s.invited {
		must(known(v.Identity) && !up(v.Identity) && !s.Banned(v.Identity), "an invitation of %s stays", v.Identity)
		must(s.invitation(v.Identity) == i && s.asked(v.Identity) < 0, "%s is invited twice, or asks too", v.Identity)
		must(v.Until.Sub(w.now) <= s.rules.Invitation && (i == 0 || !v.Until.Before(s.invited[i-1].Until)), "an invitation without an end")
	}
	must(s.host == "" || known(s.host) && !slices.Contains(s.cohosts, s.host), "the host is a co-host, or not there")
	for i, c := range s.cohosts {
		must(known(c) && slices.Index(s.cohosts, c) == i, "a co-host who is not there, or twice")
	}
	for identity, p := range s.people {
		must(p.Identity == identity && !s.Banned(identity), "%s is banned and here", identity)
		must(!p.muted || s.RoleOf(identity).OnStage() || len(s.seats) == 0, "%s is muted in the audience", identity)
		must(!p.Admin || !p.here || s.gates.waits(identity) || s.host != "", "an admin is here and nobody is the host")
		pending := func(since time.Time) bool { return slices.Contains(s.absences, absence{identity, since}) }
		must(p.here || pending(p.away), "%s is gone and stays", identity)
		must(!seated[identity] || p.Participant && p.off.IsZero() || p.elsewhere || pending(p.off), "%s sits, takes no part, and stays", identity)
	}
	for _, x := range s.gates.waiting {
		must(s.people[x.Identity] != nil && s.people[x.Identity].here && !up(x.Identity), "%s waits and is not there", x.Identity)
	}
	must(snap.QueueLength == len(snap.Queue) && snap.WaitingLength == len(snap.Waiting), "lengths")
	pub := snap.Public()
	must(pub.Queue == nil && pub.Waiting == nil && pub.Banned == nil && pub.Silenced == nil && pub.Invitations == nil, "what is for hosts is public")
	told, is := w.told, modelOf(snap)
	told.muted, is.muted = nil, nil
	if !reflect.DeepEqual(told, is) {
		w.fail("what was told leads elsewhere:\n%+v\nis\n%+v", told, is)
	}
}

// model is a stage as somebody knows it who only heard what happened.
type model struct {
	Seats            []string
	States           []State
	Host             string
	Cohosts          []string
	Asked, Invited   []string
	Waiting          []string
	Silenced, Banned []string
	Muted            []string // of those who sit
	Locked, Room     bool
	muted            map[string]bool
}

func newModel(seats int) model {
	m := model{muted: map[string]bool{}}
	for range seats {
		m.Seats, m.States = append(m.Seats, ""), append(m.States, Open)
	}
	return m
}

func modelOf(s Snapshot) model {
	m := newModel(0)
	m.Locked, m.Room = s.Locked, s.WaitingRoom
	for _, seat := range s.Seats {
		who := ""
		if seat.Who != nil {
			who = seat.Who.Identity
			if seat.Who.Muted {
				m.muted[who] = true
			}
		}
		m.Seats, m.States = append(m.Seats, who), append(m.States, seat.State)
	}
	if s.Host != nil {
		m.Host = s.Host.Identity
	}
	for _, p := range s.Cohosts {
		m.Cohosts = append(m.Cohosts, p.Identity)
	}
	for _, r := range s.Queue {
		m.Asked = append(m.Asked, r.Identity)
	}
	for _, i := range s.Invitations {
		m.Invited = append(m.Invited, i.Identity)
	}
	for _, x := range s.Waiting {
		m.Waiting = append(m.Waiting, x.Identity)
	}
	for _, x := range s.Silenced {
		m.Silenced = append(m.Silenced, x.Identity)
	}
	for _, x := range s.Banned {
		m.Banned = append(m.Banned, x.Identity)
	}
	m.settle()
	return m
}

// settle makes two models comparable.
func (m *model) settle() {
	m.Muted = nil
	for _, who := range m.Seats {
		if who != "" && m.muted[who] {
			m.Muted = append(m.Muted, who)
		}
	}
	m.muted = map[string]bool{}
	for _, who := range m.Muted {
		m.muted[who] = true
	}
	for _, list := range []*[]string{&m.Cohosts, &m.Asked, &m.Invited, &m.Waiting, &m.Silenced, &m.Banned} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
		if len(*list) == 0 {
			*list = nil
		}
	}
}

func (m *model) follow(happened []Happening) {
	for _, h := range happened {
		who := h.Person.Identity
		switch h.What {
		case RoleChanged:
			m.Cohosts = without(m.Cohosts, who)
			if m.Host == who {
				m.Host = ""
			}
			switch h.Role {
			case Host:
				m.Host = who
			case Cohost:
				m.Cohosts = append(m.Cohosts, who)
			}
		case HandRaised:
			m.Asked = append(m.Asked, who)
		case HandLowered:
			m.Asked = without(m.Asked, who)
		case InvitationMade:
			m.Invited = append(m.Invited, who)
		case InvitationEnded:
			m.Invited = without(m.Invited, who)
		case SeatTaken:
			m.Seats[h.Seat-1] = who
		case SeatLeft:
			m.Seats[h.Seat-1] = ""
		case SeatMoved:
			m.Seats[h.Seat-1], m.Seats[h.From-1] = m.Seats[h.From-1], m.Seats[h.Seat-1]
		case SeatLocked:
			m.States[h.Seat-1] = Locked
		case SeatUnlocked:
			m.States[h.Seat-1] = Open
		case SeatReserved:
			m.States[h.Seat-1] = Reserved
		case Muted:
			m.muted[who] = true
		case Unmuted:
			delete(m.muted, who)
		case Silenced:
			m.Silenced = append(m.Silenced, who)
		case Unsilenced:
			m.Silenced = without(m.Silenced, who)
		case Banned:
			m.Banned = append(m.Banned, who)
		case Unbanned:
			m.Banned = without(m.Banned, who)
		case Waits:
			m.Waiting = append(m.Waiting, who)
		case LetIn, TurnedAway:
			m.Waiting = without(m.Waiting, who)
		case RoomLocked, RoomUnlocked:
			m.Locked = h.What == RoomLocked
		case WaitingRoomOn, WaitingRoomOff:
			m.Room = h.What == WaitingRoomOn
		}
	}
	// Who is muted without a seat is not in the snapshot, but may sit down later: that is not forgotten here.
	muted := m.muted
	m.settle()
	for who := range muted {
		if m.Host == who || slices.Contains(m.Cohosts, who) {
			m.muted[who] = true
		}
	}
}

func TestAnythingMayHappen(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		bytes := make([]byte, 2500)
		for i := range bytes {
			bytes[i] = byte(r.Uint32())
		}
		bytes[0] = byte(seed)
		walk(t, bytes)
	}
}

func FuzzStage(f *testing.F) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 2))
		bytes := make([]byte, 200)
		for i := range bytes {
			bytes[i] = byte(r.Uint32())
		}
		f.Add(bytes)
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		if len(bytes) > 1<<14 {
			t.Skip()
		}
		walk(t, bytes)
	})
}
