package studio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/rtc/rtctest"
)

// TestRoomsComeAndGo lets people, encoders, viewers and hosts do what they like in a few rooms for a second, all at once.
// Afterwards nothing of it runs any more.
func TestRoomsComeAndGo(t *testing.T) {
	endpoint := rtctest.Endpoint(t)
	h := NewHouse(Options{Workers: codec.FindWorkers("off"), AwayGrace: 5 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	before := runtime.NumGoroutine()

	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var crowd sync.WaitGroup
	for i := range 6 {
		roomName := fmt.Sprintf("room-%d", i%2)
		kind := room.Person
		if i >= 4 {
			kind = room.Ingest
		}
		crowd.Go(func() { // two of the people are the same one
			for n := 0; ctx.Err() == nil; n++ {
				takePart(t, ctx, h, roomName, fmt.Sprintf("p%d", i/4), kind, n)
			}
		})
		crowd.Go(func() {
			for ctx.Err() == nil {
				watch(t, ctx, h, endpoint, roomName)
			}
		})
	}
	for i := range 2 {
		crowd.Go(func() {
			for ctx.Err() == nil {
				direct(h, fmt.Sprintf("room-%d", i))
			}
		})
	}
	crowd.Wait()

	deadline := time.Now().Add(time.Minute)
	for len(h.Studios()) > 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if n := len(h.Studios()); n > 0 {
		t.Errorf("%d rooms are open with nobody in them", n)
	}
	h.Close()
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		var stacks strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1)
		t.Errorf("%d goroutines before, %d after:\n%s", before, n, stacks.String())
	}
}

// takePart joins, publishes a picture, perhaps a track that never comes, and leaves.
func takePart(t *testing.T, ctx context.Context, h *House, roomName, identity string, kind room.ParticipantKind, n int) {
	p, err := h.Enter(roomName, room.Join{
		Identity: identity, Kind: kind, Permission: room.Permission{Publish: true, Subscribe: true, PublishData: true},
	}, &heard{})
	if err != nil {
		t.Errorf("entering: %v", err)
		return
	}
	defer p.Leave(room.LeftByItself)
	pub := room.Publication{SID: room.NewSID("TR_"), Kind: media.Video, Codec: media.H264, Source: room.Camera}
	tr, err := p.PublishFrames(pub)
	if err != nil {
		return // replaced by its double, or the room closed
	}
	_ = p.PublishInbound(room.Publication{SID: room.NewSID("TR_"), Kind: media.Audio}, &rtc.Inbound{})
	format := mediatest.H264Format(320, 180)
	for i := range rand.IntN(20) {
		at := media.Now()
		f := &media.Frame{Format: format, Payload: mediatest.H264(i%5 == 0, 500), PTS: at, DTS: at, Keyframe: i%5 == 0}
		if tr.WriteFrame(f) != nil || ctx.Err() != nil {
			break
		}
		_ = p.SetMuted(pub.SID, i%3 == 0)
		runtime.Gosched()
	}
	switch n % 3 {
	case 0:
		_ = p.Unpublish(pub.SID)
	case 1:
		tr.Close()
	}
}

// direct does what a host or an operator may do.
func direct(h *House, roomName string) {
	s, err := h.Studio(roomName)
	if err != nil {
		runtime.Gosched()
		return
	}
	switch rand.IntN(6) {
	case 0, 1:
		_ = s.GoLive("host", "title")
	case 2:
		_, _ = s.EndLive()
	case 3:
		for _, p := range s.Participants() {
			for _, pub := range p.Publications {
				_ = s.Show(pub.SID)
			}
		}
	case 4:
		_, _ = s.LiveStatus()
		_ = s.Show("")
	case 5:
		if rand.IntN(20) == 0 {
			s.Close(room.LeftRoomClosed)
		}
	}
	runtime.Gosched()
}

// watch reads the program for a moment over an output that all share, and sends it to a peer that never connects.
func watch(t *testing.T, ctx context.Context, h *House, endpoint *rtc.Endpoint, roomName string) {
	w, err := h.Watch(roomName, "flv")
	if err != nil {
		if !errors.Is(err, ErrNotLive) {
			t.Errorf("watching: %v", err)
		}
		runtime.Gosched()
		return
	}
	defer w.Close()
	r, err := Shared(w, "flv", Briefly, func(p *program.Program) (*reading, func(), error) {
		r, err := read(p)
		if err != nil {
			return nil, nil, err
		}
		return r, r.stop, nil
	})
	if err != nil {
		return // the show ended in between
	}
	peer, err := endpoint.NewPeer(rtc.PeerConfig{Handler: nobody{}})
	if err != nil {
		t.Errorf("making a peer: %v", err)
		return
	}
	defer func() { peer.Close(); <-peer.Done() }()
	if err := w.Subscribe(peer, media.H264); err != nil {
		t.Errorf("subscribing: %v", err)
	}
	select {
	case <-r.came:
	case <-w.Done():
	case <-ctx.Done():
	case <-time.After(time.Duration(rand.IntN(20)) * time.Millisecond):
	}
}

// reading reads a program for an output.
type reading struct {
	reader *program.Reader
	came   chan struct{} // closed with the first frame
	done   chan struct{}
}

func read(p *program.Program) (*reading, error) {
	reader, err := p.Read(program.Demand{Video: []media.Codec{media.H264}, Audio: []media.Codec{media.AAC}})
	if err != nil {
		return nil, err
	}
	r := &reading{reader: reader, came: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		for first := true; ; first = false {
			_, err := reader.Next(context.Background())
			if errors.Is(err, io.EOF) || errors.Is(err, program.ErrReaderClosed) {
				return
			}
			if first {
				close(r.came)
			}
		}
	}()
	return r, nil
}

func (r *reading) stop() {
	r.reader.Close()
	<-r.done
}

// nobody handles a peer that nothing comes from.
type nobody struct{}

func (nobody) PeerConnected()               {}
func (nobody) PeerClosed(error)             {}
func (nobody) InboundAdded(*rtc.Inbound)    {}
func (nobody) InboundRemoved(*rtc.Inbound)  {}
func (nobody) DataChannel(*rtc.DataChannel) {}
