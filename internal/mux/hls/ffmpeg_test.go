package hls

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestFFmpegDecodesEveryFrame(t *testing.T) {
	for _, test := range []struct {
		name            string
		in              func() frames
		pictures, tones int
		warnings        string // that ffmpeg may give
	}{
		{"picture and sound", func() frames { return picturesAndSound(t, origin, 5, 60, "320x180") }, 150, 236, ""},
		{"B-frames", func() frames {
			return merged(clip(t, origin, fmt.Sprintf(shown+" -g 60 -bf 2 -b_strategy 0", "320x180", 5)), sounds(t, origin, 5))
		}, 150, 233, ""}, // sound begins with the first picture shown
		{"picture only", func() frames { return pictures(t, origin, 5, 60, "320x180") }, 150, 234, ""},
		{"sound only", func() frames { return sounds(t, origin, 5) }, 0, 236, ""},
		{"sound that comes late", func() frames {
			return merged(pictures(t, origin, 5, 60, "320x180"), sounds(t, origin+2500*time.Millisecond, 5))
		}, 150, 352, ""},
		{"sound in mono that stops", func() frames {
			return merged(pictures(t, origin, 5, 60, "320x180"), clip(t, origin, "-f lavfi -i sine=sample_rate=44100:duration=3 -ac 1 -c:a aac"))
		}, 150, 215, ""},
		{"turned picture", func() frames {
			return merged(pictures(t, origin, 5, 60, "320x180"), pictures(t, origin+5*second, 2, 60, "180x320"), sounds(t, origin, 5))
		}, 210, 329, "Found duplicated MOOV Atom"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := written(testConfig(), test.in())
			s.End()
			out, problems := run(t, "ffprobe", "-v", "warning", "-count_frames", "-show_entries", "stream=codec_name,codec_type,nb_read_frames",
				"-of", "csv=p=0", served(t, s))
			for line := range strings.Lines(problems) {
				if test.warnings == "" || !strings.Contains(line, test.warnings) {
					t.Errorf("ffprobe says %s", line)
				}
			}
			got := map[string]int{}
			for line := range strings.Lines(out) {
				fields := strings.Split(strings.TrimSpace(line), ",")
				if len(fields) == 3 {
					got[fields[0]], _ = strconv.Atoi(fields[2])
				}
			}
			// ffmpeg 5.1 may give the encoder's priming frame, or the last frame's tail, as one more.
			if got["h264"] != test.pictures || got["aac"] < test.tones-1 || got["aac"] > test.tones+1 {
				t.Errorf("%v frames were decoded, want %d pictures and %d of sound", got, test.pictures, test.tones)
			}
		})
	}
}

// TestPictureAndSoundStayTogether looks at the times that a player sees.
func TestPictureAndSoundStayTogether(t *testing.T) {
	in := merged(pictures(t, origin, 5, 60, "320x180"), sounds(t, origin+50*time.Millisecond, 5))
	s := written(testConfig(), in)
	s.End()
	out, _ := run(t, "ffprobe", "-v", "error", "-show_entries", "packet=codec_type,pts_time,duration_time,stream_index", "-of", "csv=p=0", served(t, s))
	next := map[string]float64{}
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSpace(line), ",")
		if n, _ := strconv.Atoi(fields[1]); n > 1 {
			continue // the sound once more: it is a variant of its own, too
		}
		fields = append(fields[:1], fields[2:]...)
		at, _ := strconv.ParseFloat(fields[1], 64)
		length, _ := strconv.ParseFloat(fields[2], 64)
		if gap := at - next[fields[0]]; next[fields[0]] > 0 && (gap > 0.01 || gap < -0.001) {
			t.Errorf("%s jumps from %.3f to %.3f", fields[0], next[fields[0]], at)
		}
		next[fields[0]] = at + length
	}
	if d := next["audio"] - next["video"]; d < 0 || d > 0.1 {
		t.Errorf("picture ends at %.3f, sound at %.3f", next["video"], next["audio"])
	}
}
