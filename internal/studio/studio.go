package studio

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/breakout"
	"github.com/tuttilive/tutti/internal/room/pace"
	"github.com/tuttilive/tutti/internal/room/pk"
	"github.com/tuttilive/tutti/internal/room/scenes"
	"github.com/tuttilive/tutti/internal/room/songs"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/sfu"
	"github.com/tuttilive/tutti/internal/track"
)

var errStudioClosed = errors.New("studio: closed")

// Studio is one running room. The house opens it for the first participant, or before; it closes itself some time after
// the last one left, or when nobody comes (room.Settings).
type Studio struct {
	house *House
	name  string
	log   *slog.Logger

	mu       sync.Mutex
	room     *room.Room
	members  map[string]*Participant // by identity
	insiders map[string]time.Time    // who was there when somebody created the room around them, and when they left last
	tracks   map[string]*published   // by track SID
	air      *air                    // what is on the air, nil when nothing is
	// composition is how its pictures are put together, levels how loud each is.
	composition compose.Settings
	arranged    bool            // somebody has chosen how
	unread      map[string]bool // images that the room had before a restart, until each is read
	recalling   bool            // they are being read
	// composer is nil while nobody needs one.
	composer *compose.Composer
	levels   map[string]float64
	vacancy  *time.Timer // ends the show, or the room, when everybody stays away
	arriving bool        // an encoder takes the place of others at this moment
	closed   bool
	recorded bool // the server records the program

	crowd *crowd // nil while there never was an audience
	lesson
	memory memory
	lineup lineup

	songs    songs.Songs
	groups   groups
	annex    *annex        // nil but for rooms under another one
	fromMain breakout.View // how the groups are, as the main room has told
	mainTold bool          // the main room looks at this one soon
	relaying sync.Mutex    // held while groups are told, or looked into; taken before any studio's lock

	listeners  map[string]Observer // by a name that is nobody's identity
	departures []Departure         // the first first
	scene      *scenes.Scene
	stage      *stage.Stage
	curtain    *time.Timer          // when something on the stage has had its time
	rising     map[string]time.Time // until when a picture is counted on, by identity
	asks       pace.People          // what everybody is told of (restless)
	callers    pace.People          // what those ask for who have no connection (Caller)
	contest    *pk.View             // with another room, nil when there is none
	arenaTold  bool                 // it looks at the contest soon
	returning  *returning           // an interrupted show that may go on, nil when there is none

	changed  chan struct{} // closed and replaced when somebody comes, goes or changes
	speakers *sfu.Speakers
	loudness []sfu.Loudness // scratch space
	loudest  sfu.Loudest
	crowded  bool // only the loudest are heard
	lastN    lastN
	known    *RoomInfo      // what info tells, nil after an event
	stop     chan struct{}  // ends the goroutine that looks for speakers
	work     sync.WaitGroup // all goroutines; none is started after the studio has closed
}

// newStudio runs a room; the caller has made sure that there is no other of its name.
func newStudio(h *House, r *room.Room, scene *scenes.Scene) *Studio {
	s := &Studio{
		scene: scene, stage: stage.New(scene.Rules()),
		house: h, name: r.Name, log: h.log.With("room", r.Name), room: r,
		members: map[string]*Participant{}, tracks: map[string]*published{}, listeners: map[string]Observer{}, rising: map[string]time.Time{},
		changed: make(chan struct{}), speakers: sfu.NewSpeakers(), stop: make(chan struct{}), composition: h.initialComposition(scene),
	}
	s.work.Go(s.listen)
	s.work.Go(s.gradeAll)
	s.tellWitnesses(room.RoomOpened{})
	return s
}

// Observer hears what happens in a room, as one of its participants may know it. It is called with the studio's lock held: it must not block or call back.
type Observer interface{ RoomEvent(e room.Event) }

// RoomInfo describes a running room.
type RoomInfo struct {
	Name, SID string
	// Scene names what kind of room it is.
	Scene     string
	CreatedAt time.Time
	room.Settings
	Participants int
	// People are the participants who are no ingests.
	People     int
	Publishers int
	// Recorded tells that the room's program is being recorded, or that a recorder takes part, hidden or not.
	Recorded bool
	Live     room.Live
}

// Info describes the room at the moment.
func (s *Studio) Info() RoomInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info()
}

func (s *Studio) info() RoomInfo {
	if s.known == nil {
		i := s.count()
		s.known = &i
	}
	return *s.known
}

// count finds out anew what info keeps until the next event: everybody in a large room asks for it after each.
func (s *Studio) count() RoomInfo {
	i := RoomInfo{
		Name: s.room.Name, SID: s.room.SID, Scene: s.scene.Name, CreatedAt: s.room.CreatedAt, Settings: s.room.Settings, Live: s.room.Live(),
		Recorded: s.recorded,
	}
	for _, p := range s.room.Participants() {
		i.Recorded = i.Recorded || p.Permission.Recorder || p.Kind == room.Recorder
		if p.Permission.Hidden {
			continue
		}
		i.Participants++
		if p.Kind != room.Ingest && !p.Kind.OfServer() {
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

// Participant is a snapshot of one, hidden or not; room.ErrNoParticipant when nobody has the identity.
func (s *Studio) Participant(identity string) (room.Participant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.room.Participant(identity); ok {
		return p, nil
	}
	return room.Participant{}, room.ErrNoParticipant
}

// enter joins the room; opened tells that it was opened for this.
func (s *Studio) enter(j room.Join, obs Observer, opened bool) (*Participant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.join(j, nil, obs, opened)
	if err == nil {
		s.followComposition()
	}
	return p, err
}

// join is enter for a caller that holds the lock; e is nil but for encoders.
func (s *Studio) join(j room.Join, e *encoder, obs Observer, opened bool) (*Participant, error) {
	if s.closed {
		return nil, errStudioClosed
	}
	visited, grant := s.room.Visited(), j.Permission
	happened, err := s.comeToStage(&j, e)
	var self room.Participant
	var events []room.Event
	if err == nil {
		self, events, err = s.room.Join(j, time.Now())
	}
	if err != nil {
		s.emit(events)
		s.settle()
		if opened && len(s.members) == 0 { // only for somebody who was not let in
			s.close(room.LeftRoomClosed)
		}
		return nil, fmt.Errorf("joining room %q: %w", s.name, err)
	}
	if visited != s.room.Visited() {
		s.keepRoom()
	}
	replaced := s.members[j.Identity]
	s.emit(events[:len(events)-1]) // the one who had this identity before hears that it left
	p := &Participant{
		studio: s, identity: j.Identity, sid: self.SID, kind: j.Kind, network: j.Network, grant: grant, obs: obs, clock: track.NewClockGroup(),
		subscriptions: map[*Subscription]struct{}{}, encoder: e,
	}
	s.members[j.Identity] = p
	s.recallImages()
	if replaced != nil {
		s.dropTracksOf(replaced)
		replaced.gone()
	}
	s.emit(events[len(events)-1:])
	if j.Kind == room.Ingest || j.Kind.OfServer() { // it comes over the connection that brings its media
		s.emit(s.room.Connect(j.Identity))
	}
	if replaced != nil && !hasRole(p.kind, p.grant) { // who had a role has gone, whoever came under their identity
		s.leaveStage(replaced, room.LeftDuplicate)
	}
	s.stageChanged(happened)
	s.settle()
	s.tryReturn()
	s.log.Info("participant joined", "participant", j.Identity, "kind", j.Kind)
	return p, nil
}

// emit tells everybody who may know. The caller holds the lock.
func (s *Studio) emit(events []room.Event) {
	s.known = nil
	if slices.ContainsFunc(events, changesStatus) {
		close(s.changed)
		s.changed = make(chan struct{})
	}
	for _, e := range events {
		if gone, ok := e.(room.PublicationRemoved); ok {
			s.log.Info("track ended", "participant", gone.Participant.Identity, "track", gone.Publication.SID)
			s.dropTrack(gone.Publication.SID)
		}
		s.tellMembers(e)
		s.noteDeparture(e)
		s.noteAttendance(e)
		s.tellAudience(e)
		s.tellListeners(e)
		s.tellWitnesses(e)
	}
	s.followMedia(events)
	s.followGroups(events)
	s.tellMain(events)
	s.tellArena(events)
	if slices.ContainsFunc(events, changesStage) {
		s.restage()
	}
}

// changesStage tells apart what changes nothing of what viewers see.
func changesStage(e room.Event) bool {
	_, quality := e.(room.QualitiesChanged)
	return quality || changesStatus(e)
}

// tellMembers tells those who may know. A message takes as long as its list of receivers, which a stranger has written: not that
// long for each member. The caller holds the lock.
func (s *Studio) tellMembers(e room.Event) {
	if d, ok := e.(room.DataReceived); ok && len(d.Data.To) > 0 {
		for _, identity := range d.Data.To {
			if m := s.members[identity]; m != nil && m.mayHear(e) {
				m.obs.RoomEvent(e)
			}
		}
		return
	}
	for _, m := range s.members {
		if m.mayHear(e) {
			m.obs.RoomEvent(e)
		}
	}
}

// changesStatus tells apart what happens often and changes nothing of who is there.
func changesStatus(e room.Event) bool {
	switch e.(type) {
	case room.SpeakersChanged, room.QualitiesChanged, room.DataReceived, room.SubscriptionsSet:
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
	s.noteAway(p.identity)
	if p.encoder != nil {
		s.noteAway(p.encoder.holder())
	}
	s.dropTracksOf(p)
	s.speakers.Remove(p.identity)
	p.gone()
	s.log.Info("participant left", "participant", p.identity, "reason", why)
	s.leaveStage(p, why)
	s.forgetEncoder(p)
	s.settle()
}

// emitLast tells everybody in the room, with one event, that it ends, and witnesses of each who leaves with it. The caller
// holds the lock.
func (s *Studio) emitLast(why room.LeaveReason) {
	closed := room.RoomClosed{Reason: why}
	close(s.changed)
	s.changed = make(chan struct{})
	for _, m := range s.members {
		m.obs.RoomEvent(closed)
	}
	for _, p := range s.room.Participants() {
		s.known = nil
		gone, err := s.room.Leave(p.Identity, why)
		if err != nil {
			s.log.Error("leaving a room that ends", "participant", p.Identity, "error", err)
		}
		for _, e := range gone {
			s.tellWitnesses(e)
		}
	}
	s.tellWitnesses(closed)
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
	s.breakOffContest(why)
	switch {
	case why == room.LeftServerShutdown:
		s.interrupt()
		s.keepNow()
	case s.air != nil:
		s.endLive()
	case s.returning != nil:
		s.endReturning()
	}
	if why != room.LeftServerShutdown {
		s.forgetAll()
	}
	s.emitLast(why)
	s.disperse(why.String())
	for _, m := range s.members {
		m.gone()
	}
	s.members = map[string]*Participant{}
	for sid := range s.tracks {
		s.dropTrack(sid)
	}
	s.closeIdleComposer(nil)
	s.occupy()
	s.closeGroupRooms(why)
	s.tellMain([]room.Event{room.RoomClosed{}})
	s.tellArena([]room.Event{room.RoomClosed{}})
	if s.curtain != nil {
		s.curtain.Stop()
	}
	for _, t := range []*time.Timer{s.lineup.look, s.lineup.expiry, s.rollEnds} {
		if t != nil {
			t.Stop()
		}
	}
	close(s.stop)
	s.house.forget(s) // nobody who holds the house's lock waits for ours
	s.log.Info("room closed")
}

// SetMetadata changes the room's metadata.
func (s *Studio) SetMetadata(metadata string) error {
	return s.change(func() ([]room.Event, error) {
		events, err := s.room.SetMetadata(metadata)
		if err == nil {
			s.keepRoom()
		}
		return events, err
	})
}

// SetRecorded tells everybody whether the server records what is on the air. Where it does not any more, though it should, failure is an English
// sentence that hosts are warned with until the server records again or the show ends.
func (s *Studio) SetRecorded(on bool, failure string) error {
	return s.change(func() ([]room.Event, error) {
		if s.air != nil {
			s.air.unrecorded = failure
		}
		if s.recorded == on {
			return nil, nil
		}
		s.recorded = on
		return []room.Event{room.RoomChanged{Metadata: s.room.Settings.Metadata}}, nil
	})
}

// Send gives a message of the server to participants.
func (s *Studio) Send(d room.Data) error {
	d.To = distinct(d.To)
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
