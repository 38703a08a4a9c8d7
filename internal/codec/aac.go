package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	aac "github.com/tphakala/go-aac"
	aacpcm "github.com/tphakala/go-aac/pcm"

	"github.com/tuttilive/tutti/internal/media"
)

const (
	aacFrameSize = 1024
	// aacEncoderDelay: the access unit that Encode gives is that of the block before, and decodes to the block before
	// that (priming of one block, MDCT overlap).
	aacEncoderDelay   = aacFrameSize + aac.EncoderDelay
	aacDefaultBitrate = 128_000
	// aacMaxUnit is the longest access unit: 6144 bits a channel (ISO 14496-3, section 4.5.3.1), and slack.
	aacMaxUnit = 8 << 10
)

type aacDecoder struct {
	config   []byte
	rate     int
	channels int
	dec      *aacpcm.Decoder
	unit     unitReader
	raw      []byte
	block    []float32
	resample *resampler // nil at 48 kHz
	last     []float32  // the newest sound, to conceal with
	fade     int        // how many samples have been concealed in a row
}

// unitReader hands one access unit at a time to the decoder, with the length before it that the decoder wants.
type unitReader struct{ rest []byte }

func (u *unitReader) Read(p []byte) (int, error) {
	if len(u.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, u.rest)
	u.rest = u.rest[n:]
	return n, nil
}

func newAACDecoder(f *media.Format) (*aacDecoder, error) {
	c, err := checkAAC(f)
	if err != nil {
		return nil, err
	}
	d := &aacDecoder{
		config:   c.plain(),
		rate:     c.rate,
		channels: c.channels,
		raw:      make([]byte, 4*aacFrameSize*Channels),
	}
	if c.rate != SampleRate {
		d.resample = newResampler(c.rate, SampleRate)
	}
	return d, d.remake()
}

func (d *aacDecoder) remake() error {
	d.unit.rest = nil
	err := guard("making an AAC decoder", func() (err error) {
		if d.dec == nil {
			d.dec, err = aacpcm.NewDecoder(&d.unit, aacpcm.WithRawStream(d.config))
			return err
		}
		return d.dec.Reset(&d.unit, aacpcm.WithRawStream(d.config))
	})
	if err != nil {
		d.dec = nil
		return fmt.Errorf("codec: making an AAC decoder: %w", err)
	}
	return nil
}

func (d *aacDecoder) Delay() int {
	if d.resample != nil {
		return d.resample.delay
	}
	return 0
}

func (d *aacDecoder) Decode(pcm []float32, payload []byte) ([]float32, error) {
	if len(payload) == 0 || len(payload) > aacMaxUnit {
		return pcm, fmt.Errorf("codec: decoding AAC: access unit of %d bytes", len(payload))
	}
	if d.dec == nil {
		if err := d.remake(); err != nil {
			return pcm, err
		}
	}
	var n int
	panicked := true
	err := guard("decoding AAC", func() (err error) {
		unit := make([]byte, 0, 2+len(payload))
		unit = binary.BigEndian.AppendUint16(unit, uint16(len(payload)))
		d.unit.rest = append(unit, payload...)
		// One Read gives what one access unit holds.
		n, err = d.dec.Read(d.raw)
		panicked = false
		return err
	})
	if err != nil {
		// The decoder latches errors, also io.EOF after a unit without sound.
		if panicked {
			d.dec = nil
		} else if remade := d.remake(); remade != nil {
			err = errors.Join(err, remade)
		}
		if errors.Is(err, aacpcm.ErrUnsupported) {
			err = unsupported("%v", err)
		}
		return pcm, fmt.Errorf("codec: decoding AAC: %w", err)
	}
	before := len(pcm)
	pcm = d.convert(pcm, d.raw[:n])
	d.remember(pcm[before:])
	return pcm, nil
}

// convert appends signed 16-bit samples of the stream's rate and channels as sound of ours.
func (d *aacDecoder) convert(pcm []float32, raw []byte) []float32 {
	const scale = 1.0 / 32768
	block := d.block[:0]
	if d.resample == nil {
		block = slices.Grow(pcm, len(raw)/2*Channels/d.channels)
	}
	for i := 0; i+2*d.channels <= len(raw); i += 2 * d.channels {
		l := float32(int16(binary.LittleEndian.Uint16(raw[i:]))) * scale
		r := l
		if d.channels == 2 {
			r = float32(int16(binary.LittleEndian.Uint16(raw[i+2:]))) * scale
		}
		block = append(block, l, r)
	}
	if d.resample == nil {
		return block
	}
	d.block = block
	return d.resample.append(pcm, block)
}

const concealFade = SampleRate / 25 // 40 ms

func (d *aacDecoder) remember(pcm []float32) {
	d.fade = 0
	d.last = append(d.last[:0], pcm[max(0, len(pcm)-concealFade*Channels):]...)
}

// Conceal plays the newest sound backwards (so that it joins without a step) while it fades out.
func (d *aacDecoder) Conceal(pcm []float32, n int) []float32 {
	have := len(d.last) / Channels
	for range n {
		if d.fade >= concealFade || have == 0 {
			pcm = append(pcm, 0, 0)
			continue
		}
		// Back and forth over what there is.
		i := d.fade % (2 * have)
		if i < have {
			i = have - 1 - i
		} else {
			i -= have
		}
		gain := 1 - float32(d.fade)/concealFade
		pcm = append(pcm, d.last[2*i]*gain, d.last[2*i+1]*gain)
		d.fade++
	}
	return pcm
}

type aacEncoder struct {
	enc     *aac.Encoder
	config  aac.EncoderConfig
	format  *media.Format
	planes  [][]float32 // one for each channel
	scratch []byte
}

func newAACEncoder(to Form, bitrate int) (*aacEncoder, error) {
	if bitrate == 0 {
		bitrate = aacDefaultBitrate * to.Channels / Channels
	}
	e := &aacEncoder{
		config: aac.EncoderConfig{SampleRate: to.Rate, Channels: to.Channels, Bitrate: bitrate},
		planes: make([][]float32, to.Channels),
	}
	for i := range e.planes {
		e.planes[i] = make([]float32, aacFrameSize)
	}
	if err := e.remake(); err != nil {
		return nil, err
	}
	e.format = &media.Format{
		Codec: media.AAC, SampleRate: to.Rate, Channels: to.Channels, Config: e.enc.AudioSpecificConfig(),
	}
	return e, nil
}

func (e *aacEncoder) remake() error {
	err := guard("making an AAC encoder", func() (err error) {
		if e.enc != nil {
			return e.enc.Reset(e.config)
		}
		e.enc, err = aac.NewEncoder(e.config)
		return err
	})
	if err != nil {
		e.enc = nil
		return fmt.Errorf("codec: making an AAC encoder: %w", err)
	}
	return nil
}

func (e *aacEncoder) FrameSize() int        { return aacFrameSize }
func (e *aacEncoder) Delay() int            { return aacEncoderDelay }
func (e *aacEncoder) Format() *media.Format { return e.format }

func (e *aacEncoder) Encode(pcm []float32) ([]byte, error) {
	if len(pcm) != aacFrameSize*Channels {
		return nil, fmt.Errorf("codec: encoding AAC: %d samples, want %d", len(pcm)/Channels, aacFrameSize)
	}
	if e.enc == nil {
		if err := e.remake(); err != nil {
			return nil, err
		}
	}
	for i := range aacFrameSize {
		if len(e.planes) == 1 {
			e.planes[0][i] = (pcm[2*i] + pcm[2*i+1]) / 2
		} else {
			e.planes[0][i], e.planes[1][i] = pcm[2*i], pcm[2*i+1]
		}
	}
	panicked := true
	err := guard("encoding AAC", func() (err error) {
		e.scratch, err = e.enc.EncodeFrame(e.scratch[:0], e.planes)
		panicked = false
		return err
	})
	if err != nil {
		if panicked {
			e.enc = nil
		} else if remade := e.remake(); remade != nil {
			err = errors.Join(err, remade)
		}
		return nil, fmt.Errorf("codec: encoding AAC: %w", err)
	}
	if len(e.scratch) == 0 {
		return nil, nil
	}
	return slices.Clone(e.scratch), nil
}
