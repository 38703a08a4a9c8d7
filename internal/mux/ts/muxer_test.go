package ts

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// TestMuxedStreamsComeApartAgain muxes what was demuxed of ffmpeg's streams, in whole packets, and compares.
func TestMuxedStreamsComeApartAgain(t *testing.T) {
	for name, args := range map[string]string{
		"H.264 and AAC": "-c:v libx264 -preset ultrafast -c:a aac",
		"B-frames":      "-c:v libx264 -preset veryfast -bf 2 -c:a aac",
		"H.265":         "-c:v libx265 -preset ultrafast -x265-params log-level=error -c:a aac",
		"sound alone":   "-vn -c:a aac",
	} {
		t.Run(name, func(t *testing.T) {
			want, err := demux(clip(t, args), 1316)
			if err != nil {
				t.Fatal(err)
			}
			m, b := NewMuxer(), []byte(nil)
			for _, f := range want {
				m.Know(f.Format.Codec)
			}
			for _, f := range want {
				if b, err = m.Append(b, f); err != nil {
					t.Fatal(err)
				}
				if len(b)%packetSize != 0 {
					t.Fatalf("%d bytes are no whole packets", len(b))
				}
			}
			got, err := demux(b, 1000)
			if err != nil || len(got) != len(want) {
				t.Fatalf("%d frames of %d, %v", len(got), len(want), err)
			}
			compare(t, ofKind(got, media.Video), ofKind(want, media.Video))
			compare(t, ofKind(got, media.Audio), ofKind(want, media.Audio))
			if problems := judge(t, b); problems != "" {
				t.Errorf("ffmpeg says %s", problems)
			}
		})
	}
}

func ofKind(all []*media.Frame, k media.Kind) (list []*media.Frame) {
	for _, f := range all {
		if f.Kind() == k {
			list = append(list, f)
		}
	}
	return list
}

func compare(t *testing.T, got, want []*media.Frame) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d frames of %d", len(got), len(want))
	}
	for i := range got {
		g, w := got[i], want[i]
		offset := (g.PTS - g.DTS) - (w.PTS - w.DTS)
		step := (g.DTS - got[0].DTS) - (w.DTS - want[0].DTS)
		if !bytes.Equal(g.Payload, w.Payload) || g.Keyframe != w.Keyframe || offset.Abs() > 2*time.Millisecond || step.Abs() > 3*time.Millisecond || g.Discontinuity {
			t.Fatalf("frame %d: %d bytes, key %v, offset %v, step %v, discontinuity %v", i, len(g.Payload), g.Keyframe, offset, step, g.Discontinuity)
		}
	}
}

// judge gives what ffmpeg has against a stream that it decodes.
func judge(t *testing.T, b []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.ts")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffmpeg", strings.Fields("-v warning -xerror -i "+file+" -f null -")...).CombinedOutput()
	if err != nil {
		return err.Error() + " " + string(out)
	}
	return string(out)
}

// TestHEAACIsSignalledByItsCore has the configurations of 24 kHz in 48 kHz that encoders write: with SBR, and with parametric stereo.
func TestHEAACIsSignalledByItsCore(t *testing.T) {
	for _, config := range [][]byte{{0x2b, 0x11, 0x88, 0}, {0xeb, 0x09, 0x88, 0}} {
		channels := config[1] >> 3 & 0xf
		got, err := appendADTS(nil, &media.Frame{Format: &media.Format{Codec: media.AAC, Config: config}, Payload: []byte{1, 2, 3}})
		want := []byte{0xff, 0xf1, 1<<6 | 6<<2 | channels>>2, channels << 6, 10 >> 3, 10&7<<5 | 0x1f, 0xfc, 1, 2, 3}
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%x: %x, %v, want %x", config, got, err, want)
		}
	}
}

func TestWhatIsNotCarriedIsRefused(t *testing.T) {
	m := NewMuxer()
	b, err := m.Append(nil, &media.Frame{Format: &media.Format{Codec: media.VP8}, Payload: []byte{1}})
	if err == nil || len(b) != 0 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	b, err = m.Append(nil, &media.Frame{Format: &media.Format{Codec: media.AAC, Config: []byte{0x12}}, Payload: []byte{1}})
	if err == nil {
		t.Errorf("AAC of unknown configuration: %d bytes", len(b))
	}
}
