package compose

import (
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// backlogMax is how many pictures are looked at that a decoder has not given yet: more than are captured within the greatest delay.
const backlogMax = 64

// backlog knows the pictures of a track that have come here, but not out of their decoder, because that was killed and the next one starts, or because the
// machine is slow. Frames wait a moment for them: so a flash keeps to its beep, which a picture that is held would have shown too late. A source that sends
// nothing owes nothing and is not waited for. It belongs to the composer's goroutine.
type backlog struct {
	cursor *media.Cursor[*media.Frame]
	times  []time.Duration // when they were captured
}

// follow looks at another ring.
func (b *backlog) follow(r *media.Ring[*media.Frame]) { b.cursor, b.times = r.Live(), b.times[:0] }

// oldest is when the first picture was captured that is newer than the newest of the decoder, and due; false when there is none.
func (b *backlog) oldest(newest, now time.Duration) (at time.Duration, ok bool) {
	if b.cursor == nil {
		return 0, false
	}
	var batch [8]*media.Frame
	for {
		n, _, _, _ := b.cursor.ReadUntil(batch[:], now)
		if n == 0 {
			break
		}
		for _, f := range batch[:n] {
			b.times = append(b.times, f.PTS)
		}
	}
	b.times = slices.DeleteFunc(b.times, func(at time.Duration) bool { return at <= newest })
	if over := len(b.times) - backlogMax; over > 0 {
		b.times = slices.Delete(b.times, 0, over)
	}
	if len(b.times) == 0 {
		return 0, false
	}
	return slices.Min(b.times), true
}
