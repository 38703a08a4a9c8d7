package bitstream

import (
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
)

// OpusDuration is how much sound a packet holds (RFC 6716, section 3.1), 0 when it is malformed.
func OpusDuration(packet []byte) time.Duration {
	if len(packet) == 0 || packet[0]&3 == 3 && len(packet) < 2 {
		return 0
	}
	samples := opus.PacketDuration2(packet)
	if samples <= 0 || samples > 48*120 {
		return 0
	}
	return time.Duration(samples) * time.Second / 48000
}
