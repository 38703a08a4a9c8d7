package codec

import (
	_ "embed"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

// av1Layers are temporal units as a Chromium's packets give them in L3T3_KEY, of 240x135, 480x270 and 960x540, in hex, one a
// line. The fourth has no picture of the largest layer.
//
//go:embed testdata/av1_layers.hex
var av1Layers string

func layeredFrames(t *testing.T) (frames []*media.Frame) {
	t.Helper()
	format := &media.Format{Codec: media.AV1, Width: 960, Height: 540}
	for i, line := range strings.Fields(av1Layers) {
		unit, err := hex.DecodeString(line)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Second + time.Duration(i)*time.Second/30
		frames = append(frames, &media.Frame{Format: format, Payload: unit, PTS: at, DTS: at, Keyframe: i == 0})
	}
	return frames
}

// withoutLargest leaves the largest layer out, as a publisher does that lacks bandwidth: the sequence header still has its size.
func withoutLargest(unit []byte) (rest []byte) {
	for kind, obu := range bitstream.OBUs(unit) {
		if kind == bitstream.AV1SequenceHeader || obu[1]>>3&3 < 2 {
			rest = append(rest, obu...)
		}
	}
	return rest
}

func TestConvertsSpatialLayersOfAV1ToOnePictureOfOneSize(t *testing.T) {
	w := needWorkers(t)
	for _, c := range []struct {
		name   string
		layers func([]byte) []byte
	}{
		{"all layers", func(unit []byte) []byte { return unit }},
		{"without the largest", withoutLargest},
	} {
		t.Run(c.name, func(t *testing.T) {
			frames := layeredFrames(t)
			for _, f := range frames {
				f.Payload = c.layers(f.Payload)
			}
			out, v := convert(t, w, frames, 1)
			v.Close()
			if len(out) < len(frames)-3 || len(out) > len(frames) {
				t.Fatalf("%d pictures of %d: %v", len(out), len(frames), v.Err())
			}
			for _, o := range out {
				if f := o.frame.Format; f.Width != 960 || f.Height != 540 {
					t.Errorf("a picture of %dx%d", f.Width, f.Height)
				}
			}
		})
	}
}
