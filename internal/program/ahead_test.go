package program

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/track"
)

// earlySound is that of a file: it is written as far ahead of its time as its owner likes.
type earlySound struct {
	t *testing.T
	*track.Track
	packer *codec.AudioPacker
	next   int64
}

func newEarlySound(t *testing.T) *earlySound {
	t.Helper()
	packer, err := codec.NewAudioPacker(codec.PlainForm(media.AAC), 0)
	if err != nil {
		t.Fatal(err)
	}
	return &earlySound{
		t: t, packer: packer, next: codec.SamplesAt(media.Now()),
		Track: track.NewFromFrames(track.Info{ID: "TR_early", Kind: media.Audio, Codec: media.AAC, Label: "file"}),
	}
}

// write publishes a tone until so far ahead of the time.
func (s *earlySound) write(ahead time.Duration) {
	for s.next < codec.SamplesAt(media.Now()+ahead) {
		frames, err := s.packer.Pack(nil, tone(440, 0.3, s.next, blockSize), s.next, false)
		if err != nil {
			s.t.Fatal(err)
		}
		s.next += blockSize
		for _, f := range frames {
			s.WriteFrame(f)
		}
	}
}

// TestSoundThatComesEarlyIsMixed: an encoder that sends a file sends it seconds before its time, many frames at once where it reads so. When it is alone
// again it passes through from where the mix was.
func TestSoundThatComesEarlyIsMixed(t *testing.T) {
	for name, at := range map[string]time.Duration{"one by one": 20 * time.Millisecond, "a second at once": time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New("test", nil)
				other := sing(t, media.Opus, 60*time.Millisecond, sineWave(880))
				p.Add(other.Track, 0)
				start := media.Now()
				early := newEarlySound(t)
				early.write(2 * time.Second)
				p.Add(early.Track, 0) // what is there already is heard too
				r := record(t, p, flv)
				run := func(d time.Duration) {
					for range d / at {
						time.Sleep(at)
						early.write(2*time.Second + at/2)
					}
				}
				run(3 * time.Second)
				other.end()
				run(2 * time.Second)
				early.Close()
				_, sounds := r.finish(t, p)
				whole(t, sounds, 6*time.Second)
				pcm, first := listen(t, sounds)
				hears(t, pcm, first, start, []heardTone{{300, 6500, 440, 0.3}, {300, 2500, 880, 0.3}, {3500, 6500, 880, 0}})
			})
		})
	}
}

// TestAPictureThatIsAheadTakesOver: a file or an HLS source, seconds ahead of its time, is shown after a camera.
func TestAPictureThatIsAheadTakesOver(t *testing.T) {
	for _, ahead := range []time.Duration{0, 2 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			p := New("test", nil)
			camera, file := newSender(t), newSender(t)
			camera.at = media.Now
			file.at = func() time.Duration { return media.Now() + ahead }
			run := func(d time.Duration) {
				for range d / frameTime {
					camera.send()
					file.send()
					time.Sleep(frameTime)
				}
			}
			for range 10 { // so that the keyframes of the one do not lie where those of the other do
				camera.send()
			}
			p.Add(camera.picture, 0)
			p.Add(file.picture, 0)
			r := record(t, p, flv)
			run(5 * time.Second)
			p.Show(file.picture)
			run(5 * time.Second)
			camera.end()
			file.end()
			pictures, _ := r.finish(t, p)
			changes := 0
			for i, f := range pictures[1:] {
				if f.Discontinuity {
					changes++
				}
				if gap := f.DTS - pictures[i].DTS; gap > 2*frameTime || f.at-pictures[i].at > 2*frameTime {
					t.Errorf("%v ahead: %v after the picture before, given %v after it", ahead, gap, f.at-pictures[i].at)
				}
			}
			if changes != 1 {
				t.Errorf("%v ahead: %d changes", ahead, changes)
			}
		})
	}
}
