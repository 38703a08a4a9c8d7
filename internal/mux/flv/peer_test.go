package flv

import (
	"bytes"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	"github.com/bluenviron/gortmplib/pkg/message"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/rtmp"
)

// TestAnotherImplementationReadsOurBodies lets gortmplib read tags as RTMP messages, where ffmpeg 5.1 cannot: it knows no
// FourCC.
func TestAnotherImplementationReadsOurBodies(t *testing.T) {
	h265 := h265Format(t)
	av1 := []byte{0x0a, 0x0b, 0, 0, 0, 0x24, 0xce, 0x3f, 0x3f, 0xff, 0x30, 0x10, 0x10}
	tests := map[string]struct {
		format *media.Format
		check  func(t *testing.T, config, frame message.Message)
	}{
		"H.265": {h265, func(t *testing.T, config, frame message.Message) {
			c, f := config.(*message.VideoExSequenceStart), frame.(*message.VideoExCodedFrames)
			sets := c.HEVCConfig.NaluArrays
			if len(sets) != 3 || !bytes.Equal(sets[1].Nalus[0].NALUnit, h265.SPS) || c.HEVCConfig.LengthSizeMinusOne != 3 {
				t.Errorf("record %+v", c.HEVCConfig)
			}
			if f.FourCC != message.FourCCHEVC || f.PTSDelta != 40*time.Millisecond || f.DTS != time.Second || !bytes.Equal(f.Payload, append(units(h265.VPS, h265.SPS, h265.PPS), "frame"...)) {
				t.Errorf("frame %+v", f)
			}
		}},
		"AV1": {&media.Format{Codec: media.AV1, Config: av1}, func(t *testing.T, config, frame message.Message) {
			c, f := config.(*message.VideoExSequenceStart), frame.(*message.VideoExCodedFrames)
			if !bytes.Equal(c.AV1Config.ConfigOBUs, av1) || c.AV1Config.SeqProfile != 0 {
				t.Errorf("record %+v", c.AV1Config)
			}
			if f.FourCC != message.FourCCAV1 || string(f.Payload) != "frame" {
				t.Errorf("frame %+v", f)
			}
		}},
		"Opus": {&media.Format{Codec: media.Opus, SampleRate: 48000, Channels: 2}, func(t *testing.T, config, frame message.Message) {
			c, f := config.(*message.AudioExSequenceStart), frame.(*message.AudioExCodedFrames)
			if c.OpusConfig == nil || c.OpusConfig.ChannelCount != 2 {
				t.Errorf("head %+v", c.OpusConfig)
			}
			if f.FourCC != message.FourCCOpus || string(f.Payload) != "frame" {
				t.Errorf("frame %+v", f)
			}
		}},
		"AAC": {&media.Format{Codec: media.AAC, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}, func(t *testing.T, config, frame message.Message) {
			c, f := config.(*message.Audio), frame.(*message.Audio)
			if c.AACConfig == nil || c.AACConfig.SampleRate != 48000 || string(f.AU) != "frame" {
				t.Errorf("config %+v, frame %+v", c, f)
			}
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := NewMuxer(0, Tracks{})
			tags, err := m.Append(nil, &media.Frame{Format: test.format, Payload: []byte("frame"), DTS: time.Second, PTS: time.Second + 40*time.Millisecond, Keyframe: true})
			if err != nil {
				t.Fatal(err)
			}
			var stream []byte
			for tag := range Tags(tags) {
				stream = rtmp.AppendMessage(stream, rtmp.Message{ChunkStream: 6, Type: rtmp.Type(tag.Type), Stream: 1, Timestamp: tag.Timestamp, Body: tag.Body}, rtmp.InitialChunkSize)
			}
			in := bytes.NewReader(stream)
			r := message.NewReader(in, bytecounter.NewReader(in), func(uint32) error { return nil })
			config, err := r.Read()
			if err != nil {
				t.Fatal(err)
			}
			frame, err := r.Read()
			if err != nil {
				t.Fatal(err)
			}
			test.check(t, config, frame)
		})
	}
}
