package hlscheck

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/mux/hls/m3u8"
)

// TestBandwidthIsForgivenOnlyWhereItHasJustChanged: a segment above BANDWIDTH is judged by what the multivariant playlist says then, and what
// else has changed in it excuses nothing.
func TestBandwidthIsForgivenOnlyWhereItHasJustChanged(t *testing.T) {
	index := func(bandwidth, average int, frames float64) string {
		return fmt.Sprintf("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d,CODECS=\"avc1.42c00d\",RESOLUTION=320x180,FRAME-RATE=%.3f\nv.m3u8\n",
			bandwidth, average, frames)
	}
	says := index(1000, 900, 25)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/index.m3u8" {
			fmt.Fprint(w, says)
			return
		}
		w.Write(make([]byte, 250)) // 2,000 bit
	}))
	defer server.Close()
	m, err := m3u8.ParseMultivariant(says)
	if err != nil {
		t.Fatal(err)
	}
	f := &follower{walk: &walk{client: server.Client(), index: server.URL + "/index.m3u8", report: newReport()}, name: "v.m3u8", variant: variantOf(m, "v.m3u8")}
	broken := func() (n int) {
		for _, found := range f.report.Findings() {
			if found.Clause == rates {
				n = found.Broken
			}
		}
		return n
	}
	want := 0
	for _, s := range []struct {
		what   string
		says   string
		length time.Duration
		broken bool
	}{
		{"less than is said", says, 4 * time.Second, false},
		{"more, and nothing changed", says, time.Second, true},
		{"more, and others changed", index(1000, 950, 30), time.Second, true},
		{"more, and this has changed, not enough", index(1500, 950, 30), time.Second, false},
		{"more than it says since", index(1500, 900, 25), time.Second, true},
		{"what is said now", index(2000, 900, 25), time.Second, false},
	} {
		says = s.says
		f.readSegment(t.Context(), &m3u8.Media{Target: time.Second}, &m3u8.Segment{URI: "v-1.m4s", Duration: s.length})
		if s.broken {
			want++
		}
		if got := broken(); got != want {
			t.Fatalf("%s: broken %d times, not %d", s.what, got, want)
		}
	}
}
