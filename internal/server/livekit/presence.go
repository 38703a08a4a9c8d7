package livekit

import (
	"slices"
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio/lkinfo"
)

const (
	// largeRoom is from how many others on what happens to them is gathered before the client is told: when n people come to a
	// room, n times n messages would go out.
	largeRoom = 50
	// publisherDelay and listenerDelay are for how long, for those who publish and for those who only listen. Whoever is seen
	// or heard by the client is told of before the SDP with the tracks in any case. Of those who only listen the session itself
	// hears with a pause, so that nobody's coming wakes hundreds.
	publisherDelay = 200 * time.Millisecond
	listenerDelay  = 1500 * time.Millisecond
	listenerPause  = 500 * time.Millisecond
	// presenceBytes is about how much is told in one message; the rest follows in others, presencePause apart, so that a room
	// full of metadata does not overrun what may wait for a client.
	presenceBytes = 256 << 10
	presencePause = 200 * time.Millisecond
)

// presence collects what is to be told of participants: the newest of each, in the order of their first change.
type presence struct {
	waiting []notice
	places  map[string]int // in waiting, by SID
	// now tells that it is time; else at is when, if anything waits.
	now bool
	at  time.Time
}

// notice is what is known of a participant, who may have left.
type notice struct {
	participant room.Participant
	left        bool
	why         room.LeaveReason
}

// canWait tells whether an event is of no consequence but that the client is told of it some time: in a large room somebody comes,
// changes or goes who publishes nothing. It may be called from any goroutine.
func (s *session) canWait(e room.Event) bool {
	if s.company.Load() < largeRoom {
		return false
	}
	var who *room.Participant
	switch e := e.(type) {
	case room.ParticipantJoined:
		who = &e.Participant
	case room.ParticipantChanged:
		who = &e.Participant
	case room.ParticipantLeft:
		who = &e.Participant
	default:
		return false
	}
	return who.Identity != s.place.identity && len(who.Publications) == 0
}

// presenceDue: what was gathered is to be told. It is void when the time has been moved since.
type presenceDue struct{ at time.Time }

func (n notice) info() *pb.ParticipantInfo {
	if n.left {
		return lkinfo.Departed(n.participant, n.why)
	}
	return lkinfo.Participant(n.participant)
}

// size is about how large the info is, in bytes.
func (n notice) size() int {
	size := 128 + len(n.participant.Metadata) + 256*len(n.participant.Publications)
	for k, v := range n.participant.Attributes {
		size += len(k) + len(v) + 8
	}
	for _, t := range n.participant.DataTracks {
		size += t.Size() + 64
	}
	return size
}

func (p *presence) add(n notice) {
	at, known := p.places[n.participant.SID]
	switch {
	case !known:
		if p.places == nil {
			p.places = map[string]int{}
		}
		p.places[n.participant.SID] = len(p.waiting)
		p.waiting = append(p.waiting, n)
	case p.waiting[at].participant.Version <= n.participant.Version:
		p.waiting[at] = n
	}
}

// take gives as many as one message may carry.
func (p *presence) take() []*pb.ParticipantInfo {
	var infos []*pb.ParticipantInfo
	size, n := 0, 0
	for ; n < len(p.waiting) && (n == 0 || size+p.waiting[n].size() <= presenceBytes); n++ {
		size += p.waiting[n].size()
		infos = append(infos, p.waiting[n].info())
	}
	rest := p.waiting[n:]
	*p = presence{}
	for _, left := range rest {
		p.add(left)
	}
	return infos
}

// tell has the client told of a participant, at once or a little later.
func (s *session) tell(n notice) {
	s.presence.add(n)
	switch publishes := len(n.participant.Publications) > 0; {
	case s.company.Load() < largeRoom || n.participant.SID == s.sid:
		s.presence.now = true
	case publishes:
		s.tellWithin(publisherDelay)
	default:
		s.tellWithin(listenerDelay)
	}
}

// tellBefore tells the client at once what waits if that is of a participant from whom something else comes now: programs
// drop messages of people whom they do not know.
func (s *session) tellBefore(sid string) {
	for !s.ended {
		if _, waits := s.presence.places[sid]; !waits {
			return
		}
		s.sendUpdates()
	}
}

// tellWithin has what waits told when some time has passed, if not before.
func (s *session) tellWithin(d time.Duration) {
	at := time.Now().Add(d)
	if s.presence.at.IsZero() || at.Before(s.presence.at) {
		s.presence.at = at
		s.after(d, presenceDue{at})
	}
}

// sendUpdates tells the client what waits.
func (s *session) sendUpdates() {
	if len(s.presence.waiting) == 0 {
		s.presence.now = false
		return
	}
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_Update{Update: &pb.ParticipantUpdate{Participants: s.presence.take()}}})
	if len(s.presence.waiting) > 0 {
		s.tellWithin(presencePause)
	}
}

// introduce gives those who were there before the client came, or came back, the ones who publish first: as many as fit into one
// message. The others are told of soon after.
func (s *session) introduce(others []room.Participant) []*pb.ParticipantInfo {
	s.company.Store(int32(len(others)))
	slices.SortStableFunc(others, func(a, b room.Participant) int {
		return min(len(b.Publications), 1) - min(len(a.Publications), 1)
	})
	infos, size := make([]*pb.ParticipantInfo, 0, len(others)), 0
	for _, p := range others {
		n := notice{participant: p}
		if size += n.size(); size <= presenceBytes {
			infos = append(infos, n.info())
			continue
		}
		s.presence.add(n)
		s.tellWithin(presencePause)
	}
	return infos
}
