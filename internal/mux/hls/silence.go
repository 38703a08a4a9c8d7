package hls

import (
	"github.com/tuttilive/tutti/internal/media"
)

// silentFormat is AAC-LC at 48 kHz in stereo, as the server's own encoder makes it, so that the program's sound can
// follow without a break.
var silentFormat = &media.Format{Codec: media.AAC, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}

// Silent raw data blocks of AAC-LC (ISO 14496-3, section 4.4.2.1): all spectra zero. They do not depend on the rate.
var (
	silentMono   = []byte{0x00, 0xc8, 0x00, 0x80, 0x23, 0x80}
	silentStereo = []byte{0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80}
	// silentOpus is one 20 ms frame of SILK silence in stereo (RFC 6716, section 3.1).
	silentOpus = []byte{0xfc, 0xff, 0xfe}
)

// silentFrame is a frame of silence and its length in samples; nil where we know none.
func silentFrame(f *media.Format) (payload []byte, samples int64) {
	const lowComplexity = 2
	switch {
	case f == nil:
	case f.Codec == media.Opus:
		return silentOpus, 960
	case f.Codec == media.AAC && len(f.Config) >= 2 && f.Config[0]>>3 == lowComplexity:
		switch f.Channels {
		case 1:
			return silentMono, 1024
		case 2:
			return silentStereo, 1024
		}
	}
	return nil, 0
}
