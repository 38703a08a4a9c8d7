package studio

import (
	"errors"
	"time"

	"github.com/tuttilive/tutti/internal/room"
)

// ErrUnmute refuses to turn on somebody else's microphone or camera where the operator has not allowed it.
var ErrUnmute = errors.New("only its publisher may unmute a track")

// Remove sends somebody away, also out of a room under this one, and their encoders.
func (s *Studio) Remove(identity string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.removeEncodersOf(identity)
	if p := s.members[identity]; p != nil {
		s.leave(p, room.LeftRemoved)
		found = true
	}
	if _, in := s.groups.breakout.GroupOf(identity); in > 0 {
		s.sendOut(s.groups.breakout.Room(in), identity)
		found = true
	}
	if !found {
		return room.ErrNoParticipant
	}
	s.stageChanged(s.stage.Expel(identity, time.Now()))
	return nil
}

// SetPermission changes what a participant is given. What it may do is that, narrowed or widened by its role on the stage.
func (s *Studio) SetPermission(identity string, perm room.Permission) error {
	return s.change(func() ([]room.Event, error) {
		p := s.members[identity]
		if p == nil {
			return nil, room.ErrNoParticipant
		}
		perm.Hidden = perm.Hidden || p.encoder != nil && p.encoder.waits
		had := hasRole(p.kind, p.grant)
		p.grant = perm
		s.regrant(p, had)
		return s.permit(p), nil
	})
}

// hideTracks keeps what somebody publishes off the air, or puts it on. The caller holds the lock.
func (s *Studio) hideTracks(identity string, hidden bool) {
	for _, entry := range s.tracks {
		if entry.identity != identity || entry.hidden == hidden {
			continue
		}
		entry.hidden = hidden
		switch {
		case s.air == nil || entry.track == nil:
		case hidden:
			s.air.program.Remove(entry.track)
		default:
			s.show(entry)
		}
	}
	if hidden {
		s.speakers.Remove(identity)
	}
}

// Mute mutes a publication of a participant. Unmuting it is for the participant alone, unless the operator allows others to.
func (s *Studio) Mute(identity, sid string, muted bool) error {
	return s.change(func() ([]room.Event, error) {
		if !muted && !s.house.remoteUnmute {
			return nil, ErrUnmute
		}
		return s.setMuted(identity, sid, muted)
	})
}

func (s *Studio) setMuted(identity, sid string, muted bool) ([]room.Event, error) {
	if t := s.tracks[sid]; t != nil && t.lent {
		return nil, room.ErrNotAllowed // it is heard in another room
	}
	events, err := s.room.ChangePublication(identity, sid, func(p *room.Publication) { p.Muted = muted })
	if err != nil {
		return nil, err
	}
	if t := s.tracks[sid]; t != nil && t.track != nil {
		t.track.SetMuted(muted)
		t.pub.Muted = muted
		for _, b := range t.backups {
			b.receiver.Track().SetMuted(muted)
		}
	}
	return events, nil
}

// Update changes a participant's name, metadata or attributes.
func (s *Studio) Update(identity string, name, metadata *string, attributes map[string]string) error {
	return s.change(func() ([]room.Event, error) { return s.update(identity, name, metadata, attributes) })
}

// SetSubscribed tells a participant's door which tracks the participant shall have, or shall not; it is up to the rules of
// their publishers whether it may.
func (s *Studio) SetSubscribed(identity string, trackSIDs []string, subscribed bool) error {
	return s.change(func() ([]room.Event, error) {
		if s.members[identity] == nil {
			return nil, room.ErrNoParticipant
		}
		return []room.Event{room.SubscriptionsSet{Identity: identity, TrackSIDs: trackSIDs, Subscribed: subscribed}}, nil
	})
}
