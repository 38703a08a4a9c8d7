//go:build linux

package audienceload

import (
	"net"
	"testing"
	"time"
)

// TestAWordCountsFromWhenItCame: who comes late to read it does not make it late.
func TestAWordCountsFromWhenItCame(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	viewer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer viewer.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	r := newReceiver(viewer)
	if r.raw == nil {
		t.Skip("this kernel does not tell when something came")
	}
	// The kernel begins to stamp what comes a moment after the first socket of the machine asked for it, and tells until then when a word
	// was read: one that was written after that moment is enough.
	const late, attempts = 50 * time.Millisecond, 20
	buf := make([]byte, 64)
	for i := 0; ; i++ {
		before := time.Now()
		server.Write([]byte("a word"))
		after := time.Now()
		time.Sleep(late)
		n, at, err := r.read(buf)
		if string(buf[:n]) != "a word" || err != nil {
			t.Fatalf("%q, %v", buf[:n], err)
		}
		since := at.Sub(before)
		if since >= 0 && at.Before(after.Add(late/2)) {
			break
		}
		if i == attempts {
			t.Fatalf("it is said to have come %v after it was written", since)
		}
	}
	server.Close()
	if n, _, err := r.read(buf); n != 0 || err == nil {
		t.Errorf("after the end: %d, %v", n, err)
	}
}
