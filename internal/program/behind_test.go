package program

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/media/timeline"
	"github.com/tuttilive/tutti/internal/track"
)

const frameTime = 40 * time.Millisecond

// sender publishes picture and sound, each frame with its number, under timestamps of its own, which doors and pulls map to media time.
type sender struct {
	t              *testing.T
	picture, sound *track.Track
	formats        [media.Video + 1]*media.Format
	line           timeline.Timeline
	at             func() time.Duration // gives a frame its time instead, where it is not nil
	sent           int                  // of each kind
}

func newSender(t *testing.T) *sender {
	s := &sender{
		t:       t,
		picture: track.NewFromFrames(track.Info{ID: "TR_V", Kind: media.Video, Codec: media.H264, Label: "encoder"}),
		sound:   track.NewFromFrames(track.Info{ID: "TR_A", Kind: media.Audio, Codec: media.AAC, Label: "encoder"}),
	}
	s.formats[media.Video] = mediatest.H264Format(640, 360)
	s.formats[media.Audio] = &media.Format{Codec: media.AAC, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}
	return s
}

// send publishes what follows.
func (s *sender) send() {
	for _, to := range []*track.Track{s.picture, s.sound} {
		kind := to.Info().Kind
		at, jumped := s.line.At(kind, uint32(1000+s.sent*int(frameTime/time.Millisecond)), media.Now())
		if s.at != nil {
			at = s.at()
		}
		f := &media.Frame{
			Format: s.formats[kind], Payload: binary.BigEndian.AppendUint32([]byte{0, 0, 0, 5, 0x41}, uint32(s.sent)),
			PTS: at, DTS: at, Keyframe: kind == media.Audio || s.sent%25 == 0, Discontinuity: jumped,
		}
		if f.Keyframe {
			f.Payload[4] = 0x65
		}
		if kind == media.Audio {
			f.Duration = frameTime
		}
		if err := to.WriteFrame(f); err != nil {
			s.t.Error(err)
		}
	}
	s.sent++
}

// sendFor does it for some time, one frame each every.
func (s *sender) sendFor(d, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for range d / every {
		s.send()
		<-tick.C
	}
}

func (s *sender) end() {
	s.picture.Close()
	s.sound.Close()
}

func number(f *media.Frame) int { return int(binary.BigEndian.Uint32(f.Payload[5:])) }

// TestAPictureGoesOnAfterAPause has an encoder that is behind its first timestamp send, pause or be muted, and go on.
func TestAPictureGoesOnAfterAPause(t *testing.T) {
	const after = 20 * time.Second
	for name, c := range map[string]struct {
		behind, every time.Duration
		pause         time.Duration
		pauses        func(s *sender, d time.Duration)
		still         time.Duration // for how long no other picture may come
	}{
		"without a gap in its timestamps": {0, frameTime, 3500 * time.Millisecond, func(_ *sender, d time.Duration) { time.Sleep(d) }, 7 * time.Second},
		"without a gap, for long":         {0, frameTime, 40 * time.Second, func(_ *sender, d time.Duration) { time.Sleep(d) }, 44 * time.Second},
		"behind, and all that waited comes at once": {1800 * time.Millisecond, frameTime, 4 * time.Second, func(s *sender, d time.Duration) {
			time.Sleep(d)
			for range d / frameTime {
				s.send()
			}
		}, 4100 * time.Millisecond},
		"behind, and muted": {1800 * time.Millisecond, frameTime, 5 * time.Second, func(s *sender, d time.Duration) {
			s.picture.SetMuted(true)
			s.sendFor(d, frameTime)
			s.picture.SetMuted(false)
		}, 6100 * time.Millisecond},
		"without a gap while it is muted": {0, frameTime, 1900 * time.Millisecond, func(s *sender, d time.Duration) {
			s.picture.SetMuted(true)
			time.Sleep(d)
			s.picture.SetMuted(false)
		}, 5 * time.Second},
		"with a first frame that came early": {5 * time.Second, frameTime, 4 * time.Second, func(_ *sender, d time.Duration) { time.Sleep(d) }, 8 * time.Second},
		"with a slow clock":                  {0, frameTime * 11 / 10, 4 * time.Second, func(_ *sender, d time.Duration) { time.Sleep(d) }, 8 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New("test", nil)
				s := newSender(t)
				p.Add(s.picture, 0)
				p.Add(s.sound, 0)
				s.send()
				time.Sleep(c.behind)
				s.sendFor(time.Second, c.every)
				r := record(t, p, flv)
				s.sendFor(20*time.Second, c.every)
				c.pauses(s, c.pause)
				on := s.sent
				s.sendFor(after, c.every)
				pictures, sounds := r.finish(t, p)
				s.end()

				heard := map[int]seen{}
				for _, f := range sounds {
					heard[number(f.Frame)] = f
				}
				last, got := pictures[0], 0
				for _, f := range pictures {
					if number(f.Frame) == number(last.Frame) {
						continue
					}
					if still := f.at - last.at; still > c.still {
						t.Errorf("the picture stands still for %v before %d, sent after the pause from %d on", still, number(f.Frame), on)
					}
					if last = f; number(f.Frame) >= on {
						got++
					}
					if sent := s.sent - number(f.Frame); sent > 200 {
						continue
					}
					with, ok := heard[number(f.Frame)]
					if apart := f.DTS - with.DTS; !ok || apart > time.Millisecond || apart < -time.Millisecond {
						t.Errorf("%d: picture and sound lie %v apart", number(f.Frame), apart)
					}
				}
				if want := s.sent - on; got < want*3/4 || s.sent-number(last.Frame) > 5 {
					t.Errorf("%d of %d pictures after the pause, the last %d of %d", got, want, number(last.Frame), s.sent)
				}
			})
		})
	}
}

// TestAPictureThatStaysBehindTakesOver: the present of one encoder is long past for another, so what is given waits for it.
func TestAPictureThatStaysBehindTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New("test", nil)
		a := shoot(t, 25, 30*time.Millisecond, 640)
		b := shoot(t, 25, 4*time.Second, 320)
		p.Add(a.Track, 2)
		time.Sleep(1500 * time.Millisecond)
		r := record(t, p, flv)
		time.Sleep(3 * time.Second)
		p.Swap([]*track.Track{a.Track}, []*track.Track{b.Track}, 2)
		a.end()
		time.Sleep(15 * time.Second)
		pictures, _ := r.finish(t, p)
		b.end()
		got := 0
		for _, f := range pictures {
			if f.Format.Width == 320 {
				got++
			}
		}
		if got < 25*(15-4) {
			t.Errorf("%d pictures of the one that took over", got)
		}
		if lag := pictures[len(pictures)-1].at - pictures[len(pictures)-1].DTS; lag != 4*time.Second {
			t.Errorf("they end up %v behind the present, and not where they were taken", lag)
		}
	})
}

// TestAPictureThatStaysBehindDoesNotWait for its sound, which is as far behind, where nobody lays both later.
func TestAPictureThatStaysBehindDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New("test", nil)
		s := newSender(t)
		p.Add(s.picture, 0)
		p.Add(s.sound, 0)
		r := record(t, p, flv)
		begun := media.Now()
		s.at = func() time.Duration { return begun + time.Duration(s.sent)*frameTime }
		s.sendFor(3*time.Second, frameTime)
		time.Sleep(10 * time.Second)
		on, resumed := s.sent, media.Now()
		s.sendFor(8*time.Second, frameTime)
		pictures, _ := r.finish(t, p)
		s.end()
		got := 0
		for _, f := range pictures {
			if f.at < resumed || number(f.Frame) < on {
				continue
			}
			got++
			if waited := f.at - resumed - time.Duration(number(f.Frame)-on)*frameTime; waited > frameTime {
				t.Errorf("%d waits for %v", number(f.Frame), waited)
			}
		}
		if got < 25*6 {
			t.Errorf("%d pictures", got)
		}
	})
}
