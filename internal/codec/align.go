package codec

import (
	"errors"
	"fmt"
	"math"

	"github.com/tuttilive/tutti/internal/media"
)

const (
	// concealMax is how long lost sound is made up before silence takes over.
	concealMax = SampleRate / 10
	// gapMin is what a frame may come later than expected before that counts as a hole, when the frame does not say that
	// frames were lost before it. What is less is jitter of the timestamps.
	gapMin = 30 * SampleRate / 1000
	// lossMin is the same for a frame that says so.
	lossMin = 5 * SampleRate / 2000
	// gapMax is the longest hole that is filled; after a longer one the sound starts anew.
	gapMax = 2 * SampleRate
	// overlapMax is how much sound in a row may come too early before the timeline of the source is believed to have
	// been moved.
	overlapMax = SampleRate

	// slewStart and slewEnd are the deviations, in samples, at which the correction of the clock begins and ends.
	slewStart, slewEnd = SampleRate * 5 / 1000, SampleRate / 1000
	// slewMax is the greatest correction, relative: 5 samples a 1000, 9 cents.
	slewMax = 0.005
	// ramp is how long sound fades in and out beside silence.
	ramp = SampleRate / 400
)

// Aligner decodes the frames of one sound and lays the samples on media time, without holes: lost sound is concealed,
// longer pauses become silence, and what the source's clock drifts away from media time is slewed away unheard. Sample n
// of its timeline belongs to the media time TimeOf(n). It belongs to one goroutine, which closes it.
type Aligner struct {
	// Workers decode what this process does not; nil for nobody.
	Workers *Workers

	dec     AudioDecoder
	format  *media.Format
	pcm     []float32
	scratch []float32

	started bool
	next    int64 // the sample that comes next
	shift   int64 // what is added to positions because the source's timeline was moved
	early   int64 // how much came too early in a row
	lost    bool  // the frame before could not be decoded
	failed  int   // how many in a row could not be
	why     error // of the newest of them
	drift   float64
	slewing bool
	silent  bool // the newest sample out was silence after concealment
}

// recoverer is a decoder that finds a copy of lost sound in what follows.
type recoverer interface {
	Recover(pcm []float32, n int, payload []byte) []float32
}

// Align decodes a frame. It gives samples that follow those of the call before without a hole, and the position of the
// first; fresh tells that they do not follow (after the start, or a long pause). The samples are valid until the next
// call. After an error the frame counts as lost.
func (a *Aligner) Align(f *media.Frame) (pcm []float32, at int64, fresh bool, err error) {
	if err := a.prepare(f.Format); err != nil {
		a.note(err)
		return nil, 0, false, err
	}
	position := SamplesAt(f.PTS) - int64(a.dec.Delay()) + a.shift
	gap := position - a.next
	a.pcm = a.pcm[:0]
	switch {
	case !a.started || gap > gapMax || gap < -gapMax:
		if a.started && gap < 0 {
			// The past is over: what comes now is laid behind what there was.
			a.shift -= gap
			position = a.next
		}
		fresh = !a.started || gap > 0
		a.started, a.next, gap = true, position, 0
		a.drift, a.slewing, a.early = 0, false, 0
	case gap > gapMin, gap > lossMin && (f.Discontinuity || a.lost):
		a.fill(int(gap), f.Payload)
		gap, a.drift, a.slewing, a.early = 0, 0, false, 0
	}
	at = a.next
	filled := len(a.pcm)
	a.pcm, err = a.dec.Decode(a.pcm, f.Payload)
	if err != nil && a.takeWorker(f.Format, err) {
		a.pcm, err = a.dec.Decode(a.pcm[:filled], f.Payload)
	}
	a.note(err)
	if a.lost = err != nil; a.lost {
		a.pcm = a.pcm[:filled]
		if filled == 0 {
			return nil, at, fresh, err
		}
		err = nil
	}
	if a.silent && len(a.pcm) > filled {
		fadeIn(a.pcm[filled:])
		a.silent = false
	}
	if gap < -gapMin {
		a.trim(filled, -gap)
	} else {
		a.early = 0
		a.correct(filled, gap)
	}
	a.next = at + int64(len(a.pcm)/Channels)
	return a.pcm, at, fresh, err
}

// takeWorker has a worker decode what the decoder in this process does not, where only the frames tell so: HE-AAC that calls itself AAC-LC. It tells
// whether the worker has taken over.
func (a *Aligner) takeWorker(f *media.Format, why error) bool {
	if _, here := a.dec.(*aacDecoder); !here || !errors.Is(why, ErrUnsupported) || a.Workers.Available() != nil {
		return false
	}
	dec, err := newSoundWorker(a.Workers, f)
	if err != nil {
		return false
	}
	a.dec = dec
	return true
}

// troubleAfter is how many frames in a row cannot be decoded before that is more than a loss.
const troubleAfter = 3

// note counts what could not be decoded.
func (a *Aligner) note(err error) {
	if a.failed, a.why = a.failed+1, err; err == nil {
		a.failed = 0
	}
}

// Trouble tells why the sound is not decoded at the moment, although Align makes silence of it; nil while it is.
func (a *Aligner) Trouble() error {
	if a.failed < troubleAfter {
		return nil
	}
	return a.why
}

// End is the position after the newest sample; 0 before the first.
func (a *Aligner) End() int64 { return a.next }

func (a *Aligner) prepare(f *media.Format) error {
	if f == a.format && a.dec != nil {
		return nil
	}
	if a.dec != nil && f.Codec == a.format.Codec && string(f.Config) == string(a.format.Config) {
		a.format = f // the same in another object
		return nil
	}
	dec, err := decoderFor(f, a.Workers)
	if err != nil {
		return fmt.Errorf("codec: sound cannot be decoded: %w", err)
	}
	a.Close()
	a.dec, a.format = dec, f
	return nil
}

// Close ends what runs for the aligner.
func (a *Aligner) Close() {
	if c, ok := a.dec.(interface{ Close() }); ok {
		c.Close()
	}
	a.dec = nil
}

// fill puts n samples in place of lost ones before payload.
func (a *Aligner) fill(n int, payload []byte) {
	conceal := min(n, concealMax)
	if r, ok := a.dec.(recoverer); ok && conceal == n {
		// The payload can hold a copy of what was directly before it.
		last := min(n, 20*SampleRate/1000)
		a.pcm = a.dec.Conceal(a.pcm, n-last)
		a.pcm = r.Recover(a.pcm, last, payload)
		return
	}
	a.pcm = a.dec.Conceal(a.pcm, conceal)
	if n > conceal {
		fadeOut(a.pcm)
		a.pcm = appendSilence(a.pcm, n-conceal)
		a.silent = true
	}
}

// trim takes away n samples that came too early.
func (a *Aligner) trim(from int, n int64) {
	have := int64(len(a.pcm)-from) / Channels
	if a.early += have; a.early > overlapMax {
		// It will not stop: the source's clock was set forward for good.
		a.shift += n
		a.early = 0
		return
	}
	n = min(n, have)
	a.pcm = append(a.pcm[:from], a.pcm[from+int(n)*Channels:]...)
}

// correct stretches or shrinks the samples from an index on by a whole number of samples when the source's clock has
// moved away.
func (a *Aligner) correct(from int, gap int64) {
	n := (len(a.pcm) - from) / Channels
	if n < 100 || from > 0 {
		return
	}
	// The mean of about 16 frames: jitter is none of our business.
	a.drift += (float64(gap) - a.drift) / 16
	if math.Abs(a.drift) > slewStart {
		a.slewing = true
	} else if math.Abs(a.drift) < slewEnd {
		a.slewing = false
	}
	if !a.slewing {
		return
	}
	most := max(1, math.Floor(slewMax*float64(n)))
	k := int(math.Round(max(-most, min(most, a.drift/256))))
	if k == 0 {
		k = int(math.Copysign(1, a.drift))
	}
	a.scratch = stretch(a.scratch[:0], a.pcm[from:], n+k)
	a.pcm = append(a.pcm[:from], a.scratch...)
	a.drift -= float64(k)
}

// stretch appends in as m samples. Both ends keep their place, so that what follows joins without a step. It
// interpolates with a cubic through four points, which is enough for a change of less than a hundredth.
func stretch(out, in []float32, m int) []float32 {
	n := len(in) / Channels
	step := float64(n) / float64(m)
	at := func(i, c int) float32 { return in[min(max(i, 0), n-1)*Channels+c] }
	for j := range m {
		x := float64(j) * step
		i := int(x)
		t := float32(x - float64(i))
		for c := range Channels {
			p0, p1, p2, p3 := at(i-1, c), at(i, c), at(i+1, c), at(i+2, c)
			out = append(out, p1+t/2*(p2-p0+t*(2*p0-5*p1+4*p2-p3+t*(3*(p1-p2)+p3-p0))))
		}
	}
	return out
}

func fadeIn(pcm []float32) {
	n := min(len(pcm)/Channels, ramp)
	for i := range n {
		g := float32(i) / float32(n)
		pcm[2*i] *= g
		pcm[2*i+1] *= g
	}
}

func fadeOut(pcm []float32) {
	n := min(len(pcm)/Channels, ramp)
	tail := pcm[len(pcm)-n*Channels:]
	for i := range n {
		g := 1 - float32(i+1)/float32(n)
		tail[2*i] *= g
		tail[2*i+1] *= g
	}
}
