package hlsload

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Floor is the least that a server built on net/http can be: bytes of the same sizes at the same pace for the same requests, with nothing
// around them.
type Floor struct {
	// Part is the time between parts, Parts how many make a segment.
	Part  time.Duration
	Parts int
	// Video, Audio and Playlist are sizes in bytes.
	Video, Audio, Playlist int

	mu      sync.Mutex
	count   int
	changed chan struct{}
	video   []byte
	audio   []byte
	text    []byte
}

// Serve serves on an address for ever.
func (f *Floor) Serve(address string) error {
	f.video, f.audio, f.changed = make([]byte, f.Video), make([]byte, f.Audio), make(chan struct{})
	f.step()
	go func() {
		for range time.Tick(f.Part) {
			f.step()
		}
	}()
	server := &http.Server{Addr: address, Handler: f, ReadHeaderTimeout: patience}
	return server.ListenAndServe()
}

func (f *Floor) step() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	tail := fmt.Sprintf("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"x-%d.%d.m4s\"\n", f.count/f.Parts, f.count%f.Parts)
	head := fmt.Sprintf("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART-INF:PART-TARGET=%v\n", f.Part.Seconds())
	if f.count%f.Parts != 0 {
		// A segment that goes on must not look complete to the clients.
		head += fmt.Sprintf("video-%d.%d.m4s audio-%d.%d.m4s\n", f.count/f.Parts, f.count%f.Parts, f.count/f.Parts, f.count%f.Parts)
	}
	f.text = []byte(head + "#" + strings.Repeat("-", max(0, f.Playlist-len(head)-len(tail)-2)) + "\n" + tail)
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *Floor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body []byte
	switch {
	case strings.HasSuffix(r.URL.Path, "index.m3u8"):
		body = []byte("#EXTM3U\nfloor/video.m3u8\n")
	case strings.HasSuffix(r.URL.Path, ".m3u8"):
		f.mu.Lock()
		changed := f.changed
		f.mu.Unlock()
		if r.URL.RawQuery != "" && strings.Contains(r.URL.Path, "video") {
			select {
			case <-changed:
			case <-r.Context().Done():
			}
		}
		f.mu.Lock()
		body = f.text
		f.mu.Unlock()
	case strings.Contains(r.URL.Path, "video"):
		body = f.video
	default:
		body = f.audio
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the client is gone
}
