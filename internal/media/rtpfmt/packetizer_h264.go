package rtpfmt

import (
	"encoding/binary"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

// packetizeH264 follows RFC 6184 in non-interleaved mode: parameter sets go before every keyframe, with the small units
// that follow them, as one STAP-A; a large unit goes as FU-A fragments.
func packetizeH264(f *media.Frame) []media.Packet {
	units := make([][]byte, 0, 16)
	if f.Keyframe && len(f.Format.SPS) > 0 && len(f.Format.PPS) > 0 {
		units = append(units, f.Format.SPS, f.Format.PPS)
	}
	largest := 1
	for unit := range bitstream.Units(f.Payload) {
		units = append(units, unit)
		largest = max(largest, len(unit))
	}
	piece := equalPieces(largest, MaxPayload-2)
	room, count := 0, 0
	for _, unit := range units {
		n := len(unit)/piece + 1
		count += n
		room += len(unit) + 3*n
	}
	w := h264Writer{piece: piece, slab: make([]byte, 0, room), packets: make([]media.Packet, 0, count)}
	for len(units) > 0 {
		units = units[w.write(units):]
	}
	for i := range w.packets {
		parseH264(&w.packets[i])
	}
	return w.packets
}

// h264Writer collects payloads in one slab.
type h264Writer struct {
	piece   int
	slab    []byte
	packets []media.Packet
}

// write makes packets of the first units and tells how many those were.
func (w *h264Writer) write(units [][]byte) int {
	if n := aggregable(units); n > 1 {
		start := len(w.slab)
		w.slab = append(w.slab, naluSTAPA)
		for _, unit := range units[:n] {
			// The header takes the highest NRI of its units (RFC 6184, section 5.3).
			w.slab[start] = max(w.slab[start]&0x60, unit[0]&0x60) | naluSTAPA
			w.slab = append(binary.BigEndian.AppendUint16(w.slab, uint16(len(unit))), unit...)
		}
		w.cut(start)
		return n
	}
	unit := units[0]
	if len(unit) <= w.piece+2 {
		start := len(w.slab)
		w.slab = append(w.slab, unit...)
		w.cut(start)
		return 1
	}
	header, body := unit[0], unit[1:]
	for first := true; len(body) > 0; first = false {
		n := min(w.piece, len(body))
		start := len(w.slab)
		flags := header & 0x1f
		if first {
			flags |= 0x80
		}
		if n == len(body) {
			flags |= 0x40
		}
		w.slab = append(append(w.slab, header&0xe0|naluFUA, flags), body[:n]...)
		w.cut(start)
		body = body[n:]
	}
	return 1
}

func (w *h264Writer) cut(start int) {
	w.packets = append(w.packets, media.Packet{Payload: w.slab[start:len(w.slab):len(w.slab)]})
}

// aggregable is how many of the first units, none of them a slice, fit one STAP-A.
func aggregable(units [][]byte) int {
	size := 1
	for i, unit := range units {
		size += 2 + len(unit)
		if t := bitstream.H264Type(unit); t <= naluIDR || size > MaxPayload {
			return i
		}
	}
	return len(units)
}
