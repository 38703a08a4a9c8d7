package ts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/timeline"
)

const (
	packetSize = 188
	syncByte   = 0x47
	patPID     = 0
	nullPID    = 0x1fff

	maxStreams = 16
	maxSection = 1024
	// maxUnit bounds a picture with its header.
	maxUnit = 8 << 20
	// maxLost is how many bytes may pass without a packet among them.
	maxLost = 1 << 20
)

var (
	// ErrNotTS tells that what comes is no transport stream.
	ErrNotTS = errors.New("ts: this is no MPEG transport stream")
	// ErrUnsupported tells that nothing in the stream can be taken.
	ErrUnsupported = errors.New("ts: nothing in the stream can be taken: send H.264 or H.265, and AAC (ADTS) or Opus")
)

// Demuxer takes a stream apart. It belongs to one goroutine.
type Demuxer struct {
	rest    []byte // of a packet that is not complete
	lost    int    // bytes since the last packet
	pmtPID  int    // 0 before the PAT
	pmt     section
	pat     section
	version int // of the PMT, -1 before
	streams map[int]*stream
	clock   clock
	sound   timeline.SampleClock
	frame   func(f *media.Frame) error

	// LeftOut, where it is set, is told what else is in the stream than what is taken, in plain words.
	LeftOut func(what string)
}

// New makes a demuxer that gives its frames away. The frames' bytes are not shared with what was written.
func New(frame func(f *media.Frame) error) *Demuxer {
	return &Demuxer{version: -1, streams: map[int]*stream{}, frame: frame}
}

// Stock tells that what is written comes from a stock, and is written before its time while there is any. Where it runs out there must be so much of it
// again (timeline.Timeline).
func (d *Demuxer) Stock(again time.Duration) { d.clock.line.Stock = again }

// BeginAnew forgets what the stream was: what is written from now on is another one, which goes on at the present, behind what was given before.
func (d *Demuxer) BeginAnew() {
	*d = Demuxer{version: -1, streams: map[int]*stream{}, clock: clock{line: d.clock.line}, sound: d.sound, frame: d.frame, LeftOut: d.LeftOut}
}

// Write takes bytes that came at now, as many as there are. It fails with ErrNotTS, ErrUnsupported, or what the receiver of frames says; then the
// demuxer is of no more use.
func (d *Demuxer) Write(b []byte, now time.Duration) error {
	if len(d.rest) > 0 {
		b = append(d.rest, b...)
	}
	for len(b) >= packetSize {
		// A packet begins where another follows it, or where no more is known.
		if b[0] != syncByte || len(b) > packetSize && b[packetSize] != syncByte {
			b = b[1:]
			if d.lost++; d.lost > maxLost {
				return ErrNotTS
			}
			continue
		}
		d.lost = 0
		if err := d.packet(b[:packetSize], now); err != nil {
			return err
		}
		b = b[packetSize:]
	}
	d.rest = append([]byte(nil), b...)
	return nil
}

// packet takes one packet: ISO 13818-1, section 2.4.3.2.
func (d *Demuxer) packet(p []byte, now time.Duration) error {
	pid := int(p[1]&0x1f)<<8 | int(p[2])
	if p[1]&0x80 != 0 || pid == nullPID || p[3]&0xc0 != 0 { // broken, empty, scrambled
		return nil
	}
	begins, counter := p[1]&0x40 != 0, p[3]&0x0f
	payload := p[4:]
	jump := false
	if p[3]&0x20 != 0 {
		n := int(payload[0])
		if n+1 > len(payload) {
			return nil
		}
		jump = n > 0 && payload[1]&0x80 != 0
		payload = payload[n+1:]
	}
	if p[3]&0x10 == 0 || len(payload) == 0 {
		return nil
	}
	switch s := d.streams[pid]; {
	case pid == patPID:
		return d.pat.add(begins, payload, d.readPAT)
	case pid == d.pmtPID:
		return d.pmt.add(begins, payload, d.readPMT)
	case s != nil:
		return s.add(begins, jump, counter, payload, now)
	}
	return nil
}

// Flush gives what may be complete at the end of a stream.
func (d *Demuxer) Flush(now time.Duration) error {
	var errs []error
	for _, s := range d.streams {
		errs = append(errs, s.end(now))
	}
	return errors.Join(errs...)
}

// readPAT takes the first program (section 2.4.4.3).
func (d *Demuxer) readPAT(b []byte) error {
	if b[0] != 0 {
		return nil
	}
	for b = b[8:]; len(b) >= 4; b = b[4:] {
		if number, pid := int(b[0])<<8|int(b[1]), int(b[2]&0x1f)<<8|int(b[3]); number != 0 {
			if pid != d.pmtPID {
				d.pmtPID, d.version = pid, -1
			}
			return nil
		}
	}
	return nil
}

// readPMT takes the streams of the program (section 2.4.4.8).
func (d *Demuxer) readPMT(b []byte) error {
	version := int(b[5] >> 1 & 0x1f)
	if b[0] != 2 || version == d.version || len(b) < 12 {
		return nil
	}
	b = b[8:]
	info := int(b[2]&0x0f)<<8 | int(b[3])
	if 4+info > len(b) {
		return nil
	}
	streams := map[int]*stream{}
	seen := map[media.Kind]bool{}
	var leftOut []string
	for b = b[4+info:]; len(b) >= 5; {
		pid, n := int(b[1]&0x1f)<<8|int(b[2]), int(b[3]&0x0f)<<8|int(b[4])
		if 5+n > len(b) {
			return nil
		}
		codec, channels := codecOf(b[0], b[5:5+n])
		if kind := codec.Kind(); codec != media.NoCodec && !seen[kind] && len(streams) < maxStreams { // one picture, one sound
			seen[kind] = true
			if s := d.streams[pid]; s != nil && s.codec == codec {
				streams[pid] = s
			} else {
				streams[pid] = newStream(d, codec, channels)
			}
		}
		if streams[pid] == nil {
			leftOut = append(leftOut, nameOf(b[0], codec, b[5:5+n]))
		}
		b = b[5+n:]
	}
	if leftOut = slices.DeleteFunc(leftOut, func(s string) bool { return s == "" }); d.LeftOut != nil && len(leftOut) > 0 {
		d.LeftOut(strings.Join(leftOut, ", "))
	}
	if len(streams) == 0 {
		return ErrUnsupported
	}
	d.version, d.streams = version, streams
	return nil
}

// codecOf says what a stream is, by its type (section 2.4.4.9) and descriptors.
func codecOf(kind byte, descriptors []byte) (c media.Codec, channels int) {
	switch kind {
	case 0x1b:
		return media.H264, 0
	case 0x24:
		return media.H265, 0
	case 0x0f:
		return media.AAC, 0
	case 0x06:
		opus := false
		channels = 2
		for b := descriptors; len(b) >= 2 && 2+int(b[1]) <= len(b); b = b[2+int(b[1]):] {
			body := b[2 : 2+int(b[1])]
			switch {
			case b[0] == 0x05 && string(body) == "Opus":
				opus = true
			case b[0] == 0x7f && len(body) >= 2 && body[0] == 0x80 && (body[1] == 1 || body[1] == 2): // more would be mapped
				channels = int(body[1])
			}
		}
		if opus {
			return media.Opus, channels
		}
	}
	return media.NoCodec, 0
}

// nameOf is what a stream that is not taken is called, empty where nobody would miss it: teletext, subtitles, data.
func nameOf(kind byte, codec media.Codec, descriptors []byte) string {
	if codec != media.NoCodec {
		return fmt.Sprintf("a further stream of %v", codec)
	}
	switch kind {
	case 0x01, 0x02:
		return "MPEG-2 video"
	case 0x03, 0x04:
		return "MPEG audio (MP2, MP3)"
	case 0x10:
		return "MPEG-4 video"
	case 0x11:
		return "AAC in LATM (send ADTS)"
	case 0x33:
		return "H.266"
	case 0x81:
		return "AC-3"
	case 0x87:
		return "E-AC-3"
	case 0x06:
		for b := descriptors; len(b) >= 2 && 2+int(b[1]) <= len(b); b = b[2+int(b[1]):] {
			switch {
			case b[0] == 0x6a:
				return "AC-3"
			case b[0] == 0x7a:
				return "E-AC-3"
			case b[0] == 0x05 && string(b[2:2+int(b[1])]) == "AV01":
				return "AV1"
			case b[0] == 0x05 && string(b[2:2+int(b[1])]) == "VP09":
				return "VP9"
			}
		}
	}
	return ""
}

// section collects a table's section, which may go over several packets.
type section struct{ b []byte }

func (s *section) add(begins bool, payload []byte, read func([]byte) error) error {
	switch {
	case begins:
		skip := 1 + int(payload[0])
		if skip > len(payload) {
			return nil
		}
		s.b = append(s.b[:0], payload[skip:]...)
	case len(s.b) > 0:
		s.b = append(s.b, payload...)
	}
	const header, crc = 3, 4
	if len(s.b) < header {
		return nil
	}
	length := header + (int(s.b[1]&0x0f)<<8 | int(s.b[2]))
	if length > maxSection || length < header+5+crc {
		s.b = s.b[:0]
		return nil
	}
	if len(s.b) < length {
		return nil
	}
	whole := s.b[:length]
	s.b = s.b[:0]
	if checksum(whole) != 0 {
		return nil
	}
	return read(whole[:length-crc])
}

// checksum is the CRC of sections (annex A): 0 over a whole one.
func checksum(b []byte) uint32 {
	crc := ^uint32(0)
	for _, v := range b {
		crc ^= uint32(v) << 24
		for range 8 {
			if crc&(1<<31) != 0 {
				crc = crc<<1 ^ 0x04c11db7
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

func (d *Demuxer) give(f *media.Frame) error {
	if err := d.frame(f); err != nil {
		return fmt.Errorf("%v frame: %w", f.Format.Codec, err)
	}
	return nil
}
