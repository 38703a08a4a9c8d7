package codec

import (
	"slices"

	"github.com/tuttilive/tutti/internal/media"
)

// aacRates are the sample rates of ISO 14496-3, table 1.18.
var aacRates = [13]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// aacConfig is what an AudioSpecificConfig (ISO 14496-3, section 1.6.2.1) says.
type aacConfig struct {
	object   int // 2 is AAC-LC
	rate     int
	channels int // 0: described by the stream itself
	short    bool
	sbr      bool // signalled, in either way
}

// parseAACConfig reads an AudioSpecificConfig as far as it matters for decoding AAC-LC.
func parseAACConfig(b []byte) (c aacConfig, ok bool) {
	r := bitReader{b: b}
	c.object = r.object()
	c.rate = r.rate()
	c.channels = r.bits(4)
	if c.object == 5 || c.object == 29 {
		c.sbr = true
		r.rate()
		c.object = r.object()
	}
	c.short = r.bits(1) == 1
	ok = !r.over && c.rate > 0
	if c.object != 2 || c.sbr || !ok {
		return c, ok
	}
	if r.bits(1) == 1 { // depends on a core coder
		r.bits(14)
	}
	r.bits(1)
	// What old decoders do not read (section 1.6.6.1).
	c.sbr = r.bits(11) == 0x2b7 && r.object() == 5 && r.bits(1) == 1 && !r.over
	return c, ok
}

// plain is the shortest configuration that says the same of AAC-LC.
func (c aacConfig) plain() []byte {
	i := slices.Index(aacRates[:], c.rate)
	return []byte{byte(c.object<<3 | i>>1), byte(i&1<<7 | c.channels<<3)}
}

type bitReader struct {
	b    []byte
	at   int
	over bool
}

func (r *bitReader) bits(n int) (v int) {
	for range n {
		if r.at >= 8*len(r.b) {
			r.over = true
			return 0
		}
		v = v<<1 | int(r.b[r.at/8]>>(7-r.at%8))&1
		r.at++
	}
	return v
}

func (r *bitReader) object() int {
	if o := r.bits(5); o != 31 {
		return o
	}
	return 32 + r.bits(6)
}

func (r *bitReader) rate() int {
	i := r.bits(4)
	switch {
	case i == 15:
		return r.bits(24)
	case i < len(aacRates):
		return aacRates[i]
	}
	return 0
}

// checkAAC tells why a format cannot be decoded in process; nil when it can.
func checkAAC(f *media.Format) (aacConfig, error) {
	c, ok := parseAACConfig(f.Config)
	switch {
	case !ok:
		return c, unsupported("AAC with a broken configuration")
	case c.sbr:
		return c, unsupported("HE-AAC (choose AAC-LC in the encoder, or install ffmpeg on the server)")
	case c.object != 2:
		return c, unsupported("AAC of object type %d (choose AAC-LC in the encoder)", c.object)
	case c.short:
		return c, unsupported("AAC with frames of 960 samples")
	case c.channels < 1 || c.channels > 2:
		return c, unsupported("AAC with channel configuration %d (choose stereo in the encoder, or install ffmpeg on the server)", c.channels)
	case !slices.Contains(aacRates[:], c.rate):
		return c, unsupported("AAC at %d Hz", c.rate)
	}
	return c, nil
}

// needsWorker tells that a worker decodes what this process does not.
func needsWorker(f *media.Format) bool {
	if f == nil || f.Codec != media.AAC || f.SampleRate <= 0 || f.Channels <= 0 {
		return false
	}
	c, ok := parseAACConfig(f.Config)
	return ok && c.object == 2 && !c.short && (c.sbr || c.channels > 2) && slices.Contains(aacRates[:], c.rate)
}

// CanDecode tells whether sound of a format can be decoded, and if not, why in plain words. Formats without a
// configuration yet are given the benefit of the doubt. Nil workers are none.
func CanDecode(f *media.Format, w *Workers) error {
	if f == nil || f.Codec != media.AAC || len(f.Config) == 0 || needsWorker(f) && w.Available() == nil {
		return nil
	}
	_, err := checkAAC(f)
	return err
}
