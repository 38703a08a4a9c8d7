package program

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/track"
)

// TestSoundThatComesEarlyIsMixed: an encoder that sends a file sends it seconds before its time, many frames at once where it reads so.
func TestSoundThatComesEarlyIsMixed(t *testing.T) {
	for name, at := range map[string]time.Duration{"one by one": 20 * time.Millisecond, "a second at once": time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New("test", nil)
				other := sing(t, media.Opus, 60*time.Millisecond, sineWave(880))
				p.Add(other.Track, 0)
				early := track.NewFromFrames(track.Info{ID: "TR_early", Kind: media.Audio, Codec: media.AAC, Label: "file"})
				packer, err := codec.NewAudioPacker(codec.PlainForm(media.AAC), 0)
				if err != nil {
					t.Fatal(err)
				}
				start := media.Now()
				next := codec.SamplesAt(start)
				write := func(ahead time.Duration) {
					for next < codec.SamplesAt(media.Now()+ahead) {
						frames, err := packer.Pack(nil, tone(440, 0.3, next, blockSize), next, false)
						if err != nil {
							t.Fatal(err)
						}
						next += blockSize
						for _, f := range frames {
							early.WriteFrame(f)
						}
					}
				}
				write(2 * time.Second)
				p.Add(early, 0) // what is there already is heard too
				r := record(t, p, flv)
				for range 4 * time.Second / at {
					time.Sleep(at)
					write(2*time.Second + at/2)
				}
				other.end()
				early.Close()
				_, sounds := r.finish(t, p)
				continuous(t, sounds, 3500*time.Millisecond)
				pcm, first := listen(t, sounds)
				hears(t, pcm, first, start, []heardTone{{300, 3500, 440, 0.3}, {300, 3500, 880, 0.3}})
			})
		})
	}
}
