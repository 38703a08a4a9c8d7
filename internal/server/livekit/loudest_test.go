package livekit

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	pb "github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/studio"
)

// microphone is an open one. Its packets end with their number.
type microphone struct {
	loudness atomic.Int32 // in -dBov, about which levels vary as those of speech do
	sent     atomic.Uint32
}

const silent = 75

func (g *guest) openMicrophone(name string) *microphone {
	g.t.Helper()
	m := new(microphone)
	m.loudness.Store(silent)
	track, err := lksdk.NewLocalTrack(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2})
	if err != nil {
		g.t.Fatal(err)
	}
	if _, err := g.LocalParticipant.PublishTrack(track, &lksdk.TrackPublicationOptions{Name: name, Source: pb.TrackSource_MICROPHONE}); err != nil {
		g.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				n := m.sent.Add(1)
				level := uint8(m.loudness.Load()) + uint8(n*7%9)
				payload := mediatest.Opus(60)
				binary.BigEndian.PutUint32(payload[len(payload)-4:], n)
				track.WriteSample(media.Sample{Data: payload, Duration: 20 * time.Millisecond}, &lksdk.SampleWriteOptions{AudioLevel: &level}) // fails until it is bound
			}
		}
	}()
	g.t.Cleanup(func() { stop(); <-ended })
	return m
}

// ears is what somebody hears of many.
type ears struct {
	mu    sync.Mutex
	heard map[string][]uint32 // numbers of packets that came, by name of the track
}

// listen listens to all tracks that come, until the test ends. The SDK shows a track with its first packet.
func (e *ears) listen(g *guest) {
	known := map[string]bool{}
	for {
		g.mu.Lock()
		change := g.change
		for name, track := range g.tracks {
			if !known[name] {
				known[name] = true
				go e.hear(name, track)
			}
		}
		g.mu.Unlock()
		select {
		case <-change:
		case <-g.t.Context().Done():
			return
		}
	}
}

func (e *ears) hear(name string, track *webrtc.TrackRemote) {
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		if len(p.Payload) < 8 {
			continue
		}
		e.mu.Lock()
		e.heard[name] = append(e.heard[name], binary.BigEndian.Uint32(p.Payload[len(p.Payload)-4:]))
		e.mu.Unlock()
	}
}

// now forgets what was heard before, and gives what was heard while a microphone sent n packets.
func (e *ears) now(m *microphone, n uint32) map[string][]uint32 {
	e.mu.Lock()
	clear(e.heard)
	e.mu.Unlock()
	for end := m.sent.Load() + n; m.sent.Load() < end; {
		time.Sleep(10 * time.Millisecond)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.heard)
}

// Thirty have their microphones open, five speak: their sound goes out, and that of somebody else as soon as it speaks up.
func TestOfThirtyMicrophonesTheLoudestAreHeard(t *testing.T) {
	sdkReceives(t)
	t.Parallel()
	const open, loudest = 30, 5
	var house *studio.House
	w := newWorld(t, func(cfg *Config) {
		house = newHouse(t, func(o *studio.Options) { o.Loudest = loudest })
		cfg.House = house
	})
	w.house = house
	microphones := map[string]*microphone{}
	var names []string
	for i := range open {
		name := fmt.Sprint("voice ", i)
		g := w.visit(t, name, "hall", nil, lksdk.WithAutoSubscribe(false))
		microphones[name] = g.openMicrophone(name)
		names = append(names, name)
	}
	speakers := names[:loudest]
	for _, name := range speakers {
		microphones[name].loudness.Store(30)
	}
	listener := w.visit(t, "listener", "hall", nil)
	hearing := &ears{heard: map[string][]uint32{}}
	go hearing.listen(listener)
	clock := microphones[names[0]]

	settled := func(want []string) map[string][]uint32 {
		t.Helper()
		var heard map[string][]uint32
		for end := time.Now().Add(2 * patience); time.Now().Before(end); {
			heard = hearing.now(clock, 25)
			if slices.Equal(slices.Sorted(maps.Keys(heard)), want) {
				return heard
			}
		}
		t.Fatalf("heard are %q, want %q", slices.Sorted(maps.Keys(heard)), want)
		return nil
	}
	// Who speaks is heard without a hole.
	for name, numbers := range settled(slices.Sorted(slices.Values(speakers))) {
		if first, last := numbers[0], numbers[len(numbers)-1]; int(last-first) != len(numbers)-1 {
			t.Errorf("of %s %d packets are heard between %d and %d", name, len(numbers), first, last)
		}
	}

	// Another speaks up, while the others go on.
	late := names[open-1]
	hearing.now(clock, 1)
	begun := microphones[late].sent.Load()
	microphones[late].loudness.Store(10)
	first := uint32(0)
	for end := time.Now().Add(patience); first == 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		hearing.mu.Lock()
		if numbers := hearing.heard[late]; len(numbers) > 0 {
			first = numbers[0]
		}
		hearing.mu.Unlock()
	}
	if first == 0 {
		t.Fatal("who speaks up is not heard")
	}
	t.Logf("heard from the %d. packet on", first-begun)
	if first-begun > 50 { // of 20 ms each; five or six where nobody else wants the processors
		t.Errorf("who speaks up is heard from the %d. packet on", first-begun)
	}
	heard := hearing.now(clock, 50)
	for end := time.Now().Add(patience); len(heard) > loudest && time.Now().Before(end); {
		heard = hearing.now(clock, 50) // who has just left is in it, and whose packets the machine holds up
	}
	if len(heard) != loudest || heard[late] == nil {
		t.Errorf("heard are %q", slices.Sorted(maps.Keys(heard)))
	}
}
