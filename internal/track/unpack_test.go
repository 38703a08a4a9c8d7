package track

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
)

// publisher is a browser: it sends one layer or several in virtual time, and a keyframe when asked.
type publisher struct {
	t      *testing.T
	track  *Track
	layers []*encoding

	mu    sync.Mutex
	asked map[*Layer]int
}

type encoding struct {
	layer    *Layer
	pack     *rtpfmt.Packetizer
	format   *media.Format
	seq      uint64
	ssrc     uint32
	base     uint32
	wantKey  bool
	paused   bool
	lose     func(seq uint64) bool
	repair   time.Duration // how late lost packets come, 0 for never
	repaired int
	pending  []*media.Packet
}

func newPublisher(t *testing.T, codec media.Codec, sizes ...[2]int) *publisher {
	p := &publisher{t: t, asked: make(map[*Layer]int)}
	p.track = NewFromPackets(Info{ID: "TR_x", Kind: codec.Kind(), Codec: codec}, p)
	rids := []string{"q", "h", "f"}
	if len(sizes) == 1 {
		rids = []string{""}
	}
	for i, size := range sizes {
		pack, err := rtpfmt.NewPacketizer(codec)
		if err != nil {
			t.Fatal(err)
		}
		p.layers = append(p.layers, &encoding{
			layer: p.track.AddLayer(rids[i]), pack: pack, seq: firstSeq, ssrc: uint32(i + 1), base: 1<<32 - 90_000, wantKey: true,
			format: &media.Format{Codec: codec, Width: size[0], Height: size[1]},
		})
		p.layers[i].resize(size[0], size[1])
	}
	return p
}

func (e *encoding) resize(width, height int) {
	switch e.format.Codec {
	case media.H264:
		e.format = mediatest.H264Format(width, height)
	case media.Opus:
		e.format = rtpfmt.OpusFormat
	default:
		e.format = &media.Format{Codec: e.format.Codec, Width: width, Height: height}
	}
	e.wantKey = true
}

// RequestKeyframe implements Upstream.
func (p *publisher) RequestKeyframe(l *Layer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[l]++
	for _, e := range p.layers {
		if e.layer == l {
			e.wantKey = true
		}
	}
}

func (p *publisher) requests(i int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[p.layers[i].layer]
}

// run sends a picture each 40 ms, or a block of sound each 20 ms.
func (p *publisher) run(d time.Duration) {
	interval := 40 * time.Millisecond
	if p.track.info.Kind == media.Audio {
		interval = 20 * time.Millisecond
	}
	for end := media.Now() + d; media.Now() < end; {
		for _, e := range p.layers {
			p.mu.Lock()
			key := e.wantKey
			e.wantKey = e.wantKey && e.paused
			p.mu.Unlock()
			if !e.paused {
				e.send(key || p.track.info.Kind == media.Audio)
			}
		}
		time.Sleep(interval)
		synctest.Wait()
	}
}

func (e *encoding) send(key bool) {
	var payload []byte
	size := 800 + e.format.Width*2
	switch e.format.Codec {
	case media.H264:
		payload = mediatest.H264(key, size)
	case media.VP8:
		payload = mediatest.VP8(key, e.format.Width, e.format.Height, size)
	case media.Opus:
		payload = mediatest.Opus(100)
	}
	packets := e.pack.Packetize(mediatest.Frame(e.format, key, media.Now(), payload))
	for i := range packets {
		q := &packets[i]
		q.Seq, q.SSRC, q.Arrival, q.Timestamp = e.seq, e.ssrc, media.Now(), q.Timestamp+e.base
		e.seq++
		if e.lose == nil || !e.lose(q.Seq-firstSeq) {
			e.layer.Write(q)
		} else if e.repair > 0 {
			e.pending = append(e.pending, q)
		}
	}
	for len(e.pending) > 0 && media.Now()-e.pending[0].Arrival >= e.repair {
		q := e.pending[0]
		q.Arrival, q.Repaired = media.Now(), true
		e.layer.Write(q)
		e.pending = e.pending[1:]
		e.repaired++
	}
	e.layer.Flush()
}

// viewer reads frames and checks what must hold for all of them.
type viewer struct {
	t      *testing.T
	lease  *FrameLease
	cursor *media.Cursor[*media.Frame]
	last   *media.Frame
}

func (p *publisher) view() *viewer { return p.viewAt(media.Size{}) }

func (p *publisher) viewAt(at media.Size) *viewer {
	p.t.Helper()
	lease, err := p.track.ReadPictures(media.NoCodec, at)
	if err != nil {
		p.t.Fatal(err)
	}
	return &viewer{t: p.t, lease: lease, cursor: lease.Ring().FromKey()}
}

func (v *viewer) read() []*media.Frame {
	v.t.Helper()
	var out []*media.Frame
	batch := make([]*media.Frame, 64)
	for {
		n, _, err := v.cursor.Read(batch)
		if err != nil && !errors.Is(err, ErrClosed) {
			v.t.Fatal(err)
		}
		if n == 0 {
			return out
		}
		for _, f := range batch[:n] {
			if f.PTS < f.DTS || v.last != nil && f.DTS <= v.last.DTS {
				v.t.Errorf("DTS %v, PTS %v after DTS %v", f.DTS, f.PTS, v.last.DTS)
			}
			if (v.last == nil || f.Discontinuity) && !f.Keyframe {
				v.t.Errorf("a beginning at %v that is no keyframe", f.DTS)
			}
			if v.last != nil && f.Format != v.last.Format && !f.Keyframe {
				v.t.Errorf("another format at %v without a keyframe", f.DTS)
			}
			v.last = f
		}
		out = append(out, batch[:n]...)
	}
}

func formats(frames []*media.Frame) (sizes [][2]int) {
	var last *media.Format
	for _, f := range frames {
		if f.Format != last {
			last = f.Format
			sizes = append(sizes, [2]int{f.Format.Width, f.Format.Height})
		}
	}
	return sizes
}

func discontinuities(frames []*media.Frame) (n int) {
	for _, f := range frames {
		if f.Discontinuity {
			n++
		}
	}
	return n
}

func TestKeyframesAreAskedForWhileFramesAreRead(t *testing.T) {
	for _, codec := range []media.Codec{media.H264, media.VP8} {
		t.Run(codec.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPublisher(t, codec, [2]int{640, 360})
				defer p.track.Close()
				p.run(10 * time.Second)
				if p.requests(0) != 0 {
					t.Fatal("asked without a reader")
				}
				v := p.view()
				synctest.Wait()
				if p.requests(0) != 1 {
					t.Fatalf("asked %d times at once", p.requests(0))
				}
				p.run(10 * time.Second)
				if n := p.requests(0); n < 5 || n > 7 {
					t.Errorf("asked %d times in 10 s", n)
				}
				frames := v.read()
				if len(frames) < 248 || discontinuities(frames) != 0 {
					t.Errorf("%d frames, %d discontinuities", len(frames), discontinuities(frames))
				}
				v.lease.Release()
				n := p.requests(0)
				p.run(4 * time.Second)
				if got := v.read(); len(got) < 90 {
					t.Errorf("%d frames while the face lingers", len(got))
				}
				if p.requests(0) != n {
					t.Error("asked without a reader")
				}
				p.run(2 * time.Second)
				v.read()
				if _, _, err := v.cursor.Read(make([]*media.Frame, 1)); !errors.Is(err, ErrClosed) {
					t.Errorf("the face did not end: %v", err)
				}
			})
		})
	}
}

func TestReadingBeginsAtAFreshKeyframe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, late := range []bool{false, true} {
			p := newPublisher(t, media.H264, [2]int{640, 360})
			if late { // the keyframe's first packet is lost and comes again
				p.layers[0].lose, p.layers[0].repair = func(seq uint64) bool { return seq == 0 }, 100*time.Millisecond
			}
			p.run(time.Second)
			v := p.view()
			synctest.Wait()
			if frames := v.read(); len(frames) != 25 || p.requests(0) != 0 {
				t.Errorf("late %v: %d frames at once, asked %d times", late, len(frames), p.requests(0))
			}
			p.track.Close()
		}
	})
}

func TestAReaderThatComesBackInTimeFindsTheSameFace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t, media.H264, [2]int{640, 360})
		defer p.track.Close()
		a, b := p.view(), p.view()
		if a.lease.Ring() != b.lease.Ring() {
			t.Fatal("two faces")
		}
		p.run(time.Second)
		a.lease.Release()
		a.lease.Release() // counts once
		p.run(10 * time.Second)
		b.lease.Release()
		p.run(4 * time.Second)
		c := p.view()
		if c.lease.Ring() != a.lease.Ring() {
			t.Error("another face within 5 s")
		}
		c.lease.Release()
		p.run(6 * time.Second)
		if d := p.view(); d.lease.Ring() == a.lease.Ring() {
			t.Error("the same face after 6 s")
		}
	})
}

func TestLossMakesPicturesWaitForAKeyframe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t, media.H264, [2]int{640, 360})
		defer p.track.Close()
		v := p.view()
		p.run(3 * time.Second)
		before := p.requests(0)
		from := p.layers[0].seq - firstSeq + 5
		p.layers[0].lose = func(seq uint64) bool { return seq >= from && seq < from+3 }
		p.run(time.Second)
		frames := v.read()
		if discontinuities(frames) != 1 {
			t.Errorf("%d discontinuities", discontinuities(frames))
		}
		if n := p.requests(0); n < before+1 {
			t.Errorf("asked %d times before the loss, %d after", before, n)
		}
		// 200 ms of patience and the time to the keyframe are missing.
		if n := len(frames); n < 85 || n > 97 {
			t.Errorf("%d frames of 100", n)
		}
	})
}

func TestRepairedPacketsFillTheirGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t, media.VP8, [2]int{640, 360})
		defer p.track.Close()
		v := p.view()
		e := p.layers[0]
		e.lose = func(seq uint64) bool { return seq%7 == 3 }
		e.repair = 120 * time.Millisecond // a retransmission comes then
		p.run(4 * time.Second)
		e.lose = nil
		p.run(200 * time.Millisecond)
		frames := v.read()
		if len(frames) != 105 || discontinuities(frames) != 0 {
			t.Errorf("%d frames of 105, %d discontinuities", len(frames), discontinuities(frames))
		}
		if e.repaired < 20 {
			t.Errorf("%d packets repaired: the test proves nothing", e.repaired)
		}
	})
}

func TestResolutionChangeIsANewFormat(t *testing.T) {
	for _, codec := range []media.Codec{media.H264, media.VP8} {
		t.Run(codec.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPublisher(t, codec, [2]int{1280, 720})
				defer p.track.Close()
				v := p.view()
				p.run(time.Second)
				p.layers[0].resize(720, 1280) // the phone was turned
				p.run(time.Second)
				got := formats(v.read())
				if len(got) != 2 || got[0] != [2]int{1280, 720} || got[1] != [2]int{720, 1280} {
					t.Errorf("formats %v", got)
				}
				if w, h := p.layers[0].layer.Size(); w != 720 || h != 1280 {
					t.Errorf("layer of %dx%d", w, h)
				}
				if f := p.track.Format(); f.Width != 720 || f.Height != 1280 {
					t.Errorf("track of %dx%d", f.Width, f.Height)
				}
			})
		})
	}
}

func TestANewSourceGoesOnAtItsKeyframe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t, media.H264, [2]int{640, 360})
		defer p.track.Close()
		v := p.view()
		p.run(time.Second)
		e := p.layers[0]
		e.ssrc, e.seq, e.base, e.wantKey = 99, firstSeq+7, 55, false // its keyframe comes when asked for
		p.run(time.Second)
		frames := v.read()
		if discontinuities(frames) != 1 || len(frames) < 45 {
			t.Errorf("%d frames, %d discontinuities", len(frames), discontinuities(frames))
		}
		if d := v.last.DTS - frames[0].DTS; !near(d, 2*time.Second-40*time.Millisecond, 40*time.Millisecond) {
			t.Errorf("2 s became %v", d)
		}
	})
}

func TestMutedThenUnmuted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t, media.VP8, [2]int{640, 360})
		defer p.track.Close()
		v := p.view()
		p.run(time.Second)
		p.track.SetMuted(true)
		p.layers[0].paused = true
		v.read()
		n := p.requests(0)
		p.run(20 * time.Second)
		if p.requests(0) != n {
			t.Errorf("asked %d times for a keyframe of a muted track", p.requests(0)-n)
		}
		if !p.track.Muted() || p.layers[0].layer.Active(media.Now()) {
			t.Error("not muted")
		}
		p.track.SetMuted(false)
		synctest.Wait()
		if p.requests(0) != n+1 {
			t.Error("not asked for a keyframe at once")
		}
		p.layers[0].paused = false
		before := v.last.DTS
		p.run(time.Second)
		frames := v.read()
		if len(frames) < 24 || !frames[0].Keyframe {
			t.Fatalf("%d frames after the mute", len(frames))
		}
		if d := frames[0].DTS - before; !near(d, 20*time.Second+40*time.Millisecond, 5*time.Millisecond) {
			t.Errorf("20 s of silence became %v", d)
		}
	})
}

func TestTheLargestActiveLayerIsRead(t *testing.T) {
	for _, codec := range []media.Codec{media.H264, media.VP8} {
		t.Run(codec.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPublisher(t, codec, [2]int{320, 180}, [2]int{640, 360}, [2]int{1280, 720})
				defer p.track.Close()
				p.layers[1].paused, p.layers[2].paused = true, true // browsers begin with the smallest
				v := p.view()
				p.run(time.Second)
				p.layers[1].paused = false
				p.run(time.Second)
				p.layers[2].paused = false
				p.run(time.Second)
				frames := v.read()
				if got := formats(frames); len(got) != 3 || got[0][0] != 320 || got[1][0] != 640 || got[2][0] != 1280 {
					t.Errorf("up: %v", got)
				}
				if len(frames) < 74 {
					t.Errorf("up: %d frames of 75", len(frames))
				}
				asked := p.requests(1)
				p.layers[2].paused = true
				p.run(3 * time.Second)
				frames = v.read()
				if got := formats(frames); len(got) == 0 || got[len(got)-1][0] != 640 {
					t.Errorf("down: %v", got)
				}
				if p.requests(1) <= asked {
					t.Error("the smaller layer was not asked for a keyframe")
				}
				if d := v.last.DTS - frames[0].DTS; d < 1300*time.Millisecond {
					t.Errorf("3 s became %v", d)
				}
				p.layers[1].layer.Remove()
				p.layers[1].paused = true
				p.run(3 * time.Second)
				if got := formats(v.read()); len(got) == 0 || got[len(got)-1][0] != 320 {
					t.Errorf("removed: %v", got)
				}
			})
		})
	}
}

func TestSoundShowsItsGapsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t, media.Opus, [2]int{0, 0})
		defer p.track.Close()
		v := p.view()
		p.run(time.Second)
		from := p.layers[0].seq - firstSeq + 2
		p.layers[0].lose = func(seq uint64) bool { return seq >= from && seq < from+3 }
		p.run(time.Second)
		p.layers[0].paused = true // discontinuous transmission
		p.run(400 * time.Millisecond)
		p.layers[0].paused = false
		p.run(time.Second)
		var gaps []time.Duration
		frames := v.read()
		for i, f := range frames {
			if f.Duration != 20*time.Millisecond || !f.Keyframe {
				t.Fatalf("frame %d: %+v", i, f)
			}
			if i > 0 {
				if d := f.PTS - frames[i-1].PTS; !near(d, 20*time.Millisecond, 300*time.Microsecond) {
					gaps = append(gaps, d)
				}
			}
		}
		if len(gaps) != 2 || !near(gaps[0], 80*time.Millisecond, time.Millisecond) || !near(gaps[1], 420*time.Millisecond, 5*time.Millisecond) {
			t.Errorf("gaps %v", gaps)
		}
		if discontinuities(frames) != 0 {
			t.Errorf("%d discontinuities", discontinuities(frames))
		}
		if p.requests(0) != 0 {
			t.Error("asked for a keyframe of sound")
		}
	})
}

func TestSoundThatComesLateIsOnTheSameClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		video := newPublisher(t, media.VP8, [2]int{640, 360})
		audio := newPublisher(t, media.Opus, [2]int{0, 0})
		defer video.track.Close()
		defer audio.track.Close()
		a, v := audio.view(), video.view()
		video.run(5 * time.Second)
		start := media.Now()
		audio.run(time.Second)
		video.run(time.Second)
		if f := a.read(); len(f) < 50 || !near(f[0].PTS, start, time.Millisecond) {
			t.Errorf("%d frames", len(f))
		}
		v.read()
		if !near(v.last.PTS, media.Now()-40*time.Millisecond, time.Millisecond) {
			t.Errorf("picture at %v, now is %v", v.last.PTS, media.Now())
		}
	})
}

func TestEncryptedTracksHaveNoFrames(t *testing.T) {
	track := NewFromPackets(Info{Kind: media.Audio, Codec: media.Opus, Encrypted: true}, nil)
	defer track.Close()
	for _, codec := range []media.Codec{media.Opus, media.AAC} {
		if _, err := track.ReadFrames(codec); !errors.Is(err, ErrEncrypted) {
			t.Errorf("frames in %v: %v", codec, err)
		}
	}
	if lease, err := track.ReadPackets(media.Opus); err != nil {
		t.Error(err)
	} else {
		lease.Release()
	}
}

func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t, media.VP8, [2]int{640, 360})
		v := p.view()
		p.run(time.Second)
		p.track.Close()
		p.track.Close()
		<-p.track.Done()
		p.run(100 * time.Millisecond) // late packets harm nobody
		v.read()
		if _, _, err := v.cursor.Read(make([]*media.Frame, 1)); !errors.Is(err, ErrClosed) {
			t.Errorf("ring: %v", err)
		}
		v.lease.Release()
		if _, err := p.track.ReadFrames(media.VP8); !errors.Is(err, ErrClosed) {
			t.Errorf("ReadFrames: %v", err)
		}
		if _, err := p.track.ReadPackets(media.VP8); !errors.Is(err, ErrClosed) {
			t.Errorf("ReadPackets: %v", err)
		}
		// synctest fails the test if a goroutine or timer is left.
	})
}

// TestRecoveryPointsOverRTP: an encoder that refreshes, and does not answer requests, is seen from where it says that one can begin. WebRTC viewers, who
// begin with IDR pictures alone, see nothing of it, which hosts are told.
func TestRecoveryPointsOverRTP(t *testing.T) {
	for _, answers := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := newPublisher(t, media.H264, [2]int{640, 360})
			defer p.track.Close()
			v := p.view()
			defer v.lease.Release()
			e := p.layers[0]
			recovery := [][]byte{e.format.SPS, e.format.PPS, {6, 6, 1, 0xc4, 0x80}, {0x41, 0x9a, 1}}
			keyframes := 0
			for i := range 150 { // 15 s, with a place to begin at each second
				p.mu.Lock()
				idr := answers && e.wantKey
				e.wantKey = false
				p.mu.Unlock()
				units := recovery[3:]
				switch {
				case idr:
					units = [][]byte{e.format.SPS, e.format.PPS, {0x65, 0x88, 1}}
				case i%10 == 5:
					units = recovery
				}
				for j, unit := range units {
					q := &media.Packet{Payload: unit, Seq: e.seq, SSRC: 1, Arrival: media.Now(), Timestamp: uint32(i) * 9000, Marker: j == len(units)-1}
					rtpfmt.Parse(media.H264, q)
					e.seq++
					e.layer.Write(q)
				}
				e.layer.Flush()
				time.Sleep(100 * time.Millisecond)
				synctest.Wait()
				for _, f := range v.read() {
					if f.Keyframe {
						keyframes++
					}
				}
			}
			if keyframes < 10 {
				t.Errorf("%d places to begin at in 15 s", keyframes)
			}
			if problem(p.track, ProblemNoKeyframe) == answers {
				t.Errorf("the encoder answers: %v, and hosts are told otherwise", answers)
			}
		})
	}
}

// TestWhatWasAskedBeforeAnOutageIsNotHeldAgainstAnEncoder: it did not hear it.
func TestWhatWasAskedBeforeAnOutageIsNotHeldAgainstAnEncoder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t, media.H264, [2]int{640, 360})
		defer p.track.Close()
		e := p.layers[0]
		p.run(2 * time.Second)
		e.layer.RequestKeyframe()
		time.Sleep(15 * time.Second) // nothing gets through, either way
		send := func(d time.Duration) {
			for range d / (40 * time.Millisecond) {
				e.send(false)
				time.Sleep(40 * time.Millisecond)
				if problem(p.track, ProblemNoKeyframe) {
					return
				}
			}
		}
		if send(longestGOP + 2*time.Second); problem(p.track, ProblemNoKeyframe) {
			t.Error("told when it is back, though nobody has asked since")
		}
		e.layer.RequestKeyframe()
		if send(longestGOP - time.Second); problem(p.track, ProblemNoKeyframe) {
			t.Error("told too early")
		}
		if send(2 * time.Second); !problem(p.track, ProblemNoKeyframe) {
			t.Error("not told")
		}
	})
}
