package rtpfmt

import "iter"

// Redundant audio (RFC 2198): a payload begins with a header for each block, oldest first, and the blocks follow in that
// order. The last one, the primary, is what the packet would carry without redundancy; its header is one byte.
const (
	redHeader        = 4
	redPrimaryHeader = 1
	// maxREDBlocks bounds the blocks before the primary. Browsers send one or two.
	maxREDBlocks = 8
)

// REDBlock is one redundant block: what a packet before carried.
type REDBlock struct {
	// Back is by how many packets it is older than the primary, if each of those was repeated.
	Back int
	// Age is by how many ticks of the RTP clock its timestamp is less.
	Age     uint32
	Payload []byte
}

// REDPrimary finds where the primary begins in a redundant payload, all of whose blocks must be of one payload type: then
// payload[at:] is what a subscriber without redundancy gets. It allocates nothing. ok is false for a malformed payload.
func REDPrimary(payload []byte, pt uint8) (at int, ok bool) {
	headers, blocks := 0, 0
	for count := 0; ; count++ {
		if headers >= len(payload) || count > maxREDBlocks || payload[headers]&0x7f != pt {
			return 0, false
		}
		if payload[headers]&0x80 == 0 {
			headers += redPrimaryHeader
			break
		}
		if headers+redHeader > len(payload) {
			return 0, false
		}
		blocks += redLength(payload[headers:])
		headers += redHeader
	}
	if headers+blocks > len(payload) {
		return 0, false
	}
	return headers + blocks, true
}

// REDBlocks are the redundant blocks of a payload that REDPrimary found good, oldest first. Empty ones are left out.
func REDBlocks(payload []byte) iter.Seq[REDBlock] {
	return func(yield func(REDBlock) bool) {
		count := 0
		for count*redHeader < len(payload) && payload[count*redHeader]&0x80 != 0 {
			count++
		}
		at := count*redHeader + redPrimaryHeader
		for i := range count {
			h := payload[i*redHeader:]
			size := redLength(h)
			b := REDBlock{Back: count - i, Age: uint32(h[1])<<6 | uint32(h[2])>>2, Payload: payload[at : at+size : at+size]}
			at += size
			if size > 0 && !yield(b) {
				return
			}
		}
	}
}

// RewriteRED appends the headers of a redundant payload with another payload type to dst, and tells how many bytes of the
// payload they replace.
func RewriteRED(dst, payload []byte, pt uint8) (_ []byte, size int) {
	for payload[size]&0x80 != 0 {
		dst = append(dst, 0x80|pt, payload[size+1], payload[size+2], payload[size+3])
		size += redHeader
	}
	return append(dst, pt), size + redPrimaryHeader
}

// redLength is the length of a block in bytes, from its header.
func redLength(h []byte) int { return int(h[2]&3)<<8 | int(h[3]) }
