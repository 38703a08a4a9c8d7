package rollcall

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func TestRollCall(t *testing.T) {
	var r Roll
	ada, bob, eve := Person{Identity: "ada", Name: "Ada"}, Person{Identity: "bob", Name: "Bob"}, Person{Identity: "eve", Name: "Eve"}
	if _, err := r.Answer(ada, at(0)); !errors.Is(err, ErrNone) {
		t.Fatalf("nobody asked: %v", err)
	}
	if err := r.Begin([]Person{ada, bob, ada}, time.Minute, at(0)); err != nil {
		t.Fatal(err)
	}
	if err := r.Begin(nil, time.Minute, at(1)); !errors.Is(err, ErrOpen) {
		t.Fatalf("one at a time: %v", err)
	}
	for i, p := range []Person{eve, ada, ada} { // eve came later
		if first, err := r.Answer(p, at(10+i)); err != nil || first != (i < 2) {
			t.Fatalf("answer %d: the first %v, %v", i, first, err)
		}
	}
	if n, of := r.Answered(); n != 2 || of != 3 {
		t.Fatalf("%d of %d answered", n, of)
	}
	if _, err := r.Answer(bob, at(60)); !errors.Is(err, ErrLate) {
		t.Fatalf("too late: %v", err)
	}
	got := ""
	for _, p := range r.People() {
		got += fmt.Sprint(p.Name, " ", !p.At.IsZero(), " ")
	}
	if got != "Eve true Ada true Bob false " {
		t.Fatal(got)
	}
	if !r.People()[1].At.Equal(at(11)) {
		t.Fatal("who answers twice was there the first time")
	}
	if err := r.Begin([]Person{bob}, time.Minute, at(70)); err != nil || r.ID != 2 {
		t.Fatalf("the next one: %v", err)
	}
	if err := r.Close(at(71)); err != nil || r.Open(at(71)) {
		t.Fatalf("closing: %v", err)
	}
	if err := r.Close(at(72)); !errors.Is(err, ErrNone) {
		t.Fatalf("closing twice: %v", err)
	}
	for _, takes := range []time.Duration{0, time.Hour} {
		if err := r.Begin(nil, takes, at(80)); !errors.Is(err, ErrBadSeconds) {
			t.Errorf("%v: %v", takes, err)
		}
	}
}

func TestAttendance(t *testing.T) {
	var a Attendance
	a.Came("ada", "Ada", true, at(0))
	a.Came("bob", "Bob", true, at(5))
	a.Went("ada", at(10))
	a.Went("ada", at(15))
	a.Came("ada", "Ada L.", false, at(20))
	a.Went("nobody", at(25))
	list := a.List(at(30))
	if len(list) != 2 {
		t.Fatal(list)
	}
	if ada := list[0]; ada.Name != "Ada L." || ada.Total != 20*time.Second || !ada.Here || !ada.First.Equal(at(0)) || !ada.Last.Equal(at(30)) {
		t.Errorf("%+v", ada)
	}
	if bob := list[1]; bob.Total != 25*time.Second {
		t.Errorf("%+v", bob)
	}
}

// TestAFullListTakesWhoIsMissedMost has strangers fill the list, and then others come.
func TestAFullListTakesWhoIsMissedMost(t *testing.T) {
	var a Attendance
	on := func(identity string, now int) bool {
		return slices.ContainsFunc(a.List(at(now)), func(s Stay) bool { return s.Identity == identity })
	}
	a.Came("teacher", "", true, at(0))
	a.Came("early", "", true, at(0))
	a.Went("early", at(1))
	for i := range MaxPeople - 2 {
		a.Came(fmt.Sprint("stranger", i), "", false, at(i))
	}
	const full = MaxPeople
	a.Came("another", "", false, at(full))
	if on("another", full) {
		t.Error("a stranger comes, and somebody who is there is forgotten")
	}
	a.Came("student1", "", true, at(full)) // in the place of the stranger who came last
	if last := fmt.Sprint("stranger", MaxPeople-3); !on("student1", full) || on(last, full) {
		t.Error("a student finds no place, or another's than that of the stranger who was there the shortest")
	}
	a.Went("stranger0", at(full))
	a.Went("stranger7", at(full))
	a.Came("another", "", false, at(full+1))
	if on("stranger7", full+1) || !on("another", full+1) || !on("stranger0", full+1) {
		t.Error("of the strangers who are away not the one who was there the shortest makes place")
	}
	for i := range MaxPeople {
		a.Came(fmt.Sprint("link", i), "", true, at(full+2))
	}
	list := a.List(at(full + 2))
	if len(list) != MaxPeople || list[0].Identity != "teacher" || !on("student1", full+2) || on("early", full+2) || on("stranger0", full+2) {
		t.Errorf("%d people, the first of them %+v", len(list), list[0])
	}
	back := Restore(list, at(full+3))
	back.Came("another", "", false, at(full+4))
	if got := back.List(at(full + 4)); slices.ContainsFunc(got, func(s Stay) bool { return s.Identity == "another" }) {
		t.Error("after a restart nobody is vouched for")
	}
}

// BenchmarkAFullListOfStrangers is what each further one costs.
func BenchmarkAFullListOfStrangers(b *testing.B) {
	var a Attendance
	for i := range MaxPeople {
		a.Came(fmt.Sprint("stranger", i), "", false, at(i))
	}
	b.ReportAllocs()
	for b.Loop() {
		a.Came("another", "", false, at(MaxPeople))
	}
}

func TestARollCallIsKept(t *testing.T) {
	var none Roll
	if k := none.Keep(); k != nil || !reflect.DeepEqual(Back(k), none) {
		t.Errorf("none is kept as %+v", k)
	}
	var r Roll
	ada, bob := Person{Identity: "ada", Name: "Ada"}, Person{Identity: "bob", Name: "Bob"}
	_ = r.Begin([]Person{ada, bob}, time.Minute, at(0))
	_, _ = r.Answer(ada, at(5))
	back := Back(r.Keep())
	if !reflect.DeepEqual(back, r) {
		t.Errorf("kept %+v, back %+v", r, back)
	}
	if first, err := back.Answer(bob, at(59)); !first || err != nil {
		t.Errorf("bob answers it: %v, %v", first, err)
	}
	if first, err := back.Answer(ada, at(59)); first || err != nil {
		t.Errorf("ada answers again: %v, %v", first, err)
	}
	_ = back.Close(at(59))
	if over := Back(back.Keep()); over.Open(at(59)) || over.ID != 1 {
		t.Errorf("it is open again: %+v", over)
	}
}
