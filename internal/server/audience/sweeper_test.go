package audience

import (
	"net"
	"testing"
)

// wakes counts how often a client is woken.
type wakes int

func (w *wakes) wake(*client)  { *w++ }
func (w *wakes) enter(*client) {}

// Whoever writes comes upon a client that is gone once more, and ends it again: nothing may come of that, or it would never rest.
func TestAClientThatIsGoneWakesNobody(t *testing.T) {
	s := New(Config{})
	defer s.Shutdown(t.Context())
	ours, theirs := net.Pipe()
	defer theirs.Close()
	woken := new(wakes)
	c := &client{server: s, conn: ours, carrier: woken}
	if !s.begin(c) {
		t.Fatal("it is not let in")
	}
	before := *woken
	c.over()
	if *woken != before+1 {
		t.Errorf("woken %d times when it goes, want once", *woken-before)
	}
	for range 3 {
		c.over()
	}
	if *woken != before+1 {
		t.Errorf("woken %d times more after it has gone", *woken-before-1)
	}
}
