package program

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/track"
)

// TestAReaderBeginsInThePast with what was on the air then, and with nothing that was not.
func TestAReaderBeginsInThePast(t *testing.T) {
	const back = 8 * time.Second
	for name, c := range map[string]struct {
		before func(p *Program, s *sender) // what happens until a reader comes
		most   time.Duration               // how old what it begins with is at most; it is a second younger at least
	}{
		"that the tracks have": {func(_ *Program, s *sender) { s.sendFor(30*time.Second, frameTime) }, back},
		"but not before the show": {func(p *Program, s *sender) {
			p.Swap([]*track.Track{s.picture, s.sound}, nil, 0)
			s.sendFor(6*time.Second, frameTime)
			p.Add(s.picture, 0)
			p.Add(s.sound, 0)
			s.sendFor(4*time.Second, frameTime)
		}, 4 * time.Second},
		"but not before the picture was muted": {func(_ *Program, s *sender) {
			s.sendFor(6*time.Second, frameTime)
			s.picture.SetMuted(true)
			s.sendFor(time.Second, frameTime)
			s.picture.SetMuted(false)
			s.sendFor(3*time.Second, frameTime)
		}, 3 * time.Second},
		"but not before the sound was muted": {func(_ *Program, s *sender) {
			s.sendFor(6*time.Second, frameTime)
			s.sound.SetMuted(true)
			s.sendFor(time.Second, frameTime)
			s.sound.SetMuted(false)
			s.sendFor(3*time.Second, frameTime)
		}, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, s := New("test", nil), newSender(t)
				p.Add(s.picture, 0)
				p.Add(s.sound, 0)
				c.before(p, s)
				begun, next := media.Now(), s.sent
				d := flv
				d.Back = back
				r := record(t, p, d)
				synctest.Wait()
				s.sendFor(2*time.Second, frameTime)
				pictures, sounds := r.finish(t, p)
				s.end()
				for kind, frames := range map[string][]seen{"picture": pictures, "sound": sounds} {
					if age := begun - frames[0].DTS; age > c.most || age <= c.most-1100*time.Millisecond {
						t.Errorf("it begins with a %s that is %v old", kind, age)
					}
					for i, f := range frames {
						if n := number(frames[0].Frame) + i; number(f.Frame) != n {
							t.Fatalf("%s %d is %d", kind, n, number(f.Frame))
						}
						if number(f.Frame) < next && f.at != begun {
							t.Fatalf("%s %d was there, and comes %v later", kind, number(f.Frame), f.at-begun)
						}
					}
				}
			})
		})
	}
}

// TestNothingIsSeenOfWhatWasNotOnTheAir by who comes just afterwards, or was there: the newest keyframe is from before.
func TestNothingIsSeenOfWhatWasNotOnTheAir(t *testing.T) {
	for name, c := range map[string]struct {
		kinds         []media.Kind // of what was not
		before, after func(p *Program, s *sender)
		there         bool // the reader was before
	}{
		"a muted picture": {[]media.Kind{media.Video}, func(_ *Program, s *sender) { s.picture.SetMuted(true) }, func(_ *Program, s *sender) { s.picture.SetMuted(false) }, false},
		"a muted sound":   {[]media.Kind{media.Audio}, func(_ *Program, s *sender) { s.sound.SetMuted(true) }, func(_ *Program, s *sender) { s.sound.SetMuted(false) }, false},
		"a muted sound, by who listened": {
			[]media.Kind{media.Audio}, func(_ *Program, s *sender) { s.sound.SetMuted(true) }, func(_ *Program, s *sender) { s.sound.SetMuted(false) }, true,
		},
		"what is before the show": {
			[]media.Kind{media.Audio, media.Video}, func(p *Program, s *sender) { p.Swap([]*track.Track{s.picture, s.sound}, nil, 0) },
			func(p *Program, s *sender) { p.Swap(nil, []*track.Track{s.picture, s.sound}, 0) }, false,
		},
	} {
		for _, back := range []time.Duration{0, 8 * time.Second} {
			t.Run(fmt.Sprint(name, ", ", back), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p, s := New("test", nil), newSender(t)
					p.Add(s.picture, 0)
					p.Add(s.sound, 0)
					d := flv
					d.Back = back
					var r *recorder
					if c.there {
						r = record(t, p, d)
					}
					s.sendFor(6*time.Second, frameTime)
					from := s.sent + int((mutedCheck+catchUp)/frameTime) // the old sound goes on until the mix has come
					c.before(p, s)
					s.sendFor(1790*time.Millisecond, frameTime)
					time.Sleep(30 * time.Millisecond)
					until := s.sent
					c.after(p, s)
					s.sendFor(3*frameTime, frameTime)
					if r == nil {
						r = record(t, p, d)
					}
					s.sendFor(3*time.Second, frameTime)
					pictures, sounds := r.finish(t, p)
					s.end()
					for _, kind := range c.kinds {
						frames := 0
						for _, f := range map[media.Kind][]seen{media.Video: pictures, media.Audio: sounds}[kind] {
							if f.Format != s.formats[kind] {
								continue // the mix
							}
							if n := number(f.Frame); n >= from && n < until {
								t.Fatalf("%v %d is given, and %d to %d were not on the air", kind, n, from, until)
							}
							frames++
						}
						if frames < 40 {
							t.Errorf("only %d of %v", frames, kind)
						}
					}
				})
			})
		}
	}
}

// TestAReaderBeginsInThePastWithSound: where the mix is made for it alone there is none of the past, and pictures alone are not to be played in silence.
func TestAReaderBeginsInThePastWithSound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s, other := New("test", nil), newSender(t), newSender(t)
		p.Add(s.picture, 0)
		p.Add(s.sound, 0)
		p.Add(other.sound, 0)
		send := func(n int) {
			for range n {
				s.send()
				other.send()
				time.Sleep(frameTime)
			}
		}
		send(300)
		d := flv
		d.Back = 8 * time.Second
		for _, c := range []struct {
			name        string
			least, most time.Duration // how old what comes first is
		}{{"alone", 0, 1100 * time.Millisecond}, {"with another", 2 * time.Second, 4200 * time.Millisecond}} {
			begun := media.Now()
			r := record(t, p, d)
			send(100)
			r.reader.Close()
			<-r.done
			var first [media.Video + 1]time.Duration
			for _, f := range slices.Backward(r.frames) {
				first[f.Kind()] = f.DTS
			}
			if age := begun - first[media.Video]; age < c.least || age > c.most || first[media.Audio]-first[media.Video] > 200*time.Millisecond {
				t.Errorf("%s: it begins with a picture that is %v old, and with sound %v later", c.name, age, first[media.Audio]-first[media.Video])
			}
		}
		s.end()
		other.end()
		p.Close()
	})
}

// TestAComposedPictureBeginsWithThePresent: it is made while somebody reads, and what is left of that may be minutes old.
func TestAComposedPictureBeginsWithThePresent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := New("test", nil), newSender(t)
		s.at = media.Now
		for i, back := range []time.Duration{0, 8 * time.Second, 8 * time.Second} {
			s.sendFor(4*time.Second, frameTime)
			if i < 2 {
				time.Sleep(3 * time.Second)
			}
			d := flv
			d.Back = back
			r := newReader(p, d)
			now := media.Now()
			r.picture.follow(&plan{picture: s.picture, composed: true, pictureSince: never}, now, never)
			f := r.picture.candidate(now)
			if i < 2 && f != nil || i == 2 && (f == nil || now-f.DTS > 4*time.Second || now-f.DTS < 3*time.Second) {
				t.Errorf("it begins with %v", f)
			}
			r.Close()
		}
		s.end()
		p.Close()
	})
}

// TestAPictureAfterNoneBeginsWithThePresent: the last one, whose keyframes are not whole by themselves, is not repeated meanwhile.
func TestAPictureAfterNoneBeginsWithThePresent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := New("test", nil), newSender(t)
		first := track.NewFromFrames(track.Info{ID: "TR_1", Kind: media.Video, Codec: media.H264})
		p.Add(first, 0)
		r := record(t, p, flv)
		if err := first.WriteFrame(&media.Frame{
			Format: s.formats[media.Video], Payload: []byte{0, 0, 0, 5, 0x41, 0xff, 0xff, 0xff, 0xff}, PTS: media.Now(), DTS: media.Now(), Keyframe: true,
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		first.Close()
		s.sendFor(30*time.Second, frameTime)
		s.sendFor(400*time.Millisecond, frameTime)
		n := s.sent
		p.Add(s.picture, 0)
		s.sendFor(3*time.Second, frameTime)
		pictures, _ := r.finish(t, p)
		s.end()
		if len(pictures) < 40 || number(pictures[1].Frame) < n {
			t.Errorf("%d pictures, the second is %d, and those before %d were not on the air", len(pictures), number(pictures[1].Frame), n)
		}
	})
}
