package rtmp

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/fanout"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// fakeStage lets in whoever shows the key "secret" and keeps what they publish.
type fakeStage struct {
	mu      sync.Mutex
	ingests []*fakeIngest
	turned  []string        // who was turned away, and why
	refuse  error           // what publishing fails with, nil for nothing
	asked   []fanout.Codecs // of players
	// stream is what players get, nil for nothing, and watching how many there are.
	stream   *fanout.Stream
	watching atomic.Int32
	changed  chan struct{}
}

func newFakeStage() *fakeStage { return &fakeStage{changed: make(chan struct{})} }

func (s *fakeStage) AdmitPlayer(_ context.Context, roomName, protocol string, c studio.Credential) (auth.Claims, error) {
	switch {
	case room.CheckName(roomName) != nil:
		return auth.Claims{}, room.ErrBadName
	case c != (studio.Credential{Token: c.Token, Key: c.Key}).From("127.0.0.1"), protocol != "rtmp":
		return auth.Claims{}, errors.New("the door does not say who asks")
	}
	return auth.Claims{}, nil
}

func (s *fakeStage) AdmitEncoder(_ context.Context, roomName, protocol string, c studio.Credential) (studio.Encoder, error) {
	if _, err := s.AdmitPlayer(context.Background(), roomName, protocol, c); err != nil {
		return studio.Encoder{}, err
	}
	claims, err := claimsOf(c)
	return studio.Encoder{Room: roomName, Claims: claims}, err
}

func claimsOf(c studio.Credential) (auth.Claims, error) {
	switch {
	case c.Token == "token":
		return auth.Claims{Identity: "ada", Name: "Ada", Video: auth.Grant{RoomJoin: true}}, nil
	case c.Key == "" && c.Token == "":
		return auth.Claims{}, auth.ErrMissing
	case c.Key != "secret":
		return auth.Claims{}, auth.ErrInvalid
	}
	return auth.Claims{Identity: "made-up", Video: auth.Grant{RoomJoin: true}}, nil
}

func (s *fakeStage) TurnAway(roomName, protocol, code, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turned = append(s.turned, roomName+" "+protocol+" "+code+" "+reason)
	s.notify()
}

func (s *fakeStage) watch(_ string, codecs fanout.Codecs) (fanout.Watcher, *fanout.Stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, codecs)
	if s.stream != nil {
		s.watching.Add(1)
		return fakeWatcher{s}, s.stream, nil
	}
	return nil, nil, studio.ErrNotLive
}

func (s *fakeStage) enter(e studio.Encoder, program room.Program, obs studio.EncoderObserver) (ingest.Participant, error) {
	roomName, j := e.Room, room.Join{Identity: e.Claims.Identity, Name: cmp.Or(e.Claims.Name, program.SDK), Kind: room.Ingest, Program: program}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, before := range s.ingests {
		if before.room == roomName && before.join.Identity == j.Identity && !before.left {
			before.obs.RoomEvent(room.ParticipantLeft{Participant: before.self, Reason: room.LeftDuplicate})
			before.left = true
		}
	}
	i := &fakeIngest{stage: s, room: roomName, join: j, obs: obs, self: room.Participant{SID: room.NewSID("PA_"), Identity: j.Identity},
		tracks: map[string]*fakeTrack{}, attributes: map[string]string{}, name: j.Name}
	s.ingests = append(s.ingests, i)
	s.notify()
	return i, nil
}

// notify tells those who wait; the caller holds the lock.
func (s *fakeStage) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// wait waits until a condition holds, which is looked at with the lock held.
func (s *fakeStage) wait(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		s.mu.Lock()
		ok, changed := holds(), s.changed
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

type fakeIngest struct {
	stage      *fakeStage
	room       string
	join       room.Join
	obs        studio.Observer
	self       room.Participant
	name       string
	attributes map[string]string
	tracks     map[string]*fakeTrack
	left       bool
	reason     room.LeaveReason
}

type fakeTrack struct {
	stage  *fakeStage
	pub    room.Publication
	frames []*media.Frame
	ended  bool
}

func (i *fakeIngest) Self() room.Participant { return i.self }

func (i *fakeIngest) Publish(pub room.Publication) (ingest.FrameWriter, error) {
	i.stage.mu.Lock()
	defer i.stage.mu.Unlock()
	if i.stage.refuse != nil {
		return nil, i.stage.refuse
	}
	t := &fakeTrack{stage: i.stage, pub: pub}
	i.tracks[pub.SID] = t
	i.stage.notify()
	return t, nil
}

func (i *fakeIngest) Unpublish(sid string) error {
	i.stage.mu.Lock()
	defer i.stage.mu.Unlock()
	i.tracks[sid].ended = true
	i.stage.notify()
	return nil
}

func (i *fakeIngest) ChangePublication(sid string, change func(*room.Publication)) error {
	i.stage.mu.Lock()
	defer i.stage.mu.Unlock()
	change(&i.tracks[sid].pub)
	return nil
}

func (i *fakeIngest) Update(name, metadata *string, attributes map[string]string) error {
	i.stage.mu.Lock()
	defer i.stage.mu.Unlock()
	if name != nil {
		i.name = *name
	}
	for k, v := range attributes {
		i.attributes[k] = v
	}
	i.stage.notify()
	return nil
}

func (i *fakeIngest) Leave(why room.LeaveReason) {
	i.stage.mu.Lock()
	defer i.stage.mu.Unlock()
	i.left, i.reason = true, why
	i.stage.notify()
}

// of finds the running track of a kind; the caller holds the stage's lock.
func (i *fakeIngest) of(kind media.Kind) *fakeTrack {
	for _, t := range i.tracks {
		if t.pub.Kind == kind && !t.ended {
			return t
		}
	}
	return nil
}

func (t *fakeTrack) WriteFrame(f *media.Frame) error {
	t.stage.mu.Lock()
	defer t.stage.mu.Unlock()
	t.frames = append(t.frames, f)
	t.stage.notify()
	return nil
}

// open starts a server on a free port.
func open(t testing.TB, st stage, o Options) *Server {
	t.Helper()
	o.Address = "127.0.0.1:0"
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s, err := listen(o, st)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *Server) url(rest string) string {
	return "rtmp://" + s.Addr().(*net.TCPAddr).String() + "/" + rest
}

// fakeWatcher counts who watches.
type fakeWatcher struct{ stage *fakeStage }

func (fakeWatcher) Sent(int)       {}
func (fakeWatcher) Skipped(string) {}
func (w fakeWatcher) Close()       { w.stage.watching.Add(-1) }

// fakeSource gives the frames that a test sends.
type fakeSource chan *media.Frame

func (s fakeSource) Next(ctx context.Context) (*media.Frame, error) {
	select {
	case f, ok := <-s:
		if !ok {
			return nil, io.EOF
		}
		return f, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s fakeSource) Close() {}
