package audience

import (
	"bytes"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/tuttilive/tutti/internal/studio/talk"
)

// TestEverybodyHearsSomethingAndIsAskedForASignOfLife: where nothing is said, something is heard all the same; where much is said, who only
// listens is asked whether they are still there.
func TestEverybodyHearsSomethingAndIsAskedForASignOfLife(t *testing.T) {
	ping := ws.MustCompileFrame(ws.NewPingFrame(nil))
	for _, test := range []struct {
		name  string
		every int // seconds between two things that are said, 0 for none
		most  int // seconds in which nothing is heard
	}{{"quiet", 0, talk.Heartbeat}, {"busy", 3, 3}} {
		t.Run(test.name, func(t *testing.T) {
			h := newHall(nil, func(*hall) {}, nil)
			cursor := h.ring.Live()
			begin := h.said
			heard, asked, pings := 0, 0, 0
			for second := 1; second <= 120; second++ {
				now := begin.Add(time.Duration(second) * time.Second)
				if test.every > 0 && second%test.every == 0 {
					h.say(heartbeat, now)
				}
				h.beat(now)
				var got [8]*shared
				n, _, _ := cursor.Read(got[:])
				for _, s := range got[:n] {
					heard = second
					if bytes.Contains(s.all, ping) {
						asked, pings = second, pings+1
					}
				}
				if second-heard > test.most {
					t.Fatalf("nothing is heard for %d s", second-heard)
				}
				if limit := int(pingEvery / time.Second); second-asked > limit {
					t.Fatalf("nobody is asked for %d s", second-asked)
				}
			}
			if pings != 6 {
				t.Errorf("%d pings in two minutes", pings)
			}
		})
	}
}
