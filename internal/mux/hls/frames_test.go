package hls

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// Formats for frames that nobody decodes.
var (
	wide = &media.Format{Codec: media.H264, Width: 320, Height: 180,
		SPS: []byte("gB\xc0\r\xda\x05\x06~|\x04@\x00\x00\x03\x00@\x00\x00\x0f\x03\xc5\n\xa8"), PPS: []byte("h\xce\x0f\xc8")}
	tall = &media.Format{Codec: media.H264, Width: 180, Height: 320,
		SPS: []byte("gB\xc0\r\xda\f\ny\xfc\x04@\x00\x00\x03\x00@\x00\x00\x0f\x03\xc5\n\xa8"), PPS: []byte("h\xce\x0f\xc8")}
	stereo48 = &media.Format{Codec: media.AAC, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}
	stereo44 = &media.Format{Codec: media.AAC, SampleRate: 44100, Channels: 2, Config: []byte{0x12, 0x10}}
)

const (
	// origin is where test streams begin on the media clock.
	origin = 100 * time.Second
	fps25  = 40 * time.Millisecond
)

// video makes a picture every 40 ms between two times since origin, with a keyframe at the first and then every gop.
func video(from, to, gop time.Duration, format *media.Format) (f frames) {
	for i := 0; from+time.Duration(i)*fps25 < to; i++ {
		at := origin + from + time.Duration(i)*fps25
		f = append(f, &media.Frame{Format: format, Payload: []byte{0, 0, 0, 1, 0x65}, PTS: at, DTS: at,
			Keyframe: time.Duration(i)*fps25%gop == 0})
	}
	return f
}

// keyframes makes pictures that are all keyframes, each a step after the other.
func keyframes(from, to, step time.Duration) (f frames) {
	for at := from; at < to; at += step {
		f = append(f, &media.Frame{Format: wide, Payload: []byte{0, 0, 0, 1, 0x65}, PTS: origin + at, DTS: origin + at, Keyframe: true})
	}
	return f
}

// audio makes AAC frames without gaps between two times since origin.
func audio(from, to time.Duration, format *media.Format) (f frames) {
	length := func(n int) time.Duration {
		return time.Duration(n) * 1024 * time.Second / time.Duration(format.SampleRate)
	}
	for i := 0; from+length(i) < to; i++ {
		at := origin + from + length(i)
		f = append(f, &media.Frame{Format: format, Payload: []byte{0x21, 0x10, byte(i)}, PTS: at, DTS: at, Duration: length(1), Keyframe: true})
	}
	return f
}

func merged(parts ...frames) frames { return frames(slices.Concat(parts...)).sorted() }

func text(r *Resource) string {
	if r == nil {
		return ""
	}
	return string(slices.Concat(r.Body...))
}

// find gives whatever has a name in a snapshot.
func find(s *Snapshot, name string) *Resource {
	if p := s.Playlist(name); p != nil {
		return p.Full()
	}
	r, _ := s.Find(name)
	return r
}

// listed is what a test wants to know of one entry of a playlist.
type listed struct {
	uri           string
	duration      float64
	init          string
	discontinuity uint64 // discontinuity sequence number
	start         time.Time
}

// list parses a media playlist and checks what must hold for every one (RFC 8216bis).
func list(t testing.TB, playlist string) (segments []listed, target int) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(playlist, "\n"), "\n")
	if lines[0] != "#EXTM3U" || lines[1] != "#EXT-X-VERSION:7" {
		t.Fatalf("playlist begins with %q", lines[:2])
	}
	var entry listed
	sequence := uint64(0)
	for _, line := range lines[2:] {
		tag, value, _ := strings.Cut(line, ":")
		switch tag {
		case "#EXT-X-TARGETDURATION":
			target, _ = strconv.Atoi(value)
		case "#EXT-X-MEDIA-SEQUENCE":
			sequence, _ = strconv.ParseUint(value, 10, 64)
		case "#EXT-X-DISCONTINUITY-SEQUENCE":
			entry.discontinuity, _ = strconv.ParseUint(value, 10, 64)
		case "#EXT-X-DISCONTINUITY":
			entry.discontinuity++
		case "#EXT-X-MAP":
			entry.init = strings.Trim(strings.TrimPrefix(value, "URI="), `"`)
		case "#EXT-X-PROGRAM-DATE-TIME":
			start, err := time.Parse(time.RFC3339, value)
			if err != nil {
				t.Fatal(err)
			}
			entry.start = start
		case "#EXTINF":
			d, err := strconv.ParseFloat(strings.TrimSuffix(value, ","), 64)
			if err != nil || int(math.Round(d)) > target || d <= 0 {
				t.Fatalf("segment of %q s where the target is %d: %v", value, target, err)
			}
			entry.duration = d
		case "#EXT-X-ENDLIST", "#EXT-X-INDEPENDENT-SEGMENTS":
		default:
			if strings.HasPrefix(line, "#") {
				t.Fatalf("unknown tag %q", line)
			}
			if entry.init == "" {
				t.Fatalf("segment %s without EXT-X-MAP", line)
			}
			if number := numberIn.FindString(line); number != strconv.FormatUint(sequence, 10)+"." {
				t.Fatalf("segment %s has media sequence number %d", line, sequence)
			}
			sequence++
			entry.uri = line
			segments = append(segments, entry)
		}
	}
	if target == 0 {
		t.Fatal("no target duration")
	}
	return segments, target
}

var numberIn = regexp.MustCompile(`\d+\.`)

// durations lists a playlist's segments, rounded to 10 ms.
func durations(segments []listed) string {
	var b strings.Builder
	for i, s := range segments {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%.2f", s.duration)
	}
	return b.String()
}
