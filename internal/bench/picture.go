package bench

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// Picture makes H.264 access units that look like an encoder's at 30 pictures per second: a keyframe every 2 s, or when one
// is asked for, five times as large as other pictures. What is in the slices is noise: servers forward it and never decode
// it. Each access unit is one slice, in whose beginning lies the wall-clock time, so that a client can tell how old it is.
type Picture struct {
	// Bitrate is in bit/s.
	Bitrate int
	noise   *rand.ChaCha8
	count   int
}

// FPS is the picture rate and GOP the distance between keyframes in pictures.
const (
	FPS = 30
	GOP = 2 * FPS
)

// SPS and PPS are of x264's constrained baseline at 1280x720.
var (
	SPS = []byte{0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xec, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0f, 0x03, 0xc6, 0x0c, 0xa8}
	PPS = []byte{0x68, 0xce, 0x0f, 0xc8}
)

// SPSOf is a sequence parameter set of constrained baseline for a size, both even (ITU-T H.264, 7.3.2.1.1).
func SPSOf(width, height int) []byte {
	var w bitWriter
	wide, high := (width+15)/16, (height+15)/16
	w.exp(0)              // seq_parameter_set_id
	w.exp(0)              // log2_max_frame_num_minus4
	w.exp(2)              // pic_order_cnt_type
	w.exp(1)              // max_num_ref_frames
	w.bits(0, 1)          // gaps_in_frame_num_value_allowed_flag
	w.exp(uint(wide - 1)) // pic_width_in_mbs_minus1
	w.exp(uint(high - 1)) // pic_height_in_map_units_minus1
	w.bits(0b11, 2)       // frame_mbs_only_flag, direct_8x8_inference_flag
	w.bits(1, 1)          // frame_cropping_flag
	w.exp(0)
	w.exp(uint(16*wide-width) / 2)
	w.exp(0)
	w.exp(uint(16*high-height) / 2)
	w.bits(0b01, 2) // no VUI; the stop bit
	return append([]byte{0x67, 0x42, 0xc0, 0x1f}, w.bytes...)
}

// bitWriter writes what is shorter than a byte.
type bitWriter struct {
	bytes []byte
	used  int
}

func (w *bitWriter) bits(value uint, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.used%8 == 0 {
			w.bytes = append(w.bytes, 0)
		}
		w.bytes[w.used/8] |= byte(value>>i&1) << (7 - w.used%8)
		w.used++
	}
}

// exp is ue(v) (ITU-T H.264, 9.1).
func (w *bitWriter) exp(value uint) {
	n := 0
	for (value+1)>>(n+1) > 0 {
		n++
	}
	w.bits(0, n)
	w.bits(value+1, n+1)
}

// stampID marks a time stamp.
var stampID = [16]byte{'t', 'u', 't', 't', 'i', '-', 'b', 'e', 'n', 'c', 'h', '-', 't', 'i', 'm', 'e'}

// NewPicture makes a source of the given bitrate.
func NewPicture(bitrate int) *Picture {
	return &Picture{Bitrate: bitrate, noise: rand.NewChaCha8([32]byte{1})}
}

// Keyframe makes the next picture one.
func (p *Picture) Keyframe() { p.count = 0 }

// Next gives the slice of the next access unit, and tells whether it is a keyframe, which wants parameter sets before it.
func (p *Picture) Next(now time.Time) (slice []byte, keyframe bool) {
	keyframe = p.count%GOP == 0
	p.count++
	size := p.Bitrate / 8 / FPS * GOP / (GOP + 4)
	// The slice's header says that it is the first of a P or an I picture.
	begin := []byte{0x41, 0x9a}
	if keyframe {
		size *= 5
		begin = []byte{0x65, 0x88, 0x84}
	}
	slice = AppendStamp(append(make([]byte, 0, max(size, 64)), begin...), now)
	for len(slice) < size {
		slice = append(slice, byte(p.noise.Uint64())|0x04) // no zeros, so no start code can arise
	}
	return slice, keyframe
}

// AppendStamp appends a time in a form that Age finds.
func AppendStamp(b []byte, now time.Time) []byte {
	b = append(b, stampID[:]...)
	// Hexadecimal, so that no emulation prevention is needed.
	var ns [8]byte
	binary.BigEndian.PutUint64(ns[:], uint64(now.UnixNano()))
	for _, c := range ns {
		const digits = "0123456789abcdef"
		b = append(b, digits[c>>4], digits[c&15])
	}
	return b
}

// Age finds the stamp in bytes that begin an access unit and tells how old it is.
func Age(data []byte, now time.Time) (time.Duration, bool) {
	i := bytes.Index(data[:min(len(data), 512)], stampID[:])
	if i < 0 || len(data) < i+32 {
		return 0, false
	}
	var ns uint64
	for _, c := range data[i+16 : i+32] {
		switch {
		case c >= '0' && c <= '9':
			ns = ns<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			ns = ns<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return now.Sub(time.Unix(0, int64(ns))), true
}
