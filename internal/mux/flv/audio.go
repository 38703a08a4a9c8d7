package flv

import (
	"errors"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/media/timeline"
)

// aacFrame is the length of an AAC frame in samples.
const aacFrame = 1024

// audioDemuxer reads sound tags without their time.
type audioDemuxer struct {
	format *media.Format
	clock  timeline.SampleClock
	lost   bool
}

func (a *audioDemuxer) read(body []byte) (*media.Frame, error) {
	if len(body) < 2 {
		// ffmpeg ends a stream with an empty AAC tag.
		return nil, nil
	}
	switch id := body[0] >> 4; id {
	case legacyEx:
		return a.readEnhanced(body)
	case legacyAAC:
		if body[1] == legacySequenceHeader {
			return nil, a.configureAAC(body[2:])
		}
		return a.frame(media.AAC, body[2:])
	case legacyMP3, 14:
		return nil, unsupported("MP3 sound; send AAC")
	default:
		return nil, unsupported("audio codec %d; send AAC", id)
	}
}

// readEnhanced reads a tag with an ExAudioTagHeader (Enhanced RTMP).
func (a *audioDemuxer) readEnhanced(body []byte) (*media.Frame, error) {
	packet := body[0] & 0xf
	if packet > packetSequenceEnd {
		if packet == packetMultichannel {
			return nil, nil
		}
		return nil, unsupported("enhanced sound packet type %d (multitrack or later); send one plain track", packet)
	}
	if len(body) < 5 {
		return nil, malformed("sound tag of %d bytes", len(body))
	}
	codec := media.NoCodec
	switch four := fourCC(body[1:5]); four {
	case fourAAC:
		codec = media.AAC
	case fourOpus:
		codec = media.Opus
	default:
		return nil, unsupported("audio codec %q; send AAC", four[:])
	}
	switch {
	case packet == packetSequenceEnd:
		return nil, nil
	case packet == packetCoded:
		return a.frame(codec, body[5:])
	case codec == media.AAC:
		return nil, a.configureAAC(body[5:])
	}
	return nil, a.configureOpus(body[5:])
}

// packetMultichannel tells how channels are laid out, which the codec says as well.
const packetMultichannel = 4

func (a *audioDemuxer) configureAAC(config []byte) error {
	if a.format != nil && a.format.Codec == media.AAC && string(a.format.Config) == string(config) {
		return nil
	}
	f, err := bitstream.AACFormat(config)
	if errors.Is(err, bitstream.ErrUnsupported) {
		return unsupported("%s", strings.TrimPrefix(err.Error(), bitstream.ErrUnsupported.Error()+": "))
	}
	if err != nil {
		return err
	}
	a.format, a.clock = f, timeline.SampleClock{}
	return nil
}

// configureOpus reads an identification header (RFC 7845, section 5.1).
func (a *audioDemuxer) configureOpus(head []byte) error {
	if len(head) < 19 || string(head[:8]) != "OpusHead" {
		return malformed("OpusHead of %d bytes", len(head))
	}
	channels := int(head[9])
	if channels < 1 || channels > 2 {
		return unsupported("Opus sound with %d channels; send one or two", channels)
	}
	if a.format == nil || a.format.Codec != media.Opus || a.format.Channels != channels {
		a.format, a.clock = &media.Format{Codec: media.Opus, SampleRate: 48000, Channels: channels}, timeline.SampleClock{}
	}
	return nil
}

func (a *audioDemuxer) frame(codec media.Codec, payload []byte) (*media.Frame, error) {
	if a.format == nil || a.format.Codec != codec {
		return nil, malformed("%v sound before its sequence header", codec)
	}
	if len(payload) == 0 {
		return nil, nil
	}
	var length time.Duration
	if codec == media.AAC {
		length = aacFrame * time.Second / time.Duration(a.format.SampleRate)
	} else if length = bitstream.OpusDuration(payload); length == 0 {
		return nil, malformed("Opus packet")
	}
	return &media.Frame{Format: a.format, Payload: payload, Duration: length, Keyframe: true}, nil
}
