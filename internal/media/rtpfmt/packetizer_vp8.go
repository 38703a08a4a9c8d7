package rtpfmt

import (
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

// packetizeVP8 follows RFC 7741, with a 15-bit picture id and no layers.
func (k *Packetizer) packetizeVP8(f *media.Frame) []media.Packet {
	const header = 4
	if len(f.Payload) == 0 {
		return nil
	}
	piece := equalPieces(len(f.Payload), MaxPayload-header)
	count := (len(f.Payload) + piece - 1) / piece
	slab := make([]byte, 0, len(f.Payload)+header*count)
	packets := make([]media.Packet, 0, count)
	descriptor := media.Descriptor{Size: header, IDAt: 2, Wide: true, Dense: true, PictureID: k.pictureID}
	key := bitstream.VP8Keyframe(f.Payload)
	for body := f.Payload; len(body) > 0; {
		n := min(piece, len(body))
		first := len(packets) == 0
		flags := byte(0x80)
		if first {
			flags |= 0x10
		}
		start := len(slab)
		slab = append(slab, flags, 0x80, 0x80|byte(k.pictureID>>8), byte(k.pictureID))
		slab = append(slab, body[:n]...)
		packets = append(packets, media.Packet{
			Payload: slab[start:len(slab):len(slab)], Start: first, Keyframe: first && key, Descriptor: descriptor,
		})
		body = body[n:]
	}
	k.pictureID = (k.pictureID + 1) & 0x7fff
	return packets
}
