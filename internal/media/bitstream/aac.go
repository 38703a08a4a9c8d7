package bitstream

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/tuttilive/tutti/internal/media"
)

// AACFormat reads an AudioSpecificConfig (ISO 14496-3, section 1.6.2.1), which it keeps. SampleRate is that of the coded
// frames: of HE-AAC it is half of what a decoder puts out.
func AACFormat(config []byte) (*media.Format, error) {
	if len(config) < 2 || len(config) > 64 {
		return nil, fmt.Errorf("%w: AudioSpecificConfig of %d bytes", ErrMalformed, len(config))
	}
	if object := config[0] >> 3; object != 0 && object != 2 && object != 5 && object != 29 {
		return nil, fmt.Errorf("%w: AAC of object type %d; send AAC-LC", ErrUnsupported, object)
	}
	var c mpeg4audio.AudioSpecificConfig
	if err := c.Unmarshal(config); err != nil {
		return nil, fmt.Errorf("%w: AudioSpecificConfig: %w", ErrMalformed, err)
	}
	if c.ChannelConfig == 0 {
		return nil, fmt.Errorf("%w: AAC that describes its channels by itself; send mono, stereo or 5.1", ErrUnsupported)
	}
	channels := int(c.ChannelConfig)
	if channels == 7 {
		channels = 8
	}
	if c.SampleRate < 7350 || c.SampleRate > 96000 || channels == 0 {
		return nil, fmt.Errorf("%w: AudioSpecificConfig: %d Hz, %d channels", ErrMalformed, c.SampleRate, channels)
	}
	return &media.Format{Codec: media.AAC, SampleRate: c.SampleRate, Channels: channels, Config: config}, nil
}

// AACConfig writes the AudioSpecificConfig of AAC-LC.
func AACConfig(sampleRate, channels int) ([]byte, error) {
	if channels < 1 || channels > 8 || channels == 7 || sampleRate < 7350 || sampleRate > 96000 {
		return nil, fmt.Errorf("AudioSpecificConfig: %d Hz, %d channels cannot be written", sampleRate, channels)
	}
	config := uint8(channels)
	if channels == 8 {
		config = 7
	}
	return mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: sampleRate, ChannelConfig: config}.Marshal()
}
