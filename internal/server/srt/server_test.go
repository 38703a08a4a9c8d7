package srt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	gosrt "github.com/datarhei/gosrt"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/srt"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// stranger asks to publish, and counts how often a key is derived of a passphrase for it.
type stranger struct {
	request
	derived  int
	rejected srt.Reason
}

func (*stranger) StreamID() string        { return "r?key=guess" }
func (*stranger) IsEncrypted() bool       { return true }
func (r *stranger) Unlock(string) error   { r.derived++; return nil }
func (r *stranger) Reject(why srt.Reason) { r.rejected = why }

// closedStage lets nobody in.
type closedStage struct {
	stage
	err error
}

func (s closedStage) Admit(string, studio.Credential, studio.Action) (auth.Claims, error) {
	return auth.Claims{}, s.err
}

func (closedStage) TurnAway(string, string, string, string) {}

// TestANetworkHasThePlacesOfAnAddress: one customer has a /64 of IPv6.
func TestANetworkHasThePlacesOfAnAddress(t *testing.T) {
	s := &Server{log: slog.New(slog.DiscardHandler), maxConnections: 9, maxPerAddress: 2, sessions: map[*session]struct{}{}, perAddress: map[netip.Prefix]int{}}
	var in []*session
	for _, address := range []string{"[2001:db8::1]:9", "[2001:db8::2]:9", "[2001:db8::3]:9", "[2001:db8:0:1::1]:9", "192.0.2.1:9", "[::ffff:192.0.2.1]:9", "192.0.2.1:10", "192.0.2.2:9"} {
		if x, ok := s.admit(netip.MustParseAddrPort(address)); ok {
			in = append(in, x)
		}
	}
	if len(in) != 6 {
		t.Errorf("%d are let in, of eight from two networks and two addresses", len(in))
	}
	for _, x := range in {
		s.end(x)
	}
	if len(s.perAddress) > 0 {
		t.Errorf("still counted: %v", s.perAddress)
	}
}

func TestNoKeyIsDerivedForStrangers(t *testing.T) {
	for err, want := range map[error]srt.Reason{auth.ErrInvalid: srt.Unauthorized, studio.ErrTooOften: srt.Overload} {
		x := &session{server: &Server{stage: closedStage{err: err}}, host: "192.0.2.1", log: slog.New(slog.DiscardHandler), kicked: make(chan struct{})}
		var r stranger
		if x.run(&r); r.derived != 0 || r.rejected != want {
			t.Errorf("%v: %d keys are derived, and it is told %v", err, r.derived, r.rejected)
		}
	}
}

// keyed is an encoder that is encrypted, or not, and whose keys cannot be opened.
type keyed struct {
	stranger
	plain bool
	err   error
}

func (k *keyed) IsEncrypted() bool   { return !k.plain }
func (k *keyed) Unlock(string) error { return k.err }

// toldStage lets everybody in, and notes what hosts are told of.
type toldStage struct {
	openStage
	code, reason string
}

func (s *toldStage) TurnAway(_, _, code, reason string) { s.code, s.reason = code, reason }

// TestWhoIsNotEncryptedAsItMustBeIsToldWhy, and so are the hosts: encoders show little of what they are told.
func TestWhoIsNotEncryptedAsItMustBeIsToldWhy(t *testing.T) {
	for code, c := range map[string]struct {
		keyed
		want srt.Reason
	}{
		"cipher":      {keyed{err: srt.ErrCipher}, srt.Crypto},
		"passphrase":  {keyed{err: srt.ErrPassphrase}, srt.BadSecret},
		"unencrypted": {keyed{plain: true}, srt.Unsecure},
	} {
		told := &toldStage{}
		x := &session{server: &Server{stage: told, passphrase: "of the server"}, log: slog.New(slog.DiscardHandler), kicked: make(chan struct{})}
		if x.run(&c.keyed); c.rejected != c.want || told.code != code || told.reason == "" {
			t.Errorf("%s: it is told %v, hosts %q, %q", code, c.rejected, told.code, told.reason)
		}
	}
}

// full is a connection on which more waited than may.
type full struct{}

func (full) Read([]byte) (int, error) { return 0, srt.ErrFull }

// TestHostsHearOfWhatIsTooMuch: an honest encoder may be set so, and SRT has no words for it.
func TestHostsHearOfWhatIsTooMuch(t *testing.T) {
	x := &session{log: slog.New(slog.DiscardHandler), kicked: make(chan struct{})}
	if code, reason, ok := ingest.Why(x.take(full{}, 1<<40, address{}, anybody{})); !ok || code != "latency" || reason == "" {
		t.Errorf("told: %v, %q, %q", ok, code, reason)
	}
}

// openStage lets everybody in, and takes whatever comes.
type openStage struct{ stage }

func (openStage) Admit(string, studio.Credential, studio.Action) (auth.Claims, error) {
	return auth.Claims{}, nil
}
func (openStage) TurnAway(string, string, string, string) {}
func (openStage) AdmitEncoder(context.Context, string, string, studio.Credential) (studio.Encoder, error) {
	return studio.Encoder{}, nil
}
func (openStage) enter(studio.Encoder, room.Program, studio.EncoderObserver) (ingest.Participant, error) {
	return anybody{}, nil
}

type anybody struct{}

func (anybody) Publish(room.Publication) (ingest.FrameWriter, error)    { return anybody{}, nil }
func (anybody) Self() room.Participant                                  { return room.Participant{} }
func (anybody) Unpublish(string) error                                  { return nil }
func (anybody) ChangePublication(string, func(*room.Publication)) error { return nil }
func (anybody) Update(_, _ *string, _ map[string]string) error          { return nil }
func (anybody) Leave(room.LeaveReason)                                  {}
func (anybody) WriteFrame(*media.Frame) error                           { return nil }

// callImpatient calls a server that sends whoever sends nothing away at once.
func callImpatient(t *testing.T, config gosrt.Config) gosrt.Conn {
	t.Helper()
	encoder, _ := callOpen(t, config, 1, slog.DiscardHandler)
	return encoder
}

// callOpen has an encoder publish on a server that lets everybody in; end stops that.
func callOpen(t *testing.T, config gosrt.Config, idle time.Duration, log slog.Handler) (encoder gosrt.Conn, end func()) {
	t.Helper()
	s, err := Listen(Options{Address: "127.0.0.1:0", Log: slog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	s.stage, s.idle = openStage{}, idle
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	end = sync.OnceFunc(func() {
		if err := errors.Join(s.Close(), <-served); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(end)
	config.StreamId = "room?key=k"
	if encoder, err = gosrt.Dial("srt", s.Addr().String(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { encoder.Close() })
	return encoder, end
}

// TestWhatCameIsCounted, and said when it is over.
func TestWhatCameIsCounted(t *testing.T) {
	var log bytes.Buffer
	encoder, end := callOpen(t, gosrt.DefaultConfig(), time.Minute, slog.NewTextHandler(&log, nil))
	nothing := append([]byte{0x47, 0x1f, 0xff, 0x10}, make([]byte, 184)...) // a null packet of a transport stream
	for range 7 {
		if _, err := encoder.Write(nothing); err != nil {
			t.Fatal(err)
		}
	}
	for { // until all of it is acknowledged
		var st gosrt.Statistics
		if encoder.Stats(&st); st.Accumulated.PktSent == 7 && st.Instantaneous.PktSendBuf == 0 {
			break
		}
		<-time.After(10 * time.Millisecond)
	}
	end()
	if said := log.String(); !strings.Contains(said, "packets=7 bytes=1316 lost=0 recovered=0 dropped=0 repeated=0") {
		t.Errorf("the log says %s", said)
	}
}

// TestWhoSendsNothingIsSentAway, though it says that it is there.
func TestWhoSendsNothingIsSentAway(t *testing.T) {
	encoder := callImpatient(t, gosrt.DefaultConfig())
	if n, err := encoder.Read(make([]byte, 1500)); err == nil {
		t.Errorf("%d bytes were sent to it", n)
	}
}

// TestWhoSendsWhatWaitsIsNotIdle: of a long latency nothing can be read for long.
func TestWhoSendsWhatWaitsIsNotIdle(t *testing.T) {
	config := gosrt.DefaultConfig()
	config.PeerLatency = time.Minute
	encoder := callImpatient(t, config)
	ended := make(chan error, 1)
	go func() {
		_, err := encoder.Read(make([]byte, 1500))
		ended <- err
	}()
	select {
	case err := <-ended:
		t.Errorf("it is sent away: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
}

// FuzzStreamID reads what nobody has vouched for.
func FuzzStreamID(f *testing.F) {
	for _, id := range []string{"room?key=k", "live/room/k", "#!::r=room,m=publish,key=k", "#!::r=%2e%2e,u=x", "publish:room:k", "read:room", "?", "%zz?%zz=%zz", "#!::", "#!::=,,==,m"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		a, err := parseStreamID(id)
		if (err == nil) == (a.room == "") {
			t.Errorf("%q is read as %+v, %v", id, a, err)
		}
		if err != nil && fmt.Sprint(err) == "" {
			t.Error("nothing is said of it")
		}
	})
}
