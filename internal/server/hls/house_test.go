package hls

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/track"
)

// TestRealHouse runs the door over the real house, with an ingest that writes frames.
func TestRealHouse(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	policies, err := studio.OpenPolicies(st)
	if err != nil {
		t.Fatal(err)
	}
	keys := auth.Keys{Key: "APItest", Secret: "a secret that is long enough for HS256"}
	if err := policies.Create("show", room.Policy{Access: room.AccessLink}); err != nil {
		t.Fatal(err)
	}
	house := studio.NewHouse(studio.Options{Keys: keys, Rooms: policies, Workers: codec.FindWorkers("off"), Log: log})
	t.Cleanup(house.Close)
	s := New(Config{House: house, Cut: Cut{Segment: time.Second}, Log: log})
	t.Cleanup(s.Close)

	p, err := house.Enter("show", room.Join{Identity: "obs", Kind: room.Ingest, Permission: room.Permission{Publish: true}}, deaf{})
	if err != nil {
		t.Fatal(err)
	}
	picture, err := p.PublishFrames(room.Publication{SID: "TR_picture", Kind: media.Video, Codec: media.H264, Source: room.Camera})
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	go film(picture, stop)

	index := "/live/show/index.m3u8?key="
	if w := get(s, index+keys.LinkKey("show", auth.Guest, "another salt")); w.Code != 401 {
		t.Errorf("with another key: %d %s", w.Code, w.Body)
	}
	w := get(s, index+keys.LinkKey("show", auth.Watcher, ""))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "RESOLUTION=320x180") {
		t.Fatalf("index: %d %s", w.Code, w.Body)
	}
	lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
	media := get(s, "/live/show/"+lines[len(lines)-1], "User-Agent", "another")
	if !strings.Contains(media.Body.String(), "#EXT-X-TARGETDURATION:1\n") {
		t.Errorf("playlist: %d %s", media.Code, media.Body)
	}
	running, err := house.Studio("show")
	if err != nil {
		t.Fatal(err)
	}
	status, err := running.LiveStatus()
	if err != nil || status.Viewers["hls"] != 2 {
		t.Errorf("viewers %v, %v", status.Viewers, err)
	}
	p.Leave(room.LeftByItself)
	if _, err := running.EndLive(); err != nil && !errors.Is(err, studio.ErrNotLive) {
		t.Fatal(err)
	}
	if w := get(s, index+keys.LinkKey("show", auth.Watcher, "")); w.Code != 404 {
		t.Errorf("index after the end: %d %s", w.Code, w.Body)
	}
}

// film writes a keyframe every 100 ms.
func film(picture *track.Track, stop <-chan struct{}) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		at := media.Now()
		f := &media.Frame{Format: wide, Payload: []byte{0, 0, 0, 2, 0x65, 0x88}, PTS: at, DTS: at, Keyframe: true}
		if err := picture.WriteFrame(f); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-stop:
			return
		}
	}
}

// deaf does not care what happens in the room.
type deaf struct{}

func (deaf) RoomEvent(room.Event) {}
