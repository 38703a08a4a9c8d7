package rtpfmt

import (
	"fmt"
	"time"

	"github.com/pion/rtp"

	"github.com/tuttilive/tutti/internal/media"
)

// MaxPayload is the largest payload that a packetizer makes, in bytes. With RTP header, extensions, SRTP tag, UDP and IPv6
// it stays below the 1280 bytes that every path carries, TURN included.
const MaxPayload = 1160

// Packetizer turns the frames of one stream into RTP packets. It belongs to one goroutine.
type Packetizer struct {
	codec media.Codec
	// pictureID is that of the next VP8 picture, 15 bits.
	pictureID uint16
	// other makes the payloads of codecs that are not ours.
	other rtp.Payloader
}

// NewPacketizer makes a packetizer for any codec that goes over RTP.
func NewPacketizer(codec media.Codec) (*Packetizer, error) {
	if codec.RTPName() == "" {
		return nil, fmt.Errorf("rtpfmt: %s is not put into RTP", codec)
	}
	return &Packetizer{codec: codec, other: payloader(codec)}, nil
}

// Packetize makes the packets of a frame: payload, timestamp, marker and all that Parse would find. Sequence number,
// SSRC and arrival are left to the caller. Packets of an H.264 or VP8 frame are equal in size but for the last, so that
// they can be sent as one UDP GSO train; those of sound share the frame's bytes.
func (k *Packetizer) Packetize(f *media.Frame) []media.Packet {
	var packets []media.Packet
	switch k.codec {
	case media.H264:
		packets = packetizeH264(f)
	case media.VP8:
		packets = k.packetizeVP8(f)
	case media.Opus:
		if len(f.Payload) == 0 {
			return nil
		}
		packets = []media.Packet{{Payload: f.Payload, Start: true, Keyframe: true}}
	default:
		packets = k.packetizeOther(f)
	}
	timestamp := Timestamp(f.PTS, k.codec.ClockRate())
	for i := range packets {
		packets[i].Timestamp = timestamp
	}
	if n := len(packets); n > 0 && k.codec.Kind() == media.Video {
		packets[n-1].Marker = true
	}
	return packets
}

// Timestamp is the RTP timestamp of a media time at a clock rate in Hz. Media time 0 is timestamp 0.
func Timestamp(t time.Duration, rate int) uint32 {
	seconds, rest := t/time.Second, t%time.Second
	return uint32(int64(seconds)*int64(rate)) + uint32((int64(rest)*int64(rate)+int64(time.Second)/2)/int64(time.Second))
}

// equalPieces is how large the pieces are when size bytes are cut into as few as fit a limit, equal but for the last.
func equalPieces(size, limit int) int {
	n := (size + limit - 1) / limit
	return (size + n - 1) / n
}
