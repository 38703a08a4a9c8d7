package hls

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/track"
)

// segments is how many there are in the shorter one of a room's playlists.
func segments(t *testing.T, s *Server, room string) (least int) {
	t.Helper()
	least = 1 << 20
	for _, name := range []string{"video.m3u8", "audio.m3u8"} {
		least = min(least, strings.Count(get(s, folderOf(t, s, room)+name).Body.String(), "#EXTINF"))
	}
	return least
}

// TestAStreamBeginsInThePast: the first viewer of a show that has been on the air for a while waits for nothing, whatever the player.
func TestAStreamBeginsInThePast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := door(t)
		picture := track.NewFromFrames(track.Info{ID: "TR_V", Kind: media.Video, Codec: media.H264})
		real := program.New("show", nil)
		real.Add(picture, 0)
		stop := make(chan struct{})
		var filming sync.WaitGroup
		filming.Go(func() { film(picture, stop) })
		time.Sleep(15 * time.Second)

		h.goLive("show").real = real
		begun := time.Now()
		w := get(s, "/live/show/index.m3u8", "Range", "bytes=0-")
		if n := segments(t, s, "show"); w.Code != 200 || n < 3 || time.Since(begun) > time.Second {
			t.Errorf("%d after %v, %d segments", w.Code, time.Since(begun), n)
		}
		close(stop)
		filming.Wait()
		real.Close()
		picture.Close()
	})
}

// TestPlayersWithoutLowLatencyWaitForThreeSegments: VLC plays nothing of a playlist that began with fewer, Chromium of one with a single one. Others
// do not wait for that, and nobody does for ever.
func TestPlayersWithoutLowLatencyWaitForThreeSegments(t *testing.T) {
	still := func() func() shot {
		after := 40 * ms
		return func() shot { next := shot{after, true}; after = time.Hour; return next }
	}
	for _, test := range []struct {
		name        string
		pictures    func() shot
		low, others time.Duration // when they are answered at most
		segments    int           // that the others have, at least
	}{
		{"a camera", camera(40 * ms), 3500 * ms, 6500 * ms, 3},
		{"a picture that stands still", still(), 11 * time.Second, 19 * time.Second, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, h := door(t)
				p := h.goLive("show")
				ctx, cancel := context.WithCancel(t.Context())
				var playing, asking sync.WaitGroup
				playing.Go(func() { p.play(ctx, test.pictures, true) })
				begun := time.Now()
				ask := func(most time.Duration, header ...string) {
					var w *httptest.ResponseRecorder
					for w = get(s, "/live/show/index.m3u8", header...); w.Code == 503; w = get(s, "/live/show/index.m3u8", header...) {
						time.Sleep(time.Second)
					}
					if took := time.Since(begun); w.Code != 200 || took > most {
						t.Errorf("%d after %v for %v", w.Code, took, header)
					}
				}
				asking.Go(func() { ask(test.low) })
				asking.Go(func() {
					ask(test.others, "Range", "bytes=0-")
					if n := segments(t, s, "show"); n < test.segments {
						t.Errorf("%d segments", n)
					}
				})
				asking.Wait()
				cancel()
				playing.Wait()
			})
		})
	}
}
