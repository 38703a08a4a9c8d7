package hlscheck

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/mux/hls/m3u8"
)

func TestBreaksAreCountedAlikeInAllPlaylists(t *testing.T) {
	// Segments of two seconds from a number on, with a discontinuity before one of them.
	playlist := func(sequence, first, broken int) *m3u8.Media {
		var b strings.Builder
		fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", first, sequence)
		for i := first; i < 8; i++ {
			if i == broken {
				b.WriteString("#EXT-X-DISCONTINUITY\n")
			}
			at := time.Date(2026, 1, 1, 0, 0, 2*i, 0, time.UTC)
			fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:2,\n%d.m4s\n", at.Format("2006-01-02T15:04:05.000Z"), i)
		}
		m, err := m3u8.ParseMedia(b.String())
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for name, test := range map[string]struct {
		other  *m3u8.Media
		broken int
	}{
		"alike":                          {playlist(0, 0, 4), 0},
		"one that joined at the break":   {playlist(1, 4, -1), 0},
		"one that joined and is off":     {playlist(0, 4, -1), 4},
		"one whose break comes too late": {playlist(0, 0, 5), 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := &walk{report: newReport(), breaks: breaks{}}
			for range 2 { // what was looked at once counts once
				w.lookAtBreaks("video.m3u8", playlist(0, 0, 4))
				w.lookAtBreaks("video1.m3u8", test.other)
			}
			found := w.report.Findings()
			if len(found) != 1 || found[0].Checked != len(test.other.Segments) || found[0].Broken != test.broken {
				t.Errorf("found %+v, want %d of %d broken", found, test.broken, len(test.other.Segments))
			}
		})
	}
}
