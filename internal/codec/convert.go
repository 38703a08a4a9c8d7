package codec

import (
	"github.com/tuttilive/tutti/internal/media"
)

// AudioConverter turns frames of one sound codec into frames of another on the same clock: decoder delay and encoder
// priming are subtracted, gaps are concealed up to 100 ms and silence beyond. It belongs to one goroutine.
type AudioConverter struct {
	aligner Aligner
	packer  *AudioPacker
}

// NewAudioConverter makes one; workers decode what this process does not, nil for nobody.
func NewAudioConverter(to media.Codec, workers *Workers) (*AudioConverter, error) {
	p, err := NewAudioPacker(PlainForm(to), 0)
	if err != nil {
		return nil, err
	}
	return &AudioConverter{packer: p, aligner: Aligner{Workers: workers}}, nil
}

// Close ends what runs for the converter.
func (c *AudioConverter) Close() { c.aligner.Close() }

// Convert gives the frames that are complete now; the input's Format may change at any time. A single frame that cannot
// be decoded is concealed when the next one comes; an error says that the sound cannot be decoded at all, or not any
// more, and may be ignored: better frames may follow, and what comes with it is silence.
func (c *AudioConverter) Convert(f *media.Frame) ([]*media.Frame, error) {
	pcm, at, fresh, err := c.aligner.Align(f)
	if err != nil {
		if c.aligner.Trouble() == nil && c.aligner.dec != nil {
			return nil, nil
		}
		return nil, err
	}
	out, err := c.packer.Pack(nil, pcm, at, fresh)
	if err == nil {
		err = c.aligner.Trouble()
	}
	return out, err
}

// AudioPacker encodes samples that lie on media time. It belongs to one goroutine.
type AudioPacker struct {
	enc   AudioEncoder
	rate  int        // of what is encoded
	pcm   []float32  // what does not fill a frame yet, at that rate
	at    int64      // position of its first sample, at that rate too
	slow  *resampler // nil at SampleRate
	any   bool
	fresh bool // the next frame does not follow the one before
}

// NewAudioPacker makes a packer; bitrate in bit/s, 0 for the codec's default.
func NewAudioPacker(to Form, bitrate int) (*AudioPacker, error) {
	enc, err := NewAudioEncoder(to, bitrate)
	if err != nil {
		return nil, err
	}
	return &AudioPacker{enc: enc, rate: to.Rate}, nil
}

// Format is the format of the frames.
func (p *AudioPacker) Format() *media.Format { return p.enc.Format() }

// Pack takes samples at a position, which follow those of the call before unless fresh is true, and appends the frames
// that are complete to out.
func (p *AudioPacker) Pack(out []*media.Frame, pcm []float32, at int64, fresh bool) ([]*media.Frame, error) {
	if fresh || !p.any {
		p.begin(at)
	}
	if p.slow != nil {
		p.pcm = p.slow.append(p.pcm, pcm)
	} else {
		p.pcm = append(p.pcm, pcm...)
	}
	size := p.enc.FrameSize()
	used := 0
	var failure error
	for len(p.pcm)-used >= size*Channels {
		payload, err := p.enc.Encode(p.pcm[used : used+size*Channels])
		position := p.at - int64(p.enc.Delay())
		used += size * Channels
		p.at += int64(size)
		if err != nil {
			failure = err
			p.fresh = true
			continue
		}
		if payload == nil {
			continue
		}
		pts := timeAt(position, p.rate)
		out = append(out, &media.Frame{
			Format: p.enc.Format(), Payload: payload, PTS: pts, DTS: pts, Duration: timeAt(position+int64(size), p.rate) - pts,
			Keyframe: true, Discontinuity: p.fresh,
		})
		p.fresh = false
	}
	p.pcm = p.pcm[:copy(p.pcm, p.pcm[used:])]
	return out, failure
}

// begin lets the samples from a position on follow nothing.
func (p *AudioPacker) begin(at int64) {
	p.pcm, p.at, p.fresh, p.any = p.pcm[:0], at, p.any, true
	if p.rate != SampleRate {
		p.slow = newResampler(SampleRate, p.rate)
		p.at = at*int64(p.rate)/SampleRate - int64(p.slow.delay)
	}
}
