package program

import (
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
