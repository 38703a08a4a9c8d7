package showload

import (
	"math"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
)

// flashes finds when colours begin to be seen, wherever they are in the picture.
type flashes struct {
	on    [8]bool
	begun bool // there was a picture: what the first one shows may have begun before it
}

const (
	// alikeChroma is how near a colour must be, in steps of chroma.
	alikeChroma = 36
	// seenShare is which part of the picture must have it, one in so many.
	seenShare = 150
)

// look tells of each mark whether it begins to be seen in this picture.
func (d *flashes) look(p *codec.Picture) (begins [8]bool) {
	f := paint.Frame{Width: p.Width, Height: p.Height, Pix: p.Pix}
	u, v := f.U(), f.V()
	var count [8]int
	for i := range u {
		for k := range marks {
			if near(u[i], marks[k].colour.U) && near(v[i], marks[k].colour.V) {
				count[k]++
			}
		}
	}
	for k := range marks {
		on := count[k] > len(u)/seenShare
		begins[k] = on && !d.on[k] && d.begun
		d.on[k] = on
	}
	d.begun = true
	return begins
}

func near(a, b byte) bool { return max(a, b)-min(a, b) <= alikeChroma }

// beeps finds when tones begin to be heard in stereo sound of 48 kHz.
type beeps struct {
	pcm   []float32 // of one channel, what is not looked at yet
	at    time.Duration
	on    [8]bool
	begun bool // there was sound: what is heard at first may have begun before it
}

const (
	window = codec.SampleRate / 50  // samples
	hop    = codec.SampleRate / 200 // samples
	// heardAt is the amplitude of a beginning, which is half of what the tone has then; silentAt that of an end.
	heardAt, silentAt = 0.03, 0.012
)

// hear takes samples that were captured at a time; found is called for each tone that begins.
func (d *beeps) hear(pcm []float32, at time.Duration, found func(mark int, at time.Duration)) {
	if expected := d.at + codec.TimeOf(int64(len(d.pcm))); (expected - at).Abs() > 20*time.Millisecond {
		d.pcm, d.at = d.pcm[:0], at // after a gap
	}
	for i := 0; i+1 < len(pcm); i += 2 {
		d.pcm = append(d.pcm, (pcm[i]+pcm[i+1])/2)
	}
	used := 0
	for ; len(d.pcm)-used >= window; used += hop {
		middle := d.at + codec.TimeOf(int64(used+window/2))
		for k := range marks {
			a := amplitude(d.pcm[used:used+window], marks[k].tone)
			if a > heardAt && !d.on[k] && d.begun {
				found(k, middle)
			}
			d.on[k] = a > heardAt || d.on[k] && a > silentAt
		}
		d.begun = true
	}
	d.at += codec.TimeOf(int64(used))
	d.pcm = d.pcm[:copy(d.pcm, d.pcm[used:])]
}

// amplitude is that of a tone (Goertzel).
func amplitude(pcm []float32, tone float64) float64 {
	c := 2 * math.Cos(2*math.Pi*tone/codec.SampleRate)
	var s1, s2 float64
	for _, x := range pcm {
		s1, s2 = float64(x)+c*s1-s2, s1
	}
	return 2 * math.Sqrt(max(0, s1*s1+s2*s2-c*s1*s2)) / float64(len(pcm))
}
