package studio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/intake"
	"github.com/tuttilive/tutti/internal/store"
)

func TestPoliciesSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(dir, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	rooms, err := OpenPolicies(s)
	if err != nil {
		t.Fatal(err)
	}
	const name = "合奏-1"
	if _, found, err := rooms.Find(name); found || err != nil {
		t.Fatalf("a room nobody created: found %v, %v", found, err)
	}
	if err := rooms.Create(name, room.Policy{Title: "夜", Access: room.AccessOpen}); err != nil {
		t.Fatal(err)
	}
	if err := rooms.Create(name, room.Policy{}); !errors.Is(err, store.ErrExists) {
		t.Fatalf("creating it again gives %v", err)
	}
	s.Close()

	s, err = store.Open(dir, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if rooms, err = OpenPolicies(s); err != nil {
		t.Fatal(err)
	}
	p, found, err := rooms.Find(name)
	if err != nil || !found || p.Title != "夜" || p.Access != room.AccessOpen {
		t.Fatalf("after a restart: %+v, %v, %v", p, found, err)
	}
}

func openPolicies(t *testing.T) *Policies {
	t.Helper()
	s, err := store.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	p, err := OpenPolicies(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNamesThatNobodyCreatedAreRemembered(t *testing.T) {
	st, err := store.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	p, err := OpenPolicies(st)
	if err != nil {
		t.Fatal(err)
	}
	if _, created, err := p.Find("r"); created || err != nil {
		t.Fatal(created, err)
	}
	if _, never := p.unknown["r"]; !never {
		t.Error("the store is read each time")
	}
	if err := p.Create("r", room.Policy{Title: "new"}); err != nil {
		t.Fatal(err)
	}
	if policy, created, _ := p.Find("r"); !created || policy.Title != "new" {
		t.Errorf("created since: %+v, %v", policy, created)
	}
	if err := p.Delete("r"); err != nil {
		t.Fatal(err)
	}
	if _, created, err := p.Find("r"); created || err != nil {
		t.Errorf("deleted: %v, %v", created, err)
	}
	if err := p.Create("r", room.Policy{Title: "again"}); err != nil {
		t.Errorf("creating it again: %v", err)
	}
}

func TestManyUnknownNamesTakeNoMemory(t *testing.T) {
	p := openPolicies(t)
	for i := range maxKnown {
		p.unknown[fmt.Sprint(i)] = struct{}{}
	}
	if _, _, err := p.Find("one more"); err != nil || len(p.unknown) > maxKnown {
		t.Errorf("%d names, %v", len(p.unknown), err)
	}
}

func TestRoomsThatNobodyUsesAreForgotten(t *testing.T) {
	p := openPolicies(t)
	const month = 30 * 24 * time.Hour
	start := time.Unix(1_800_000_000, 0).UTC()
	for _, name := range []string{"used", "unused", "running"} {
		if err := p.Create(name, room.Policy{UsedAt: start}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Create("of an older version", room.Policy{CreatedAt: start.Add(-10 * month)}); err != nil {
		t.Fatal(err)
	}
	use := func(at time.Time) time.Time {
		t.Helper()
		if err := p.Use("used", at); err != nil {
			t.Fatal(err)
		}
		policy, _, err := p.Find("used")
		if err != nil {
			t.Fatal(err)
		}
		return policy.UsedAt
	}
	if got := use(start.Add(time.Hour)); !got.Equal(start) {
		t.Errorf("an hour later the use is noted again: %v", got)
	}
	if at := start.Add(month - time.Hour); !use(at).Equal(at) {
		t.Error("a month later the use is not noted")
	}
	if err := p.Use("nobody created this", start); err != nil {
		t.Error(err)
	}
	left := func(now time.Time) (names []string) {
		t.Helper()
		err := p.Expire(now.Add(-month), now, func(name string) bool { return name == "running" }, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		all, err := p.bucket.All()
		if err != nil {
			t.Fatal(err)
		}
		return slices.Sorted(maps.Keys(all))
	}
	if got := left(start.Add(month - time.Minute)); len(got) != 4 {
		t.Errorf("before the month is over, there are %q", got)
	}
	if got := left(start.Add(month + time.Minute)); !slices.Equal(got, []string{"of an older version", "running", "used"}) {
		t.Errorf("after a month there are %q", got)
	}
	if got := left(start.Add(3 * month)); !slices.Equal(got, []string{"running"}) {
		t.Errorf("after three months there are %q", got)
	}
}

func TestDeletingARoomEndsIt(t *testing.T) {
	h := newHouse(t, false)
	if err := h.Policies().Create("r", room.Policy{Salt: "s", Access: room.AccessLink}); err != nil {
		t.Fatal(err)
	}
	obs := &heard{}
	if _, err := h.Enter("r", room.Join{Identity: "a", Permission: room.Permission{Publish: true}}, obs); err != nil {
		t.Fatal(err)
	}
	if err := h.Delete("r"); err != nil {
		t.Fatal(err)
	}
	if !obs.any(func(e room.Event) bool { return e == room.RoomClosed{Reason: room.LeftRoomDeleted} }) {
		t.Error("nobody is told")
	}
	if _, err := h.Studio("r"); !errors.Is(err, ErrNoRoom) {
		t.Errorf("it still runs: %v", err)
	}
	if _, err := h.Admit("r", Credential{Key: testKeys.LinkKey("r", auth.Host, "s")}, ToJoin); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("an old link gives %v", err)
	}
}

func TestComingInIsNotedAsUse(t *testing.T) {
	h := newHouse(t, false)
	if err := h.Policies().Create("r", room.Policy{UsedAt: time.Now().Add(-2 * usedWithin)}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Enter("r", room.Join{Identity: "a"}, &heard{}); err != nil {
		t.Fatal(err)
	}
	h.work.Wait()
	if p, _, err := h.Policies().Find("r"); err != nil || time.Since(p.UsedAt) > time.Hour {
		t.Errorf("used %v, %v", p.UsedAt, err)
	}
}

// broken keeps nothing and says so.
type broken struct{ unkept }

func (broken) Delete(string) error { return errors.New("broken") }

func TestARoomIsMadeOrDeletedAsAWholeOrNotAtAll(t *testing.T) {
	p := openPolicies(t)
	kept := p.intakes.bucket
	allow := func(name string) {
		t.Helper()
		if err := p.intakes.change(name, func(s *intake.Settings) error { s.Conflict = intake.Refuse; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	allow("r")
	p.intakes.bucket = broken{}
	if err := p.Create("r", room.Policy{}); err == nil {
		t.Error("it is made with what another kept")
	}
	if _, created, err := p.Find("r"); created || err != nil {
		t.Errorf("it is half made: %v", err)
	}
	p.intakes.bucket = kept
	if err := p.Create("r", room.Policy{}); err != nil || !p.intakes.of("r").IsZero() {
		t.Errorf("made again: %v, %+v", err, p.intakes.of("r"))
	}
	allow("r")
	if err := p.Create("r", room.Policy{}); !errors.Is(err, store.ErrExists) || p.intakes.of("r").IsZero() {
		t.Errorf("made while it is there: %v, %+v", err, p.intakes.of("r"))
	}
	p.intakes.bucket = broken{}
	if err := p.Delete("r"); err == nil {
		t.Error("it is deleted, and what it kept is not")
	}
	if _, created, err := p.Find("r"); !created || err != nil {
		t.Errorf("it is half deleted: %v", err)
	}
	p.intakes.bucket = kept
	if err := p.Delete("r"); err != nil || !p.intakes.of("r").IsZero() {
		t.Errorf("deleted again: %v, %+v", err, p.intakes.of("r"))
	}
}

func TestWhoIsToldOfHandoversComesWhileTheyHappen(t *testing.T) {
	p := openPolicies(t)
	var work sync.WaitGroup
	work.Go(func() {
		for range 20 {
			if err := p.Delete("r"); err != nil {
				t.Error(err)
			}
		}
	})
	for range 20 {
		p.OnHandover(func(string) {})
	}
	work.Wait()
}

// TestNamesThatStrangersMakeUpAreNotKept asks to publish into a hundred thousand rooms that do not exist, from as many addresses.
func TestNamesThatStrangersMakeUpAreNotKept(t *testing.T) {
	p := openPolicies(t)
	h := NewHouse(Options{Keys: testKeys, Log: slog.New(slog.DiscardHandler), Rooms: p})
	defer h.Close()
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var before uint64
	for i := range 60_000 {
		name, from := fmt.Sprint("made-up-", i), netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String()
		_, err := h.AdmitEncoder(context.Background(), name, "rtmp", Credential{Key: "guess"}.From(from))
		if !errors.Is(err, auth.ErrInvalid) && !errors.Is(err, ErrTooOften) {
			t.Fatalf("%s: %v", name, err)
		}
		h.TurnAway(name, "rtmp", "unauthorized", err.Error())
		if i == 20_000 {
			before = heap()
		}
	}
	if after := heap(); after > before+8<<20 {
		t.Errorf("the heap has grown from %d to %d MiB", before>>20, after>>20)
	}
	if n := len(p.unknown); n > maxKnown {
		t.Errorf("%d names are remembered", n)
	}
}

// countsSlates keeps nothing, and counts what is written.
type countsSlates struct{ put, deleted int }

func (c *countsSlates) Put(string, []byte) error { c.put++; return nil }
func (c *countsSlates) Delete(string) error      { c.deleted++; return nil }

func TestSlatesAreKeptApartAndBounded(t *testing.T) {
	counts := &countsSlates{}
	i := &intakes{bucket: unkept{}, slates: counts, byRoom: map[string]intake.Settings{}}
	slate := func(name string, n int) error {
		return i.change(name, func(s *intake.Settings) error { s.Slate = make([]byte, n); return nil })
	}
	for n := range intake.MaxSlates / intake.MaxSlate {
		if err := slate(fmt.Sprint(n), intake.MaxSlate); err != nil {
			t.Fatal(err)
		}
	}
	put := counts.put
	if err := slate("more", 1); !errors.Is(err, intake.ErrSlates) || counts.put != put || !i.of("more").IsZero() {
		t.Errorf("one more: %v", err)
	}
	if err := i.change("0", func(s *intake.Settings) error { s.Conflict = intake.Refuse; return nil }); err != nil || counts.put != put {
		t.Errorf("another setting: %v, and %d slates are written", err, counts.put-put)
	}
	if err := slate("0", 1); err != nil || slate("more", 1) != nil {
		t.Errorf("in place of another: %v", err)
	}
	if err := i.forget("1"); err != nil || counts.deleted != 1 || slate("1", 1) != nil {
		t.Errorf("in place of one that is forgotten: %v, %d deleted", err, counts.deleted)
	}
}

func TestSlatesOutliveARestart(t *testing.T) {
	st, err := store.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	open := func() *intakes {
		i, err := openIntakes(st)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	i := open()
	if err := i.change("r", func(s *intake.Settings) error { s.Slate, s.Conflict = []byte("jpeg"), intake.Refuse; return nil }); err != nil {
		t.Fatal(err)
	}
	if s := open().of("r"); string(s.Slate) != "jpeg" || s.Conflict != intake.Refuse {
		t.Errorf("it is %+v", s)
	}
	if kept, err := i.bucket.(*store.Bucket[intake.Settings]).Get("r"); err != nil || kept.Slate != nil {
		t.Errorf("beside the rest there is %q, %v", kept.Slate, err)
	}
	if err := i.forget("r"); err != nil || !open().of("r").IsZero() {
		t.Errorf("forgotten: %v", err)
	}
}
