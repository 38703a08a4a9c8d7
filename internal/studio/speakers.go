package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
)

const (
	// listenInterval is how often the studio looks who speaks. The room is told of changes less often.
	listenInterval = 100 * time.Millisecond
	// choiceInterval is the same while only the loudest are heard: somebody else's first word waits for it.
	choiceInterval = 40 * time.Millisecond
)

// listen finds out who speaks until the studio closes.
func (s *Studio) listen() {
	tick := time.NewTicker(listenInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			crowded := s.crowded
			s.findSpeakers(media.Now())
			if s.crowded && !crowded {
				tick.Reset(choiceInterval)
			} else if crowded && !s.crowded {
				tick.Reset(listenInterval)
			}
		}
	}
}

func (s *Studio) findSpeakers(now time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	voices := 0
	for _, t := range s.tracks {
		if t.receiver == nil || t.pub.Kind != media.Audio || t.track == nil || t.hidden {
			continue
		}
		if t.pub.Source == room.Microphone && !t.track.Muted() {
			voices++
		}
		s.loudness = t.receiver.Loudness(s.loudness[:0])
		if !t.track.Muted() && len(s.loudness) > 0 {
			s.speakers.Hear(t.identity, s.loudness)
		}
	}
	led := s.speakers.Dominant()
	if s.speakers.Look(now) {
		s.favour(led, false, now)
		s.favour(s.speakers.Dominant(), true, now)
	}
	s.chooseLoudest(voices, now)
	s.capPictures(now)
	var changed []room.Speaker
	for _, c := range s.speakers.Changes(now) {
		s.favour(c.ID, c.Level > 0 || c.ID == s.speakers.Dominant(), now)
		speaker := room.Speaker{Identity: c.ID, Level: c.Level}
		if m := s.members[c.ID]; m != nil {
			speaker.SID = m.sid
			changed = append(changed, speaker)
		}
	}
	s.hearLevels(changed)
	if len(changed) > 0 {
		s.emit([]room.Event{room.SpeakersChanged{Speakers: changed}})
	}
}

// chooseLoudest lets through only the loudest of many open microphones. The caller holds the lock.
func (s *Studio) chooseLoudest(voices int, now time.Duration) {
	n := s.house.loudest
	crowded := n > 0 && voices > n
	if !crowded && !s.crowded {
		return
	}
	s.crowded = crowded
	s.loudest.Choose(s.speakers, n, now)
	for _, t := range s.tracks {
		if t.track != nil && t.receiver != nil && t.pub.Source == room.Microphone {
			t.track.SetWithheld(crowded && s.speakers.Known(t.identity) && !s.loudest.Heard(t.identity))
		}
	}
}

// Speakers is how loud each speaks who has been heard in the room, 0 for who does not now, as was told last.
func (p *Participant) Speakers() []room.Speaker {
	s := p.studio
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stage.Waits(p.identity) {
		return nil
	}
	levels := map[string]float32{}
	for _, active := range s.speakers.Active() {
		levels[active.ID] = active.Level
	}
	var all []room.Speaker
	for identity, m := range s.members {
		if s.speakers.Known(identity) {
			all = append(all, room.Speaker{Identity: identity, SID: m.sid, Level: levels[identity]})
		}
	}
	return all
}

// Dominant is the identity of who leads the conversation, or did so last; empty before the first. Unlike the list of
// speakers that the room is told, it changes neither in a pause nor by a cough or a yes.
func (s *Studio) Dominant() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.speakers.Dominant()
}
