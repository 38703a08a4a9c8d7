package studio

import (
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/sfu"
)

func TestEverybodyIsToldOnceHowMediaGetThrough(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		ear := &heard{}
		a, err := h.Enter("r", room.Join{Identity: "a"}, ear)
		if err != nil {
			t.Fatal(err)
		}
		enter(t, h, "b", nil)
		enter(t, h, "c", asHidden)
		time.Sleep(5*gradeInterval + time.Second)
		ear.mu.Lock()
		told := map[string]room.Quality{}
		lists := 0
		for _, e := range ear.events {
			if changed, ok := e.(room.QualitiesChanged); ok {
				lists++
				for _, q := range changed.Qualities {
					told[q.Identity] = q
				}
			}
		}
		ear.mu.Unlock()
		if lists != 1 || len(told) != 3 || told["b"].Level != int(sfu.ExcellentQuality) || told["b"].Hidden || !told["c"].Hidden {
			t.Errorf("%d lists tell %+v", lists, told)
		}
		if got := a.Qualities(); len(got) != 3 {
			t.Errorf("known is %+v", got)
		}
		b, _ := a.studio.room.Participant("b")
		hidden := b.Permission
		hidden.Hidden = true
		if err := a.studio.SetPermission("b", hidden); err != nil {
			t.Fatal(err)
		}
		for _, q := range a.Qualities() {
			if !q.Hidden && q.SID != a.sid {
				t.Errorf("who has been hidden since is told of: %+v", q)
			}
		}
	})
}
