package srt

import (
	"encoding/binary"
	"log/slog"
	"net"
	"testing"
	"time"
)

// TestAHandshakeThatIsCutShortEndsNothing sends what the library panics on: a conclusion with extensions of which there are one to three bytes.
func TestAHandshakeThatIsCutShortEndsNothing(t *testing.T) {
	s, err := Listen(Options{Address: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	c, err := net.Dial("udp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for n := 1; n <= 3; n++ {
		p := make([]byte, 16+48+n)
		p[0] = 0x80 // a control packet, of type 0: a handshake
		binary.BigEndian.PutUint32(p[16:], 5)
		binary.BigEndian.PutUint16(p[16+6:], 1)
		binary.BigEndian.PutUint32(p[16+20:], 0xffffffff) // conclusion
		if _, err := c.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	for begun := time.Now(); s.crashed.Load() < 3; time.Sleep(time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatalf("%d of 3 handshakes are counted", s.crashed.Load())
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
