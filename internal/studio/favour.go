package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// favour tells the pictures of somebody who begins or stops to speak, so that they go before others on narrow ways. The
// studio's lock is held.
func (s *Studio) favour(identity string, speaking bool, now time.Duration) {
	for _, t := range s.tracks {
		if t.identity == identity && t.track != nil && t.pub.Kind == media.Video {
			t.track.SetSpeaking(speaking, now)
		}
	}
}
