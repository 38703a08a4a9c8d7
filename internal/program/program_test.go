package program

import (
	"context"
	"errors"
	"io"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/track"
)

// voice publishes a tone. Its samples carry the media time of their capture, late behind the present.
type voice struct {
	*track.Track
	stop chan struct{}
	done sync.WaitGroup
}

var voiceFormat = map[media.Codec]string{media.Opus: "opus", media.AAC: "aac"}

// sing starts a voice; wave gives the sample at a position, nil a tone of hz.
func sing(t *testing.T, c media.Codec, late time.Duration, wave func(at int64) float32) *voice {
	t.Helper()
	return singAs(t, codec.PlainForm(c), late, wave)
}

// singAs starts a voice in another form.
func singAs(t *testing.T, as codec.Form, late time.Duration, wave func(at int64) float32) *voice {
	t.Helper()
	c := as.Codec
	v := &voice{
		Track: track.NewFromFrames(track.Info{ID: "TR_" + voiceFormat[c], Kind: media.Audio, Codec: c, Label: "voice"}),
		stop:  make(chan struct{}),
	}
	packer, err := codec.NewAudioPacker(as, 0)
	if err != nil {
		t.Fatal(err)
	}
	at := codec.SamplesAt(media.Now() - late)
	v.done.Go(func() {
		defer v.Close()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		pcm := make([]float32, 2*960)
		for {
			select {
			case <-v.stop:
				return
			case <-tick.C:
			}
			for i := range int64(960) {
				s := wave(at + i)
				pcm[2*i], pcm[2*i+1] = s, s
			}
			frames, err := packer.Pack(nil, pcm, at, false)
			if err != nil {
				t.Error(err)
				return
			}
			at += 960
			for _, f := range frames {
				v.WriteFrame(f)
			}
		}
	})
	return v
}

func (v *voice) end() { close(v.stop); v.done.Wait() }

func sineWave(hz float64) func(int64) float32 {
	return func(at int64) float32 {
		return float32(0.3 * math.Sin(2*math.Pi*hz*float64(at%codec.SampleRate)/codec.SampleRate))
	}
}

// camera publishes pictures of noise at 25 a second, with a keyframe every gop frames.
type camera struct {
	*track.Track
	format *media.Format
	stop   chan struct{}
	done   sync.WaitGroup

	mu     sync.Mutex
	paused bool
}

func shoot(t *testing.T, gop int, late time.Duration, width int) *camera {
	t.Helper()
	c := &camera{
		Track:  track.NewFromFrames(track.Info{ID: "TR_V", Kind: media.Video, Codec: media.H264, Label: "camera"}),
		format: &media.Format{Codec: media.H264, Width: width, Height: 360, SPS: []byte{0x67, 66, 0xc0, 30}, PPS: []byte{0x68, 1}},
		stop:   make(chan struct{}),
	}
	c.done.Go(func() {
		defer c.Close()
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-c.stop:
				return
			case <-tick.C:
			}
			c.mu.Lock()
			paused := c.paused
			c.mu.Unlock()
			if paused {
				continue
			}
			pts := media.Now() - late
			if err := c.WriteFrame(mediatest.Frame(c.format, i%gop == 0, pts, mediatest.H264(i%gop == 0, 8))); err != nil {
				t.Error(err)
			}
		}
	})
	return c
}

func (c *camera) end() { close(c.stop); c.done.Wait() }
func (c *camera) pause(p bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused = p
}

// seen is a frame and when the reader gave it.
type seen struct {
	*media.Frame
	at time.Duration
}

// recorder reads a program until it ends.
type recorder struct {
	reader *Reader
	frames []seen
	done   chan struct{}
	err    error
}

func record(t *testing.T, p *Program, d Demand) *recorder {
	t.Helper()
	reader, err := p.Read(d)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{reader: reader, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		for {
			f, err := reader.Next(context.Background())
			if err != nil {
				r.err = err
				return
			}
			r.frames = append(r.frames, seen{f, media.Now()})
		}
	}()
	return r
}

// finish closes the program and gives what was read, checked for what always holds.
func (r *recorder) finish(t *testing.T, p *Program) (pictures, sounds []seen) {
	t.Helper()
	p.Close()
	<-r.done
	if !errors.Is(r.err, io.EOF) {
		t.Errorf("ended with %v", r.err)
	}
	r.reader.Close()
	for _, f := range r.frames {
		list := &pictures
		if f.Kind() == media.Audio {
			list = &sounds
		}
		if n := len(*list); n > 0 && f.DTS <= (*list)[n-1].DTS {
			t.Errorf("%v: DTS %v after %v", f.Kind(), f.DTS, (*list)[n-1].DTS)
		}
		if f.PTS < f.DTS {
			t.Errorf("PTS %v before DTS %v", f.PTS, f.DTS)
		}
		*list = append(*list, f)
	}
	return pictures, sounds
}

// continuous checks that sound is whole, and comes evenly.
func continuous(t *testing.T, sounds []seen, want time.Duration) {
	t.Helper()
	whole(t, sounds, want)
	for i := 1; i < len(sounds); i++ {
		if wait := sounds[i].at - sounds[i-1].at; wait > 400*time.Millisecond {
			t.Errorf("frame %d of %d: nothing for %v", i, len(sounds), wait)
		}
	}
}

// whole checks that sound has no hole and no overlap beyond one frame.
func whole(t *testing.T, sounds []seen, want time.Duration) {
	t.Helper()
	if len(sounds) == 0 {
		t.Fatal("no sound")
	}
	for i := 1; i < len(sounds); i++ {
		a, b := sounds[i-1], sounds[i]
		if gap := b.PTS - a.PTS - a.Duration; gap > a.Duration || gap < -a.Duration {
			t.Errorf("frame %d of %d: gap of %v", i, len(sounds), gap)
		}
	}
	if got := sounds[len(sounds)-1].PTS - sounds[0].PTS; got < want {
		t.Errorf("sound of %v, want %v", got, want)
	}
}

// listen decodes sound; the result's sample 0 lies at the position that is given back.
func listen(t *testing.T, sounds []seen) (pcm []float32, first int64) {
	t.Helper()
	var a codec.Aligner
	for i, f := range sounds {
		got, at, fresh, err := a.Align(f.Frame)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = at
		} else if fresh {
			t.Errorf("frame %d: hole of more than 2 s", i)
		}
		pcm = append(pcm, got...)
	}
	return pcm, first
}

// heardTone is how loud a tone is to be between two moments, in milliseconds from a beginning.
type heardTone struct {
	from, to time.Duration
	hz, want float64
}

// hears fails where samples, from an index on, are not of these tones.
func hears(t *testing.T, pcm []float32, first int64, begin time.Duration, tones []heardTone) {
	t.Helper()
	for _, c := range tones {
		l := meanLevel(span(t, pcm, first, begin+c.from*time.Millisecond, begin+c.to*time.Millisecond), c.hz)
		if math.Abs(l-c.want) > 0.02 {
			t.Errorf("%v Hz from %d to %d ms: level %.3f, want %.3f", c.hz, c.from, c.to, l, c.want)
		}
	}
}

// span gives the samples between two media times.
func span(t *testing.T, pcm []float32, first int64, from, to time.Duration) []float32 {
	t.Helper()
	a, b := codec.SamplesAt(from)-first, codec.SamplesAt(to)-first
	if a < 0 || 2*b > int64(len(pcm)) || a >= b {
		t.Fatalf("no sound from sample %d to %d of %d", a, b, len(pcm)/2)
	}
	return pcm[2*a : 2*b]
}

var flv = Demand{Video: []media.Codec{media.H264}, Audio: []media.Codec{media.AAC}}

func TestOneTwoAndOneSourcesMakeOneSound(t *testing.T) {
	for _, first := range []media.Codec{media.Opus, media.AAC} {
		t.Run(first.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New("test", nil)
				a := sing(t, first, 20*time.Millisecond, sineWave(440))
				p.Add(a.Track, 0)
				r := record(t, p, flv)
				start := media.Now()
				time.Sleep(2 * time.Second)
				b := sing(t, media.Opus, 60*time.Millisecond, sineWave(880))
				p.Add(b.Track, 0)
				time.Sleep(3 * time.Second)
				b.end()
				time.Sleep(2 * time.Second)
				a.SetMuted(true)
				time.Sleep(2 * time.Second)
				a.SetMuted(false)
				time.Sleep(time.Second)
				a.end()
				time.Sleep(time.Second)
				_, sounds := r.finish(t, p)
				continuous(t, sounds, 10500*time.Millisecond)
				pcm, at := listen(t, sounds)
				hears(t, pcm, at, start, []heardTone{
					{500, 1900, 440, 0.3}, {500, 1900, 880, 0},
					{2500, 4500, 440, 0.3}, {2500, 4500, 880, 0.3},
					{5500, 6800, 440, 0.3}, {5500, 6800, 880, 0},
					{7400, 8800, 440, 0},
					{9400, 9900, 440, 0.3},
					{10300, 10700, 440, 0},
				})
			})
		})
	}
}

func TestPacketReadersHearOneSourceAsItIsAndSeveralMixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New("test", nil)
		if s, _ := p.Sound(); s != nil {
			t.Error("sound without a source")
		}
		a := sing(t, media.Opus, 20*time.Millisecond, sineWave(440))
		p.Add(a.Track, 0)
		s, changed := p.Sound()
		if s != a.Track {
			t.Error("a single source does not pass through")
		}
		b := sing(t, media.AAC, 20*time.Millisecond, sineWave(880))
		p.Add(b.Track, 0)
		<-changed
		s, changed = p.Sound()
		if s == nil || s == a.Track || s.Info().Codec != media.Opus {
			t.Fatalf("not mixed: %+v", s)
		}
		lease, err := s.ReadFrames(media.Opus)
		if err != nil {
			t.Fatal(err)
		}
		cursor := lease.Ring().Live()
		time.Sleep(2 * time.Second)
		var frames [200]*media.Frame
		n, _, _ := cursor.Read(frames[:])
		var heard []seen
		for _, f := range frames[:n] {
			heard = append(heard, seen{f, f.DTS})
		}
		continuous(t, heard, 1600*time.Millisecond)
		pcm, _ := listen(t, heard)
		for _, hz := range []float64{440, 880} {
			if l := level(pcm[len(pcm)-codec.SampleRate:], hz); math.Abs(l-0.3) > 0.02 {
				t.Errorf("%v Hz at %.3f", hz, l)
			}
		}
		lease.Release()
		b.end()
		<-changed
		if s, _ := p.Sound(); s != a.Track {
			t.Error("does not pass through again")
		}
		a.end()
		p.Close()
	})
}

func TestPictureChangesAtKeyframes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New("test", nil)
		a := shoot(t, 25, 30*time.Millisecond, 640)
		v := sing(t, media.AAC, 20*time.Millisecond, sineWave(440))
		p.Add(a.Track, 0)
		p.Add(v.Track, 0)
		time.Sleep(1500 * time.Millisecond)
		r := record(t, p, flv)
		time.Sleep(2 * time.Second)
		b := shoot(t, 50, 60*time.Millisecond, 320)
		time.Sleep(500 * time.Millisecond)
		p.Add(b.Track, 1)
		time.Sleep(3 * time.Second)
		b.end()
		time.Sleep(3 * time.Second)
		pictures, sounds := r.finish(t, p)
		a.end()
		v.end()
		continuous(t, sounds, 8*time.Second)
		var widths []int
		for i, f := range pictures {
			if i == 0 || f.Format != pictures[i-1].Format {
				widths = append(widths, f.Format.Width)
				if !f.Keyframe {
					t.Errorf("frame %d: source changes without a keyframe", i)
				}
				if i > 0 && !f.Discontinuity {
					t.Errorf("frame %d: change is not marked", i)
				}
			}
			if i > 0 && f.DTS-pictures[i-1].DTS > 1200*time.Millisecond {
				t.Errorf("frame %d: gap of %v", i, f.DTS-pictures[i-1].DTS)
			}
		}
		if len(widths) != 3 || widths[0] != 640 || widths[1] != 320 || widths[2] != 640 {
			t.Errorf("widths %v", widths)
		}
		if !pictures[0].Keyframe || sounds[0].PTS < pictures[0].PTS-50*time.Millisecond || sounds[0].PTS > pictures[0].PTS+50*time.Millisecond {
			t.Errorf("picture begins at %v, sound at %v", pictures[0].PTS, sounds[0].PTS)
		}
	})
}

func TestMutedPictureRepeatsItsKeyframeWhileSoundGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New("test", nil)
		a := shoot(t, 25, 30*time.Millisecond, 640)
		v := sing(t, media.Opus, 20*time.Millisecond, sineWave(440))
		p.Add(a.Track, 0)
		p.Add(v.Track, 0)
		r := record(t, p, flv)
		time.Sleep(3 * time.Second)
		a.SetMuted(true)
		a.pause(true)
		muted := media.Now()
		time.Sleep(10 * time.Second)
		a.SetMuted(false)
		a.pause(false)
		unmuted := media.Now()
		time.Sleep(3 * time.Second)
		a.end()
		gone := media.Now()
		time.Sleep(5 * time.Second)
		pictures, sounds := r.finish(t, p)
		v.end()
		continuous(t, sounds, 20*time.Second)
		repeated, resumed, after := 0, 0, 0
		for i, f := range pictures {
			switch {
			case f.at > muted+100*time.Millisecond && f.at < unmuted:
				repeated++
				if !f.Keyframe {
					t.Errorf("frame %d: no keyframe", i)
				}
				if off := f.at - f.DTS; off < 0 || off > 200*time.Millisecond {
					t.Errorf("frame %d: DTS %v behind the present", i, off)
				}
			case f.at > unmuted && f.at < gone:
				if resumed++; resumed == 1 && !f.Keyframe && f.at-unmuted > time.Second {
					t.Error("does not resume with a keyframe")
				}
			case f.at > gone+time.Second:
				after++
			}
		}
		if repeated < 9 || repeated > 11 || resumed < 40 || after < 3 || after > 5 {
			t.Errorf("%d repetitions while muted, %d frames after, %d repetitions when gone", repeated, resumed, after)
		}
	})
}

// encoder publishes pictures at 25 a second from which one can begin, of which so many, if any, are IDR pictures, until the program ends.
func encoder(p *Program, idr, recovery int) *track.Track {
	t := track.NewFromFrames(track.Info{ID: "TR_V", Kind: media.Video, Codec: media.H264, Label: "encoder", Workers: codec.FindWorkers("off")})
	format := mediatest.H264Format(640, 360)
	go func() {
		defer t.Close()
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			_ = t.WriteFrame(mediatest.Frame(format, i%idr == 0 || i%recovery == 0, media.Now(), mediatest.H264(i%idr == 0, 100)))
			select {
			case <-tick.C:
			case <-p.Done():
				return
			}
		}
	}()
	p.Add(t, 0)
	return t
}

// TestWhatNeedsOtherPicturesIsNotRepeated: with intra refresh the place where one can begin is no whole picture.
func TestWhatNeedsOtherPicturesIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New("test", nil)
		e := encoder(p, 75, 25)
		r := record(t, p, flv)
		time.Sleep(500 * time.Millisecond) // an IDR picture was the last
		e.SetMuted(true)
		time.Sleep(time.Second)
		e.SetMuted(false)
		time.Sleep(time.Second) // a recovery point
		e.SetMuted(true)
		muted := media.Now()
		time.Sleep(5 * time.Second)
		pictures, _ := r.finish(t, p)
		repeated := 0
		for _, f := range pictures {
			switch {
			case f.at > muted:
				t.Errorf("%v after muting a picture that needs others", f.at-muted)
			case f.at > muted-2*time.Second && f.at < muted-time.Second:
				repeated++
			}
		}
		if repeated != 1 {
			t.Errorf("the IDR picture is repeated %d times in a second", repeated)
		}
	})
}

// TestPlainReadersBeginWithTheIDRPictureBefore where the newest keyframe is none.
func TestPlainReadersBeginWithTheIDRPictureBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New("test", nil)
		encoder(p, 95, 25)
		time.Sleep(1300 * time.Millisecond)
		begun := media.Now()
		r := record(t, p, Demand{Video: []media.Codec{media.H264}, Plain: true})
		time.Sleep(time.Second)
		pictures, _ := r.finish(t, p)
		if len(pictures) == 0 || pictures[0].at != begun || !bitstream.H264Keyframe(pictures[0].Payload) {
			t.Errorf("%d pictures in a second", len(pictures))
		}
		if len(pictures) < 25+25 {
			t.Errorf("%d pictures, and not those since the IDR picture", len(pictures))
		}
	})
}

// TestFlashAndBeep: a flash and a beep of the same moment stay together, whatever the sources' delays.
func TestFlashAndBeep(t *testing.T) {
	const every = 500 * time.Millisecond
	for _, c := range []struct {
		name         string
		codec        media.Codec
		second       bool
		sound, video time.Duration
	}{
		{"one browser", media.Opus, false, 20 * time.Millisecond, 50 * time.Millisecond},
		{"an ingest", media.AAC, false, 30 * time.Millisecond, 30 * time.Millisecond},
		{"mixed, late sound", media.Opus, true, 150 * time.Millisecond, 20 * time.Millisecond},
		{"mixed, late picture", media.AAC, true, 20 * time.Millisecond, 150 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New("test", nil)
				start := media.Now()
				beep := func(at int64) float32 {
					if since := (codec.TimeOf(at) - start) % every; since >= 0 && since < 40*time.Millisecond {
						return sineWave(1000)(at) * 2
					}
					return 0
				}
				v := sing(t, c.codec, c.sound, beep)
				a := shoot(t, 25, c.video, 640)
				p.Add(v.Track, 0)
				p.Add(a.Track, 0)
				if c.second {
					other := sing(t, media.Opus, 40*time.Millisecond, func(int64) float32 { return 0 })
					defer other.end()
					p.Add(other.Track, 0)
				}
				r := record(t, p, flv)
				time.Sleep(6 * time.Second)
				pictures, sounds := r.finish(t, p)
				v.end()
				a.end()
				continuous(t, sounds, 5*time.Second)
				pcm, first := listen(t, sounds)
				checkBeeps(t, pcm, first, start, every)
				// Pictures keep their capture times, and sound and picture of one time leave together.
				var worst time.Duration
				k := 0
				for _, f := range pictures[25:] {
					for k < len(sounds)-1 && sounds[k].PTS < f.PTS {
						k++
					}
					if sounds[k].PTS >= f.PTS {
						worst = max(worst, f.at-sounds[k].at, sounds[k].at-f.at)
					}
				}
				if worst > 300*time.Millisecond {
					t.Errorf("picture and sound of one time leave %v apart", worst)
				}
				if off := (pictures[30].PTS - start + c.video) % (40 * time.Millisecond); off != 0 {
					t.Errorf("picture's PTS is off by %v", off)
				}
			})
		})
	}
}

// checkBeeps finds where beeps begin, from the first pause between two on: the sound may have begun in one.
func checkBeeps(t *testing.T, pcm []float32, first int64, start, every time.Duration) {
	t.Helper()
	found := 0
	pause := (start + every/2 - codec.TimeOf(first)) % every
	for i, loud := int(codec.SamplesAt((pause+every)%every)), false; 2*i < len(pcm); i++ {
		if v := pcm[2*i]; v > 0.2 || v < -0.2 {
			if !loud {
				found++
				off := (codec.TimeOf(first+int64(i)) - start + every/2) % every
				if off -= every / 2; off > 5*time.Millisecond || off < -5*time.Millisecond {
					t.Errorf("beep is off by %v", off)
				}
			}
			loud = true
			i += 60 * 48 // over the rest of this beep
			loud = false
		}
	}
	if found < 9 {
		t.Errorf("%d beeps", found)
	}
}

func TestPictureThatCannotBeHadLeavesSound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New("test", nil)
		vp8 := track.NewFromFrames(track.Info{ID: "TR_VP8", Kind: media.Video, Codec: media.VP8, Label: "camera"})
		secret := track.NewFromFrames(track.Info{ID: "TR_E", Kind: media.Video, Codec: media.H264, Encrypted: true})
		v := sing(t, media.Opus, 20*time.Millisecond, sineWave(440))
		p.Add(secret, 5)
		p.Add(vp8, 1)
		p.Add(v.Track, 0)
		if picture, _ := p.Picture(); picture != vp8 {
			t.Error("encrypted picture is not skipped")
		}
		r := record(t, p, flv)
		time.Sleep(2 * time.Second)
		codes := map[string]bool{}
		for _, w := range p.Warnings() {
			codes[w.Code] = true
			if w.Text == "" {
				t.Error("warning without a text")
			}
		}
		if !codes[WarnEncrypted] || !codes[WarnPictureCodec] {
			t.Errorf("warnings %v", p.Warnings())
		}
		a := shoot(t, 25, 30*time.Millisecond, 640)
		p.Add(a.Track, 0)
		vp8.Close()
		time.Sleep(3 * time.Second)
		pictures, sounds := r.finish(t, p)
		v.end()
		a.end()
		continuous(t, sounds, 4*time.Second)
		if len(pictures) < 25 {
			t.Errorf("%d pictures after a usable one came", len(pictures))
		}
	})
}

func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails when a goroutine is left
		p := New("test", nil)
		v := sing(t, media.Opus, 20*time.Millisecond, sineWave(440))
		w := sing(t, media.Opus, 20*time.Millisecond, sineWave(880))
		p.Add(v.Track, 0)
		p.Add(w.Track, 0)
		p.Sound()
		readers := []*recorder{record(t, p, flv), record(t, p, Demand{Audio: []media.Codec{media.Opus}}), record(t, p, flv)}
		time.Sleep(time.Second)
		readers[2].reader.Close()
		<-readers[2].done
		if !errors.Is(readers[2].err, ErrReaderClosed) {
			t.Errorf("ended with %v", readers[2].err)
		}
		p.Close()
		p.Close()
		for _, r := range readers[:2] {
			<-r.done
			r.reader.Close()
		}
		if _, err := p.Read(flv); !errors.Is(err, ErrEnded) {
			t.Errorf("read after the end: %v", err)
		}
		p.Add(v.Track, 0)
		v.end()
		w.end()
	})
}

func TestAPictureIsSentOnlyWhileItComesAndCanBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New("test", nil)
		defer p.Close()
		demand := Demand{Video: []media.Codec{media.H264}}
		check := func(what string, want bool) {
			t.Helper()
			if got := p.SendsPicture(demand); got != want {
				t.Errorf("%s: %v", what, got)
			}
		}
		check("nothing there", false)
		a := track.NewFromFrames(track.Info{ID: "TR_A", Kind: media.Video, Codec: media.H264, Label: "camera"})
		defer a.Close()
		p.Add(a, 0)
		check("published, and muted", false)
		write := func(t *track.Track, c media.Codec) {
			_ = t.WriteFrame(&media.Frame{Format: &media.Format{Codec: c, Width: 640, Height: 360}, Payload: []byte{0, 0, 0, 1, 0x41}, PTS: media.Now(), DTS: media.Now()})
		}
		write(a, media.H264)
		time.Sleep(time.Second)
		check("no keyframe yet", true)
		time.Sleep(2 * time.Second)
		check("muted", false)
		p.Remove(a)
		b := track.NewFromFrames(track.Info{ID: "TR_B", Kind: media.Video, Codec: media.VP8, Label: "camera"})
		defer b.Close()
		p.Add(b, 0)
		write(b, media.VP8)
		time.Sleep(time.Second)
		check("of another codec", false)
	})
}

// TestAPictureThatIsBehindTakesOverAtOnce: it does not wait for what else the one before may send, which has got there already.
func TestAPictureThatIsBehindTakesOverAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New("test", nil)
		picture := func(id string, width int) (t *track.Track, send func(at time.Duration)) {
			t = track.NewFromFrames(track.Info{ID: id, Kind: media.Video, Codec: media.H264})
			format := mediatest.H264Format(width, 360)
			return t, func(at time.Duration) {
				_ = t.WriteFrame(mediatest.Frame(format, true, at, mediatest.H264(true, 100)))
			}
		}
		a, sendA := picture("TR_A", 640)
		b, sendB := picture("TR_B", 320)
		p.Add(a, 0)
		r := record(t, p, Demand{Video: []media.Codec{media.H264}})
		time.Sleep(100 * time.Millisecond)
		for range 10 {
			sendA(media.Now())
			time.Sleep(66 * time.Millisecond)
		}
		sendA(media.Now())
		p.Add(b, 1)
		time.Sleep(time.Millisecond)
		sendB(media.Now() - 200*time.Millisecond)
		sent := media.Now()
		time.Sleep(time.Second)
		pictures, _ := r.finish(t, p)
		a.Close()
		b.Close()
		for _, f := range pictures {
			if f.Format.Width == 320 {
				if took := f.at - sent; took > 5*time.Millisecond {
					t.Errorf("it takes over %v after it has come", took)
				}
				return
			}
		}
		t.Error("it does not take over")
	})
}
