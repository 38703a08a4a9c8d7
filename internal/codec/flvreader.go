package codec

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// Pictures come out of a worker as FLV: NAL units with 4-byte lengths and times in milliseconds, flushed with each
// picture.

const flvMaxTag = 8 << 20

// flvPicture is a video tag's content.
type flvPicture struct {
	config   bool // an AVCDecoderConfigurationRecord, else NAL units
	keyframe bool
	at       int64         // DTS in milliseconds
	offset   time.Duration // PTS less DTS
	data     []byte
}

type flvReader struct {
	r       *bufio.Reader
	started bool
}

// next gives the next video tag. Its data is the caller's.
func (f *flvReader) next() (flvPicture, error) {
	if !f.started {
		var head [13]byte
		if _, err := io.ReadFull(f.r, head[:]); err != nil {
			return flvPicture{}, err
		}
		if string(head[:3]) != "FLV" {
			return flvPicture{}, fmt.Errorf("codec: worker's output is no FLV")
		}
		f.started = true
	}
	for {
		var head [11]byte
		if _, err := io.ReadFull(f.r, head[:]); err != nil {
			return flvPicture{}, err
		}
		size := int(binary.BigEndian.Uint32(head[0:4]) & 0xffffff)
		if size > flvMaxTag {
			return flvPicture{}, fmt.Errorf("codec: worker's output has a tag of %d bytes", size)
		}
		at := int64(head[7])<<24 | int64(head[4])<<16 | int64(head[5])<<8 | int64(head[6])
		body := make([]byte, size+4) // and the size of the tag again
		if _, err := io.ReadFull(f.r, body); err != nil {
			return flvPicture{}, err
		}
		body = body[:size]
		if head[0]&0x1f != 9 || size < 5 || body[0]&0x0f != 7 || body[1] > 1 {
			continue
		}
		offset := int32(body[2])<<24 | int32(body[3])<<16 | int32(body[4])<<8
		return flvPicture{
			config: body[1] == 0, keyframe: body[0]>>4 == 1,
			at: at, offset: time.Duration(offset>>8) * time.Millisecond, data: body[5:],
		}, nil
	}
}

// avcSets takes the first parameter sets out of an AVCDecoderConfigurationRecord.
func avcSets(b []byte) (sps, pps []byte, ok bool) {
	if len(b) < 7 || b[5]&0x1f != 1 {
		return nil, nil, false
	}
	sps, b, ok = lengthPrefixed(b[6:])
	if !ok || len(b) < 1 || b[0] != 1 {
		return nil, nil, false
	}
	pps, _, ok = lengthPrefixed(b[1:])
	return sps, pps, ok && len(sps) >= 4 && len(pps) > 0
}

func lengthPrefixed(b []byte) (unit, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if len(b) < 2+n {
		return nil, nil, false
	}
	return b[2 : 2+n], b[2+n:], true
}

// filterUnits keeps the NAL units (with 4-byte lengths) of b whose type keep allows; ok is false when lengths lie.
func filterUnits(out, b []byte, keep func(first byte) bool) (_ []byte, ok bool) {
	for len(b) > 0 {
		if len(b) < 4 {
			return out, false
		}
		n := int(binary.BigEndian.Uint32(b))
		if n < 0 || n > len(b)-4 {
			return out, false
		}
		if n > 0 && keep(b[4]) {
			out = append(out, b[:4+n]...)
		}
		b = b[4+n:]
	}
	return out, true
}

// h264Slice tells coded slices from the rest (Rec. ITU-T H.264, table 7-1).
func h264Slice(first byte) bool { t := first & 0x1f; return t >= 1 && t <= 5 }

// h265Slice tells coded slices from the rest (Rec. ITU-T H.265, table 7-1).
func h265Slice(first byte) bool { return first>>1&0x3f < 32 }
