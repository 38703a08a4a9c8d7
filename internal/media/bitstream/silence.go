package bitstream

import "github.com/tuttilive/tutti/internal/media"

// Silent raw data blocks of AAC-LC (ISO 14496-3, section 4.4.2.1): all spectra zero. They do not depend on the rate.
var (
	silentMono   = []byte{0x00, 0xc8, 0x00, 0x80, 0x23, 0x80}
	silentStereo = []byte{0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80}
	// silentOpus is one 20 ms frame of SILK silence in stereo (RFC 6716, section 3.1).
	silentOpus = []byte{0xfc, 0xff, 0xfe}
)

// Silence is a frame of silence in a format, which is shared, and its length in samples; nil where we know none.
func Silence(f *media.Format) (payload []byte, samples int64) {
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
