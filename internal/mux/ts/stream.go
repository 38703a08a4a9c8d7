package ts

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/media/timeline"
)

// clock maps a stream's 90 kHz timestamps, of 33 bits, to media time.
type clock struct {
	line  timeline.Timeline
	begun bool
	last  int64 // unwrapped
}

// unwrap makes a timestamp one that goes on over its end.
func (c *clock) unwrap(t int64) int64 {
	const wrap = 1 << 33
	if !c.begun {
		c.begun, c.last = true, t
		return t
	}
	d := (t - c.last) & (wrap - 1)
	if d >= wrap/2 {
		d -= wrap
	}
	c.last += d
	return c.last
}

const ticksPerMillisecond = 90

func ticks(n int64) time.Duration { return time.Duration(n) * time.Millisecond / ticksPerMillisecond }

// stream is an elementary stream. Its payload comes in PES packets (section 2.4.3.6), one for each picture or for some sound.
type stream struct {
	demuxer *Demuxer
	codec   media.Codec

	unit    []byte // the PES packet
	want    int    // its length, 0 where it does not say
	active  bool
	counter byte
	counted bool
	lost    bool // something is missing before the next frame

	sets    bitstream.ParameterSets
	base    *media.Format // as the parameter sets have it
	format  *media.Format
	latest  time.Duration // the last PTS
	config  [2]byte       // of ADTS: what the format was made of
	partial []byte        // a frame of sound that goes on in the next packet

	refused  [2]byte // configuration of the last frame of sound that was not taken
	refusals int     // how many there were in a row
}

func newStream(d *Demuxer, codec media.Codec, channels int) *stream {
	s := &stream{demuxer: d, codec: codec}
	s.sets.Codec = codec
	if codec == media.Opus {
		s.format = &media.Format{Codec: media.Opus, SampleRate: 48000, Channels: channels}
	}
	return s
}

// add takes a packet's payload.
func (s *stream) add(begins, jump bool, counter byte, payload []byte, now time.Duration) error {
	if s.counted && counter == s.counter && !begins {
		return nil // sent twice (section 2.4.3.3)
	}
	if s.counted && counter != (s.counter+1)&0x0f && !jump {
		s.lost, s.active, s.partial = true, false, nil
	}
	s.counter, s.counted = counter, true
	if begins {
		if err := s.end(now); err != nil {
			return err
		}
		s.unit, s.active, s.want = s.unit[:0], true, 0
	}
	if !s.active {
		return nil
	}
	if len(s.unit)+len(payload) > maxUnit {
		s.active, s.lost = false, true
		return nil
	}
	s.unit = append(s.unit, payload...)
	if s.want == 0 && len(s.unit) >= 6 {
		if n := int(s.unit[4])<<8 | int(s.unit[5]); n > 0 {
			s.want = 6 + n
		}
	}
	if s.want > 0 && len(s.unit) >= s.want {
		s.unit = s.unit[:s.want]
		return s.end(now)
	}
	return nil
}

// end takes the PES packet that is complete, if there is one.
func (s *stream) end(now time.Duration) error {
	if !s.active {
		return nil
	}
	s.active = false
	b := s.unit
	if s.want > len(b) || len(b) < 9 || b[0] != 0 || b[1] != 0 || b[2] != 1 || b[6]&0xc0 != 0x80 {
		s.lost = true
		return nil
	}
	flags, head := b[7]>>6, 9+int(b[8])
	if head > len(b) {
		s.lost = true
		return nil
	}
	data := b[head:]
	if flags&2 == 0 || head < 14 { // no time: it belongs to what came before
		return nil
	}
	pts := timestamp(b[9:])
	dts := pts
	if flags == 3 && head >= 19 {
		dts = timestamp(b[14:])
	}
	// The difference is that of the 33-bit numbers.
	offset := ticks((pts - dts) & (1<<33 - 1))
	if offset > 10*time.Second {
		offset = 0
	}
	at := s.demuxer.clock.unwrap(dts)
	if s.codec.Kind() == media.Audio {
		return s.takeSound(data, at, now)
	}
	return s.takePicture(data, at, offset, now)
}

func timestamp(b []byte) int64 {
	return int64(b[0]>>1&7)<<30 | int64(b[1])<<22 | int64(b[2]>>1)<<15 | int64(b[3])<<7 | int64(b[4]>>1)
}

// takePicture makes a frame of an access unit.
func (s *stream) takePicture(data []byte, at int64, offset time.Duration, now time.Duration) error {
	payload, key, pictures := s.sets.Take(s.codec, bitstream.SplitAnnexB(data), len(data))
	if f := s.sets.Format(); f != nil && f != s.base {
		s.base, s.format = f, f
	}
	if !pictures || s.format == nil {
		return nil
	}
	dts, jumped := s.demuxer.clock.line.At(media.Video, uint32(at/ticksPerMillisecond), now)
	f := &media.Frame{Format: s.format, Payload: payload, Keyframe: key, DTS: dts, PTS: dts + offset, Discontinuity: jumped || s.lost}
	if jumped {
		s.latest = 0
	}
	if f.PTS < s.latest && !s.format.Reordered { // shown before one that came earlier
		reordered := *s.base
		reordered.Reordered = true
		s.format, f.Format = &reordered, &reordered
	}
	s.latest, s.lost = max(s.latest, f.PTS), false
	return s.demuxer.give(f)
}

// takeSound makes frames of a packet of sound.
func (s *stream) takeSound(data []byte, at int64, now time.Duration) error {
	if len(s.partial) > 0 {
		data = append(s.partial, data...)
		s.partial = nil
	}
	dts, jumped := s.demuxer.clock.line.At(media.Audio, uint32(at/ticksPerMillisecond), now)
	next := func(payload []byte, length time.Duration) error {
		f := &media.Frame{Format: s.format, Payload: append([]byte(nil), payload...), Duration: length, Keyframe: true, Discontinuity: jumped || s.lost}
		f.DTS = s.demuxer.sound.Next(dts, length, jumped)
		f.PTS = f.DTS
		dts, jumped, s.lost = f.DTS+length, false, false
		return s.demuxer.give(f)
	}
	if s.codec == media.Opus {
		return s.takeOpus(data, next)
	}
	return s.takeADTS(data, next)
}

// takeADTS goes through AAC frames (ISO 14496-3, annex 1.A.2.2).
func (s *stream) takeADTS(b []byte, next func([]byte, time.Duration) error) error {
	for len(b) >= 7 {
		if b[0] != 0xff || b[1]&0xf6 != 0xf0 {
			b = b[1:]
			s.lost = true
			continue
		}
		header, length := 7, int(b[3]&3)<<11|int(b[4])<<3|int(b[5]>>5)
		if b[1]&1 == 0 {
			header = 9 // with a checksum
		}
		if length <= header {
			b = b[1:]
			s.lost = true
			continue
		}
		if length > len(b) {
			break
		}
		// Object type, rate and channels, as an AudioSpecificConfig has them.
		rate, channels := b[2]>>2&0xf, b[2]&1<<2|b[3]>>6
		config := [2]byte{(b[2]>>6+1)<<3 | rate>>1, rate<<7 | channels<<3}
		frame, blocks := b[header:length], b[6]&3+1
		b = b[length:]
		f := s.format
		var err error
		if f == nil || config != s.config {
			f, err = bitstream.AACFormat(config[:])
		}
		if blocks > 1 { // nobody sends them
			err = fmt.Errorf("%w: AAC with %d blocks in a frame; send one", bitstream.ErrUnsupported, blocks)
		}
		if err != nil {
			if err := s.refuse(config, err); err != nil {
				return err
			}
			s.lost = true
			continue
		}
		if s.refusals = 0; f != s.format {
			f.Config = append([]byte(nil), config[:]...)
			s.format, s.config = f, config
		}
		if err := next(frame, 1024*time.Second/time.Duration(f.SampleRate)); err != nil {
			return err
		}
	}
	if len(b) < 8<<10 {
		s.partial = append([]byte(nil), b...)
	}
	return nil
}

// refusedBefore is how many frames in a row of a configuration that is not taken are left out before anybody is told: the header of one may be damaged, or none.
const refusedBefore = 8

// refuse takes note of a frame of sound that is not taken. It fails where nothing else is in the stream.
func (s *stream) refuse(config [2]byte, why error) error {
	if config != s.refused {
		s.refused, s.refusals = config, 0
	}
	if s.refusals++; s.refusals != refusedBefore {
		return nil
	}
	what := "AAC that cannot be read"
	if errors.Is(why, bitstream.ErrUnsupported) {
		what = strings.TrimPrefix(why.Error(), bitstream.ErrUnsupported.Error()+": ")
	}
	if s.demuxer.LeftOut != nil {
		s.demuxer.LeftOut(what)
	}
	if s.format == nil && len(s.demuxer.streams) == 1 {
		return fmt.Errorf("%w: %s", ErrUnsupported, what)
	}
	return nil
}

// takeOpus goes through Opus packets, each after a control header (ETSI TS 103 491's registration of Opus in transport streams).
func (s *stream) takeOpus(b []byte, next func([]byte, time.Duration) error) error {
	for len(b) >= 3 {
		if b[0] != 0x7f || b[1]&0xe0 != 0xe0 {
			s.lost = true
			return nil
		}
		trimStart, trimEnd, extension := b[1]&0x10 != 0, b[1]&0x08 != 0, b[1]&0x04 != 0
		b = b[2:]
		size := 0
		for {
			if len(b) == 0 {
				s.lost = true
				return nil
			}
			v := b[0]
			b = b[1:]
			if size += int(v); v != 0xff {
				break
			}
		}
		skip := 0
		if trimStart {
			skip += 2
		}
		if trimEnd {
			skip += 2
		}
		if extension && len(b) > skip {
			skip += 1 + int(b[skip])
		}
		if skip+size > len(b) || size == 0 {
			s.lost = true
			return nil
		}
		packet := b[skip : skip+size]
		b = b[skip+size:]
		length := bitstream.OpusDuration(packet)
		if length == 0 {
			s.lost = true
			continue
		}
		if err := next(packet, length); err != nil {
			return err
		}
	}
	return nil
}
