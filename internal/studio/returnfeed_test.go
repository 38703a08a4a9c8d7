package studio

import (
	"testing"
	"testing/synctest"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/room"
)

func TestTheComposedPictureIsPublishedIntoTheRoomWhenTheHostWantsIt(t *testing.T) {
	workers := codec.FindWorkers("")
	if err := workers.Available(); err != nil {
		t.Skip(err)
	}
	inHouse(t, func(t *testing.T, h *House) {
		h.workers = workers
		ear := &heard{}
		host, err := h.Enter("demo", room.Join{Identity: "ada", Permission: room.Permission{Publish: true, Subscribe: true, Admin: true}}, ear)
		if err != nil {
			t.Fatal(err)
		}
		publish(t, host, "TR_ada")
		s := host.Studio()
		compose := func(patch string) {
			t.Helper()
			if err := s.Compose([]byte(patch)); err != nil {
				t.Fatal(err)
			}
		}
		composed := func() (room.Participant, bool) {
			for _, p := range s.Participants() {
				if p.Kind == room.Composed {
					return p, true
				}
			}
			return room.Participant{}, false
		}
		if _, there := composed(); there {
			t.Fatal("it is there unasked")
		}
		compose(`{"inRoom":true,"renditions":[360]}`)
		p, there := composed()
		if !there || p.Attributes[attributeRole] != "program" || len(p.Publications) != 1 {
			t.Fatalf("%+v", p)
		}
		if pub := p.Publications[0]; pub.Height != 720 || len(pub.Layers) != 2 || pub.Layers[0].RID != "q" || pub.Layers[0].Height != 360 {
			t.Errorf("%+v", pub)
		}
		if info := s.Info(); info.People != 1 {
			t.Errorf("it counts among people: %+v", info)
		}
		if c := s.Composition(); len(c.Sources) != 1 || c.Sources[0].ID != "ada" {
			t.Errorf("it is composed of itself: %+v", c.Sources)
		}
		if err := s.GoLive("ada", ""); err != nil {
			t.Fatal(err)
		}
		if st, err := s.LiveStatus(); err != nil || len(st.Sources) != 1 {
			t.Errorf("on the air: %+v, %v", st.Sources, err)
		}
		compose(`{"height":360,"renditions":[]}`)
		if p, _ := composed(); p.Publications[0].Height != 360 || len(p.Publications[0].Layers) != 1 {
			t.Errorf("of another size: %+v", p.Publications)
		}
		if _, err := s.EndLive(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, there := composed(); !there {
			t.Error("it went with the show")
		}
		compose(`{"inRoom":false}`)
		if _, there := composed(); there || s.composer != nil {
			t.Error("it is still there")
		}
		compose(`{"inRoom":true}`)
		if s.Close(room.LeftRoomDeleted); s.composer != nil {
			t.Error("the composer outlives the room")
		}
	})
}
