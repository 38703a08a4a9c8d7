package studio

import (
	"log/slog"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/program/compose/layout"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
	"github.com/tuttilive/tutti/internal/program/programtest"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// TestInAContestBothProgramsShowBothHosts: each room's viewers see their own host left and the other one right, then, when the
// other show ends, their own host alone, without a viewer opening anything anew.
func TestInAContestBothProgramsShowBothHosts(t *testing.T) {
	w := programtest.Workers(t)
	h := NewHouse(Options{AwayGrace: time.Minute, Log: slog.New(slog.DiscardHandler), Workers: w})
	defer h.Close()
	colours := map[string]paint.Color{"red": programtest.Red, "blue": programtest.Blue}
	viewers := map[string]*programtest.Viewer{}
	hosts := map[string]*Participant{}
	const width, height = 320, 180
	for name, colour := range colours {
		s, err := h.Open(name, room.Settings{EmptyTimeout: time.Hour, DepartureTimeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		s.scene, _ = h.scenes.Find("show")
		s.stage = stage.New(s.scene.Rules())
		s.composition = h.initialComposition(s.scene)
		host, err := h.Enter(name, room.Join{Identity: name + "-host", Name: name, Permission: room.Permission{Publish: true, Subscribe: true, Admin: true}}, deaf{})
		if err != nil {
			t.Fatal(err)
		}
		track, err := host.PublishFrames(picture("TR_" + name))
		if err != nil {
			t.Fatal(err)
		}
		hosts[name] = host
		programtest.Paint(t, w, width, height, colour, track.WriteFrame)
		if err := s.GoLive(name+"-host", ""); err != nil {
			t.Fatal(err)
		}
		if err := s.Compose([]byte(`{"orientation":"landscape","height":360,"names":false,"badges":false,"emphasis":false}`)); err != nil {
			t.Fatal(err)
		}
		watcher, err := h.Watch(name, "flv")
		if err != nil {
			t.Fatal(err)
		}
		defer watcher.Close()
		reader, err := watcher.Program().Read(program.Demand{Video: []media.Codec{media.H264}})
		if err != nil {
			t.Fatal(err)
		}
		viewers[name] = programtest.View(t, w, reader, width, height)
	}
	whole, left, right := layout.Rect{W: width, H: height}, layout.Rect{W: width / 2, H: height}, layout.Rect{X: width / 2, W: width / 2, H: height}
	programtest.Await(t, "each host alone", func() bool {
		return viewers["red"].Sees(whole, programtest.Red) && viewers["blue"].Sees(whole, programtest.Blue)
	})
	if err := h.InvitePK("red", "blue", time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := h.AcceptPK("blue"); err != nil {
		t.Fatal(err)
	}
	programtest.Await(t, "both hosts in both programs", func() bool {
		return viewers["red"].Sees(left, programtest.Red) && viewers["red"].Sees(right, programtest.Blue) &&
			viewers["blue"].Sees(left, programtest.Blue) && viewers["blue"].Sees(right, programtest.Red)
	})
	if c := hosts["red"].Studio().Composition(); !c.Composed || c.Resolved != layout.Side || c.Layout != layout.Grid && c.Layout != layout.Auto {
		t.Errorf("composed %v as %s, which the host left at %s", c.Composed, c.Resolved, c.Layout)
	}
	if _, err := hosts["blue"].Studio().EndLive(); err != nil {
		t.Fatal(err)
	}
	programtest.Await(t, "the host who stays, alone again", func() bool { return viewers["red"].Sees(whole, programtest.Red) })
}
