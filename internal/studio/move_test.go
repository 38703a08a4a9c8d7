package studio

import (
	"testing"

	"github.com/tuttilive/tutti/internal/room"
)

// TestWhatEndsBeforeItReturnsIsToldOf: who heard that it comes anew in another codec waits for it.
func TestWhatEndsBeforeItReturnsIsToldOf(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		ann, bob := enter(t, h, "ann", nil), enter(t, h, "bob", nil)
		s := ann.Studio()
		for sid, returns := range map[string]bool{"TR_1": true, "TR_2": false} {
			s.mu.Lock()
			s.expect(ann, picture(sid)).returns = returns
			s.mu.Unlock()
			if err := ann.Unpublish(sid); err != nil {
				t.Fatal(err)
			}
			if bob.obs.(*heard).any(func(e room.Event) bool { return e == room.PublicationLapsed{SID: sid} }) != returns {
				t.Errorf("returns: %v", returns)
			}
		}
	})
}
