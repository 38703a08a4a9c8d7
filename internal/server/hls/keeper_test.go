package hls

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

func TestAKeptShowCanBeSeenFromItsBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := door(t)
		k := NewKeeper()
		event := func(live room.Live) {
			k.RoomEvent(func() studio.RoomInfo { return studio.RoomInfo{Name: "show"} }, room.LiveChanged{Live: live})
			synctest.Wait()
		}
		p := h.goLive("show")
		event(room.Live{On: true})
		if p.opened != 0 {
			t.Fatal("a keeper that is not open keeps something")
		}
		k.Open(s)
		synctest.Wait()
		if p.opened != 1 {
			t.Fatal("a show that was on the air before is not kept")
		}
		event(room.Live{On: true, Title: "Night"})
		if p.opened != 1 || p.users != 1 || p.viewers() != 0 {
			t.Fatalf("opened %d times by %d, %d of them viewers", p.opened, p.users, p.viewers())
		}

		// Nobody watches for longer than what nobody uses stays.
		p.pictures(0, 6)
		time.Sleep(2 * pauseMax)
		p.pictures(6, 6)
		synctest.Wait()
		index := get(s, "/live/show/index.m3u8").Body.String()
		folder, _, _ := strings.Cut(index[strings.LastIndex(strings.TrimSpace(index), "\n")+1:], "/")
		playlist := get(s, "/live/show/"+folder+"/video.m3u8").Body.String()
		if !strings.Contains(playlist, "video-0.m4s") || !strings.Contains(playlist, "video-4.m4s") || strings.Contains(playlist, "DISCONTINUITY") {
			t.Errorf("the first viewer gets\n%s", playlist)
		}

		h.end("show")
		synctest.Wait()
		if p.users != 1 || len(k.kept) != 0 { // the viewer
			t.Errorf("after the end %d use the output, %d programs are kept", p.users, len(k.kept))
		}
		p = h.goLive("show")
		event(room.Live{On: true})
		if p.opened != 1 {
			t.Error("the next show is not kept")
		}
		k.Close()
		if p.users != 0 {
			t.Error("the keeper has closed and uses the output")
		}
		event(room.Live{On: true})
		if p.opened != 1 {
			t.Error("a keeper that is closed keeps something")
		}
	})
}
