package audience

import (
	"bytes"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// TestEverybodyHearsSomethingAndIsAskedForASignOfLife: where nothing is said, something is heard all the same; where much is said, who only
// listens is asked whether they are still there. Never are many asked at once.
func TestEverybodyHearsSomethingAndIsAskedForASignOfLife(t *testing.T) {
	said := &shared{all: textFrame([]byte("[1]"))}
	for _, test := range []struct {
		name  string
		every int // seconds between two things that are said, 0 for none
		looks int // seconds between two looks
		most  int // seconds in which nothing is heard
	}{{"quiet", 0, 1, talk.Heartbeat}, {"now and then", 3, 1, talk.Heartbeat}, {"busy", 1, 1, 1}, {"a busy machine", 0, 4, talk.Heartbeat + 4}} {
		t.Run(test.name, func(t *testing.T) {
			h := newHall(nil, func(*hall) {}, nil)
			cursor := h.ring.Live()
			begin := h.said
			var heard, asked, pings [turns]int
			for second := 1; second <= 120; second++ {
				now := begin.Add(time.Duration(second) * time.Second)
				if test.every > 0 && second%test.every == 0 {
					h.say(said, now)
				}
				if second%test.looks == 0 {
					h.beat(now)
				}
				var got [2 * turns]*shared
				n, _, _ := cursor.Read(got[:])
				for turn := range turns {
					for _, s := range got[:n] {
						frame := s.frameFor(studio.ViewAll, turn)
						if bytes.HasSuffix(frame, ping) {
							asked[turn], pings[turn] = second, pings[turn]+1
						}
						if len(frame) > len(ping) {
							heard[turn] = second
						}
					}
					if second-heard[turn] > test.most {
						t.Fatalf("nothing is heard for %d s", second-heard[turn])
					}
					if second-asked[turn] > turns+test.looks {
						t.Fatalf("not asked for %d s", second-asked[turn])
					}
				}
			}
			total := 0
			for _, n := range pings {
				total += n
			}
			if total != 120 {
				t.Errorf("%d pings in two minutes to %d", total, turns)
			}
		})
	}
}

// TestWhoWaitsBeforeTheDoorIsAskedForASignOfLife, and told nothing else.
func TestWhoWaitsBeforeTheDoorIsAskedForASignOfLife(t *testing.T) {
	h := newHall(nil, func(*hall) {}, nil)
	cursor := h.ring.Live()
	for second := range 60 {
		now := h.said.Add(time.Second)
		if second%2 == 0 {
			h.say(&shared{all: textFrame([]byte("[1]")), hosts: textFrame([]byte("[2]"))}, now)
		}
		h.beat(now.Add(time.Second))
	}
	var got [200]*shared
	n, _, _ := cursor.Read(got[:])
	pings := 0
	for _, s := range got[:n] {
		frame := s.frameFor(studio.ViewDoor, 7)
		if bytes.HasSuffix(frame, ping) {
			pings++
		} else if len(frame) > 0 && !bytes.Equal(frame, heartbeat) {
			t.Errorf("told %q", frame)
		}
	}
	if pings == 0 {
		t.Error("not asked")
	}
}

// TestBeatsOfOthersDoNotHideWhatIsSaid: who has many of them to pass over still comes to what is behind.
func TestBeatsOfOthersDoNotHideWhatIsSaid(t *testing.T) {
	h := newHall(nil, func(*hall) {}, nil)
	c := &client{server: &Server{}, hall: h, cursor: h.ring.Live(), turn: turns - 1}
	for range 2 * batchesAtOnce {
		h.append(&shared{beat: &beat{turn: 0}})
	}
	h.say(&shared{all: textFrame([]byte("[1]"))}, time.Now())
	if bufs, _ := c.next(nil); len(bufs) != 1 {
		t.Errorf("%d frames", len(bufs))
	}
}
