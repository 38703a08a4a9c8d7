package hlscheck

import (
	"testing"

	"github.com/tuttilive/tutti/internal/mux/hls/m3u8"
)

func TestATagThatCannotBeReadIsFound(t *testing.T) {
	for text, broken := range map[string]int{"#EXTM3U\n": 0, "#EXTM3U\n#EXT-X-PROGRAM-DATE-TIME:yesterday\n": 1} {
		m, err := m3u8.ParseMedia(text)
		if err != nil {
			t.Fatal(err)
		}
		r := newReport()
		r.lookAt("video.m3u8", m, 0)
		if f := r.findings[readable]; f == nil || f.Broken != broken {
			t.Errorf("%q: %+v", text, f)
		}
	}
}
