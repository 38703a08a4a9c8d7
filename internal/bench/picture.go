package bench

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// Picture makes H.264 access units that look like an encoder's 1280x720 at 30 pictures per second: a keyframe every 2 s,
// five times as large as other pictures. What is in the slices is noise: servers forward it and never decode it. Each
// access unit begins with an SEI that holds the wall-clock time, so that a client can tell how old it is.
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

// stampID marks our SEI (user_data_unregistered, ITU-T H.264 D.1.7).
var stampID = [16]byte{'t', 'u', 't', 't', 'i', '-', 'b', 'e', 'n', 'c', 'h', '-', 't', 'i', 'm', 'e'}

// NewPicture makes a source of the given bitrate.
func NewPicture(bitrate int) *Picture {
	return &Picture{Bitrate: bitrate, noise: rand.NewChaCha8([32]byte{1})}
}

// Next gives the NAL units of the next access unit, without parameter sets, and tells whether it is a keyframe.
func (p *Picture) Next(now time.Time) (nalus [][]byte, keyframe bool) {
	keyframe = p.count%GOP == 0
	p.count++
	size := p.Bitrate / 8 / FPS * GOP / (GOP + 4)
	header := byte(0x41)
	if keyframe {
		size *= 5
		header = 0x65
	}
	slice := make([]byte, size)
	for i := range slice {
		slice[i] = byte(p.noise.Uint64()) | 0x04 // no zeros, so no start code can arise
	}
	slice[0] = header
	return [][]byte{stamp(now), slice}, keyframe
}

func stamp(now time.Time) []byte {
	sei := append([]byte{0x06, 0x05, 16 + 16}, stampID[:]...)
	// Hexadecimal, so that no emulation prevention is needed.
	var ns [8]byte
	binary.BigEndian.PutUint64(ns[:], uint64(now.UnixNano()))
	for _, b := range ns {
		const digits = "0123456789abcdef"
		sei = append(sei, digits[b>>4], digits[b&15])
	}
	return append(sei, 0x80)
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
