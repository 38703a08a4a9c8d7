package track

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
)

// ingest writes a picture each 40 ms with a keyframe each second.
type ingest struct {
	t     *testing.T
	track *Track
	n     int
}

func (g *ingest) run(frames int) {
	g.t.Helper()
	format := g.track.Format()
	if format == nil {
		format = mediatest.H264Format(1280, 720)
	}
	for range frames {
		key := g.n%25 == 0
		g.n++
		if err := g.track.WriteFrame(mediatest.Frame(format, key, media.Now(), mediatest.H264(key, 5000))); err != nil {
			g.t.Fatal(err)
		}
		time.Sleep(40 * time.Millisecond)
		synctest.Wait()
	}
}

// counter counts what a listener hears.
type counter struct{ calls int }

func (c *counter) PacketsReady(*Layer) { c.calls++ }

func TestPacketsOfFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		track := NewFromFrames(Info{Kind: media.Video, Codec: media.H264})
		defer track.Close()
		g := &ingest{t: t, track: track}
		g.run(30) // keyframes at 0 and 25
		lease, err := track.ReadPackets(media.H264)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		layers, changed := lease.Layers()
		if len(layers) != 1 || layers[0].RID() != "" || layers[0].Track() != track {
			t.Fatalf("layers %v", layers)
		}
		l, ring := layers[0], layers[0].Ring()
		// A first subscriber gets a picture at once: the ring begins at the last keyframe.
		if at, ok := ring.LastKeyframe(); !ok || at != 0 {
			t.Fatalf("keyframe at %d, %v", at, ok)
		}
		first := ring.At(0)
		if first.Seq < 1<<16 || !first.Start || !first.Keyframe || first.Timestamp != rtpfmt.Timestamp(media.Now()-5*40*time.Millisecond, 90000) {
			t.Errorf("first packet %+v", first)
		}
		if w, h := l.Size(); w != 1280 || h != 720 {
			t.Errorf("layer of %dx%d", w, h)
		}
		heard := &counter{}
		l.Listen(heard)
		head := ring.Head()
		g.run(25)
		if heard.calls != 25 {
			t.Errorf("%d calls for 25 frames", heard.calls)
		}
		l.Unlisten(heard)
		seq := ring.At(head).Seq
		for i := head; i < ring.Head(); i++ {
			p := ring.At(i)
			if p.Seq != seq || p.SSRC != first.SSRC || len(p.Payload) == 0 {
				t.Fatalf("packet %d: %+v", i, p)
			}
			seq++
			if at, ok := l.MediaTime(p.Timestamp); !ok || !near(media.Now()-at, 0, 2*time.Second) {
				t.Fatalf("packet %d at %v", i, at)
			}
		}
		newest := ring.At(ring.Head() - 1)
		if at, _ := l.MediaTime(newest.Timestamp); !near(at, media.Now()-40*time.Millisecond, 12*time.Microsecond) || !newest.Marker {
			t.Errorf("newest packet at %v, now is %v", at, media.Now())
		}
		if s := track.Stats(); s.FPS < 24 || s.FPS > 26 || s.Bitrate < 900_000 {
			t.Errorf("%+v", s)
		}
		if !l.Active(media.Now()) || l.Bitrate() < 900_000 {
			t.Errorf("bitrate %d", l.Bitrate())
		}
		l.RequestKeyframe() // nobody can be asked

		second, err := track.ReadPackets(media.NoCodec)
		if err != nil {
			t.Fatal(err)
		}
		lease.Release()
		g.run(200)
		if again, _ := second.Layers(); len(again) != 1 || again[0] != l {
			t.Error("another packetizer while there are readers")
		}
		second.Release()
		g.run(100)
		third, _ := track.ReadPackets(media.H264)
		if again, _ := third.Layers(); again[0] != l {
			t.Error("another packetizer within 5 s")
		}
		third.Release()
		select {
		case <-changed:
			t.Error("layers changed too early")
		default:
		}
		g.run(150)
		if again, _ := third.Layers(); len(again) != 0 {
			t.Error("the packetizer stayed")
		}
		<-changed
	})
}

func TestAnIngestThatChangesItsSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		track := NewFromFrames(Info{Kind: media.Video, Codec: media.H264})
		defer track.Close()
		if track.Wanted() {
			t.Error("wanted by nobody")
		}
		lease, err := track.ReadPackets(media.H264)
		if err != nil || !track.Wanted() {
			t.Fatal(err, track.Wanted())
		}
		layers, _ := lease.Layers()
		sink := NewFromPackets(Info{Kind: media.Video, Codec: media.H264}, nil)
		defer sink.Close()
		frames, err := sink.ReadFrames(media.H264)
		if err != nil || !sink.Wanted() {
			t.Fatal(err, sink.Wanted())
		}
		cursor := frames.Ring().Live()
		to := sink.AddLayer("")
		for i := range 10 {
			format := mediatest.H264Format(1280, 720)
			if i >= 5 {
				format = mediatest.H264Format(720, 1280)
			}
			if err := track.WriteFrame(mediatest.Frame(format, i%5 == 0, media.Now(), mediatest.H264(i%5 == 0, 3000))); err != nil {
				t.Fatal(err)
			}
			time.Sleep(40 * time.Millisecond)
			synctest.Wait()
			copyLayer(layers[0], to)
			synctest.Wait()
		}
		if got := formats(readAll(t, cursor, 10)); len(got) != 2 || got[1] != [2]int{720, 1280} {
			t.Errorf("formats %v", got)
		}
		if w, h := layers[0].Size(); w != 720 || h != 1280 {
			t.Errorf("layer of %dx%d", w, h)
		}
		frames.Release()
		lease.Release()
		if track.Wanted() || sink.Wanted() {
			t.Error("wanted after the last reader left")
		}
	})
}

func TestLongSoundFramesAsPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		track := NewFromFrames(Info{Kind: media.Audio, Codec: media.Opus})
		defer track.Close()
		lease, err := track.ReadPackets(media.Opus)
		if err != nil {
			t.Fatal(err)
		}
		defer lease.Release()
		payload := mediatest.Opus(400)
		payload[0], payload[1] = 0xff, 3 // three blocks of 20 ms
		for range 20 {
			f := mediatest.Frame(rtpfmt.OpusFormat, true, media.Now(), payload)
			f.Duration = 60 * time.Millisecond
			if err := track.WriteFrame(f); err != nil {
				t.Fatal(err)
			}
			time.Sleep(60 * time.Millisecond)
			synctest.Wait()
		}
		layers, _ := lease.Layers()
		ring := layers[0].Ring()
		if ring.Head() != 20 {
			t.Fatalf("%d packets", ring.Head())
		}
		for i := uint64(1); i < 20; i++ {
			if d := ring.At(i).Timestamp - ring.At(i-1).Timestamp; d < 2879 || d > 2881 {
				t.Errorf("packet %d: %d after the one before", i, d)
			}
		}
	})
}

func TestBFramesWithoutFFmpegAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		track := NewFromFrames(Info{Kind: media.Video, Codec: media.H264, Workers: codec.FindWorkers("off")})
		defer track.Close()
		lease, err := track.ReadPackets(media.H264) // before the first frame tells
		if err != nil {
			t.Fatal(err)
		}
		format := mediatest.H264Format(640, 360)
		for i, pts := range []time.Duration{80, 200, 120, 160} {
			f := mediatest.Frame(format, i == 0, time.Duration(i)*40*time.Millisecond, mediatest.H264(i == 0, 500))
			f.PTS = pts * time.Millisecond
			if err := track.WriteFrame(f); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if !problem(track, ProblemBFrames) {
			t.Error("not reported")
		}
		if _, err := track.ReadPackets(media.H264); err == nil {
			t.Error("a second reader was not told")
		}
		lease.Release()
		if err := track.CanConvert(media.H264); err != nil {
			t.Errorf("frames: %v", err)
		}
	})
}

// TestPacketsOfWhatIsAheadWaitForTheirTime, so that a picture is not seconds before its own sound in the mix, which waits too. Who comes first sees and
// hears it at once.
func TestPacketsOfWhatIsAheadWaitForTheirTime(t *testing.T) {
	const ahead, step = 2 * time.Second, 20 * time.Millisecond
	for name, c := range map[string]struct{ from, as media.Codec }{
		"picture":                 {media.H264, media.H264},
		"sound":                   {media.Opus, media.Opus},
		"sound in another coding": {media.AAC, media.Opus},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				track := NewFromFrames(Info{Kind: c.from.Kind(), Codec: c.from})
				defer track.Close()
				format := rtpfmt.OpusFormat
				switch c.from {
				case media.H264:
					format = mediatest.H264Format(640, 360)
				case media.AAC:
					format = &media.Format{Codec: media.AAC, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}
				}
				next := media.Now()
				n := 0
				run := func(d time.Duration) {
					for range d / step {
						for ; next < media.Now()+ahead; next += step {
							key := n%100 == 0 || format.Kind() == media.Audio
							n++
							payload := mediatest.Opus(50)
							switch c.from {
							case media.H264:
								payload = mediatest.H264(key, 50)
							case media.AAC:
								payload, _ = bitstream.Silence(format)
							}
							if err := track.WriteFrame(mediatest.Frame(format, key, next, payload)); err != nil {
								t.Fatal(err)
							}
						}
						time.Sleep(step)
					}
				}
				run(5 * time.Second)
				lease, err := track.ReadPackets(c.as)
				if err != nil {
					t.Fatal(err)
				}
				defer lease.Release()
				asked := media.Now()
				run(3 * time.Second)
				layers, _ := lease.Layers()
				l, ring := layers[0], layers[0].Ring()
				if p := ring.At(0); p == nil || p.Arrival > asked+100*time.Millisecond {
					t.Fatalf("first packet %+v", p)
				}
				at := time.Duration(0)
				for i := range ring.Head() {
					p := ring.At(i)
					if at, _ = l.MediaTime(p.Timestamp); at > p.Arrival+sendAhead+time.Millisecond {
						t.Fatalf("a packet comes %v before its time", at-p.Arrival)
					}
				}
				if behind := media.Now() - at; behind > 0 {
					t.Errorf("the last is %v behind", behind)
				}
			})
		})
	}
}

// TestPicturesThatComeInOrderAgain: one picture out of order, or a format that allows for some, is not for ever.
func TestPicturesThatComeInOrderAgain(t *testing.T) {
	for name, declared := range map[string]bool{"as the format says": true, "whatever it says": false} {
		t.Run(name, func(t *testing.T) {
			track := NewFromFrames(Info{Kind: media.Video, Codec: media.H264, Workers: codec.FindWorkers("off")})
			defer track.Close()
			format := mediatest.H264Format(640, 360)
			format.Reordered = declared
			n := 0
			send := func(seconds int, disordered bool) {
				t.Helper()
				for range 25 * seconds {
					key := n%25 == 0
					f := mediatest.Frame(format, key, time.Duration(n)*40*time.Millisecond, mediatest.H264(key, 50))
					if disordered && n%2 == 1 {
						f.PTS += 80 * time.Millisecond
					}
					if err := track.WriteFrame(f); err != nil {
						t.Fatal(err)
					}
					n++
				}
			}
			if send(5, true); !problem(track, ProblemBFrames) {
				t.Error("not told")
			}
			if send(29, false); !problem(track, ProblemBFrames) {
				t.Error("taken back too early")
			}
			if declared { // once more
				other := *format
				format = &other
			}
			if send(3, false); problem(track, ProblemBFrames) || track.CanReadPackets(media.H264) != nil {
				t.Error("not taken back")
			}
			if send(1, true); !problem(track, ProblemBFrames) {
				t.Error("not told when it begins again")
			}
		})
	}
}

// TestIDRPicturesAmongOtherKeyframes: encoders that refresh, or have open groups of pictures, may send IDR pictures too. WebRTC viewers begin with those.
func TestIDRPicturesAmongOtherKeyframes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		track := NewFromFrames(Info{Kind: media.Video, Codec: media.H264, Workers: codec.FindWorkers("off")})
		defer track.Close()
		format := mediatest.H264Format(640, 360)
		at := media.Now() - time.Minute // no packet waits for its time
		// send has a keyframe each half second, and of so many one is an IDR picture.
		send := func(seconds, each int) {
			t.Helper()
			for i := range 25 * seconds {
				key := i%12 == 0
				idr := key && each > 0 && i/12%each == 0
				if err := track.WriteFrame(mediatest.Frame(format, key, at, mediatest.H264(idr, 500))); err != nil {
					t.Fatal(err)
				}
				at += 40 * time.Millisecond
				synctest.Wait()
			}
		}
		told := func() string {
			for _, p := range track.Problems() {
				if p.Code == ProblemBFrames {
					return p.Text
				}
			}
			return ""
		}
		send(3, 4)
		lease, err := track.ReadPackets(media.H264)
		if err != nil || told() != "" {
			t.Fatalf("an IDR picture each 2 s: %v, %q", err, told())
		}
		synctest.Wait()
		layers, _ := lease.Layers()
		ring := layers[0].Ring()
		if p := ring.At(0); p == nil || !p.Keyframe {
			t.Error("who comes later does not begin with the IDR picture before")
		}
		send(4, 4)
		before := ring.Head()
		if send(6, 0); track.CanReadPackets(media.H264) == nil || strings.Contains(told(), "B-frames") || !strings.Contains(told(), "IDR") {
			t.Errorf("no more IDR pictures: %q", told())
		}
		sent := ring.Head()
		if send(6, 4); track.CanReadPackets(media.H264) != nil || told() != "" {
			t.Errorf("IDR pictures again: %q", told())
		}
		keyframes := 0
		for i := uint64(0); i < ring.Head(); i++ {
			if p := ring.At(i); p.Keyframe && p.Start {
				keyframes++
			}
			if i > 0 && (ring.At(i).Seq != ring.At(i-1).Seq+1 || int32(ring.At(i).Timestamp-ring.At(i-1).Timestamp) < 0) {
				t.Errorf("packet %d does not go on", i)
			}
		}
		// One from before, three in the 4 s, and of the last 6 s those from the second on, each with its parameter sets in a packet of their own.
		if before >= sent || sent >= ring.Head() || keyframes != 2*(1+3+3) {
			t.Errorf("%d, %d, %d packets, %d packets of keyframes", before, sent, ring.Head(), keyframes)
		}
		lease.Release()
	})
}

// TestPacketsBeginWithNothingOld: neither with what was sent while the track was muted, nor with what is left of a picture that is made on demand.
func TestPacketsBeginWithNothingOld(t *testing.T) {
	for name, pass := range map[string]func(g *ingest){
		"muted": func(g *ingest) {
			g.track.SetMuted(true)
			g.run(30)
			g.track.SetMuted(false)
		},
		"left": func(g *ingest) { time.Sleep(time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				track := NewFromFrames(Info{Kind: media.Video, Codec: media.H264})
				defer track.Close()
				g := &ingest{t: t, track: track}
				g.run(30)
				pass(g)
				since := media.Now()
				lease, err := track.ReadPackets(media.H264)
				if err != nil {
					t.Fatal(err)
				}
				defer lease.Release()
				synctest.Wait()
				layers, _ := lease.Layers()
				if at, ok := layers[0].Ring().LastKeyframe(); ok {
					t.Errorf("it begins with keyframe %d, from before", at)
				}
				g.run(25)
				at, ok := layers[0].Ring().LastKeyframe()
				if !ok || layers[0].Ring().At(at).Arrival < since {
					t.Error("it does not go on with the next one")
				}
			})
		})
	}
}
