package rtpfmt

import (
	"errors"
	"fmt"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

// ErrDamaged tells that an access unit was given up because its packets do not fit together.
var ErrDamaged = errors.New("rtpfmt: access unit damaged")

// Unit is one access unit as media.Frame wants it, not yet placed in time.
type Unit struct {
	// Format is the same pointer as long as it stays the same.
	Format    *media.Format
	Payload   []byte
	Timestamp uint32
	Keyframe  bool
}

// Depacketizer turns the RTP packets of one stream into access units. It belongs to one goroutine.
type Depacketizer struct {
	build builder
	// open tells that an access unit with the timestamp has begun, damaged that its packets are thrown away.
	open, damaged bool
	timestamp     uint32
	// synced is false after a gap, until an access unit begins.
	synced bool
}

// builder makes the payload of one access unit from its packets.
type builder interface {
	add(p *media.Packet) error
	// finish gives the access unit and begins the next; a nil payload tells that there was nothing to decode.
	finish() (payload []byte, key bool, format *media.Format)
	// drop forgets the access unit that was begun.
	drop()
}

// NewDepacketizer makes a depacketizer for any codec that goes over RTP.
func NewDepacketizer(codec media.Codec) (*Depacketizer, error) {
	var b builder
	switch codec {
	case media.Opus:
		b = &opusBuilder{format: OpusFormat}
	case media.H264, media.H265:
		b = &naluBuilder{codec: codec, sets: bitstream.ParameterSets{Codec: codec}}
	case media.VP8:
		b = &vp8Builder{}
	case media.VP9:
		b = &vp9Builder{}
	case media.AV1:
		b = &av1Builder{}
	default:
		return nil, fmt.Errorf("rtpfmt: %s does not come over RTP", codec)
	}
	return &Depacketizer{build: b}, nil
}

// Push takes the next packet, which Parse has seen, and appends the access units that are complete now to dst. Packets
// must come in order; call Reset where one is missing. An error wraps ErrDamaged; the depacketizer goes on at the next
// access unit.
func (d *Depacketizer) Push(dst []Unit, p *media.Packet) ([]Unit, error) {
	if len(p.Payload) == 0 { // padding
		return dst, nil
	}
	if d.open && p.Timestamp != d.timestamp { // the marker of the one before was missing
		dst = d.finish(dst)
	}
	if !d.open {
		if !d.synced && !p.Start {
			return dst, nil
		}
		d.open, d.damaged, d.synced, d.timestamp = true, false, true, p.Timestamp
	}
	var err error
	if !d.damaged {
		if err = d.build.add(p); err != nil {
			err = fmt.Errorf("%w: %w", ErrDamaged, err)
			d.damaged = true
		}
	}
	if _, sound := d.build.(*opusBuilder); p.Marker || sound {
		dst = d.finish(dst)
	}
	return dst, err
}

// Reset tells that packets are missing before the next one.
func (d *Depacketizer) Reset() {
	d.build.drop()
	d.open, d.synced = false, false
}

func (d *Depacketizer) finish(dst []Unit) []Unit {
	d.open = false
	if d.damaged {
		d.build.drop()
		return dst
	}
	payload, key, format := d.build.finish()
	if payload == nil || format == nil {
		return dst
	}
	return append(dst, Unit{Format: format, Payload: payload, Timestamp: d.timestamp, Keyframe: key})
}

// OpusFormat is the one format of Opus over RTP (RFC 7587, section 4.1): 48 kHz stereo, whatever is coded.
var OpusFormat = &media.Format{Codec: media.Opus, SampleRate: 48000, Channels: 2}

type opusBuilder struct {
	format  *media.Format
	payload []byte
}

func (o *opusBuilder) add(p *media.Packet) error {
	if bitstream.OpusDuration(p.Payload) == 0 {
		return errors.New("malformed Opus packet")
	}
	o.payload = p.Payload
	return nil
}

func (o *opusBuilder) finish() ([]byte, bool, *media.Format) { return o.payload, true, o.format }
func (o *opusBuilder) drop()                                 { o.payload = nil }

// grow appends a piece to an access unit within its limit.
func grow(buf, piece []byte) ([]byte, error) {
	if len(buf)+len(piece) > bitstream.MaxUnit {
		return nil, fmt.Errorf("access unit above %d bytes", bitstream.MaxUnit)
	}
	return append(buf, piece...), nil
}
