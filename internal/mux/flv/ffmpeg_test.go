package flv

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// clip makes an FLV file with ffmpeg.
func clip(t testing.TB, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	path := filepath.Join(t.TempDir(), "clip.flv")
	args = append(append([]string{"-v", "error", "-y"}, args...), "-t", "2", "-f", "flv", path)
	if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	picture = []string{"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30"}
	sound   = []string{"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"}
	h264    = []string{"-pix_fmt", "yuv420p", "-c:v", "libx264", "-g", "30"}
	aac     = []string{"-c:a", "aac", "-b:a", "64k"}
)

func join(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// demux reads all frames of a file. The clock of arrival is that of the timestamps.
func demux(t testing.TB, file []byte) (frames []*media.Frame) {
	t.Helper()
	r := NewReader(bytes.NewReader(file))
	var d Demuxer
	for {
		tag, err := r.Next()
		if errors.Is(err, io.EOF) {
			return frames
		}
		if err != nil {
			t.Fatal(err)
		}
		var f *media.Frame
		now := 100*time.Second + time.Duration(tag.Timestamp)*time.Millisecond
		switch tag.Type {
		case VideoTag:
			f, err = d.Video(tag.Timestamp, tag.Body, now)
		case AudioTag:
			f, err = d.Audio(tag.Timestamp, tag.Body, now)
		}
		if err != nil {
			t.Fatalf("tag at %d: %v", tag.Timestamp, err)
		}
		if f != nil {
			frames = append(frames, f)
		}
	}
}

func mux(t testing.TB, frames []*media.Frame) []byte {
	t.Helper()
	var video, audio *media.Format
	for _, f := range frames {
		if f.Kind() == media.Video && video == nil {
			video = f.Format
		}
		if f.Kind() == media.Audio && audio == nil {
			audio = f.Format
		}
	}
	m := NewMuxer(frames[0].DTS, Tracks{})
	if err := m.Know(video, audio); err != nil {
		t.Fatal(err)
	}
	out := m.Header().AppendStart(nil, 0)
	for _, f := range frames {
		var err error
		if out, err = m.Append(out, f); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

type probed struct {
	Streams []struct {
		CodecName string `json:"codec_name"`
		Width     int
		Height    int
		Channels  int
	}
	Packets []struct {
		CodecType string `json:"codec_type"`
		PTS       string `json:"pts_time"`
		DTS       string `json:"dts_time"`
		Size      string
		Flags     string
	}
}

func probe(t testing.TB, file []byte) (p probed) {
	t.Helper()
	cmd := exec.Command("ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_packets", "-f", "flv", "-")
	cmd.Stdin = bytes.NewReader(file)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("ffprobe: %v\n%s", err, &stderr)
	}
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// decodes lets ffmpeg decode everything and fails on any complaint.
func decodes(t testing.TB, file []byte) {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-v", "warning", "-xerror", "-f", "flv", "-i", "-", "-f", "null", "-")
	cmd.Stdin = bytes.NewReader(file)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
}

func TestFileThroughDemuxerAndMuxer(t *testing.T) {
	tests := map[string]struct {
		args      []string
		codecs    []string
		reordered bool
	}{
		"picture and sound":  {join(picture, sound, h264, []string{"-tune", "zerolatency"}, aac), []string{"h264", "aac"}, false},
		"B-frames":           {join(picture, sound, h264, []string{"-bf", "3"}, aac), []string{"h264", "aac"}, true},
		"picture alone":      {join(picture, h264, []string{"-profile:v", "baseline"}), []string{"h264"}, false},
		"sound alone":        {join(sound, aac), []string{"aac"}, false},
		"44100 Hz in stereo": {join(sound, aac, []string{"-ar", "44100", "-ac", "2"}), []string{"aac"}, false},
		"4:4:4 high profile": {join(picture, []string{"-pix_fmt", "yuv444p", "-c:v", "libx264", "-bf", "0"}), []string{"h264"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file := clip(t, test.args...)
			frames := demux(t, file)
			out := mux(t, frames)
			decodes(t, out)
			want, got := probe(t, file), probe(t, out)
			if len(got.Streams) != len(test.codecs) {
				t.Fatalf("streams: %+v", got.Streams)
			}
			for i, c := range test.codecs {
				if s := got.Streams[i]; s.CodecName != c || s != want.Streams[i] {
					t.Errorf("stream %d is %+v, want %+v", i, s, want.Streams[i])
				}
			}
			if len(got.Packets) != len(want.Packets) || len(got.Packets) < 30 {
				t.Fatalf("%d packets, want %d", len(got.Packets), len(want.Packets))
			}
			for i, g := range got.Packets {
				w := want.Packets[i]
				if g.CodecType != w.CodecType || g.Flags != w.Flags || apart(t, g.PTS, w.PTS) > 1 || apart(t, g.DTS, w.DTS) > 1 {
					t.Fatalf("packet %d is %+v, want %+v", i, g, w)
				}
			}
			for _, f := range frames {
				if f.Kind() == media.Video && f.Format.Reordered != test.reordered {
					t.Fatalf("Reordered is %v at %v", f.Format.Reordered, f.DTS)
				}
			}
			checkTimes(t, frames)
		})
	}
}

// apart is the distance of two times in whole milliseconds.
func apart(t testing.TB, a, b string) int {
	t.Helper()
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	d := int((x-y)*1000 + 0.5)
	return max(d, -d)
}

// checkTimes checks what media.Frame promises.
func checkTimes(t testing.TB, frames []*media.Frame) {
	t.Helper()
	var last [media.Video + 1]time.Duration
	for _, f := range frames {
		if f.DTS <= last[f.Kind()] || f.PTS < f.DTS {
			t.Fatalf("%v frame with DTS %v after %v, PTS %v", f.Kind(), f.DTS, last[f.Kind()], f.PTS)
		}
		last[f.Kind()] = f.DTS
	}
}
