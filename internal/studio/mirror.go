package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/pace"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// asksPerPerson is how often one may ask for something in the audience's vocabulary.
var asksPerPerson = pace.Rate{Burst: 60, Every: time.Second / 20}

var errTooManyAsks = &room.Refusal{Code: "rate_limited", Message: "too many requests: wait a moment"}

// Mirror has what the audience is told given to participants too, who have no connection of their own in the audience, as messages
// that encode makes of an array of events. It is called before anybody comes in.
func (h *House) Mirror(encode func(events []byte) (room.Data, error)) { h.mirror = encode }

// mirror gives a batch to participants. The caller holds the lock.
func (s *Studio) mirror(b talk.Batch) {
	if s.house.mirror == nil || len(s.members) == 0 {
		return
	}
	var all, hosts *room.DataReceived
	for identity, p := range s.members {
		if p.kind == room.Ingest || s.watches(identity) || s.stage.Waits(identity) {
			continue
		}
		message, events := &all, b.All
		if s.stage.RoleOf(identity).Directs() {
			message, events = &hosts, b.Hosts
		}
		if *message == nil {
			if *message = s.mirrored(events); *message == nil {
				return
			}
		}
		p.obs.RoomEvent(**message)
	}
}

// mirrored makes a message of events, nil where that fails.
func (s *Studio) mirrored(events []byte) *room.DataReceived {
	d, err := s.house.mirror(events)
	if err != nil {
		s.log.Error("encoding what the audience is told", "error", err)
		return nil
	}
	return &room.DataReceived{Data: d}
}

// watches tells whether somebody has a connection in the audience. The caller holds the lock.
func (s *Studio) watches(identity string) bool {
	return s.crowd != nil && len(s.crowd.people[identity]) > 0
}

// tellMember tells a participant something that is for them alone. The caller holds the lock.
func (s *Studio) tellMember(identity string, events []byte) {
	p := s.members[identity]
	if p == nil || s.house.mirror == nil || s.crowd == nil || !s.crowd.spoken {
		return
	}
	if message := s.mirrored(events); message != nil {
		p.obs.RoomEvent(*message)
	}
}

// Ask does what the participant asks for in the audience's vocabulary: one request. What became of it is told in the same way.
func (p *Participant) Ask(request []byte) {
	r, err := talk.Decode(request)
	s := p.studio
	s.mu.Lock()
	self, in := s.room.Participant(p.identity)
	if in = in && self.SID == p.sid && !s.closed; in {
		s.gather().spoken = true
		if err == nil && p.asks.Take(asksPerPerson, 1, time.Now()) > 0 {
			err = errTooManyAsks
		}
	}
	actor := Actor{Identity: p.identity, Name: self.Name, Admin: self.Permission.Admin, Mute: !self.Permission.PublishData, Named: !self.Permission.UpdateMetadata, Address: p.network}
	s.mu.Unlock()
	switch {
	case !in:
	case err != nil:
		p.answer(talk.Frame(talk.Reply{Err: err}.Event(r.Type, r.ID)))
	case r.Type == "hello":
		p.welcome(actor)
	default:
		s.Do(actor, r, func(reply talk.Reply) { p.answer(talk.Frame(reply.Event(r.Type, r.ID))) })
	}
}

// welcome tells the participant how the room stands.
func (p *Participant) welcome(a Actor) {
	s := p.studio
	s.mu.Lock()
	you, view := s.you(a), ViewAll
	switch {
	case you.Waiting:
		view = ViewDoor
	case s.directs(a):
		view = ViewHosts
	}
	s.mu.Unlock()
	p.answer(talk.Welcome(you, time.Now(), s.Overview(view)))
}

func (p *Participant) answer(events []byte) {
	p.studio.mu.Lock()
	defer p.studio.mu.Unlock()
	if p.studio.members[p.identity] == p {
		p.studio.tellMember(p.identity, events)
	}
}
