package srt

import (
	"encoding/binary"
	"log/slog"
	"net"
	"testing"
	"time"

	gosrt "github.com/datarhei/gosrt"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/studio"
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

// stranger asks to publish, and counts how often a key is derived of a passphrase for it.
type stranger struct {
	gosrt.ConnRequest
	derived  int
	rejected gosrt.RejectionReason
}

func (*stranger) Version() uint32                    { return version }
func (*stranger) StreamId() string                   { return "r?key=guess" }
func (*stranger) IsEncrypted() bool                  { return true }
func (r *stranger) SetPassphrase(string) error       { r.derived++; return nil }
func (r *stranger) Reject(why gosrt.RejectionReason) { r.rejected = why }

// closedStage lets nobody in.
type closedStage struct {
	stage
	err error
}

func (s closedStage) Admit(string, studio.Credential, studio.Action) (auth.Claims, error) {
	return auth.Claims{}, s.err
}

func (closedStage) TurnAway(string, string, string, string) {}

func TestNoKeyIsDerivedForStrangers(t *testing.T) {
	for err, want := range map[error]gosrt.RejectionReason{auth.ErrInvalid: gosrt.REJX_UNAUTHORIZED, studio.ErrTooOften: gosrt.REJX_OVERLOAD} {
		x := &session{server: &Server{stage: closedStage{err: err}}, host: "192.0.2.1", log: slog.New(slog.DiscardHandler), kicked: make(chan struct{})}
		var r stranger
		if x.run(&r); r.derived != 0 || r.rejected != want {
			t.Errorf("%v: %d keys are derived, and it is told %v", err, r.derived, r.rejected)
		}
	}
}
