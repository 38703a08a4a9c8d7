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
	before := time.Now()
	server.Write([]byte("a word"))
	after := time.Now()
	const late = 50 * time.Millisecond
	time.Sleep(late)
	buf := make([]byte, 64)
	n, at, err := r.read(buf)
	if string(buf[:n]) != "a word" || err != nil {
		t.Fatalf("%q, %v", buf[:n], err)
	}
	if since := at.Sub(before); since < 0 || at.After(after.Add(late/2)) {
		t.Errorf("it is said to have come %v after it was written", since)
	}
	server.Close()
	if n, _, err := r.read(buf); n != 0 || err == nil {
		t.Errorf("after the end: %d, %v", n, err)
	}
}
