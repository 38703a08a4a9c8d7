package stage

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func person1(identity string) Person { return Person{identity, strings.ToUpper(identity)} }

// show is a stage of three seats with a host, and a, b, c, d in the audience.
func show(t *testing.T, change func(*Rules)) *Stage {
	t.Helper()
	r := Rules{Seats: 3, Requests: true, Invitations: true, WaitingRoom: true, Lock: true, Grace: 30 * time.Second, Invitation: time.Minute}
	if change != nil {
		change(&r)
	}
	s := New(r)
	come(t, s, "host", Arrival{Admin: true, Participant: true, Speaker: true})
	for _, id := range []string{"a", "b", "c", "d"} {
		come(t, s, id, Arrival{})
	}
	return s
}

func come(t *testing.T, s *Stage, identity string, how Arrival) {
	t.Helper()
	if _, err := s.Come(person1(identity), how, noon); err != nil {
		t.Fatal(err)
	}
}

// do is "who verb whom seat": "host admit a 2".
func do(s *Stage, words string) (string, error) {
	var by, verb, about string
	var seat int
	fmt.Sscan(words+" - 0", &by, &verb, &about, &seat)
	actor := Actor{Person: person1(by), Admin: by == "app"}
	if about == "-" {
		about = ""
	}
	happened, err := s.Act(actor, Action{Verb: Verb(verb), Identity: about, Seat: seat, Note: "", For: 0}, noon)
	var told []string
	for _, h := range happened {
		line := string(h.What) + ":" + h.Person.Identity
		if h.Seat > 0 {
			line += fmt.Sprint("@", h.Seat)
		}
		told = append(told, line)
	}
	return strings.Join(told, " "), err
}

// play does several actions that must all succeed.
func play(t *testing.T, s *Stage, all ...string) {
	t.Helper()
	for _, words := range all {
		if _, err := do(s, words); err != nil {
			t.Fatalf("%s: %v", words, err)
		}
	}
}

func TestGoingUpAndDown(t *testing.T) {
	for _, c := range []struct {
		before string // actions that succeed, with ; between them
		act    string
		told   string
		err    error
	}{
		{"", "a raise - 2", "hand_raised:a@2", nil},
		{"", "a raise - 4", "", ErrNoSeat},
		{"a raise", "a raise", "", ErrAsked},
		{"a raise", "a lower", "hand_lowered:a", nil},
		{"", "a lower", "", ErrNotAsked},
		{"a raise", "host admit a", "hand_lowered:a seat_taken:a@1", nil},
		{"a raise - 3", "host admit a", "hand_lowered:a seat_taken:a@3", nil},
		{"a raise - 3", "host admit a 2", "hand_lowered:a seat_taken:a@2", nil},
		{"a raise - 1; b raise; host admit b 1", "host admit a", "hand_lowered:a seat_taken:a@2", nil},
		{"a raise; b raise; host admit b 1", "host admit a 1", "", ErrSeatTaken},
		{"", "host admit a", "", ErrNotAsked},
		{"a raise", "b admit a", "", ErrForbidden},
		{"a raise", "app admit a", "hand_lowered:a seat_taken:a@1", nil},
		{"a raise", "host refuse a", "hand_lowered:a", nil},
		{"", "nobody raise", "", ErrNoPerson},
		{"", "host raise", "", ErrOnStage},
		{"host invite a", "a accept", "invitation_ended:a seat_taken:a@1", nil},
		{"host invite a 3", "a accept", "invitation_ended:a seat_taken:a@3", nil},
		{"host invite a 3", "a raise", "invitation_ended:a seat_taken:a@3", nil},
		{"host invite a", "a decline", "invitation_ended:a", nil},
		{"host invite a", "host invite a", "", ErrInvited},
		{"host invite a", "host uninvite a", "invitation_ended:a", nil},
		{"", "host uninvite a", "", ErrNotInvited},
		{"", "a accept", "", ErrNotInvited},
		{"a raise", "host invite a", "hand_lowered:a seat_taken:a@1", nil},
		{"host invite a; a accept", "host invite a", "", ErrOnStage},
		{"host invite a; a accept", "a raise", "", ErrOnStage},
		{"host invite a; a accept", "a stepDown", "seat_left:a@1", nil},
		{"", "a stepDown", "", ErrNotSeated},
		{"host invite a; a accept", "host remove a", "seat_left:a@1", nil},
		{"host invite a; a accept", "b remove a", "", ErrForbidden},
		{"host invite a; a accept", "host move a 2", "seat_moved:a@2", nil},
		{"host invite a; a accept; host lockSeat - 2", "host move a 2", "", ErrSeatLocked},
		{"host invite a; a accept; host reserveSeat b 2", "host move a 2", "", ErrSeatReserved},
		{"host lockSeat - 1; host lockSeat - 2; host lockSeat - 3; a raise", "host admit a", "", ErrStageFull},
		{"host lockSeat - 1; a raise", "host admit a 1", "", ErrSeatLocked},
		{"host reserveSeat b 1; a raise", "host admit a", "hand_lowered:a seat_taken:a@2", nil},
		{"host reserveSeat b 1; a raise", "host admit a 1", "", ErrSeatReserved},
		{"host reserveSeat b 2; b raise", "host admit b", "hand_lowered:b seat_taken:b@2", nil},
		{"host invite a; a accept", "host reserveSeat b 1", "", ErrSeatTaken},
		{"host invite a; a accept", "host lockSeat - 1", "seat_locked:@1", nil},
		{"host lockSeat - 1", "host unlockSeat - 1", "seat_unlocked:@1", nil},
		{"host invite a; a accept", "host muteSeat a", "muted:a@1", nil},
		{"host invite a; a accept; host muteSeat a", "host unmuteSeat a", "unmuted:a@1", nil},
		{"host invite a; a accept; host muteSeat a", "a stepDown", "seat_left:a@1 unmuted:a", nil},
		{"", "host muteSeat a", "", ErrNotSeated},
		{"", "host promote a", "role_changed:a", nil},
		{"a raise", "host promote a", "hand_lowered:a role_changed:a", nil},
		{"host promote a", "host promote a", "", ErrOnStage},
		{"host promote a", "a promote b", "", ErrForbidden},
		{"host promote a", "a silence host", "", ErrForbidden},
		{"host promote a; host promote b", "a ban b", "", ErrForbidden},
		{"host promote a", "a ban b", "banned:b", nil},
		{"host promote a", "host demote a", "role_changed:a", nil},
		{"host promote a", "a raise", "seat_taken:a@1", nil},
		{"", "host demote a", "", ErrNotCohost},
		{"", "host silence a", "silenced:a", nil},
		{"host silence a", "host unsilence a", "unsilenced:a", nil},
		{"", "host unsilence a", "", ErrNotSilenced},
		{"host promote a; host silence a", "a unsilence a", "", ErrForbidden},
		{"host promote a; host promote b; host silence a", "b unsilence a", "", ErrForbidden},
		{"host promote a; host silence a", "host unsilence a", "unsilenced:a", nil},
		{"host promote a; host silence b", "a unsilence b", "unsilenced:b", nil},
		{"host promote a; host muteSeat a", "a unmuteSeat a", "", ErrForbidden},
		{"host promote a; host promote b; host muteSeat a", "b unmuteSeat a", "", ErrForbidden},
		{"host promote a", "a muteSeat a", "", ErrForbidden},
		{"host promote a", "a silence a", "", ErrForbidden},
		{"", "host ban host", "", ErrForbidden},
		{"a raise", "host ban a", "banned:a hand_lowered:a", nil},
		{"host invite a; a accept", "host ban a", "banned:a seat_left:a@1", nil},
		{"host invite a", "host ban a", "banned:a invitation_ended:a", nil},
		{"", "host ban stranger", "banned:stranger", nil},
		{"host ban a", "host unban a", "unbanned:a", nil},
		{"", "host unban a", "", ErrNotBanned},
		{"", "host dance a", "", ErrUnknown},
	} {
		s := show(t, nil)
		if c.before != "" {
			play(t, s, strings.Split(c.before, "; ")...)
		}
		told, err := do(s, c.act)
		if told != c.told || !errors.Is(err, c.err) {
			t.Errorf("%s | %s: %q, %v", c.before, c.act, told, err)
		}
	}
}

func TestASceneDoesNotHaveAll(t *testing.T) {
	for act, change := range map[string]func(*Rules){
		"a raise":            func(r *Rules) { r.Requests = false },
		"host invite a":      func(r *Rules) { r.Invitations = false },
		"host lock":          func(r *Rules) { r.Lock = false },
		"host openWaiting":   func(r *Rules) { r.WaitingRoom = false },
		"host lockSeat - 1":  func(r *Rules) { r.Seats = 0 },
		"b raise":            func(r *Rules) { r.Seats = 0 },
		"host reserveSeat a": func(r *Rules) { r.Seats = 0 },
	} {
		if _, err := do(show(t, change), act); !errors.Is(err, ErrOff) {
			t.Errorf("%s: %v", act, err)
		}
	}
}

func TestSeatsThatMayBeClaimed(t *testing.T) {
	s := show(t, func(r *Rules) { r.Claims, r.Requests = true, false })
	play(t, s, "a raise", "b raise", "c raise - 3")
	if _, err := do(s, "d raise"); !errors.Is(err, ErrStageFull) {
		t.Errorf("a fourth on three seats: %v", err)
	}
	if s.SeatOf("c") != 3 || s.RoleOf("c") != Speaker {
		t.Errorf("c sits on %d as %s", s.SeatOf("c"), s.RoleOf("c"))
	}
}

func TestTheGraceOfThoseWhoAreCutOff(t *testing.T) {
	s := show(t, nil)
	play(t, s, "a raise", "host admit a", "b raise", "host invite c")
	come(t, s, "a", Arrival{Participant: true})
	for _, id := range []string{"a", "b", "c"} {
		s.Go(id, false, noon)
	}
	if who := s.Snapshot().Seats[0].Who; who == nil || who.Connected {
		t.Fatalf("who is cut off: %+v", who)
	}
	if next := s.Next(); !next.Equal(noon.Add(30 * time.Second)) {
		t.Fatalf("next at %v", next)
	}
	s.Expire(noon.Add(29 * time.Second))
	if s.SeatOf("a") != 1 || s.Position("b") != 1 {
		t.Fatal("lost before the grace was over")
	}
	if _, err := s.Come(person1("a"), Arrival{Participant: true}, noon.Add(29*time.Second)); err != nil {
		t.Fatal(err)
	}
	s.Expire(noon.Add(time.Minute))
	snap := s.Snapshot()
	if s.SeatOf("a") != 1 || !snap.Seats[0].Who.Connected || snap.QueueLength != 0 || len(snap.Invitations) != 0 {
		t.Errorf("%+v", snap)
	}
}

func TestWhoIsLetUpAndDoesNotJoinLosesTheSeat(t *testing.T) {
	s := show(t, nil)
	play(t, s, "a raise", "host admit a")
	if h := s.Expire(noon.Add(30 * time.Second)); len(h) != 1 || h[0].What != SeatLeft || h[0].Reason != Gone {
		t.Errorf("%+v", h)
	}
	if s.people["a"] == nil {
		t.Error("a is in the audience and forgotten")
	}
}

func TestInvitationsEnd(t *testing.T) {
	s := show(t, nil)
	play(t, s, "host invite a")
	if _, err := s.Act(Actor{Person: person1("a")}, Action{Verb: Accept}, noon.Add(time.Minute)); !errors.Is(err, ErrNotInvited) {
		t.Errorf("accepting too late: %v", err)
	}
	if h := s.Expire(noon.Add(time.Minute)); len(h) != 1 || h[0].Reason != Expired {
		t.Errorf("%+v", h)
	}
}

func TestTheHostLeaves(t *testing.T) {
	s := show(t, nil)
	play(t, s, "host promote a", "host promote b")
	s.Go("host", false, noon)
	if s.RoleOf("host") != Host || !s.Attended() || s.Snapshot().Host.Connected {
		t.Error("a host who is cut off must stay for the grace")
	}
	s.Expire(noon.Add(30 * time.Second))
	if s.RoleOf("a") != Host || s.RoleOf("b") != Cohost || s.RoleOf("host") != Audience {
		t.Errorf("%+v", s.Snapshot())
	}
	come(t, s, "host", Arrival{Admin: true})
	if s.RoleOf("host") != Host || s.RoleOf("a") != Cohost {
		t.Errorf("the host is back: %+v", s.Snapshot())
	}
	come(t, s, "other", Arrival{Admin: true})
	if s.RoleOf("host") != Host || s.RoleOf("other") != Cohost {
		t.Error("a second with the grant is a co-host")
	}
	for _, id := range []string{"host", "other", "a", "b"} {
		s.Go(id, false, noon)
	}
	s.Expire(noon.Add(time.Hour))
	if s.Attended() || s.Snapshot().Host != nil {
		t.Errorf("nobody is responsible: %+v", s.Snapshot())
	}
}

func TestSanctionsEnd(t *testing.T) {
	s := show(t, nil)
	for _, v := range []Verb{Silence, Ban} {
		if _, err := s.Act(Actor{Admin: true}, Action{Verb: v, Identity: "a", For: 60}, noon); err != nil {
			t.Fatal(err)
		}
	}
	if !s.Silenced("a") || !s.Banned("a") || !errors.Is(s.MayCome("a", false), ErrBanned) {
		t.Error("not in force")
	}
	if h := s.Expire(noon.Add(time.Minute)); len(h) != 2 || s.Silenced("a") || s.MayCome("a", false) != nil {
		t.Errorf("%+v", h)
	}
	if _, err := s.Act(Actor{Admin: true}, Action{Verb: Ban, Identity: "a", For: -1}, noon); !errors.Is(err, ErrPast) || s.Banned("a") {
		t.Errorf("for a time that is over: %v", err)
	}
}

func TestAStageThatAdoptsWhatAnotherDecides(t *testing.T) {
	above, s := show(t, nil), show(t, nil)
	play(t, s, "host promote b")
	adopt := func(at time.Time) string {
		var told []string
		for _, h := range s.Adopt(above.Sanctions(), at) {
			if told = append(told, string(h.What)+" "+h.Person.Identity); h.What != RoleChanged && h.Reason != Adopted {
				t.Errorf("%+v", h)
			}
		}
		return strings.Join(told, ", ")
	}
	for _, c := range []struct{ above, told string }{
		{"host silence a", "silenced a"},
		{"host silence c", "silenced c"},
		{"host ban b", "banned b, role_changed b"},
		{"host ban stranger", "banned stranger"},
		{"host unsilence a", "unsilenced a"},
		{"host unban b", "unbanned b"},
		{"", ""},
	} {
		if c.above != "" {
			play(t, above, c.above)
		}
		if told := adopt(noon); told != c.told {
			t.Errorf("%s: %q", c.above, told)
		}
	}
	if s.Silenced("a") || !s.Silenced("c") || s.Banned("b") || s.Knows("b") || s.RoleOf("b") != Audience || !s.Banned("stranger") {
		t.Errorf("%+v", s.Snapshot())
	}
	if _, err := above.Act(Actor{Person: person1("host")}, Action{Verb: Silence, Identity: "c", For: 60}, noon); err != nil {
		t.Fatal(err)
	}
	if told := adopt(noon); told != "silenced c" {
		t.Errorf("with another end: %q", told)
	}
	later := noon.Add(time.Hour)
	if h := s.Expire(later); len(h) > 0 || !s.Next().IsZero() || !s.Silenced("c") {
		t.Errorf("it ends by itself: %+v", h)
	}
	above.Expire(later)
	if told := adopt(later); told != "unsilenced c" {
		t.Errorf("at the end: %q", told)
	}
}

// TestWhoIsSilencedSaysNothingByAName: nor by what comes with a raised hand.
func TestWhoIsSilencedSaysNothingByAName(t *testing.T) {
	s := show(t, nil)
	play(t, s, "host silence a")
	a := Actor{Person: person1("a")}
	if _, err := s.Act(a, Action{Verb: Rename, Name: "buy this"}, noon); !errors.Is(err, ErrSilenced) {
		t.Errorf("renamed: %v", err)
	}
	if _, err := s.Act(a, Action{Verb: Raise, Note: "buy this"}, noon); err != nil {
		t.Fatal(err)
	}
	s.Go("a", false, noon)
	if _, err := s.Come(Person{"a", "buy this"}, Arrival{}, noon); err != nil {
		t.Fatal(err)
	}
	if q := s.Snapshot().Queue; len(q) != 1 || q[0].Note != "" || q[0].Name != "A" || s.people["a"].Name != "A" {
		t.Errorf("%+v, %+v", q, s.people["a"].Person)
	}
	play(t, s, "host unsilence a")
	if _, err := s.Act(a, Action{Verb: Rename, Name: "Ann"}, noon); err != nil || s.people["a"].Name != "Ann" {
		t.Errorf("not any more: %v", err)
	}
}

func TestALockedRoom(t *testing.T) {
	s := show(t, nil)
	play(t, s, "host lock")
	if _, err := s.Come(person1("new"), Arrival{}, noon); !errors.Is(err, ErrLocked) {
		t.Errorf("somebody new: %v", err)
	}
	s.Go("a", false, noon)
	come(t, s, "a", Arrival{})
	come(t, s, "second-host", Arrival{Admin: true})
	s.Go("b", false, noon)
	s.Expire(noon.Add(time.Minute))
	if _, err := s.Come(person1("b"), Arrival{}, noon); !errors.Is(err, ErrLocked) {
		t.Errorf("after the grace: %v", err)
	}
}

func TestTheWaitingRoom(t *testing.T) {
	s := show(t, nil)
	play(t, s, "host openWaiting")
	for _, id := range []string{"w", "x", "y"} {
		come(t, s, id, Arrival{Participant: true, Speaker: true})
	}
	if _, err := do(s, "w raise"); !errors.Is(err, ErrWaiting) || !s.Waits("w") {
		t.Errorf("who waits raises a hand: %v", err)
	}
	if told, err := do(s, "host admit w"); told != "let_in:w" || err != nil || s.Waits("w") {
		t.Errorf("%q, %v", told, err)
	}
	if told, err := do(s, "host refuse x"); told != "turned_away:x" || err != nil {
		t.Errorf("%q, %v", told, err)
	}
	if told, err := do(s, "host endWaiting"); told != "waiting_room_off: let_in:y" || err != nil {
		t.Errorf("%q, %v", told, err)
	}
}

func TestWithoutSeatsTheTokenSaysWhoSpeaks(t *testing.T) {
	s := show(t, func(r *Rules) { r.Seats = 0 })
	come(t, s, "guest", Arrival{Participant: true, Speaker: true})
	if s.RoleOf("guest") != Speaker || s.RoleOf("a") != Audience {
		t.Errorf("guest %s, a %s", s.RoleOf("guest"), s.RoleOf("a"))
	}
	play(t, s, "host muteSeat guest")
	s.Go("guest", false, noon)
	come(t, s, "guest", Arrival{Participant: true, Speaker: true})
	if !s.Muted("guest") {
		t.Error("reconnecting undoes the muting")
	}
}

func TestBounds(t *testing.T) {
	s := New(Rules{Seats: 100, Requests: true, Grace: time.Second, Invitation: time.Second})
	if len(s.seats) != MaxSeats {
		t.Errorf("%d seats", len(s.seats))
	}
	var last error
	for i := range MaxQueue + 1 {
		id := fmt.Sprint("p", i)
		come(t, s, id, Arrival{})
		_, last = do(s, id+" raise")
	}
	if !errors.Is(last, ErrQueueFull) {
		t.Errorf("the queue has no end: %v", last)
	}
	for i := range MaxSanctions + 10 {
		if _, err := do(s, fmt.Sprintf("app ban q%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.banned) != MaxSanctions || s.Banned("q0") || !s.Banned(fmt.Sprint("q", MaxSanctions+9)) {
		t.Errorf("%d are banned", len(s.banned))
	}
	if _, err := s.Act(Actor{Person: person1("p0")}, Action{Verb: Rename, Name: strings.Repeat("x", 300)}, noon); !errors.Is(err, ErrTooLong) {
		t.Errorf("a long name: %v", err)
	}
}

func TestNamesAreCutBetweenCharacters(t *testing.T) {
	s := New(Rules{Grace: time.Second, Invitation: time.Second})
	if _, err := s.Come(Person{"a", strings.Repeat("名", 100) + "\xff"}, Arrival{}, noon); err != nil {
		t.Fatal(err)
	}
	if name := s.people["a"].Name; name != strings.Repeat("名", 85) {
		t.Errorf("%d bytes: %q", len(name), name)
	}
}

func TestWhoIsElsewhereForTheRoomKeepsTheSeat(t *testing.T) {
	now := time.Unix(0, 0)
	s := New(Rules{Seats: 2, Claims: true, Grace: 30 * time.Second, Invitation: time.Minute})
	ann := Person{Identity: "ann", Name: "Ann"}
	come := func(how Arrival) {
		t.Helper()
		if _, err := s.Come(ann, how, now); err != nil {
			t.Fatal(err)
		}
	}
	come(Arrival{Participant: true, Speaker: true})
	if _, err := s.Act(Actor{Person: ann}, Action{Verb: Raise}, now); err != nil {
		t.Fatal(err)
	}
	s.Go("ann", true, now)
	s.SetElsewhere("ann", true, now)
	if now = now.Add(time.Hour); len(s.Expire(now)) > 0 || s.SeatOf("ann") == 0 {
		t.Fatal("the seat is gone")
	}
	s.SetElsewhere("ann", false, now)
	if s.Expire(now.Add(29 * time.Second)); s.SeatOf("ann") == 0 {
		t.Error("no grace to come back")
	}
	if s.Expire(now.Add(31 * time.Second)); s.SeatOf("ann") != 0 {
		t.Error("the seat is kept for somebody who does not come back")
	}
}

// TestAStageWhoseDirectorsAnotherNames: who is none loses the office, whoever gave it, to nobody who is none either.
func TestAStageWhoseDirectorsAnotherNames(t *testing.T) {
	s := New(Rules{Grace: time.Minute})
	for _, identity := range []string{"host", "mal", "ann", "bob", "friend"} {
		come(t, s, identity, Arrival{Admin: identity == "mal" || identity == "ann", Participant: true, Speaker: true})
	}
	play(t, s, "mal promote friend")
	for _, c := range []struct{ directors, host, cohosts string }{
		{"host mal ann", "mal", "ann host"},
		{"host ann", "ann", "host"},
		{"ann bob gone", "ann", "bob"},
		{"", "", ""},
		{"bob", "bob", ""},
	} {
		directors := map[string]bool{}
		for _, identity := range strings.Fields(c.directors) {
			directors[identity] = true
		}
		for _, h := range s.AdoptDirectors(directors, noon) {
			if h.What != RoleChanged || h.Role.Directs() && !directors[h.Person.Identity] {
				t.Errorf("%s: %+v", c.directors, h)
			}
		}
		on := s.Snapshot()
		host, cohosts := "", []string{}
		if on.Host != nil {
			host = on.Host.Identity
		}
		for _, p := range on.Cohosts {
			cohosts = append(cohosts, p.Identity)
		}
		if host != c.host || strings.Join(cohosts, " ") != c.cohosts {
			t.Errorf("%s: host %q, cohosts %q", c.directors, host, cohosts)
		}
		if h := s.AdoptDirectors(directors, noon); len(h) > 0 {
			t.Errorf("%s: again %+v", c.directors, h)
		}
	}
	if role := s.RoleOf("friend"); role != Speaker {
		t.Error(role)
	}
}
