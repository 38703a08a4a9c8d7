package codec

import (
	"math"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// sine appends n samples of a tone in both channels, from position at on.
func sine(pcm []float32, hz, amplitude float64, at int64, n int) []float32 {
	for i := range n {
		v := float32(amplitude * math.Sin(2*math.Pi*hz*float64(at+int64(i))/SampleRate))
		pcm = append(pcm, v, v)
	}
	return pcm
}

// level is the amplitude of a tone in the left channel (Goertzel).
func level(pcm []float32, hz float64) float64 {
	n := len(pcm) / Channels
	w := 2 * math.Pi * hz / SampleRate
	var re, im float64
	for i := range n {
		v := float64(pcm[2*i])
		re += v * math.Cos(w*float64(i))
		im += v * math.Sin(w*float64(i))
	}
	return 2 * math.Hypot(re, im) / float64(n)
}

// noise is what remains of the left channel without the tone, relative to it, in dB.
func noise(pcm []float32, hz float64) float64 {
	n := len(pcm) / Channels
	w := 2 * math.Pi * hz / SampleRate
	var ss, cc, sc, sx, cx float64
	for i := range n {
		s, c, x := math.Sin(w*float64(i)), math.Cos(w*float64(i)), float64(pcm[2*i])
		ss, cc, sc, sx, cx = ss+s*s, cc+c*c, sc+s*c, sx+s*x, cx+c*x
	}
	det := ss*cc - sc*sc
	a, b := (sx*cc-cx*sc)/det, (cx*ss-sx*sc)/det
	var signal, rest float64
	for i := range n {
		y := a*math.Sin(w*float64(i)) + b*math.Cos(w*float64(i))
		d := float64(pcm[2*i]) - y
		signal, rest = signal+y*y, rest+d*d
	}
	return 10 * math.Log10(rest/signal)
}

// encodeAll gives the frames of pcm, whose first sample lies at position at.
func encodeAll(t testing.TB, c media.Codec, pcm []float32, at int64) []*media.Frame {
	t.Helper()
	return encodeAs(t, PlainForm(c), pcm, at)
}

func encodeAs(t testing.TB, to Form, pcm []float32, at int64) []*media.Frame {
	t.Helper()
	p, err := NewAudioPacker(to, 0)
	if err != nil {
		t.Fatal(err)
	}
	frames, err := p.Pack(nil, pcm, at, true)
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

// decodeAll gives the samples of frames and the position of the first.
func decodeAll(t testing.TB, frames []*media.Frame) (pcm []float32, at int64) {
	t.Helper()
	var a Aligner
	for i, f := range frames {
		got, p, fresh, err := a.Align(f)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			at = p
		} else if fresh {
			t.Errorf("frame %d does not follow", i)
		}
		pcm = append(pcm, got...)
	}
	return pcm, at
}

func TestResamplerKeepsTonesAndMakesNoOthers(t *testing.T) {
	for _, rate := range aacRates {
		if rate == SampleRate {
			continue
		}
		for _, share := range []float64{0.02, 0.2, 0.4} {
			hz := share * float64(min(rate, SampleRate))
			r := newResampler(rate, SampleRate)
			var in []float32
			for i := range rate / 2 {
				v := float32(0.5 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
				in = append(in, v, v)
			}
			out := r.append(nil, in)
			if got, want := len(out)/Channels, SampleRate/2; got < want-2 || got > want+2 {
				t.Errorf("%d Hz: %d samples, want %d", rate, got, want)
			}
			out = out[4000:]
			if n := noise(out, hz); n > -75 {
				t.Errorf("%d Hz: tone of %.0f Hz has noise at %.1f dB", rate, hz, n)
			}
			if l := level(out, hz); math.Abs(l-0.5) > 0.01 {
				t.Errorf("%d Hz: tone of %.0f Hz has amplitude %.3f, want 0.5", rate, hz, l)
			}
		}
	}
}

func TestResamplerMakesNoAlias(t *testing.T) {
	r := newResampler(96000, SampleRate)
	var in []float32
	for i := range 48000 {
		v := float32(0.5 * math.Sin(2*math.Pi*30000*float64(i)/96000)) // would come back as 18 kHz
		in = append(in, v, v)
	}
	out := r.append(nil, in)[4000:]
	if l := 20 * math.Log10(level(out, 18000)/0.5); l > -80 {
		t.Errorf("alias at %.1f dB", l)
	}
}

func TestToneSurvivesCoding(t *testing.T) {
	for _, c := range []media.Codec{media.Opus, media.AAC} {
		pcm, _ := decodeAll(t, encodeAll(t, c, sine(nil, 1000, 0.5, 0, SampleRate), 0))
		if n := noise(pcm[20000:80000], 1000); n > -30 {
			t.Errorf("%s: noise at %.1f dB", c, n)
		} else {
			t.Logf("%s: noise at %.1f dB", c, n)
		}
	}
}

func TestSoundKeepsItsToneAndTimeInEachForm(t *testing.T) {
	const base = 1_234_567 // any media time
	for _, rate := range []int{44100, 48000} {
		for channels := 1; channels <= 2; channels++ {
			form := Form{media.AAC, rate, channels}
			frames := encodeAs(t, form, sine(nil, 1000, 0.5, 0, SampleRate), 0)
			if got, ok := FormOf(frames[0].Format); got != form || !ok {
				t.Errorf("%v: %+v", form, frames[0].Format)
			}
			for i := 1; i < len(frames); i++ {
				if a, b := frames[i-1], frames[i]; a.PTS+a.Duration != b.PTS {
					t.Fatalf("%v: frame %d at %v, after one until %v", form, i, b.PTS, a.PTS+a.Duration)
				}
			}
			pcm, _ := decodeAll(t, frames)
			if n := noise(pcm[20000:80000], 1000); n > -30 {
				t.Errorf("%v: noise at %.1f dB", form, n)
			}
			pcm, first := decodeAll(t, encodeAs(t, form, withClicks(SampleRate), base))
			for _, at := range clickAt {
				if off := (findClick(pcm, first, base+at) - float64(base+at)) / 48; math.Abs(off) > 2 {
					t.Errorf("%v: click moved by %.2f ms", form, off)
				}
			}
		}
	}
}

func TestFormsThatAreNotEncoded(t *testing.T) {
	for name, f := range map[string]*media.Format{
		"32 kHz":       {Codec: media.AAC, SampleRate: 32000, Channels: 2, Config: []byte{0x12, 0x90}},
		"HE-AAC":       {Codec: media.AAC, SampleRate: 24000, Channels: 2, Config: []byte{0x2b, 0x11, 0x88, 0x00}},
		"six channels": {Codec: media.AAC, SampleRate: 48000, Channels: 6, Config: []byte{0x11, 0xb0}},
		"pictures":     {Codec: media.H264},
	} {
		if form, ok := FormOf(f); ok {
			t.Errorf("%s as %v", name, form)
		}
	}
	for _, form := range []Form{{media.AAC, 32000, 2}, {media.AAC, 48000, 6}, {media.Opus, 44100, 2}, {media.H264, 0, 0}} {
		if _, err := NewAudioEncoder(form, 0); err == nil {
			t.Errorf("%v is encoded", form)
		}
	}
}

// clicks are short bursts at known positions.
var clickAt = []int64{9_600, 20_111, 37_777}

func withClicks(n int) []float32 {
	pcm := make([]float32, n*Channels)
	for _, at := range clickAt {
		for i := range 48 {
			v := float32(0.8 * math.Sin(2*math.Pi*4000*float64(i)/SampleRate))
			pcm[2*(int(at)+i)], pcm[2*(int(at)+i)+1] = v, v
		}
	}
	return pcm
}

// findClick gives the position of the sound's centre of energy around where a click should be.
func findClick(pcm []float32, first, near int64) float64 {
	var sum, weighted float64
	for p := near - 1500; p < near+1500; p++ {
		i := p - first
		if i < 0 || int(2*i) >= len(pcm) {
			continue
		}
		e := float64(pcm[2*i] * pcm[2*i])
		sum += e
		weighted += e * float64(p)
	}
	return weighted/sum - 23.5
}

func TestClickKeepsItsTime(t *testing.T) {
	const base = 1_234_567 // any media time
	for _, chain := range [][]media.Codec{
		{media.Opus}, {media.AAC}, {media.Opus, media.AAC}, {media.AAC, media.Opus}, {media.AAC, media.Opus, media.AAC, media.Opus},
	} {
		frames := encodeAll(t, chain[0], withClicks(SampleRate), base)
		for _, c := range chain[1:] {
			conv, err := NewAudioConverter(c, nil)
			if err != nil {
				t.Fatal(err)
			}
			var out []*media.Frame
			for _, f := range frames {
				got, err := conv.Convert(f)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, got...)
			}
			frames = out
		}
		last := time.Duration(math.MinInt64)
		for _, f := range frames {
			if f.DTS <= last {
				t.Fatalf("%v: DTS %v after %v", chain, f.DTS, last)
			}
			last = f.DTS
		}
		pcm, first := decodeAll(t, frames)
		for _, at := range clickAt {
			got := findClick(pcm, first, base+at)
			off := (got - float64(base+at)) / 48 // ms
			if math.Abs(off) > 2 {
				t.Errorf("%v: click moved by %.2f ms", chain, off)
			} else {
				t.Logf("%v: click moved by %.2f ms", chain, off)
			}
		}
	}
}
