package studio

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestViewingsAreRememberedAndAddedUp(t *testing.T) {
	l := newLedger(true)
	at := time.Unix(1000, 0)
	for i := range keptPlays + 10 {
		l.note("a", Play{Protocol: "flv", Since: at, Until: at.Add(time.Second), Watched: 1, Bytes: uint64(i)})
	}
	l.note("b", Play{Protocol: "hls", Watched: 2, Bytes: 5})
	over, totals := l.of("a")
	if len(over) != keptPlays-1 || over[0].Bytes != keptPlays+9 || over[1].Bytes != keptPlays+8 {
		t.Errorf("%d, %+v", len(over), over[:2])
	}
	if w := totals["flv"]; w.Plays != keptPlays+10 || w.Seconds != keptPlays+10 {
		t.Errorf("%+v", w)
	}
	told := l.take()
	if a := told["a"]; len(a.Plays) != mostPlaysTold || a.Omitted != keptPlays+10-mostPlaysTold || a.Watched["flv"].Plays != keptPlays+10 {
		t.Errorf("%d told, %d omitted, %+v", len(a.Plays), a.Omitted, a.Watched)
	}
	if l.take() != nil {
		t.Error("told twice")
	}
	l.forget("a")
	if over, totals := l.of("a"); len(over) != 0 || len(totals) != 0 {
		t.Errorf("forgotten: %d, %+v", len(over), totals)
	}
	if over, _ := l.of("b"); len(over) != 1 {
		t.Errorf("the other room: %+v", over)
	}
	for i := range mostPlayRooms + 5 {
		l.note(string(rune(i+0x4e00)), Play{Protocol: "flv"})
	}
	if len(l.totals) > mostPlayRooms {
		t.Errorf("%d rooms", len(l.totals))
	}
	if newLedger(false).take() != nil {
		t.Error("nobody is to be told")
	}
}

// playsHeard hears of viewings.
type playsHeard struct {
	began func(RoomInfo, PlaysBegun)
	ended func(RoomInfo, PlaysOver)
}

func (p playsHeard) Began(in RoomInfo, begun PlaysBegun) {
	if p.began != nil {
		p.began(in, begun)
	}
}
func (p playsHeard) Ended(in RoomInfo, over PlaysOver) { p.ended(in, over) }

func TestAViewingIsFromComingToGoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan PlaysOver, 4)
		h := NewHouse(Options{AwayGrace: testGrace, Log: slog.New(slog.DiscardHandler), PlaysTold: playsHeard{ended: func(in RoomInfo, over PlaysOver) {
			if in.Name == "r" {
				told <- over
			}
		}}})
		defer h.Close()
		publish(t, enter(t, h, "obs", asIngest), "TR_1")
		watch := func(protocol string) *Watcher {
			w, err := h.Watch("r", protocol)
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		flv, hls, probe := watch("flv"), watch("hls"), watch("flv")
		probe.Close() // has got nothing
		flv.Sent(1000)
		hls.Sent(50)
		time.Sleep(3 * time.Second)
		if p := h.Plays("r"); len(p.Now) != 2 || len(p.Over) != 0 || p.Watched["flv"] != (Watched{1, 3, 1000}) {
			t.Errorf("while they go on: %+v", p)
		}
		flv.Sent(500)
		flv.Close()
		flv.Close()
		hls.Left(time.Now().Add(-time.Second))
		hls.Close()
		p := h.Plays("r")
		if len(p.Now) != 0 || len(p.Over) != 2 || p.Watched["flv"] != (Watched{1, 3, 1500}) || p.Watched["hls"] != (Watched{1, 2, 50}) {
			t.Errorf("afterwards: %+v", p)
		}
		s, err := h.Studio("r")
		if err != nil {
			t.Fatal(err)
		}
		if out := s.Egress(); out["flv"] != 1500 || out["hls"] != 50 {
			t.Errorf("sent %v", out)
		}
		if over := <-told; len(over.Plays) != 2 || over.Watched["flv"].Bytes != 1500 {
			t.Errorf("told %+v", over)
		}
	})
}

func TestAViewingIsToldOfWhenItBeginsAndWhenItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var began []PlaysBegun
		var ended []PlaysOver
		h := NewHouse(Options{AwayGrace: testGrace, Log: slog.New(slog.DiscardHandler), PlaysTold: playsHeard{
			began: func(in RoomInfo, b PlaysBegun) {
				if in.Name == "r" {
					began = append(began, b)
				}
			},
			ended: func(_ RoomInfo, over PlaysOver) { ended = append(ended, over) },
		}})
		defer h.Close()
		publish(t, enter(t, h, "obs", asIngest), "TR_1")
		watch := func(bytes int) *Watcher {
			w, err := h.Watch("r", "flv")
			if err != nil {
				t.Fatal(err)
			}
			w.Sent(bytes)
			return w
		}
		waits, short, long := watch(0), watch(10), watch(1000)
		time.Sleep(time.Second)
		short.Close()
		time.Sleep(2 * tellPlaysEvery)
		synctest.Wait()
		if len(began) != 1 || len(began[0].Plays) != 1 || began[0].Plays[0].ID != long.id || !began[0].Plays[0].Until.IsZero() {
			t.Errorf("began: %+v", began)
		}
		waits.Sent(10)
		long.Close()
		time.Sleep(2 * tellPlaysEvery)
		synctest.Wait()
		if len(began) != 2 || began[1].Plays[0].ID != waits.id {
			t.Errorf("then began: %+v", began)
		}
		if len(ended) != 2 || ended[0].Plays[0].ID != short.id || ended[1].Plays[0].ID != long.id {
			t.Errorf("ended: %+v", ended)
		}
		var many []*Watcher
		for range mostPlaysTold + 3 {
			many = append(many, watch(1))
		}
		time.Sleep(tellPlaysEvery)
		synctest.Wait()
		if b := began[len(began)-1]; len(b.Plays) != mostPlaysTold || b.Omitted != 3 {
			t.Errorf("of many %d are told of, %d not", len(b.Plays), b.Omitted)
		}
		for _, w := range append(many, waits) {
			w.Close()
		}
	})
}

func TestViewingsThatEndWithTheServerAreToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := map[string]PlaysOver{}
		var sid string
		h := NewHouse(Options{AwayGrace: testGrace, Log: slog.New(slog.DiscardHandler), PlaysTold: playsHeard{ended: func(in RoomInfo, over PlaysOver) {
			told[in.Name], sid = over, in.SID
		}}})
		publish(t, enter(t, h, "obs", asIngest), "TR_1")
		slow, err := h.Watch("r", "flv")
		if err != nil {
			t.Fatal(err)
		}
		gone, err := h.Watch("r", "hls")
		if err != nil {
			t.Fatal(err)
		}
		slow.Sent(1000)
		gone.Sent(10)
		time.Sleep(2 * time.Second)
		gone.Close() // and nobody was told of it yet
		h.Close()
		if w := told["r"].Watched; w["flv"] != (Watched{1, 2, 1000}) || w["hls"] != (Watched{1, 2, 10}) || sid == "" {
			t.Errorf("told %+v of the room %q", told, sid)
		}
		slow.Close() // by its door, which learns of the end by itself
		if p := h.Plays("r"); p.Watched["flv"].Plays != 1 {
			t.Errorf("counted %+v", p.Watched)
		}
	})
}
