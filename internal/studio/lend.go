package studio

import (
	"slices"

	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/program/compose/layout"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/track"
)

// A room in a contest is lent the tracks of the other's host: the very same tracks, published once more by a participant of the
// kind room.Lent. So whoever subscribes, and the program, have them as they have all others. The tracks stay the lender's: they end
// with it, and the borrower neither closes nor mutes them.

// lentPrefix begins the identities of lent participants; the rest is the lender's room.
const lentPrefix = "pk:"

// attributeRoom names the room that a participant was lent by.
const attributeRoom = attributePrefix + "room"

// offered is a track that another room may have.
type offered struct {
	pub   room.Publication
	track *track.Track
}

// deaf hears nothing.
type deaf struct{}

func (deaf) RoomEvent(room.Event) {}

// offer gives what is to be seen and heard of the room's host elsewhere: the host's own tracks, and those of ingests. While they
// are lent their publishers are asked for the largest picture. Without lent it takes that back.
func (s *Studio) offer(lent bool) []offered {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	var all []offered
	host := s.stage.Host()
	for _, p := range s.room.Participants() {
		if p.Identity != host && !s.leads(s.members[p.Identity]) {
			continue
		}
		for _, pub := range p.Publications {
			entry := s.tracks[pub.SID]
			if entry == nil || entry.track == nil || entry.hidden || entry.lent {
				continue
			}
			pub.CID, pub.MID, pub.Backups = "", "", nil
			all = append(all, offered{pub, entry.track})
		}
	}
	for sid, entry := range s.tracks {
		was := entry.lentOut
		entry.lentOut = lent && slices.ContainsFunc(all, func(o offered) bool { return o.pub.SID == sid })
		if was != entry.lentOut {
			entry.kick()
		}
	}
	return all
}

// borrow publishes what another room offers, and nothing else of it.
func (s *Studio) borrow(from, name string, all []offered) {
	identity := lentPrefix + from
	s.mu.Lock()
	p := s.members[identity]
	s.mu.Unlock()
	if p == nil {
		var err error
		p, err = s.enter(room.Join{
			Identity: identity, Name: name, Kind: room.Lent, Permission: room.Permission{Publish: true},
			Attributes: map[string]string{attributeRole: "pk", attributeRoom: from},
			Program:    room.Program{Door: "pk"},
		}, deaf{}, false)
		if err != nil {
			s.log.Warn("the other room's host cannot be shown", "other", from, "error", err)
			return
		}
	}
	if p.kind != room.Lent { // somebody has taken the identity
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	self, ok := s.room.Participant(identity)
	if !ok || s.closed {
		return
	}
	for _, pub := range self.Publications {
		i := slices.IndexFunc(all, func(o offered) bool { return o.pub.SID == pub.SID })
		if i < 0 {
			s.emitIfDone(s.room.Unpublish(identity, pub.SID))
			continue
		}
		if now := all[i].pub; now.Muted != pub.Muted || now.Width != pub.Width || now.Height != pub.Height {
			s.emitIfDone(s.room.ChangePublication(identity, pub.SID, func(p *room.Publication) {
				p.Muted, p.Width, p.Height, p.Layers = now.Muted, now.Width, now.Height, now.Layers
			}))
			s.tracks[pub.SID].pub.Muted, s.tracks[pub.SID].pub.Layers = now.Muted, now.Layers
		}
	}
	for _, o := range all {
		if s.tracks[o.pub.SID] == nil {
			s.publishLent(p, o)
		}
	}
}

// publishLent publishes a track that is somebody else's. The caller holds the lock.
func (s *Studio) publishLent(p *Participant, o offered) {
	entry := s.expect(p, o.pub)
	entry.track, entry.lent = o.track, true
	events, err := s.room.Publish(p.identity, o.pub)
	if err != nil {
		s.log.Warn("a lent track is not published", "participant", p.identity, "track", o.pub.SID, "error", err)
		s.dropTrack(o.pub.SID)
		return
	}
	s.emit(events)
	s.work.Go(func() { s.watchTrack(p, entry) })
	if s.air != nil {
		s.show(entry)
	}
}

// faceOff puts the two hosts of a contest side by side, the own one left, unless this room's host has chosen a layout that is not for any
// number of people. The caller holds the lock.
func (s *Studio) faceOff(list []compose.Source, c compose.Settings) ([]compose.Source, compose.Settings) {
	const own, lent, other = 0, 1, 2
	host, there := s.stage.Host(), [3]bool{}
	rank := func(src compose.Source) int {
		p := s.members[src.Identity]
		switch {
		case src.Screen || p == nil:
			return other
		case p.kind == room.Lent:
			return lent
		case src.Identity == host || s.leads(p):
			return own
		}
		return other
	}
	for _, src := range list {
		there[rank(src)] = true
	}
	if !there[own] || !there[lent] || c.Layout != layout.Auto && c.Layout != layout.Grid {
		return list, c
	}
	slices.SortStableFunc(list, func(a, b compose.Source) int { return rank(a) - rank(b) })
	for i := range list {
		list[i].Seat = 0 // which would order them
	}
	c.Layout = layout.Side
	return list, c
}

// giveBack ends what another room has lent.
func (s *Studio) giveBack(from string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.members[lentPrefix+from]; p != nil && p.kind == room.Lent && !s.closed {
		s.leave(p, room.LeftByItself)
	}
}
