package studio

import (
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

const (
	// previewSeconds is for how long somebody who was let up sees themselves before the others do.
	previewSeconds = 5
	// handsEvery is how often everybody is told how the stage is, and the others with raised hands where they stand, when nothing but raised hands and
	// invitations have changed: all of an audience may raise hands at once.
	handsEvery = 500 * time.Millisecond
)

// tellStage tells the audience what happened on the stage: everybody how it is now, and those whom it is about what it means for
// them. The caller holds the lock, and somebody hears.
func (s *Studio) tellStage(e room.StageChanged) {
	c := s.crowd
	onlyHands := !slices.ContainsFunc(e.Happened, func(h stage.Happening) bool { return !ofHands(h.What) })
	for _, h := range e.Happened {
		s.tellPerson(h)
	}
	switch {
	case !onlyHands:
		s.tell(talk.Stage{Snapshot: e.Stage})
		s.tellPositions(e.Stage.Queue)
	case c.handsLater == nil:
		c.handsLater = time.AfterFunc(handsEvery, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			c.handsLater = nil
			if s.closed {
				return
			}
			now := s.stage.Snapshot()
			s.tellInTurn(talk.Stage{Snapshot: now})
			s.tellPositions(now.Queue)
		})
	}
}

// tellPositions tells those with raised hands whose position is another now. The caller holds the lock.
func (s *Studio) tellPositions(queue []stage.Request) {
	for i, r := range queue {
		for _, a := range s.crowd.people[r.Identity] {
			if a.position != i+1 {
				s.tellYou(a)
			}
		}
	}
}

func ofHands(w stage.What) bool {
	switch w {
	case stage.HandRaised, stage.HandLowered, stage.InvitationMade, stage.InvitationEnded:
		return true
	}
	return false
}

// tellPerson tells somebody in the audience what has happened to them. The caller holds the lock.
func (s *Studio) tellPerson(h stage.Happening) {
	id := h.Person.Identity
	ears := s.crowd.people[id]
	if h.What == stage.MediaChanged || len(ears) == 0 && s.members[id] == nil {
		return
	}
	switch h.What {
	case stage.Banned:
		s.sendOff(id, talk.Banned{Until: h.Until}, "banned")
		return
	case stage.TurnedAway:
		s.sendOff(id, talk.Bye{Reason: "turned_away"}, "turned_away")
		return
	case stage.Renamed:
		for _, a := range ears {
			a.name = h.Person.Name
		}
	case stage.SeatTaken:
		s.promote(id)
	case stage.RoleChanged:
		switch {
		case h.Role == stage.Cohost && len(ears) > 0 && !ears[0].claims.Video.RoomAdmin:
			s.promote(id)
		case h.Role == stage.Audience:
			s.tellOne(id, talk.Demoted{Reason: h.Reason})
		}
	case stage.SeatLeft:
		if !s.stage.RoleOf(id).OnStage() {
			s.tellOne(id, talk.Demoted{Reason: h.Reason})
		}
	case stage.InvitationMade:
		e := talk.Invited{Seat: h.Seat, Until: h.Until}
		if h.By.Identity != "" {
			by := talk.Person(h.By)
			e.By = &by
		}
		s.tellOne(id, e)
	case stage.InvitationEnded:
		s.tellOne(id, talk.Uninvited{Reason: h.Reason})
	}
	if len(ears) == 0 {
		self, _ := s.room.Participant(id)
		s.tellOne(id, s.you(Actor{Identity: id, Name: self.Name}))
	}
	for _, a := range ears {
		if waits, directs := s.stage.Waits(id), s.directs(a.actor()); waits != a.waited || directs != a.directed {
			a.waited, a.directed = waits, directs
			a.ear.Refresh()
		}
		s.tellYou(a)
	}
}

// tellYou tells one connection what its person is now. The caller holds the lock.
func (s *Studio) tellYou(a *Attendee) {
	you := s.you(a.actor())
	a.position = you.Position
	a.ear.Tell(talk.Frame(talk.Encode(you)))
}

// promote gives somebody the token with which they join the room, on all their connections. The caller holds the lock.
func (s *Studio) promote(identity string) {
	for _, a := range s.crowd.people[identity] {
		s.letUp(a)
	}
}

// letUp is promote for one connection. The caller holds the lock.
func (s *Studio) letUp(a *Attendee) {
	identity := a.claims.Identity
	token, err := s.house.TicketToStay(a.letUp())
	if err != nil {
		s.log.Error("making a token for somebody who was let up", "participant", identity, "error", err)
		return
	}
	a.ear.Tell(talk.Frame(talk.Encode(talk.Promoted{Token: token, URL: a.url, Seat: s.stage.SeatOf(identity), Preview: previewSeconds})))
}

// letUp are the claims with which somebody who was let up joins the room: their own, seen by all, and where there is a stage the right to publish,
// which counts for as long as their role does. Who watches by a link gets what a link for guests gives. The caller holds the studio's lock.
func (a *Attendee) letUp() auth.Claims {
	claims := a.own()
	claims.Name, claims.Video.RoomJoin = a.name, true
	claims.Video.Hidden, claims.Video.Recorder, claims.Video.Agent = false, false, false
	if a.studio.scene.HasStage() {
		claims.Video.CanPublish, claims.Video.CanPublishSources = nil, nil
	}
	return withRole(claims)
}

// Welcomed lets somebody up again who may be on the stage and does not take part: the page that was told so is gone, and this one has come in its
// place. Hosts by a key of their own join with that.
func (a *Attendee) Welcomed() {
	s, identity := a.studio, a.claims.Identity
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.inPerson(identity) != nil {
		return
	}
	if role := s.stage.RoleOf(identity); role == stage.Speaker || role.Directs() && !a.claims.Video.RoomAdmin {
		s.letUp(a)
	}
}

// sendOff ends all connections of somebody. The caller holds the lock.
func (s *Studio) sendOff(identity string, e talk.Event, code string) {
	farewell := talk.Frame(talk.Encode(e))
	for _, a := range s.crowd.people[identity] {
		a.ear.Cut(farewell, code)
	}
}
