package flv

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/amf"
)

// startTimeKey is our own entry in onMetaData: the wall clock, in milliseconds since the Unix epoch, at timestamp 0. With
// it a reader on a synchronized clock can tell how old a frame is.
const startTimeKey = "startTimeMs"

// metadata is the body of the onMetaData script tag.
func metadata(video, audio *media.Format, oldHEVC bool, start time.Time) ([]byte, error) {
	entries := amf0.ECMAArray{
		{Key: "duration", Value: float64(0)},
		{Key: "encoder", Value: "Tutti"},
		{Key: startTimeKey, Value: float64(start.UnixMilli())},
	}
	if video != nil {
		if video.Width > 0 && video.Height > 0 {
			entries = append(entries, amf0.ObjectEntry{Key: "width", Value: float64(video.Width)},
				amf0.ObjectEntry{Key: "height", Value: float64(video.Height)})
		}
		entries = append(entries, amf0.ObjectEntry{Key: "videocodecid", Value: codecID(video.Codec, oldHEVC)})
	}
	if audio != nil {
		entries = append(entries, amf0.ObjectEntry{Key: "audiocodecid", Value: codecID(audio.Codec, false)},
			amf0.ObjectEntry{Key: "stereo", Value: audio.Channels > 1},
			amf0.ObjectEntry{Key: "audiosamplesize", Value: float64(16)})
		if audio.SampleRate > 0 {
			entries = append(entries, amf0.ObjectEntry{Key: "audiosamplerate", Value: float64(audio.SampleRate)})
		}
	}
	b, err := amf0.Data{"onMetaData", entries}.Marshal()
	if err != nil {
		return nil, fmt.Errorf("flv: onMetaData: %w", err)
	}
	return b, nil
}

// codecID is the number of a codec, or its FourCC as a number (Enhanced RTMP).
func codecID(c media.Codec, oldHEVC bool) float64 {
	if number := numbered(c, oldHEVC); number != 0 {
		return float64(number)
	}
	if c == media.AAC {
		return legacyAAC
	}
	four := enhanced(c)
	return float64(binary.BigEndian.Uint32(four[:]))
}

// Metadata is what we care for in a publisher's onMetaData.
type Metadata struct {
	// Encoder is the program that made the stream, as it calls itself.
	Encoder string
	// Rotation is by how many degrees the picture is to be turned, as some phones say.
	Rotation int
	// Start is the wall clock at timestamp 0 in streams of our own, else zero.
	Start time.Time
}

// ParseMetadata reads the body of a script tag or data message. What it does not understand is left out.
func ParseMetadata(body []byte) Metadata {
	var m Metadata
	data, err := amf.Read(body)
	if err != nil || len(data) < 2 {
		return m
	}
	if data[0] == "@setDataFrame" {
		data = data[1:]
	}
	if len(data) < 2 || data[0] != "onMetaData" {
		return m
	}
	var entries amf0.Object
	switch o := data[1].(type) {
	case amf0.ECMAArray:
		entries = amf0.Object(o)
	case amf0.Object:
		entries = o
	}
	m.Encoder, _ = entries.GetString("encoder")
	for _, key := range []string{"rotation", "rotate", "orientation"} {
		if v, ok := entries.Get(key); ok {
			if degrees, ok := v.(float64); ok && degrees >= -360 && degrees <= 360 {
				m.Rotation = (int(degrees) + 360) % 360
			}
		}
	}
	if v, ok := entries.Get(startTimeKey); ok {
		if ms, ok := v.(float64); ok && ms > 0 && ms < 1<<52 {
			m.Start = time.UnixMilli(int64(ms))
		}
	}
	return m
}
