package breakout

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func people(ids ...string) (all []Person) {
	for _, id := range ids {
		all = append(all, Person{id, "name of " + id})
	}
	return all
}

func planned(t *testing.T, n int, late bool) *Breakout {
	t.Helper()
	b := &Breakout{}
	rooms := []string{"r1", "r2", "r3"}[:n]
	if err := b.Plan(Groups, make([]string, n), rooms, late); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEverybodyIsPartedEvenly(t *testing.T) {
	b := planned(t, 3, false)
	all := people("a", "b", "c", "d", "e", "f", "g")
	if err := b.Shuffle(all, rand.New(rand.NewPCG(1, 2)).IntN); err != nil {
		t.Fatal(err)
	}
	v := b.View(all)
	var sizes []int
	seen := map[string]bool{}
	for _, g := range v.Groups {
		sizes = append(sizes, len(g.People))
		for _, p := range g.People {
			seen[p.Identity] = true
		}
	}
	if slices.Sort(sizes); !slices.Equal(sizes, []int{2, 2, 3}) || len(seen) != 7 || len(v.Unassigned) != 0 {
		t.Errorf("%v, %d of 7, %d left over", sizes, len(seen), len(v.Unassigned))
	}
	if pub := v.Public(); pub.State != "" || pub.Groups != nil {
		t.Error("what is only planned is told to all")
	}
}

func TestTheWayIntoAGroupAndBack(t *testing.T) {
	b := planned(t, 2, false)
	ann, bob := Person{"ann", "Ann"}, Person{"bob", "Bob"}
	if err := b.Assign(ann, 2); err != nil {
		t.Fatal(err)
	}
	if err := b.MayJoin("ann", 2, false); !errors.Is(err, ErrNone) {
		t.Errorf("before the start: %v", err)
	}
	if err := b.Start(0, start); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		who     string
		n       int
		directs bool
		want    error
	}{{"ann", 2, false, nil}, {"ann", 1, false, ErrNotYours}, {"bob", 1, false, ErrNotYours}, {"host", 1, true, nil}, {"host", 3, true, ErrNoGroup}} {
		if err := b.MayJoin(c.who, c.n, c.directs); !errors.Is(err, c.want) {
			t.Errorf("%s into %d: %v", c.who, c.n, err)
		}
	}
	came, went := b.Look(2, []Person{ann, bob})
	if len(came) != 2 || len(went) != 0 {
		t.Errorf("came %v, went %v", came, went)
	}
	g := b.View(nil).Groups[1]
	if len(g.People) != 2 || !g.People[0].Here || g.People[0].Visits || !g.People[1].Visits {
		t.Errorf("%+v", g)
	}
	// From one group straight into another: they never were away in between.
	if came, went := b.Look(1, []Person{bob}); len(came) != 0 || len(went) != 0 {
		t.Errorf("came %v, went %v", came, went)
	}
	if _, went = b.Look(2, nil); len(went) != 1 || went[0] != ann {
		t.Errorf("went %v", went)
	}
	if to, in := b.GroupOf("ann"); to != 2 || in != 0 {
		t.Errorf("Ann belongs to %d and is in %d", to, in)
	}
	if _, went = b.Look(1, nil); len(went) != 1 {
		t.Errorf("went %v", went)
	}
	if to, in := b.GroupOf("bob"); to != 0 || in != 0 {
		t.Error("a visitor who has left is remembered")
	}
}

func TestLateComersGoIntoTheSmallestGroup(t *testing.T) {
	b := planned(t, 2, true)
	if n := b.PutLate(Person{"z", "Z"}); n != 0 {
		t.Error("before the start nobody is late")
	}
	for id, n := range map[string]int{"a": 1, "b": 1, "c": 2} {
		_ = b.Assign(Person{id, id}, n)
	}
	_ = b.Start(0, start)
	if n := b.PutLate(Person{"z", "Z"}); n != 2 {
		t.Errorf("into %d", n)
	}
	if n := b.PutLate(Person{"z", "Z"}); n != 0 {
		t.Error("who belongs to a group is not late")
	}
	b = planned(t, 2, false)
	_ = b.Start(0, start)
	if n := b.PutLate(Person{"z", "Z"}); n != 0 {
		t.Error("hosts send late comers here")
	}
}

func TestTheEnd(t *testing.T) {
	b := planned(t, 1, false)
	_ = b.Start(60, start)
	if b.Expire(start.Add(59 * time.Second)) {
		t.Error("too early")
	}
	if err := b.Close(10, start.Add(20*time.Second)); err != nil || b.State() != Closing {
		t.Fatal(err, b.State())
	}
	if err := b.Plan(Groups, []string{""}, []string{"x"}, false); !errors.Is(err, ErrState) {
		t.Errorf("planned over groups that are open: %v", err)
	}
	if !b.Expire(start.Add(30*time.Second)) || b.State() != "" || b.Room(1) != "" {
		t.Error("it goes on")
	}
	if err := b.Close(0, start); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}

func TestNobodyVisitsASideRoom(t *testing.T) {
	b := &Breakout{}
	_ = b.Plan(Side, []string{""}, []string{"r"}, false)
	_ = b.Assign(Person{"a", "A"}, 1)
	_ = b.Start(0, start)
	if err := b.MayJoin("host", 1, true); !errors.Is(err, ErrNotYours) {
		t.Error(err)
	}
	if err := b.MayJoin("a", 1, false); err != nil {
		t.Error(err)
	}
}

// Whatever is done in whatever order, nobody is in two groups, and who went had come.
func TestAWalkKeepsTheRules(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	b := &Breakout{}
	now, away := start, map[string]bool{}
	pool := people("a", "b", "c", "d", "e")
	for range 20_000 {
		now = now.Add(time.Duration(r.IntN(3)) * time.Second)
		who := pool[r.IntN(len(pool))]
		switch r.IntN(9) {
		case 0:
			_ = b.Plan(Groups, make([]string, 2), []string{"r1", "r2"}, r.IntN(2) == 0)
		case 1:
			_ = b.Shuffle(pool, r.IntN)
		case 2:
			_ = b.Assign(who, r.IntN(4)-1)
		case 3:
			_ = b.Start(r.IntN(30), now)
		case 4:
			_ = b.Close(r.IntN(5), now)
		case 5:
			if b.Expire(now) {
				clear(away)
			}
		case 6:
			b.PutLate(who)
		default:
			if !b.Running() {
				continue
			}
			var here []Person
			for _, p := range pool {
				if r.IntN(2) == 0 {
					here = append(here, p)
				}
			}
			came, went := b.Look(1+r.IntN(2), here)
			for _, p := range came {
				if away[p.Identity] {
					t.Fatalf("%s came twice", p.Identity)
				}
				away[p.Identity] = true
			}
			for _, p := range went {
				if !away[p.Identity] {
					t.Fatalf("%s went without having come", p.Identity)
				}
				delete(away, p.Identity)
			}
		}
		in := map[string]int{}
		for _, g := range b.View(pool).Groups {
			for _, p := range g.People {
				if p.Here {
					in[p.Identity]++
				}
			}
		}
		for id, n := range in {
			if n > 1 {
				t.Fatalf("%s is in %d groups", id, n)
			}
		}
	}
}
