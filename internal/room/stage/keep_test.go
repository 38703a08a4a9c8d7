package stage

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// restarted is a stage after a restart of the server, which takes a while.
func restarted(t *testing.T, s *Stage, now time.Time) *Stage {
	t.Helper()
	data, err := json.Marshal(s.Keep())
	if err != nil {
		t.Fatal(err)
	}
	var k Kept
	if err := json.Unmarshal(data, &k); err != nil {
		t.Fatal(err)
	}
	return Restore(s.rules, k, now)
}

func TestARestartForgetsNobodyAndNothing(t *testing.T) {
	rules := Rules{Seats: 3, Requests: true, Invitations: true, Lock: true, WaitingRoom: true, Grace: 30 * time.Second, Invitation: time.Minute}
	now := time.Date(2026, 11, 1, 20, 0, 0, 0, time.UTC)
	s := New(rules)
	host := Actor{Person: Person{"host", "Host"}}
	do := func(s *Stage, by Actor, a Action) {
		t.Helper()
		if _, err := s.Act(by, a, now); err != nil {
			t.Fatalf("%+v: %v", a, err)
		}
	}
	come := func(s *Stage, identity string, how Arrival) error {
		_, err := s.Come(Person{identity, identity}, how, now)
		return err
	}
	for _, who := range []string{"host", "ann", "bob", "cy", "dee", "eve"} {
		if err := come(s, who, Arrival{Admin: who == "host", Participant: true, Speaker: true}); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range []Action{
		{Verb: Invite, Identity: "ann"}, {Verb: Promote, Identity: "bob"}, {Verb: LockSeat, Seat: 3}, {Verb: ReserveSeat, Seat: 2, Identity: "dee"},
		{Verb: Silence, Identity: "cy", For: 600}, {Verb: Ban, Identity: "eve"}, {Verb: Lock},
	} {
		do(s, host, a)
	}
	do(s, Actor{Person: Person{Identity: "ann"}}, Action{Verb: Accept})
	do(s, host, Action{Verb: MuteSeat, Identity: "ann"})
	do(s, Actor{Person: Person{Identity: "dee"}}, Action{Verb: Raise, Note: "me"})

	now = now.Add(5 * time.Second)
	back := restarted(t, s, now)
	was, is := s.Snapshot(), back.Snapshot()
	for _, snap := range []*Snapshot{&was, &is} {
		snap.Host.Connected = false
		for _, seat := range snap.Seats {
			if seat.Who != nil {
				seat.Who.Connected = false
			}
		}
	}
	if !reflect.DeepEqual(was, is) {
		t.Fatalf("before %+v\nafter  %+v", was, is)
	}
	if err := come(back, "eve", Arrival{}); err != ErrBanned {
		t.Errorf("the banned one: %v", err)
	}
	if err := come(back, "new", Arrival{}); err != ErrLocked {
		t.Errorf("a new one before the locked door: %v", err)
	}
	if err := come(back, "cy", Arrival{}); err != nil || !back.Silenced("cy") {
		t.Errorf("one who was in before: %v", err)
	}
	for _, who := range []string{"host", "ann"} {
		if err := come(back, who, Arrival{Admin: who == "host", Participant: true}); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(rules.Grace)
	back.Expire(now)
	if back.RoleOf("host") != Host || back.SeatOf("ann") != 1 || !back.Muted("ann") {
		t.Errorf("who came back: %+v", back.Snapshot())
	}
	if back.RoleOf("bob") != Audience || back.Position("dee") != 0 {
		t.Errorf("who did not: %+v", back.Snapshot())
	}
	now = now.Add(10 * time.Minute)
	back.Expire(now)
	if back.Silenced("cy") || !back.Banned("eve") {
		t.Error("what had its time, and what had none")
	}
}

func TestWhatTheRulesDoNotAllowAnyMoreIsNotRestored(t *testing.T) {
	now := time.Now()
	k := Kept{
		People: []KeptPerson{{Person: Person{Identity: "ann"}}}, Host: "nobody", Cohosts: []string{"nobody"}, Locked: true,
		Seats: []KeptSeat{{}, {Who: "ann"}, {Who: "ann"}}, Queue: []Request{{Person: Person{Identity: "zoe"}}},
	}
	s := Restore(Rules{Seats: 1, Grace: time.Second, Invitation: time.Second}, k, now)
	snap := s.Snapshot()
	if len(snap.Seats) != 1 || snap.Seats[0].Who != nil || snap.Host != nil || len(snap.Cohosts) != 0 || snap.Locked || snap.QueueLength != 0 {
		t.Errorf("%+v", snap)
	}
	s.Expire(now.Add(time.Second))
	if len(s.people) != 0 {
		t.Errorf("still remembered: %v", s.people)
	}
}
