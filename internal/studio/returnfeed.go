package studio

import (
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/room"
)

// The composed picture can be had in the room, too: as a camera of a participant that is nobody (room.Composed), published only when the
// host wants it so. Nobody gets it unasked. A weak device asks for it and for sounds instead of everybody's pictures; it costs nothing
// while nobody does, and no second encoder while the program is watched.

// composedIdentity is that participant's; its role is "program".
const composedIdentity = "program:composed"

// followComposition publishes the composed picture into the room, or takes it back. The caller holds the lock.
func (s *Studio) followComposition() {
	p := s.members[composedIdentity]
	on := s.composition.InRoom && !s.closed
	switch {
	case p != nil && p.kind != room.Composed: // somebody has taken the identity
	case on && p == nil:
		s.publishComposed()
	case on:
		s.describeComposed(p)
	case p != nil:
		s.leave(p, room.LeftByItself)
		s.closeIdleComposer(nil)
	}
}

func (s *Studio) publishComposed() {
	c := s.neededComposer()
	if c == nil {
		return // nothing can be composed here, which the composition says
	}
	p, err := s.join(room.Join{
		Identity: composedIdentity, Name: "Program", Kind: room.Composed, Permission: room.Permission{Publish: true},
		Attributes: map[string]string{attributeRole: "program"}, Program: room.Program{Door: "program"},
	}, nil, deaf{}, false)
	if err != nil {
		s.log.Warn("the composed picture is not published into the room", "error", err)
		return
	}
	pub := room.Publication{SID: c.Output().Info().ID, Kind: media.Video, Source: room.Camera, Codec: media.H264, Name: "program"}
	describe(&pub, s.composition)
	s.publishLent(p, offered{pub, c.Output()})
}

// describeComposed tells of another size.
func (s *Studio) describeComposed(p *Participant) {
	self, _ := s.room.Participant(p.identity)
	for _, pub := range self.Publications {
		now := pub
		if describe(&now, s.composition); now.Width == pub.Width && now.Height == pub.Height && len(now.Layers) == len(pub.Layers) {
			continue
		}
		s.emitIfDone(s.room.ChangePublication(p.identity, pub.SID, func(p *room.Publication) { describe(p, s.composition) }))
		describe(&s.tracks[pub.SID].pub, s.composition)
	}
}

// describe fills in the sizes of a composed picture.
func describe(pub *room.Publication, c compose.Settings) {
	sizes := c.Sizes()
	largest := sizes[len(sizes)-1]
	pub.Width, pub.Height, pub.Layers = largest.Width, largest.Height, nil
	for i, size := range sizes {
		layer := room.PublishedLayer{Quality: uint8(i), Width: size.Width, Height: size.Height}
		if i < len(sizes)-1 {
			layer.RID = compose.RIDs[i]
		}
		if i == len(sizes)-1 {
			layer.Quality = highest
		}
		pub.Layers = append(pub.Layers, layer)
	}
}
