package codec

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// toneFrames are Opus frames of an endless tone; frame i has PTS i*20 ms.
func toneFrames(t testing.TB, hz float64, n int) []*media.Frame {
	return encodeAll(t, media.Opus, sine(nil, hz, 0.5, 0, n*960), 0)
}

func align(t testing.TB, frames []*media.Frame) (pcm []float32, first int64, jumps int) {
	t.Helper()
	var a Aligner
	end := int64(0)
	for i, f := range frames {
		got, at, fresh, err := a.Align(f)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case i == 0:
			first = at
		case fresh:
			jumps++
		case at != end:
			t.Fatalf("frame %d at %d, want %d", i, at, end)
		}
		pcm = append(pcm, got...)
		end = at + int64(len(got)/Channels)
	}
	return pcm, first, jumps
}

// steps is the greatest difference between neighbouring samples of the left channel.
func steps(pcm []float32) (greatest float64) {
	for i := 2; i < len(pcm); i += 2 {
		greatest = max(greatest, math.Abs(float64(pcm[i]-pcm[i-2])))
	}
	return greatest
}

func moved(f *media.Frame, by time.Duration) *media.Frame {
	g := *f
	g.PTS += by
	g.DTS += by
	return &g
}

func TestJitterDoesNotTouchTheSound(t *testing.T) {
	frames := toneFrames(t, 440, 200)
	clean, _, _ := align(t, frames)
	random := rand.New(rand.NewPCG(1, 2))
	var jittered []*media.Frame
	for i, f := range frames {
		by := time.Duration(0)
		if i > 0 {
			by = time.Duration((random.Float64()*2 - 1) * 20 * float64(time.Millisecond))
		}
		jittered = append(jittered, moved(f, by))
	}
	pcm, _, jumps := align(t, jittered)
	if jumps != 0 || math.Abs(float64(len(pcm)-len(clean))) > 2*480 {
		t.Errorf("%d samples and %d jumps, want %d samples", len(pcm)/Channels, jumps, len(clean)/Channels)
	}
	if n := noise(pcm[10000:], 440); n > -35 && len(pcm) == len(clean) {
		t.Errorf("noise at %.1f dB", n)
	}
	if s := steps(pcm); s > 1.2*steps(clean) {
		t.Errorf("steps of %.3f, clean %.3f", s, steps(clean))
	}
}

func TestLossIsConcealedAndPausesAreSilent(t *testing.T) {
	for _, c := range []struct {
		name    string
		lost    int // frames from 50 on
		flagged bool
		silent  int // samples that must be silence
	}{
		{"one frame, flagged", 1, true, 0},
		{"three frames", 3, false, 0},
		{"one second", 50, false, 43_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			frames := toneFrames(t, 440, 150)
			whole, _, _ := align(t, frames)
			next := *frames[50+c.lost]
			next.Discontinuity = c.flagged
			holed := append(append(append([]*media.Frame{}, frames[:50]...), &next), frames[50+c.lost+1:]...)
			pcm, _, jumps := align(t, holed)
			if jumps != 0 || len(pcm) != len(whole) {
				t.Fatalf("%d samples and %d jumps, want %d", len(pcm)/Channels, jumps, len(whole)/Channels)
			}
			zero := 0
			for i := 0; i < len(pcm); i += 2 {
				if pcm[i] == 0 {
					zero++
				}
			}
			if zero < c.silent || zero > c.silent+1000+c.silent/10 {
				t.Errorf("%d samples of silence, want %d", zero, c.silent)
			}
			if s := steps(pcm[1000:]); s > 0.2 {
				t.Errorf("steps of %.2f", s)
			}
			// After the hole the tone is where it was.
			if n := noise(pcm[len(pcm)-40000:], 440); n > -30 {
				t.Errorf("noise at %.1f dB", n)
			}
		})
	}
}

func TestLongPauseStartsAnew(t *testing.T) {
	frames := toneFrames(t, 440, 20)
	var all []*media.Frame
	all = append(all, frames[:10]...)
	for _, f := range frames[10:] {
		all = append(all, moved(f, time.Minute))
	}
	pcm, _, jumps := align(t, all)
	if jumps != 1 || len(pcm) != 20*960*Channels {
		t.Errorf("%d jumps, %d samples", jumps, len(pcm)/Channels)
	}
}

// TestDriftIsSlewed runs twenty minutes of sources whose clocks are wrong by 200 ppm.
func TestDriftIsSlewed(t *testing.T) {
	frames := toneFrames(t, 440, 100)
	for _, ppm := range []float64{-200, 200} {
		var a Aligner
		fake := &countingDecoder{}
		a.dec, a.format = fake, frames[0].Format
		worst, end := 0.0, int64(0)
		for i := range 1200 * 50 {
			f := *frames[0]
			// The source makes 20 ms of sound by its own clock; its timestamps are mapped to ours.
			f.PTS = time.Second + time.Duration(float64(i)*20e6*(1+ppm/1e6))
			got, at, fresh, err := a.Align(&f)
			if err != nil || i > 0 && (fresh || at != end) {
				t.Fatalf("frame %d: %v, fresh %v, at %d after %d", i, err, fresh, at, end)
			}
			if n := len(got) / Channels; n < 955 || n > 965 {
				t.Fatalf("frame %d has %d samples", i, n)
			}
			end = at + int64(len(got)/Channels)
			worst = max(worst, math.Abs(float64(at-SamplesAt(f.PTS)))/48)
		}
		if worst > 8 {
			t.Errorf("%+.0f ppm: off by %.1f ms", ppm, worst)
		} else {
			t.Logf("%+.0f ppm: off by at most %.1f ms", ppm, worst)
		}
	}
}

// countingDecoder gives 20 ms of nothing for each frame.
type countingDecoder struct{}

func (countingDecoder) Decode(pcm []float32, _ []byte) ([]float32, error) {
	return appendSilence(pcm, 960), nil
}
func (countingDecoder) Conceal(pcm []float32, n int) []float32 { return appendSilence(pcm, n) }
func (countingDecoder) Delay() int                             { return 0 }

func TestSlewKeepsTheToneClean(t *testing.T) {
	in := sine(nil, 1000, 0.5, 0, 960)
	for _, k := range []int{-4, -1, 1, 4} {
		out := stretch(nil, in, 960+k)
		if n := noise(out, 1000*960/float64(960+k)); n > -60 {
			t.Errorf("%+d samples: noise at %.1f dB", k, n)
		}
	}
}

func TestBrokenFramesAreConcealed(t *testing.T) {
	for _, c := range []media.Codec{media.Opus, media.AAC} {
		frames := encodeAll(t, c, sine(nil, 440, 0.5, 0, 2*SampleRate), 0)
		broken := *frames[30]
		broken.Payload = []byte{0xff, 0xff, 0xff, 0xff}
		frames[30] = &broken
		conv, err := NewAudioConverter(media.Opus, nil)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, f := range frames {
			out, err := conv.Convert(f)
			if err != nil {
				t.Fatal(err)
			}
			n += len(out)
		}
		if n < 97 {
			t.Errorf("%s: %d frames, want about 100", c, n)
		}
	}
}

func BenchmarkOpusDecode(b *testing.B) { benchmarkDecode(b, media.Opus) }
func BenchmarkAACDecode(b *testing.B)  { benchmarkDecode(b, media.AAC) }

func benchmarkDecode(b *testing.B, c media.Codec) {
	frames := encodeAll(b, c, sine(nil, 440, 0.5, 0, SampleRate), 0)
	dec, err := NewAudioDecoder(frames[0].Format)
	if err != nil {
		b.Fatal(err)
	}
	var pcm []float32
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if pcm, err = dec.Decode(pcm[:0], frames[i%len(frames)].Payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpusEncode(b *testing.B) { benchmarkEncode(b, media.Opus) }
func BenchmarkAACEncode(b *testing.B)  { benchmarkEncode(b, media.AAC) }

func benchmarkEncode(b *testing.B, c media.Codec) {
	enc, err := NewAudioEncoder(PlainForm(c), 0)
	if err != nil {
		b.Fatal(err)
	}
	pcm := sine(sine(nil, 440, 0.3, 0, 512), 3000, 0.3, 0, enc.FrameSize()-512)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := enc.Encode(pcm); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResample44100(b *testing.B) {
	r := newResampler(44100, SampleRate)
	in := sine(nil, 440, 0.5, 0, 1024)
	var out []float32
	b.ReportAllocs()
	for b.Loop() {
		out = r.append(out[:0], in)
	}
}
