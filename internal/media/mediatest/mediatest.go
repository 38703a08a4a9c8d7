// Package mediatest makes pictures and sound for tests: frames whose headers are real and whose content is noise.
package mediatest

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// SPS is an H.264 sequence parameter set for a size in pixels. reorder is max_num_reorder_frames; below 0 the set does
// not say, and of constrained baseline profile, which has no B-frames.
func SPS(width, height, reorder int) []byte {
	w := bitWriter{}
	profile := uint32(66)
	if reorder >= 0 {
		profile = 77
	}
	w.bits(profile, 8)
	w.bits(0xc0, 8)
	w.bits(31, 8)
	w.golomb(0) // id
	w.golomb(0) // log2_max_frame_num - 4
	w.golomb(0) // pic_order_cnt_type
	w.golomb(4) // log2_max_pic_order_cnt_lsb - 4
	w.golomb(4) // max_num_ref_frames
	w.bits(0, 1)
	mbw, mbh := (width+15)/16, (height+15)/16
	w.golomb(uint32(mbw - 1))
	w.golomb(uint32(mbh - 1))
	w.bits(3, 2) // frame_mbs_only, direct_8x8_inference
	if right, bottom := mbw*16-width, mbh*16-height; right+bottom > 0 {
		w.bits(1, 1)
		w.golomb(0)
		w.golomb(uint32(right / 2))
		w.golomb(0)
		w.golomb(uint32(bottom / 2))
	} else {
		w.bits(0, 1)
	}
	if reorder >= 0 {
		w.bits(1, 1)
		w.bits(0, 8) // nothing of the VUI but
		w.bits(1, 1) // bitstream_restriction
		w.bits(1, 1)
		for _, v := range []uint32{2, 1, 11, 11, uint32(reorder), 4} {
			w.golomb(v)
		}
	} else {
		w.bits(0, 1)
	}
	w.bits(1, 1)
	return append([]byte{0x67}, escape(w.b)...)
}

// PPS is an H.264 picture parameter set.
func PPS() []byte { return []byte{0x68, 0xce, 0x3c, 0x80} }

// H264Format is the format of pictures of a size.
func H264Format(width, height int) *media.Format {
	return &media.Format{Codec: media.H264, Width: width, Height: height, SPS: SPS(width, height, -1), PPS: PPS()}
}

// H264 is the payload of a picture: one slice of so many bytes.
func H264(key bool, size int) []byte {
	unit := noise(max(size, 8))
	unit[0], unit[1] = 0x41, 0x9a // first_mb_in_slice 0, P
	if key {
		unit[0], unit[1] = 0x65, 0x88
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(unit))), unit...)
}

// VP8 is the payload of a picture.
func VP8(key bool, width, height, size int) []byte {
	b := noise(max(size, 10))
	b[0] |= 1
	if key {
		b[0] &^= 1
		copy(b[3:], []byte{0x9d, 0x01, 0x2a, byte(width), byte(width >> 8), byte(height), byte(height >> 8)})
	}
	return b
}

// Opus is a packet of 20 ms of sound.
func Opus(size int) []byte {
	b := noise(max(size, 2))
	b[0] = 0xfc // CELT, full band, 20 ms, stereo, one frame
	return b
}

// Frame makes a frame without B-frames at a time.
func Frame(f *media.Format, key bool, at time.Duration, payload []byte) *media.Frame {
	frame := &media.Frame{Format: f, Payload: payload, PTS: at, DTS: at, Keyframe: key}
	if f.Kind() == media.Audio {
		frame.Duration = 20 * time.Millisecond
	}
	return frame
}

// noise never looks like a start code.
func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(1 + rand.N(255))
	}
	return b
}

type bitWriter struct {
	b  []byte
	at int
}

func (w *bitWriter) bits(v uint32, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.at%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.at/8] |= byte(v>>i&1) << (7 - w.at%8)
		w.at++
	}
}

func (w *bitWriter) golomb(v uint32) {
	n := 0
	for (v+1)>>n > 1 {
		n++
	}
	w.bits(0, n)
	w.bits(v+1, n+1)
}

// escape puts in emulation prevention bytes (ITU-T H.264, 7.4.1).
func escape(b []byte) []byte {
	var out []byte
	zeros := 0
	for _, v := range b {
		if zeros >= 2 && v <= 3 {
			out = append(out, 3)
			zeros = 0
		}
		if v == 0 {
			zeros++
		} else {
			zeros = 0
		}
		out = append(out, v)
	}
	return out
}
