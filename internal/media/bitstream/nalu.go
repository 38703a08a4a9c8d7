package bitstream

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/tuttilive/tutti/internal/media"
)

// Units goes through the NAL units of a payload with 4-byte lengths, as media.Frame has them. It ends at the first unit
// that is cut short, and leaves empty ones out.
func Units(payload []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(payload) >= 4 {
			n := binary.BigEndian.Uint32(payload)
			payload = payload[4:]
			if uint64(n) > uint64(len(payload)) {
				return
			}
			if n > 0 && !yield(payload[:n:n]) {
				return
			}
			payload = payload[n:]
		}
	}
}

// AppendUnit appends a NAL unit with its 4-byte length.
func AppendUnit(dst, unit []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(unit))), unit...)
}

// CheckUnits tells whether a payload is made of whole NAL units with 4-byte lengths.
func CheckUnits(payload []byte) error {
	if len(payload) > MaxUnit {
		return fmt.Errorf("%w: access unit of %d bytes", ErrMalformed, len(payload))
	}
	for rest := payload; len(rest) > 0; {
		if len(rest) < 4 {
			return fmt.Errorf("%w: %d bytes after the last NAL unit", ErrMalformed, len(rest))
		}
		n := binary.BigEndian.Uint32(rest)
		if uint64(n) > uint64(len(rest)-4) {
			return fmt.Errorf("%w: NAL unit of %d bytes in %d", ErrMalformed, n, len(rest)-4)
		}
		rest = rest[4+n:]
	}
	return nil
}

// Relength turns NAL units with lengths of lengthSize bytes (1 to 4, as a configuration record says) into units with
// 4-byte lengths. The result shares the input where lengthSize is 4.
func Relength(payload []byte, lengthSize int) ([]byte, error) {
	if lengthSize == 4 {
		return payload, CheckUnits(payload)
	}
	if lengthSize < 1 || lengthSize > 4 {
		return nil, fmt.Errorf("%w: NAL lengths of %d bytes", ErrMalformed, lengthSize)
	}
	if len(payload) > MaxUnit {
		return nil, fmt.Errorf("%w: access unit of %d bytes", ErrMalformed, len(payload))
	}
	out := make([]byte, 0, len(payload)+64)
	for len(payload) > 0 {
		if len(payload) < lengthSize {
			return nil, fmt.Errorf("%w: %d bytes after the last NAL unit", ErrMalformed, len(payload))
		}
		n := 0
		for _, b := range payload[:lengthSize] {
			n = n<<8 | int(b)
		}
		payload = payload[lengthSize:]
		if n > len(payload) {
			return nil, fmt.Errorf("%w: NAL unit of %d bytes in %d", ErrMalformed, n, len(payload))
		}
		if n > 0 {
			out = AppendUnit(out, payload[:n])
		}
		payload = payload[n:]
	}
	return out, nil
}

// Classify tells of a unit of H.264 or H.265 whether it belongs into a frame's payload, is part of a picture, and lets decoding begin or says that the
// picture does.
func Classify(codec media.Codec, unit []byte) (keep, picture, random bool) {
	if codec == media.H265 {
		t := H265Type(unit)
		return t != H265AUD && t != H265Filler, t < H265VPS, t >= 16 && t <= 23 || recovers(codec, unit)
	}
	t := H264Type(unit)
	return t != H264AUD && t != H264Filler, t >= H264Slice && t <= H264IDR, t == H264IDR || recovers(codec, unit)
}

// Intra tells of a keyframe whether it is a picture that needs no other, and not one from which on others build up or are no longer needed.
func Intra(f *media.Frame) bool {
	switch f.Format.Codec {
	case media.H264:
		return H264Keyframe(f.Payload) || H264Intra(f.Payload)
	case media.H265:
		return H265Keyframe(f.Payload)
	}
	return true
}

// AppendAnnexB appends the units of a payload with start codes of 4 bytes (ITU-T H.264, annex B).
func AppendAnnexB(dst, payload []byte) []byte {
	for unit := range Units(payload) {
		dst = append(append(dst, 0, 0, 0, 1), unit...)
	}
	return dst
}

// SplitAnnexB goes through the NAL units of a byte stream with start codes. What stands before the first start code, and
// zeros at the end of a unit, are left out.
func SplitAnnexB(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		at := bytes.Index(b, startCode)
		for at >= 0 {
			b = b[at+3:]
			at = bytes.Index(b, startCode)
			unit := b
			if at >= 0 {
				unit = b[:at]
			}
			if unit = bytes.TrimRight(unit, "\x00"); len(unit) > 0 && !yield(unit[:len(unit):len(unit)]) {
				return
			}
		}
	}
}

var startCode = []byte{0, 0, 1}
