package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
)

// speakersInterval is how often the room is told who speaks.
const speakersInterval = 400 * time.Millisecond

// listen finds out who speaks until the studio closes.
func (s *Studio) listen() {
	tick := time.NewTicker(speakersInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.findSpeakers(media.Now())
		}
	}
}

func (s *Studio) findSpeakers(now time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tracks {
		if t.receiver == nil || t.pub.Kind != media.Audio || t.track == nil || t.hidden {
			continue
		}
		level := t.receiver.Level()
		if t.track.Muted() {
			level = 0
		}
		s.speakers.Observe(t.identity, level, now)
	}
	var changed []room.Speaker
	for _, c := range s.speakers.Changes(now) {
		s.favour(c.ID, c.Level > 0, now)
		speaker := room.Speaker{Identity: c.ID, Level: c.Level}
		if m := s.members[c.ID]; m != nil {
			speaker.SID = m.sid
			changed = append(changed, speaker)
		}
	}
	if len(changed) > 0 {
		s.emit([]room.Event{room.SpeakersChanged{Speakers: changed}})
	}
}
