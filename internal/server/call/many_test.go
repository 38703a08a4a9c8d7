package call

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"
)

// TestManyCalls has two hundred calls at once, of which nothing is left afterwards.
func TestManyCalls(t *testing.T) {
	w := newWorld(t, nil)
	before := runtime.NumGoroutine()
	const calls = 200
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
