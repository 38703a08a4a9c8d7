package studio

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/sfu"
	"github.com/tuttilive/tutti/internal/track"
)

var errStudioClosed = errors.New("studio: closed")

// Studio is one running room. The house opens it for the first participant; it closes itself after the last one left,
// or, when the room is live, some time after.
type Studio struct {
	house *House
	name  string
	log   *slog.Logger

	mu      sync.Mutex
	room    *room.Room
	members map[string]*Participant // by identity
	tracks  map[string]*published   // by track SID
	air     *air                    // what is on the air, nil when nothing is
	away    *time.Timer             // ends the show when everybody stays away
	closed  bool

	returning *returning // an interrupted show that may go on, nil when there is none

	changed  chan struct{} // closed and replaced when somebody comes, goes or changes
	speakers *sfu.Speakers
	stop     chan struct{}  // ends the goroutine that looks for speakers
	work     sync.WaitGroup // all goroutines; none is started after the studio has closed
}

func newStudio(h *House, r *room.Room) *Studio {
	s := &Studio{
		house: h, name: r.Name, log: h.log.With("room", r.Name), room: r,
		members: map[string]*Participant{}, tracks: map[string]*published{},
		changed: make(chan struct{}), speakers: sfu.NewSpeakers(), stop: make(chan struct{}),
	}
	s.work.Go(s.listen)
	return s
}

// Observer hears what happens in a room. It is called with the studio's lock held: it must not block or call back.
type Observer interface{ RoomEvent(e room.Event) }

// RoomInfo describes a running room.
type RoomInfo struct {
	Name, SID, Metadata string
	CreatedAt           time.Time
	Participants        int
	// People are the participants who are no ingests.
	People          int
	Publishers      int
	MaxParticipants int
	Live            room.Live
}

// Info describes the room at the moment.
func (s *Studio) Info() RoomInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info()
}

func (s *Studio) info() RoomInfo {
	i := RoomInfo{
		Name: s.room.Name, SID: s.room.SID, Metadata: s.room.Metadata, CreatedAt: s.room.CreatedAt,
		MaxParticipants: s.room.MaxParticipants, Live: s.room.Live(),
	}
	for _, p := range s.room.Participants() {
		if p.Permission.Hidden {
			continue
		}
		i.Participants++
		if p.Kind != room.Ingest {
			i.People++
		}
		if len(p.Publications) > 0 {
			i.Publishers++
		}
	}
	return i
}

// Participants are snapshots of all participants, hidden ones too.
func (s *Studio) Participants() []room.Participant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room.Participants()
}

func (s *Studio) enter(j room.Join, obs Observer) (*Participant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errStudioClosed
	}
	self, events, err := s.room.Join(j, time.Now())
	if err != nil {
		s.emit(events)
		s.settle()
		return nil, fmt.Errorf("joining room %q: %w", s.name, err)
	}
	replaced := s.members[j.Identity]
	s.emit(events[:len(events)-1]) // the one who had this identity before hears that it left
	p := &Participant{
		studio: s, identity: j.Identity, sid: self.SID, kind: j.Kind, obs: obs, clock: track.NewClockGroup(),
		subscriptions: map[*Subscription]struct{}{},
	}
	for _, other := range s.room.Participants() {
		if other.SID != self.SID && !other.Permission.Hidden {
			p.others = append(p.others, other)
		}
	}
	s.members[j.Identity] = p
	if replaced != nil {
		s.dropTracksOf(replaced)
		replaced.gone()
	}
	s.emit(events[len(events)-1:])
	s.settle()
	s.tryReturn()
	s.log.Info("participant joined", "participant", j.Identity, "kind", j.Kind)
	return p, nil
}

// emit tells everybody who may know. The caller holds the lock.
func (s *Studio) emit(events []room.Event) {
	if slices.ContainsFunc(events, changesStatus) {
		close(s.changed)
		s.changed = make(chan struct{})
	}
	for _, e := range events {
		if gone, ok := e.(room.PublicationRemoved); ok {
			s.dropTrack(gone.Publication.SID)
		}
		for _, m := range s.members {
			if m.mayHear(e) {
				m.obs.RoomEvent(e)
			}
		}
	}
}

// changesStatus tells apart what happens often and changes nothing of who is there.
func changesStatus(e room.Event) bool {
	switch e.(type) {
	case room.SpeakersChanged, room.DataReceived:
		return false
	}
	return true
}

// leave removes a participant. The caller holds the lock.
func (s *Studio) leave(p *Participant, why room.LeaveReason) {
	if s.members[p.identity] != p {
		return
	}
	events, err := s.room.Leave(p.identity, why)
	if err != nil {
		return
	}
	s.emit(events)
	delete(s.members, p.identity)
	s.dropTracksOf(p)
	s.speakers.Remove(p.identity)
	p.gone()
	s.log.Info("participant left", "participant", p.identity, "reason", why)
	s.settle()
}

// settle follows who is there now: a studio without anybody closes; a show without anybody that it is for gets some time
// for its people to come back. The caller holds the lock.
func (s *Studio) settle() {
	switch {
	case s.closed:
	case s.attended():
		if s.away != nil {
			s.away.Stop()
			s.away = nil
		}
	case s.returning != nil:
	case s.air == nil:
		s.close(room.LeftRoomClosed)
	case s.away == nil:
		var timer *time.Timer
		timer = time.AfterFunc(s.house.awayGrace, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.away == timer { // else it was stopped too late
				s.giveUp()
			}
		})
		s.away = timer
	}
}

// attended tells that there is somebody whom the room is kept open for. A show that an ingest began is for ingests: it
// must not go on with the people in the room when the ingest has ended.
func (s *Studio) attended() bool {
	return slices.ContainsFunc(s.room.Participants(), func(p room.Participant) bool {
		return s.air == nil || !s.air.byIngest || p.Kind == room.Ingest
	})
}

// giveUp ends a show whose people stayed away. The caller holds the lock.
func (s *Studio) giveUp() {
	s.away = nil
	if s.air != nil {
		s.endLive()
	}
	s.settle()
}

// Close ends the room for everybody.
func (s *Studio) Close(why room.LeaveReason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close(why)
}

func (s *Studio) close(why room.LeaveReason) {
	if s.closed {
		return
	}
	s.closed = true
	switch {
	case why == room.LeftServerShutdown:
		s.interrupt()
	case s.air != nil:
		s.endLive()
	case s.returning != nil:
		s.endReturning()
	}
	s.emit([]room.Event{room.RoomClosed{Reason: why}})
	for _, m := range s.members {
		m.gone()
	}
	s.members = map[string]*Participant{}
	for sid := range s.tracks {
		s.dropTrack(sid)
	}
	if s.away != nil {
		s.away.Stop()
	}
	close(s.stop)
	s.house.forget(s) // nobody who holds the house's lock waits for ours
	s.log.Info("room closed")
}

// SetMetadata changes the room's metadata.
func (s *Studio) SetMetadata(metadata string) error {
	return s.change(func() ([]room.Event, error) { return s.room.SetMetadata(metadata) })
}

// Remove sends a participant away.
func (s *Studio) Remove(identity string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.members[identity]
	if !ok {
		return room.ErrNoParticipant
	}
	s.leave(p, room.LeftRemoved)
	return nil
}

// SetPermission changes what a participant may do.
func (s *Studio) SetPermission(identity string, perm room.Permission) error {
	return s.change(func() ([]room.Event, error) { return s.room.SetPermission(identity, perm) })
}

// Mute mutes or unmutes a publication of a participant.
func (s *Studio) Mute(identity, sid string, muted bool) error {
	return s.change(func() ([]room.Event, error) { return s.setMuted(identity, sid, muted) })
}

// Update changes a participant's name, metadata or attributes.
func (s *Studio) Update(identity string, name, metadata *string, attributes map[string]string) error {
	return s.change(func() ([]room.Event, error) { return s.room.Update(identity, name, metadata, attributes) })
}

// Send gives a message of the server to participants.
func (s *Studio) Send(d room.Data) error {
	return s.change(func() ([]room.Event, error) { return []room.Event{room.DataReceived{Data: d}}, nil })
}

// change runs a change of the room's state and tells what it caused.
func (s *Studio) change(f func() ([]room.Event, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrNoRoom
	}
	events, err := f()
	s.emit(events)
	return err
}

func (s *Studio) setMuted(identity, sid string, muted bool) ([]room.Event, error) {
	events, err := s.room.ChangePublication(identity, sid, func(p *room.Publication) { p.Muted = muted })
	if err != nil {
		return nil, err
	}
	if t := s.tracks[sid]; t != nil && t.track != nil {
		t.track.SetMuted(muted)
	}
	return events, nil
}
