package call

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/studio"
)

// TestManyCalls has two hundred calls at once, of which nothing is left afterwards.
func TestManyCalls(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *studio.Options) { c.ResumeGrace = time.Hour })
	w.server.silence = time.Hour // a machine that is busy with all of them does not let each say something in time
	before := runtime.NumGoroutine()
	const calls = 200
	for i := range calls { // what is known of the rooms is read one by one: for all at once a busy machine may need longer than anybody waits
		if _, _, err := w.house.Policies().Find(fmt.Sprint("room-", i)); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	for i := range calls {
		all.Go(func() {
			room := fmt.Sprint("room-", i)
			a, _ := w.join(room, "Ada")
			b, joined := w.join(room, "Bob")
			a.until("path")
			for n := range 5 {
				a.say(msg{"type": "signal", "to": b.id, "generation": joined.generation(), "candidate": msg{"candidate": fmt.Sprint(n)}})
			}
			for n := range 5 {
				if m := b.expect("signal"); m.at("candidate", "candidate") != fmt.Sprint(n) {
					t.Errorf("signal %v", m)
				}
			}
			switch i % 3 {
			case 0:
				b.cut()
				b, _ = w.again(b, room)
				fallthrough
			case 1:
				b.send(msg{"type": "leave"})
				b.closed(1000)
			default:
				b.cut()
			}
			a.send(msg{"type": "leave"})
			a.closed(1000)
		})
	}
	all.Wait()
	if n := w.server.Stats(); n.Members != calls/3 {
		t.Errorf("figures %+v", n) // every third left without a word and is waited for
	}
	w.shutdown()
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before+5; <-time.After(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines are left of %d\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}
