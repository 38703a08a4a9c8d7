package ts

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

const (
	muxedPMT, muxedVideo, muxedAudio = 0x1000, 0x100, 0x101

	// tablesEvery is the longest distance of the tables, clockEvery that of the clock's references (section 2.7.2 wants 100 ms at most).
	tablesEvery = 500 * time.Millisecond
	clockEvery  = 80 * time.Millisecond
	// decodeAfter is how far the clock is behind what is to be decoded: the time for a picture to come whole.
	decodeAfter = 200 * time.Millisecond
	// muxedStart is the first DTS, so that nothing before it is negative.
	muxedStart = time.Second
)

// Muxer writes H.264, H.265 and AAC as a transport stream of one program: one picture, one sound. It belongs to one goroutine.
type Muxer struct {
	video, audio muxed
	pat, pmt     byte // continuity counters
	version      byte
	begun        bool
	first        time.Duration // DTS
	tables       time.Duration // when they were written last
	scratch      []byte
}

// muxed is an elementary stream.
type muxed struct {
	pid     int
	id      byte // of its PES packets
	codec   media.Codec
	counter byte
	clock   time.Duration // when its clock was told last
}

// NewMuxer makes a muxer.
func NewMuxer() *Muxer {
	return &Muxer{video: muxed{pid: muxedVideo, id: 0xe0}, audio: muxed{pid: muxedAudio, id: 0xc0}}
}

// Know names a codec that is to come, so that the first tables have it. Append learns others by itself.
func (m *Muxer) Know(c media.Codec) {
	s := &m.video
	if c.Kind() == media.Audio {
		s = &m.audio
	}
	if s.codec != c {
		s.codec, m.version, m.tables = c, (m.version+1)&0x1f, -tablesEvery
	}
}

// Append appends the packets of a frame, and tables before it where they are due. It fails, and appends nothing, where the frame's codec cannot
// be carried.
func (m *Muxer) Append(dst []byte, f *media.Frame) ([]byte, error) {
	if streamType(f.Format.Codec) == 0 {
		return dst, fmt.Errorf("ts: %v is not carried", f.Format.Codec)
	}
	if !m.begun {
		m.begun, m.first = true, f.DTS
	}
	m.Know(f.Format.Codec)
	dts, pts := f.DTS-m.first+muxedStart, f.PTS-m.first+muxedStart
	picture := f.Kind() == media.Video
	s, unit := &m.audio, m.scratch[:0]
	if picture {
		s, unit = &m.video, appendPicture(m.scratch[:0], f)
	} else {
		var err error
		if unit, err = appendADTS(unit, f); err != nil {
			return dst, err
		}
	}
	m.scratch = unit
	if picture && f.Keyframe || dts-m.tables >= tablesEvery {
		dst = m.appendTables(dst)
		m.tables = dts
	}
	return m.appendPES(dst, s, unit, pts, dts, f.Keyframe && picture), nil
}

func streamType(c media.Codec) byte {
	switch c {
	case media.H264:
		return 0x1b
	case media.H265:
		return 0x24
	case media.AAC:
		return 0x0f
	}
	return 0
}

// appendTables writes the program association and the program map (sections 2.4.4.3 and 2.4.4.8).
func (m *Muxer) appendTables(dst []byte) []byte {
	dst = appendSection(dst, patPID, &m.pat, 0, 0, binary.BigEndian.AppendUint16([]byte{0, 1}, 0xe000|muxedPMT))
	clock := m.video.pid
	if m.video.codec == media.NoCodec {
		clock = m.audio.pid
	}
	body := binary.BigEndian.AppendUint16(nil, 0xe000|uint16(clock))
	body = append(body, 0xf0, 0)
	for _, s := range [...]*muxed{&m.video, &m.audio} {
		if s.codec != media.NoCodec {
			body = append(body, streamType(s.codec), 0xe0|byte(s.pid>>8), byte(s.pid), 0xf0, 0)
		}
	}
	return appendSection(dst, muxedPMT, &m.pmt, 2, m.version, body)
}

// appendSection writes a table of one section in a packet of its own. Number is the transport stream's or the program's: 1.
func appendSection(dst []byte, pid int, counter *byte, table, version byte, body []byte) []byte {
	start := len(dst)
	dst = append(dst, syncByte, 0x40|byte(pid>>8), byte(pid), 0x10|*counter, 0)
	*counter = (*counter + 1) & 0x0f
	section := len(dst)
	dst = append(dst, table)
	dst = binary.BigEndian.AppendUint16(dst, 0xb000|uint16(5+len(body)+4))
	dst = append(dst, 0, 1, 0xc1|version<<1, 0, 0)
	dst = append(dst, body...)
	dst = binary.BigEndian.AppendUint32(dst, checksum(dst[section:]))
	for len(dst)-start < packetSize {
		dst = append(dst, 0xff)
	}
	return dst
}

// appendPES cuts an access unit with its header (section 2.4.3.6) into packets.
func (m *Muxer) appendPES(dst []byte, s *muxed, unit []byte, pts, dts time.Duration, key bool) []byte {
	var header [19]byte
	copy(header[:], []byte{0, 0, 1, s.id, 0, 0, 0x84, 0x80, 5})
	putTimestamp(header[9:], 0x20, pts)
	n := 14
	if pts != dts {
		header[7], header[8] = 0xc0, 10
		putTimestamp(header[9:], 0x30, pts)
		putTimestamp(header[14:], 0x10, dts)
		n = 19
	}
	if size := n - 6 + len(unit); s.id != m.video.id && size < 1<<16 { // a picture's may be left open
		binary.BigEndian.PutUint16(header[4:], uint16(size))
	}
	head, begins := header[:n], true
	for len(head)+len(unit) > 0 {
		start := len(dst)
		dst = append(dst, syncByte, byte(s.pid>>8), byte(s.pid), 0x10|s.counter)
		s.counter = (s.counter + 1) & 0x0f
		if begins {
			dst[start+1] |= 0x40
			leads := s == &m.video || m.video.codec == media.NoCodec
			if tell := leads && (key || dts-s.clock >= clockEvery || s.clock == 0); tell || key {
				dst[start+3] |= 0x20
				dst = appendAdaptation(dst, tell, key, dts-decodeAfter)
				if tell {
					s.clock = dts
				}
			}
			begins = false
		}
		if space := packetSize - (len(dst) - start); len(head)+len(unit) < space {
			dst = stuff(dst, start, space-len(head)-len(unit))
		}
		space := packetSize - (len(dst) - start)
		k := min(space, len(head))
		dst, head = append(dst, head[:k]...), head[k:]
		k = min(space-k, len(unit))
		dst, unit = append(dst, unit[:k]...), unit[k:]
	}
	return dst
}

// appendAdaptation writes an adaptation field (section 2.4.3.4) with the clock, or the mark of a place to begin at, or both.
func appendAdaptation(dst []byte, tell, key bool, clock time.Duration) []byte {
	at := len(dst)
	dst = append(dst, 0, 0)
	if key {
		dst[at+1] |= 0x40
	}
	if tell {
		dst[at+1] |= 0x10
		base := uint64(clockOf(clock))
		dst = append(dst, byte(base>>25), byte(base>>17), byte(base>>9), byte(base>>1), byte(base<<7)|0x7e, 0)
	}
	dst[at] = byte(len(dst) - at - 1)
	return dst
}

// stuff makes a packet that begins at start n bytes longer before its payload.
func stuff(dst []byte, start, n int) []byte {
	if dst[start+3]&0x20 == 0 {
		dst[start+3] |= 0x20
		dst = append(dst, byte(n-1))
		if n--; n > 0 {
			dst = append(dst, 0)
			n--
		}
	} else {
		dst[start+4] += byte(n)
	}
	for range n {
		dst = append(dst, 0xff)
	}
	return dst
}

func clockOf(t time.Duration) int64 {
	return int64(t/time.Millisecond*ticksPerMillisecond+t%time.Millisecond*ticksPerMillisecond/time.Millisecond) & (1<<33 - 1)
}

func putTimestamp(b []byte, mark byte, t time.Duration) {
	v := clockOf(t)
	b[0] = mark | byte(v>>29)&0x0e | 1
	b[1] = byte(v >> 22)
	b[2] = byte(v>>14) | 1
	b[3] = byte(v >> 7)
	b[4] = byte(v<<1) | 1
}

// appendPicture writes an access unit with its delimiter, and the parameter sets before a keyframe.
func appendPicture(dst []byte, f *media.Frame) []byte {
	code := []byte{0, 0, 0, 1}
	if f.Format.Codec == media.H265 {
		dst = append(append(dst, code...), 0x46, 0x01, 0x50)
	} else {
		dst = append(append(dst, code...), 0x09, 0xf0)
	}
	if f.Keyframe {
		for _, set := range [...][]byte{f.Format.VPS, f.Format.SPS, f.Format.PPS} {
			if len(set) > 0 {
				dst = append(append(dst, code...), set...)
			}
		}
	}
	return bitstream.AppendAnnexB(dst, f.Payload)
}

// appendADTS writes a frame of AAC with its header (ISO 14496-3, annex 1.A.2.2).
func appendADTS(dst []byte, f *media.Frame) ([]byte, error) {
	c, n := f.Format.Config, 7+len(f.Payload)
	if len(c) < 2 || n >= 1<<13 {
		return dst, fmt.Errorf("ts: a frame of AAC of %d bytes with a configuration of %d", len(f.Payload), len(c))
	}
	object, rate, channels := c[0]>>3, c[0]&7<<1|c[1]>>7, c[1]>>3&0xf
	if object == 5 || object == 29 { // HE-AAC: ADTS names its core, at whose rate the frames are, and decoders find the rest in them
		object = 2
	}
	if object < 1 || object > 4 || rate == 15 || channels > 7 {
		return dst, fmt.Errorf("ts: AAC of object type %d and channels %d", object, channels)
	}
	dst = append(dst, 0xff, 0xf1, (object-1)<<6|rate<<2|channels>>2, channels<<6|byte(n>>11), byte(n>>3), byte(n<<5)|0x1f, 0xfc)
	return append(dst, f.Payload...), nil
}
