package sfu

import (
	"context"
	"slices"
	"testing"

	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/track"
)

// checkStream checks that numbers, timestamps and picture ids of what a viewer got go on without a break: sorted by
// number nothing is missing, and with each frame the timestamp goes on by about the time that passed. Packets may come
// twice: pion asks for a repair until it comes, and does not see that it is on its way.
func checkStream(t *testing.T, packets []viewed) {
	t.Helper()
	if len(packets) == 0 {
		t.Fatal("nothing came")
	}
	first := packets[0].seq
	sorted := slices.Clone(packets)
	slices.SortStableFunc(sorted, func(a, b viewed) int { return int(int16(a.seq-first)) - int(int16(b.seq-first)) })
	missing := 0
	for i := 1; i < len(sorted); i++ {
		a, b := sorted[i-1], sorted[i]
		switch step := b.seq - a.seq; {
		case step == 0:
			if a.rid != b.rid || a.frame != b.frame || a.packet != b.packet {
				t.Errorf("%+v and %+v have the same number", a, b)
			}
		case step > 1:
			missing += int(step) - 1
			continue
		}
		same := a.rid == b.rid && a.frame == b.frame
		if same != (a.timestamp == b.timestamp) || same != (a.picture == b.picture) {
			t.Errorf("%+v is followed by %+v", a, b)
		}
		if d := int32(b.timestamp - a.timestamp); d < 0 || d > 90000 {
			t.Errorf("timestamp steps by %d from %+v to %+v", d, a, b)
		}
		if !same && a.rid != b.rid && !b.key {
			t.Errorf("the layer changes without a keyframe from %+v to %+v", a, b)
		}
	}
	if missing > 0 {
		t.Errorf("of %d packets %d are missing", len(packets), missing)
	}
}

func TestForwardOverLossyLinks(t *testing.T) {
	e := listen(t)
	publisher := newClient(t, e)
	camera := publisher.publishes("")[0]
	publisher.connect()
	camera.start()
	receiver := publisher.received(media.VP8)

	viewer := newClient(t, e)
	viewer.receives(webrtc.RTPCodecTypeVideo)
	view := viewer.views()
	sender := viewer.sends(receiver.Track())
	viewer.connect()

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go camera.run(ctx, 5, 10*ms)
	view.until(t, "the first packets", func(p []viewed) bool { return len(p) > 50 })
	publisher.loss.percent.Store(5)
	viewer.loss.percent.Store(5)
	view.until(t, "many packets", func(p []viewed) bool { return len(p) > 1500 })
	publisher.loss.percent.Store(0)
	viewer.loss.percent.Store(0)
	view.until(t, "a clean end", func(p []viewed) bool { return len(p) > 1800 })
	packets := view.whole(t)
	checkStream(t, packets)
	lost := publisher.loss.lost.Load() + viewer.loss.lost.Load()
	stats := sender.Stats()
	t.Logf("%d packets viewed, %d lost on the way in and out, %+v", len(packets), lost, stats)
	if lost < 50 || stats.Repaired == 0 || publisher.loss.lost.Load() == 0 {
		t.Error("the links lost next to nothing, so nothing is proven")
	}
}

func TestForwardSimulcastLayers(t *testing.T) {
	e := listen(t)
	publisher := newClient(t, e)
	cameras := publisher.publishes("q", "h", "f")
	publisher.connect()
	largest, stopLargest := context.WithCancel(t.Context())
	defer stopLargest()
	others, stopOthers := context.WithCancel(t.Context())
	defer stopOthers()
	receiver := publisher.received(media.NoCodec)
	for i, camera := range cameras {
		camera.start()
		ctx := others
		if camera.rid == "f" {
			ctx = largest
		}
		go camera.run(ctx, 1+2*i, 20*ms)
	}
	exists := make(chan *track.Track, 1)
	receiver.OnTrack(func(tr *track.Track) { exists <- tr })
	tr := wait(t, exists, "the track")
	if tr.Info().Codec != media.VP8 || receiver.Track() != tr {
		t.Fatalf("the track is %+v", tr.Info())
	}

	viewer := newClient(t, e)
	viewer.receives(webrtc.RTPCodecTypeVideo)
	view := viewer.views()
	sender := viewer.sends(tr)
	viewer.connect()
	follow := func(rid string) {
		t.Helper()
		view.until(t, "layer "+rid, func(p []viewed) bool {
			return len(p) > 5 && !slices.ContainsFunc(p[len(p)-5:], func(x viewed) bool { return x.rid != rid })
		})
	}
	follow("f")
	sender.SetLayer(0)
	follow("q")
	sender.SetSize(640, 360)
	follow("h")
	sender.SetSize(0, 0)
	follow("f")
	checkStream(t, view.whole(t))

	// The largest layer stops, as a browser's does when its uplink gets worse.
	stopLargest()
	follow("h")
	for _, camera := range cameras {
		t.Logf("layer %s: %d requests for a keyframe", camera.rid, camera.plis.Load())
	}
}

func TestViewerStartsAtOnceFromTheLastKeyframe(t *testing.T) {
	e := listen(t)
	publisher := newClient(t, e)
	camera := publisher.publishes("")[0]
	publisher.connect()
	receiver := publisher.received(media.VP8)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	camera.start()
	go camera.run(ctx, 5, 20*ms)
	first := newClient(t, e)
	first.receives(webrtc.RTPCodecTypeVideo)
	one := first.views()
	first.sends(receiver.Track())
	first.connect()
	one.until(t, "a stream that runs", func(p []viewed) bool { return len(p) > 50 })
	asked := camera.plis.Load()

	second := newClient(t, e)
	second.receives(webrtc.RTPCodecTypeVideo)
	two := second.views()
	second.sends(receiver.Track())
	second.connect()
	packets := two.until(t, "the second stream", func(p []viewed) bool { return len(p) > 50 })
	if !packets[0].key || packets[0].packet != 0 {
		t.Errorf("begins with %+v", packets[0])
	}
	if again := camera.plis.Load() - asked; again != 0 {
		t.Errorf("the publisher was asked for %d more keyframes", again)
	}
	checkStream(t, two.whole(t))
}

func TestViewerFollowsAChangeOfSource(t *testing.T) {
	e := listen(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var tracks []*track.Track
	var cameras []*camera
	for i := range 2 {
		publisher := newClient(t, e)
		camera := publisher.publishes("")[0]
		camera.width = 320 << i
		camera.seq += uint16(i) * 20000
		camera.timestamp += uint32(i) * 123456789
		camera.pictureID += uint16(i) * 3000
		publisher.connect()
		tracks = append(tracks, publisher.received(media.VP8).Track())
		cameras = append(cameras, camera)
		camera.start()
		camera.frames = i * 1_000_000 // tells the two apart
		camera.wanted.Store(true)
		go camera.run(ctx, 5, 20*ms)
	}
	viewer := newClient(t, e)
	viewer.receives(webrtc.RTPCodecTypeVideo)
	view := viewer.views()
	sender := viewer.sends(tracks[0])
	viewer.connect()
	follow := func(from, until int) {
		t.Helper()
		view.until(t, "the other source", func(p []viewed) bool {
			return len(p) > 30 && p[len(p)-30].frame >= from && p[len(p)-1].frame < until
		})
	}
	follow(0, 1_000_000)
	must(t, sender.Switch(tracks[1]))
	follow(1_000_000, 2_000_000)
	must(t, sender.Switch(tracks[0]))
	follow(0, 1_000_000)
	tracks[0].Close()
	must(t, sender.Switch(tracks[1]))
	follow(1_000_000, 2_000_000)
	packets := view.whole(t)
	newest := packets[0]
	for _, p := range packets[1:] {
		if int16(p.seq-newest.seq) < 0 {
			continue // a repair that came late
		}
		if d := p.frame - newest.frame; (d > 100 || d < -100) && !p.key {
			t.Errorf("%+v is followed by %+v", newest, p)
		}
		newest = p
	}
	checkStream(t, packets)
	for i, camera := range cameras {
		t.Logf("source %d: %d requests for a keyframe", i, camera.plis.Load())
	}
}
