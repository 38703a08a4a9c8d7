package codec

import (
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// Silent payloads that every decoder takes, whatever came before them.
var (
	// silentOpus is 20 ms of stereo in CELT mode without energy (RFC 6716, section 3.1: configuration 31).
	silentOpus = []byte{0xfc, 0xff, 0xfe}
	// silentAAC are AAC-LC access units for one and two channels: a channel (pair) element whose bands are all zero.
	silentAAC1 = []byte{0x00, 0xc8, 0x00, 0x80, 0x23, 0x80}
	silentAAC2 = []byte{0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80}
)

// Silence gives a payload that decodes to silence in a format, and its length; nil where there is none.
func Silence(f *media.Format) ([]byte, time.Duration) {
	switch f.Codec {
	case media.Opus:
		return silentOpus, 20 * time.Millisecond
	case media.AAC:
		c, ok := parseAACConfig(f.Config)
		if !ok || c.short {
			return nil, 0
		}
		d := aacFrameSize * time.Second / time.Duration(c.rate)
		switch c.channels {
		case 1:
			return silentAAC1, d
		case 2:
			return silentAAC2, d
		}
	}
	return nil, 0
}
