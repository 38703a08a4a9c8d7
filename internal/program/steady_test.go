package program

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/track"
)

var file = Demand{Video: []media.Codec{media.H264}, Audio: []media.Codec{media.AAC}, Steady: true}

// forms are those of sounds, each once where it does not change.
func forms(sounds []seen) (all []codec.Form) {
	for _, f := range sounds {
		form, _ := codec.FormOf(f.Format)
		if n := len(all); n == 0 || all[n-1] != form {
			all = append(all, form)
		}
	}
	return all
}

// TestSteadySoundKeepsTheFormInWhichItBegan has a guest come and go beside an encoder, which is muted, and replaced by one of another form.
func TestSteadySoundKeepsTheFormInWhichItBegan(t *testing.T) {
	for _, first := range []codec.Form{{Codec: media.AAC, Rate: 44100, Channels: 2}, codec.PlainForm(media.AAC)} {
		t.Run(first.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New("test", nil)
				camera := shoot(t, 250, 0, 640)
				p.Add(camera.Track, 1)
				encoder := singAs(t, first, 20*time.Millisecond, sineWave(440))
				p.Add(encoder.Track, 1)
				r := record(t, p, file)
				start := media.Now()
				time.Sleep(2 * time.Second)
				guest := sing(t, media.Opus, 60*time.Millisecond, sineWave(880))
				p.Add(guest.Track, 0)
				time.Sleep(3 * time.Second)
				guest.end()
				time.Sleep(2 * time.Second)
				encoder.SetMuted(true)
				time.Sleep(time.Second)
				encoder.end()
				other := codec.Form{Codec: media.AAC, Rate: 44100 + 48000 - first.Rate, Channels: 2}
				encoder = singAs(t, other, 20*time.Millisecond, sineWave(1320))
				p.Add(encoder.Track, 1)
				time.Sleep(2 * time.Second)
				encoder.end()
				camera.end()
				pictures, sounds := r.finish(t, p)
				if len(pictures) < 240 {
					t.Errorf("%d pictures", len(pictures))
				}
				if got := forms(sounds); len(got) != 1 || got[0] != first {
					t.Fatalf("%v", got)
				}
				continuous(t, sounds, 9500*time.Millisecond)
				pcm, at := listen(t, sounds)
				hears(t, pcm, at, start, []heardTone{
					{500, 1900, 440, 0.3}, {500, 1900, 880, 0},
					{2500, 4500, 440, 0.3}, {2500, 4500, 880, 0.3},
					{5500, 6800, 440, 0.3}, {5500, 6800, 880, 0},
					{7400, 7900, 440, 0},
					{8500, 9800, 1320, 0.3},
				})
			})
		})
	}
}

// TestSteadySoundOfWhatIsNotEncoded begins with sound in a form that the mix cannot go on with.
func TestSteadySoundOfWhatIsNotEncoded(t *testing.T) {
	he := &media.Format{Codec: media.AAC, SampleRate: 24000, Channels: 2, Config: []byte{0x2b, 0x11, 0x88, 0x00}}
	for name, c := range map[string]struct {
		format *media.Format
		want   int // the rate
	}{
		"mixed from the beginning":               {&media.Format{Codec: media.AAC, SampleRate: 32000, Channels: 2, Config: []byte{0x12, 0x90}}, 48000},
		"as it is, since nobody here decodes it": {he, 24000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New("test", nil)
				source := track.NewFromFrames(track.Info{ID: "TR_A", Kind: media.Audio, Codec: media.AAC, Label: "encoder"})
				p.Add(source, 1)
				r := record(t, p, file)
				payload, samples := bitstream.Silence(&media.Format{Codec: media.AAC, Channels: 2, Config: []byte{0x12, 0x90}})
				length := time.Duration(samples) * time.Second / time.Duration(c.format.SampleRate)
				for range int(2 * time.Second / length) {
					at := media.Now()
					if err := source.WriteFrame(&media.Frame{Format: c.format, Payload: payload, PTS: at, DTS: at, Duration: length, Keyframe: true}); err != nil {
						t.Fatal(err)
					}
					time.Sleep(length)
				}
				source.Close()
				time.Sleep(time.Millisecond)
				_, sounds := r.finish(t, p)
				if len(sounds) < 40 {
					t.Fatalf("%d frames", len(sounds))
				}
				for _, f := range sounds {
					if f.Format.SampleRate != c.want {
						t.Fatalf("%+v", f.Format)
					}
				}
			})
		})
	}
}
