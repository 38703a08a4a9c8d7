package codec

import (
	"fmt"
	"slices"

	"github.com/thesyncim/gopus"

	"github.com/tuttilive/tutti/internal/media"
)

const (
	// opusDelay is the look-ahead of every libopus encoder in its usual modes, in samples at 48 kHz: 6.5 ms. RTP does
	// not signal it (RFC 7587); Ogg and MP4 call it pre-skip (RFC 7845, section 4.2).
	opusDelay = 312
	// opusMaxSamples is the longest packet: 120 ms (RFC 6716, section 2).
	opusMaxSamples = 5760
	// opusMaxPacket is more than the longest packet that a sender makes; a jumbo of 48 frames could be longer.
	opusMaxPacket = 8 << 10
	// opusFrameSize is 20 ms.
	opusFrameSize      = 960
	opusDefaultBitrate = 112_000
)

type opusDecoder struct {
	dec     *gopus.Decoder
	scratch []float32
}

func newOpusDecoder() (*opusDecoder, error) {
	d := &opusDecoder{scratch: make([]float32, opusMaxSamples*Channels)}
	return d, d.remake()
}

func (d *opusDecoder) remake() error {
	err := guard("making an Opus decoder", func() (err error) {
		d.dec, err = gopus.NewDecoder(gopus.DecoderConfig{
			SampleRate: SampleRate, Channels: Channels, MaxPacketSamples: opusMaxSamples, MaxPacketBytes: opusMaxPacket,
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("codec: making an Opus decoder: %w", err)
	}
	return nil
}

func (d *opusDecoder) Delay() int { return opusDelay }

func (d *opusDecoder) Decode(pcm []float32, payload []byte) ([]float32, error) {
	if len(payload) == 0 {
		return pcm, fmt.Errorf("codec: decoding Opus: empty packet")
	}
	return d.call(pcm, "decoding Opus", func() (int, error) { return d.dec.Decode(payload, d.scratch) })
}

// Recover appends n samples per channel of the sound that was lost directly before payload, from the copy of it that
// payload may carry (in-band FEC, RFC 6716, section 2.1.7), else concealed.
func (d *opusDecoder) Recover(pcm []float32, n int, payload []byte) []float32 {
	if n > 0 && n <= opusMaxSamples && n%120 == 0 && len(payload) > 0 {
		before := len(pcm)
		out, err := d.call(pcm, "recovering Opus", func() (int, error) {
			return d.dec.DecodeWithFEC(payload, d.scratch[:n*Channels], true)
		})
		if err == nil && len(out)-before == n*Channels {
			return out
		}
		pcm = pcm[:before]
	}
	return d.Conceal(pcm, n)
}

func (d *opusDecoder) Conceal(pcm []float32, n int) []float32 {
	for n > 0 {
		// The decoder conceals in units of 2.5 ms.
		k := min((n+119)/120*120, opusFrameSize)
		before := len(pcm)
		out, err := d.call(pcm, "concealing Opus", func() (int, error) { return d.dec.Decode(nil, d.scratch[:k*Channels]) })
		if err != nil || len(out) == before {
			return appendSilence(pcm, n)
		}
		got := min((len(out)-before)/Channels, n)
		pcm = out[:before+got*Channels]
		n -= got
	}
	return pcm
}

func (d *opusDecoder) call(pcm []float32, what string, decode func() (int, error)) ([]float32, error) {
	if d.dec == nil {
		if err := d.remake(); err != nil {
			return pcm, err
		}
	}
	var n int
	panicked := true
	err := guard(what, func() (err error) {
		n, err = decode()
		panicked = false
		return err
	})
	if panicked {
		d.dec = nil
	}
	if err != nil {
		return pcm, fmt.Errorf("codec: %s: %w", what, err)
	}
	got := d.scratch[:min(max(n, 0)*Channels, len(d.scratch))]
	sane(got)
	return append(pcm, got...), nil
}

func appendSilence(pcm []float32, n int) []float32 {
	before := len(pcm)
	pcm = slices.Grow(pcm, n*Channels)[:before+n*Channels]
	clear(pcm[before:])
	return pcm
}

type opusEncoder struct {
	enc     *gopus.Encoder
	bitrate int
	format  *media.Format
	packet  []byte
}

func newOpusEncoder(bitrate int) (*opusEncoder, error) {
	if bitrate == 0 {
		bitrate = opusDefaultBitrate
	}
	e := &opusEncoder{
		bitrate: bitrate,
		format:  &media.Format{Codec: media.Opus, SampleRate: SampleRate, Channels: Channels},
		packet:  make([]byte, 4000),
	}
	return e, e.remake()
}

func (e *opusEncoder) remake() error {
	err := guard("making an Opus encoder", func() (err error) {
		e.enc, err = gopus.NewEncoder(gopus.EncoderConfig{
			SampleRate: SampleRate, Channels: Channels, Application: gopus.ApplicationAudio,
		})
		if err != nil {
			return err
		}
		if err := e.enc.SetBitrate(e.bitrate); err != nil {
			return err
		}
		// Complexity 5 costs half of 10; the difference cannot be heard at these bitrates.
		if err := e.enc.SetComplexity(5); err != nil {
			return err
		}
		return e.enc.SetFrameSize(opusFrameSize)
	})
	if err != nil {
		return fmt.Errorf("codec: making an Opus encoder: %w", err)
	}
	return nil
}

func (e *opusEncoder) FrameSize() int        { return opusFrameSize }
func (e *opusEncoder) Delay() int            { return 0 }
func (e *opusEncoder) Format() *media.Format { return e.format }

func (e *opusEncoder) Encode(pcm []float32) ([]byte, error) {
	if len(pcm) != opusFrameSize*Channels {
		return nil, fmt.Errorf("codec: encoding Opus: %d samples, want %d", len(pcm)/Channels, opusFrameSize)
	}
	if e.enc == nil {
		if err := e.remake(); err != nil {
			return nil, err
		}
	}
	var n int
	panicked := true
	err := guard("encoding Opus", func() (err error) {
		n, err = e.enc.Encode(pcm, e.packet)
		panicked = false
		return err
	})
	if panicked {
		e.enc = nil
	}
	if err != nil {
		return nil, fmt.Errorf("codec: encoding Opus: %w", err)
	}
	if n <= 0 {
		return nil, nil
	}
	return slices.Clone(e.packet[:n]), nil
}
