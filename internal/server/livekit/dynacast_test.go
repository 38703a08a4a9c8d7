package livekit

import (
	"context"
	"encoding/binary"
	"io"
	"sync/atomic"
	"testing"
	"time"

	pb "github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/sfu"
)

// film is a picture in three layers, published with the SDK, which sends only the layers that it is told to. Each payload ends with its
// layer and the number of its picture, which all layers share.
type film struct {
	layers []*filmLayer
	next   atomic.Uint32 // picture
}

// filmLayer is one of a film's layers as the SDK asks for it.
type filmLayer struct {
	rid   string
	width int
	n     chan uint32 // the picture to come
	asked atomic.Bool // for a keyframe
}

func (l *filmLayer) OnBind() error   { return nil }
func (l *filmLayer) OnUnbind() error { return nil }
func (l *filmLayer) Close() error    { return nil }

func (l *filmLayer) NextSample(ctx context.Context) (media.Sample, error) {
	select {
	case <-ctx.Done():
		return media.Sample{}, io.EOF
	case n := <-l.n:
		b := mediatest.VP8(l.asked.Swap(false), l.width, l.width*9/16, 600)
		b[len(b)-5] = l.rid[0]
		binary.BigEndian.PutUint32(b[len(b)-4:], n)
		return media.Sample{Data: b, Duration: filmRate}, nil
	}
}

const filmRate = 20 * time.Millisecond // between two pictures

// publishFilm publishes a film that runs until the test ends.
func (g *guest) publishFilm() *film {
	g.t.Helper()
	f := new(film)
	var tracks []*lksdk.LocalTrack
	for i, rid := range []string{"q", "h", "f"} {
		l := &filmLayer{rid: rid, width: 320 << i, n: make(chan uint32, 1)}
		l.asked.Store(true)
		track, err := lksdk.NewLocalTrack(webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeVP8, ClockRate: 90000,
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}},
		}, lksdk.WithSimulcast("film", &pb.VideoLayer{Quality: pb.VideoQuality(i), Width: uint32(l.width), Height: uint32(l.width * 9 / 16)}),
			lksdk.WithRTCPHandler(func(p rtcp.Packet) {
				if _, ok := p.(*rtcp.PictureLossIndication); ok {
					l.asked.Store(true)
				}
			}))
		if err != nil {
			g.t.Fatal(err)
		}
		if err := track.StartWrite(l, nil); err != nil {
			g.t.Fatal(err)
		}
		f.layers = append(f.layers, l)
		tracks = append(tracks, track)
	}
	if _, err := g.LocalParticipant.PublishSimulcastTrack(tracks, &lksdk.TrackPublicationOptions{
		Name: "film", Source: pb.TrackSource_CAMERA, VideoWidth: 1280, VideoHeight: 720,
	}); err != nil {
		g.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.run(ctx)
	}()
	g.t.Cleanup(func() { stop(); <-ended })
	return f
}

func (f *film) run(ctx context.Context) {
	tick := time.NewTicker(filmRate)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		n := f.next.Add(1)
		for _, l := range f.layers {
			select {
			case l.n <- n:
			default: // it is behind
			}
		}
	}
}

// shownPicture is a picture as a subscriber got it.
type shownPicture struct {
	rid string
	n   uint32
	key bool
}

// pictures gives out what comes of a track, until it ends.
func pictures(track *webrtc.TrackRemote) <-chan shownPicture {
	out := make(chan shownPicture, 4096)
	go func() {
		defer close(out)
		newest, begun := uint16(0), false
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			if begun && int16(p.SequenceNumber-newest) <= 0 {
				continue // it was lost, and comes again after what followed it
			}
			newest, begun = p.SequenceNumber, true
			if b := p.Payload; len(b) > 100 {
				inverse := b[vp8Descriptor(b):][0]
				out <- shownPicture{string(b[len(b)-5 : len(b)-4]), binary.BigEndian.Uint32(b[len(b)-4:]), inverse&1 == 0}
			}
		}
	}()
	return out
}

// vp8Descriptor is how long the payload descriptor is (RFC 7741, section 4.2).
func vp8Descriptor(b []byte) int {
	n := 1
	if b[0]&0x80 == 0 {
		return n
	}
	x := b[1]
	n++
	if x&0x80 != 0 {
		n++
		if b[2]&0x80 != 0 {
			n++
		}
	}
	if x&0x40 != 0 {
		n++
	}
	if x&0x30 != 0 {
		n++
	}
	return n
}

// incoming are figures of the layers that come in from alice.
func (w *world) incoming(t *testing.T) map[string]sfu.LayerStats {
	t.Helper()
	d, ok := w.house.Diagnose("hall", "alice")
	if !ok || len(d.Tracks) != 1 {
		t.Fatalf("alice publishes %d tracks", len(d.Tracks))
	}
	layers := map[string]sfu.LayerStats{}
	for _, l := range d.Tracks[0].Layers {
		layers[l.RID] = l
	}
	return layers
}

// stops waits until nothing comes in any more of some layers while as many as 25 pictures are filmed.
func (w *world) stops(t *testing.T, f *film, rids ...string) {
	t.Helper()
	deadline := time.After(2 * patience)
	before, since := w.incoming(t), f.next.Load()
	for f.next.Load() < since+25 {
		select {
		case <-time.After(filmRate):
		case <-deadline:
			t.Fatalf("layers %q do not stop: %+v", rids, w.incoming(t))
		}
		now := w.incoming(t)
		for _, rid := range rids {
			if now[rid].Packets != before[rid].Packets || now[rid].Packets == 0 {
				before, since = now, f.next.Load()
			}
		}
	}
}

// shows takes pictures until some of a layer came in a row.
func shows(t *testing.T, from <-chan shownPicture, rid string) (all []shownPicture) {
	t.Helper()
	deadline := time.After(2 * patience)
	for row := 0; row < 10; {
		select {
		case p, ok := <-from:
			if !ok {
				t.Fatalf("the track ended before layer %s came", rid)
			}
			all = append(all, p)
			row++
			if p.rid != rid {
				row = 0
			}
		case <-deadline:
			t.Fatalf("layer %s does not come", rid)
		}
	}
	return all
}

// Layers that nobody watches are not sent; when somebody wants one, it is there with the first keyframe that is asked for, and until
// then the smaller one goes on.
func TestLayersStopAndComeBack(t *testing.T) {
	t.Parallel()
	mediaBothWays(t, func(t *testing.T, w *world, opts ...lksdk.ConnectOption) {
		alice := w.visit(t, "alice", "hall", nil, opts...)
		f := alice.publishFilm()
		bob := w.visit(t, "bob", "hall", nil, opts...)
		bob.expect("subscribed film")
		bob.mu.Lock()
		seen := pictures(bob.tracks["film"])
		bob.mu.Unlock()
		shows(t, seen, "f")
		pub := bob.GetParticipantByIdentity("alice").GetTrackPublication(pb.TrackSource_CAMERA).(*lksdk.RemoteTrackPublication)

		if err := pub.SetVideoQuality(pb.VideoQuality_LOW); err != nil {
			t.Fatal(err)
		}
		shows(t, seen, "q")
		w.stops(t, f, "h", "f")

		before := w.incoming(t)["f"]
		if err := pub.SetVideoQuality(pb.VideoQuality_HIGH); err != nil {
			t.Fatal(err)
		}
		change := shows(t, seen, "f")
		for i := 1; i < len(change); i++ {
			a, b := change[i-1], change[i]
			switch {
			case a.rid == b.rid:
			case a.rid != "q" || b.rid != "f" || !b.key:
				t.Errorf("%+v is followed by %+v", a, b)
			case b.n > a.n+25: // a freeze by any measure; sfu's tests in virtual time are exact
				t.Errorf("the smaller layer stopped at picture %d, the larger came with %d", a.n, b.n)
			}
		}
		after := w.incoming(t)["f"]
		if n := after.Keyframes - before.Keyframes; n < 1 || n > 2 {
			t.Errorf("%d keyframes until the layer was back", n)
		}

		// Nobody wants anything.
		if err := pub.SetSubscribed(false); err != nil {
			t.Fatal(err)
		}
		w.stops(t, f, "q", "h", "f")
		before = w.incoming(t)["f"]
		carol := w.visit(t, "carol", "hall", nil, opts...)
		carol.expect("subscribed film")
		carol.mu.Lock()
		first := shows(t, pictures(carol.tracks["film"]), "f")[0]
		carol.mu.Unlock()
		if !first.key {
			t.Errorf("begins with %+v", first)
		}
		if n := w.incoming(t)["f"].Keyframes - before.Keyframes; n < 1 || n > 2 {
			t.Errorf("%d keyframes until the picture was there", n)
		}
	})
}
