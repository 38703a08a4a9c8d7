package program

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
	"github.com/tuttilive/tutti/internal/track"
)

// browser publishes a picture as packets, 25 a second. It sends keyframes when it is asked for one, and only then.
type browser struct {
	*track.Track
	asked atomic.Int32
	key   atomic.Bool
	quiet atomic.Bool
	stop  chan struct{}
	done  sync.WaitGroup
}

func (b *browser) RequestKeyframe(*track.Layer) { b.asked.Add(1); b.key.Store(true) }

func browse(t *testing.T, width int) *browser {
	t.Helper()
	b := &browser{stop: make(chan struct{})}
	b.Track = track.NewFromPackets(track.Info{ID: "TR_B", Kind: media.Video, Codec: media.H264, Label: "browser"}, b)
	layer := b.AddLayer("")
	// A track born as frames makes the packets.
	source := track.NewFromFrames(track.Info{Kind: media.Video, Codec: media.H264})
	lease, err := source.ReadPackets(media.H264)
	if err != nil {
		t.Fatal(err)
	}
	layers, _ := lease.Layers()
	ring := layers[0].Ring()
	format := mediatest.H264Format(width, 360)
	b.key.Store(true)
	b.done.Go(func() {
		defer b.Close()
		defer source.Close()
		defer lease.Release()
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		at := uint64(0)
		for {
			select {
			case <-b.stop:
				return
			case <-tick.C:
			}
			if b.quiet.Load() {
				continue
			}
			key := b.key.Swap(false)
			if err := source.WriteFrame(mediatest.Frame(format, key, media.Now(), mediatest.H264(key, 2000))); err != nil {
				t.Error(err)
			}
			time.Sleep(5 * time.Millisecond) // the network
			for ; at < ring.Head(); at++ {
				p := *ring.At(at)
				p.Arrival = media.Now()
				rtpfmt.Parse(media.H264, &p)
				layer.Write(&p)
			}
			layer.Flush()
		}
	})
	return b
}

func (b *browser) end() { close(b.stop); b.done.Wait() }

func TestBrowsersOnStage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New("test", nil)
		a, b := browse(t, 640), browse(t, 320)
		v := sing(t, media.Opus, 20*time.Millisecond, sineWave(440))
		p.Add(a.Track, 0)
		p.Add(b.Track, 0)
		p.Add(v.Track, 0)
		time.Sleep(2500 * time.Millisecond) // nobody asks for keyframes
		opened := media.Now()
		r := record(t, p, flv)
		time.Sleep(5 * time.Second)
		p.Show(b.Track)
		shown := media.Now()
		time.Sleep(2 * time.Second)
		b.SetMuted(true)
		b.quiet.Store(true)
		muted := media.Now()
		time.Sleep(3 * time.Second)
		b.quiet.Store(false)
		b.SetMuted(false)
		unmuted := media.Now()
		time.Sleep(2 * time.Second)
		pictures, sounds := r.finish(t, p)
		for _, x := range []*browser{a, b} {
			x.end()
			if n := x.asked.Load(); n > 12 {
				t.Errorf("asked for %d keyframes", n)
			}
		}
		v.end()
		continuous(t, sounds, 11*time.Second)

		first := pictures[0]
		if !first.Keyframe || first.DTS < opened-fresh || first.at-opened > 300*time.Millisecond {
			t.Errorf("begins %v after opening with a picture of %v", first.at-opened, first.DTS-opened)
		}
		if d := sounds[0].PTS - first.PTS; d > 200*time.Millisecond || d < -200*time.Millisecond {
			t.Errorf("sound begins %v after the picture", d)
		}
		changed, repeated, resumed := time.Duration(0), 0, time.Duration(0)
		last := first
		for i, f := range pictures {
			switch {
			case f.Format != last.Format && changed == 0:
				changed = f.at
				if !f.Keyframe || f.Format.Width != 320 {
					t.Errorf("frame %d: changes at %+v", i, f.Frame)
				}
			case f.at > muted+300*time.Millisecond && f.at < unmuted:
				repeated++
			case f.at > unmuted && resumed == 0:
				resumed = f.at
				if !f.Keyframe {
					t.Errorf("frame %d: resumes without a keyframe", i)
				}
			}
			if gap := f.DTS - last.DTS; gap > 1200*time.Millisecond {
				t.Errorf("frame %d: gap of %v", i, gap)
			}
			last = f
		}
		if changed-shown > 400*time.Millisecond || changed == 0 {
			t.Errorf("changes %v after Show", changed-shown)
		}
		if repeated < 2 || repeated > 3 || resumed-unmuted > 500*time.Millisecond {
			t.Errorf("%d repetitions, resumes after %v", repeated, resumed-unmuted)
		}
		t.Logf("first picture %v after opening, change %v after Show, back %v after unmuting", first.at-opened, changed-shown, resumed-unmuted)
	})
}

// TestTheFirstPictureDoesNotWaitForTheMix: the mix is behind its sources, and players show no picture without sound of its time.
func TestTheFirstPictureDoesNotWaitForTheMix(t *testing.T) {
	for _, c := range []struct {
		name  string
		codec media.Codec
		mixed bool // for others, who listen to packets
	}{
		{"AAC", media.AAC, false},
		{"AAC while Opus is mixed", media.AAC, true},
		{"Opus", media.Opus, false},
		{"Opus while it is mixed", media.Opus, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New("test", nil)
				b := browse(t, 640)
				p.Add(b.Track, 0)
				var voices []*voice
				for _, hz := range []float64{440, 880} {
					v := sing(t, media.Opus, 20*time.Millisecond, sineWave(hz))
					p.Add(v.Track, 0)
					voices = append(voices, v)
				}
				if c.mixed {
					s, _ := p.Sound()
					lease, err := s.ReadPackets(media.Opus)
					if err != nil {
						t.Fatal(err)
					}
					defer lease.Release()
				}
				time.Sleep(3110 * time.Millisecond) // what was sent in the beginning is too old to begin with
				opened := media.Now()
				r := record(t, p, Demand{Video: flv.Video, Audio: []media.Codec{c.codec}})
				time.Sleep(2 * time.Second)
				pictures, sounds := r.finish(t, p)
				b.end()
				for _, v := range voices {
					v.end()
				}
				first, beside := pictures[0], sounds[0]
				if !first.Keyframe || first.at-opened > 80*time.Millisecond {
					t.Errorf("begins %v after opening with a picture of %v", first.at-opened, first.DTS-opened)
				}
				if beside.PTS > first.PTS || beside.PTS+beside.Duration <= first.PTS || beside.at > first.at {
					t.Errorf("sound of %v to %v is there after %v, the picture of %v after %v", beside.PTS-opened, beside.PTS+beside.Duration-opened,
						beside.at-opened, first.PTS-opened, first.at-opened)
				}
				for i, f := range sounds[1:] {
					if before := sounds[i]; f.PTS != before.PTS+before.Duration || f.Format != before.Format || f.Discontinuity {
						t.Errorf("sound %d: %v after %v, of %v", i+1, f.PTS-opened, before.PTS-opened, before.Duration)
					}
				}
				pcm, at := listen(t, sounds)
				for _, hz := range []float64{440, 880} {
					if l := level(span(t, pcm, at, first.PTS+100*time.Millisecond, first.PTS+300*time.Millisecond), hz); math.Abs(l-0.3) > 0.02 {
						t.Errorf("%v Hz beside the first pictures: level %.3f", hz, l)
					}
				}
			})
		})
	}
}

func TestWhereFramesAreReadAlreadyAReaderBeginsInThePast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New("test", nil)
		b := browse(t, 640)
		v := sing(t, media.Opus, 20*time.Millisecond, sineWave(440))
		p.Add(b.Track, 0)
		p.Add(v.Track, 0)
		other := record(t, p, flv)
		time.Sleep(5*time.Second + 700*time.Millisecond) // keyframes come every two seconds
		asked, opened := b.asked.Load(), media.Now()
		r := record(t, p, flv)
		time.Sleep(50 * time.Millisecond)
		if n := b.asked.Load() - asked; n != 0 {
			t.Errorf("asks for %d keyframes", n)
		}
		time.Sleep(3 * time.Second)
		pictures, sounds := r.finish(t, p)
		<-other.done
		other.reader.Close()
		b.end()
		v.end()
		first := pictures[0]
		if !first.Keyframe || first.at != opened || opened-first.DTS > kept {
			t.Errorf("begins %v after opening with a picture of %v", first.at-opened, first.DTS-opened)
		}
		if d := sounds[0].PTS - first.PTS; d < -time.Millisecond || d > 50*time.Millisecond {
			t.Errorf("sound begins %v after the picture", d)
		}
		continuous(t, sounds, 3*time.Second)
		for i, f := range pictures[1:] {
			if gap := f.DTS - pictures[i].DTS; gap > 100*time.Millisecond {
				t.Errorf("frame %d: gap of %v", i, gap)
			}
		}
	})
}
