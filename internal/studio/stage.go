package studio

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/scenes"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// Attributes of participants that the server sets, so that any client can show who is who. Clients cannot set any that begin
// with attributePrefix.
const (
	attributePrefix = "tutti."
	attributeRole   = attributePrefix + "role"
	attributeSeat   = attributePrefix + "seat"
)

// Scenes are the kinds of rooms that there are.
func (h *House) Scenes() *scenes.Set { return h.scenes }

// sceneOf is the scene of a room, the default one where its policy cannot be read or names one that is gone.
func (h *House) sceneOf(roomName string) *scenes.Scene {
	name := scenes.Default
	if h.rooms != nil {
		policy, _, err := h.rooms.Find(roomName)
		if err != nil {
			h.log.Error("reading a room's scene", "room", roomName, "error", err)
		}
		name = policy.Scene
	}
	scene, ok := h.scenes.Find(name)
	if !ok {
		h.log.Warn("a room's scene is gone: it is run as others are", "room", roomName, "scene", name)
		scene, _ = h.scenes.Find(scenes.Default)
	}
	return scene
}

// SceneOf is the scene of a room, whether it is open or not.
func (h *House) SceneOf(roomName string) *scenes.Scene {
	if s, err := h.Studio(roomName); err == nil {
		return s.scene
	}
	return h.sceneOf(roomName)
}

// Scene is the kind of room that this is.
func (s *Studio) Scene() *scenes.Scene { return s.scene }

// Stage is how the stage is at the moment, with all that hosts may know.
func (s *Studio) Stage() stage.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stage.Snapshot()
}

// Inside refuses those who must not know what goes on behind a closed door: whoever has not been let in, and a link alone does not say who shows it.
func (s *Studio) Inside(who auth.Claims) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if who.Video.RoomAdmin {
		return nil
	}
	return s.stage.Inside(who.Identity)
}

// Standing is what the stage knows of one person.
type Standing struct {
	Role stage.Role
	// Seat counts from 1, as Position among the raised hands does; 0 for none.
	Seat, Position int
	Silenced       bool
	Muted          bool
	// Waits tells that somebody must be let in first.
	Waits bool
	// Invitation is nil for those who are not invited.
	Invitation *stage.Invitation
}

// Standing is what the stage knows of somebody, also of those who are not there.
func (s *Studio) Standing(identity string) Standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Standing{
		Role: s.stage.RoleOf(identity), Seat: s.stage.SeatOf(identity), Position: s.stage.Position(identity),
		Silenced: s.stage.Silenced(identity), Muted: s.stage.Muted(identity), Waits: s.stage.Waits(identity),
	}
	if i, ok := s.stage.Invited(identity); ok {
		st.Invitation = &i
	}
	return st
}

// RoleOf is somebody's role, stage.Audience for those who are not there.
func (s *Studio) RoleOf(identity string) stage.Role {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stage.RoleOf(identity)
}

// StageAct does what somebody wants on the stage, or refuses it with a *room.Refusal. Everybody hears room.StageChanged, and what
// participants may do changes with it.
func (s *Studio) StageAct(who Actor, a stage.Action) error {
	if s.annex != nil && decidedAbove(a.Verb) {
		return s.judge(who, a)
	}
	if err := s.fit(who, &a); err != nil {
		return err
	}
	by := stage.Actor{Person: stage.Person(who.person()), Admin: who.Admin || who.App}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrNoRoom
	}
	if p := s.members[by.Identity]; p != nil && p.grant.Admin {
		by.Admin = true
	}
	if err := s.restless(by, a.Verb); err != nil {
		return err
	}
	happened, err := s.stage.Act(by, a, time.Now())
	if err != nil {
		return err
	}
	s.did(by, a.Verb)
	s.stageChanged(happened)
	s.settle()
	return nil
}

// fit has what somebody writes on the stage pass the list of words: a note, and a name that is not of the application's giving. A name that is
// stays.
func (s *Studio) fit(who Actor, a *stage.Action) error {
	switch {
	case a.Verb == stage.Rename && who.Named && !who.Admin && !who.App:
		return room.ErrNotAllowed
	case a.Verb == stage.Rename && !who.App:
		return s.house.words.Takes(a.Name)
	}
	return s.house.words.Fit(&a.Note)
}

// Roles are for people who are there for themselves: not for encoders, nor for those who serve the others or hide.
func hasRole(kind room.ParticipantKind, grant room.Permission) bool {
	return (kind == room.Person || kind == room.Phone) && !grant.Hidden && !grant.Recorder && !grant.Agent
}

// inPerson is the participant that somebody is for themselves, nil where they are none: an encoder may have their identity. The caller holds the
// lock.
func (s *Studio) inPerson(identity string) *Participant {
	if p := s.members[identity]; p != nil && hasRole(p.kind, p.grant) {
		return p
	}
	return nil
}

func arrival(grant room.Permission) stage.Arrival {
	return stage.Arrival{Admin: grant.Admin, Participant: true, Speaker: grant.Publish}
}

// comeToStage makes somebody who joins known to the stage, and what they bring along what their role makes of it. What happened is
// told after they have joined. e is nil but for encoders. The caller holds the lock.
func (s *Studio) comeToStage(j *room.Join, e *encoder) ([]stage.Happening, error) {
	if j.Kind != room.Ingest && !j.Kind.OfServer() { // there the door speaks, or the server
		j.Attributes = ownAttributes(j.Attributes)
	}
	if err := s.mayEnter(*j); err != nil {
		return nil, err
	}
	if !hasRole(j.Kind, j.Permission) {
		if who := e.bound(); who != "" {
			j.Permission = s.permission(who, j.Permission)
		}
		return nil, nil
	}
	happened, err := s.stage.Come(stage.Person{Identity: j.Identity, Name: j.Name}, arrival(j.Permission), time.Now())
	if err != nil {
		return nil, err
	}
	j.Name = s.stage.NameFor(stage.Person{Identity: j.Identity, Name: j.Name})
	j.Permission = s.permission(j.Identity, j.Permission)
	for k, v := range s.attributes(j.Identity) {
		if v != "" {
			j.Attributes[k] = v
		}
	}
	return happened, nil
}

// regrant tells the stage that a participant was given something else; had tells that it had a role before. The caller holds the lock.
func (s *Studio) regrant(p *Participant, had bool) {
	now := time.Now()
	self, _ := s.room.Participant(p.identity)
	switch {
	case hasRole(p.kind, p.grant):
		happened, err := s.stage.Come(stage.Person{Identity: p.identity, Name: self.Name}, arrival(p.grant), now)
		if err != nil {
			s.log.Warn("a participant has no role", "participant", p.identity, "error", err)
		}
		s.stageChanged(happened)
	case had:
		s.stageChanged(s.stage.Go(p.identity, false, now))
	}
}

// leaveStage follows somebody who has left as a participant. The caller holds the lock.
func (s *Studio) leaveStage(p *Participant, why room.LeaveReason) {
	if !hasRole(p.kind, p.grant) {
		return
	}
	now := time.Now()
	if why == room.LeftRemoved {
		s.stageChanged(s.stage.Expel(p.identity, now))
	}
	s.stageChanged(s.stage.Go(p.identity, s.there(p.identity), now))
}

// ownAttributes are attributes without those that are the server's; never nil.
func ownAttributes(a map[string]string) map[string]string {
	own := maps.Clone(a)
	if own == nil {
		own = map[string]string{}
	}
	maps.DeleteFunc(own, func(k, _ string) bool { return strings.HasPrefix(k, attributePrefix) })
	return own
}

// attributes are what the server tells all clients of somebody, "" for what is not said. The caller holds the lock.
func (s *Studio) attributes(identity string) map[string]string {
	if s.scene.Name == scenes.Default {
		return nil
	}
	a := map[string]string{attributeRole: string(s.stage.RoleOf(identity)), attributeSeat: ""}
	if n := s.stage.SeatOf(identity); n > 0 {
		a[attributeSeat] = strconv.Itoa(n)
	}
	return a
}

// marked are somebody's own attributes with as much as the stage may add to them later, whatever their role becomes. The caller holds the lock.
func (s *Studio) marked(own map[string]string) map[string]string {
	a := ownAttributes(own)
	if s.scene.Name != scenes.Default {
		a[attributeRole], a[attributeSeat] = string(stage.Audience), strconv.Itoa(stage.MaxSeats) // the longest there are
	}
	return a
}

// permission is what somebody may do: what they were given, as their role on the stage makes it. The caller holds the lock.
func (s *Studio) permission(identity string, grant room.Permission) room.Permission {
	if s.stage.Waits(identity) { // they are neither seen nor do they see
		return room.Permission{Hidden: true, UpdateMetadata: grant.UpdateMetadata}
	}
	perm := grant
	if role := s.stage.RoleOf(identity); s.scene.HasStage() {
		perm.Publish, perm.Sources = role.OnStage(), s.sources(role)
		perm.PublishData = perm.PublishData || perm.Publish
	}
	if s.stage.Muted(identity) {
		perm = withoutSound(perm)
	}
	return perm
}

// sources are what a role may publish by the scene.
func (s *Studio) sources(role stage.Role) []room.Source {
	var all []room.Source
	for source := room.Camera; source <= room.ScreenShareAudio; source++ {
		if slices.Contains(s.scene.Publish[role], source.String()) {
			all = append(all, source)
		}
	}
	return all
}

// withoutSound takes away what can be heard.
func withoutSound(perm room.Permission) room.Permission {
	var silent []room.Source
	for _, source := range []room.Source{room.Camera, room.ScreenShare} {
		if perm.MayPublish(source) {
			silent = append(silent, source)
		}
	}
	perm.Sources, perm.Publish = silent, len(silent) > 0
	return perm
}

// allowed is what a participant may do, an encoder no more than the one with whose token it came. The caller holds the lock.
func (s *Studio) allowed(p *Participant) room.Permission {
	switch {
	case hasRole(p.kind, p.grant):
		return s.permission(p.identity, p.grant)
	case p.encoder.bound() != "":
		return s.permission(p.encoder.bound(), p.grant)
	}
	return p.grant
}

// permit gives a participant what it may do now, where that has changed. The caller holds the lock.
func (s *Studio) permit(p *Participant) []room.Event {
	self, ok := s.room.Participant(p.identity)
	if !ok {
		return nil
	}
	perm := s.allowed(p)
	var events []room.Event
	if !samePermission(self.Permission, perm) {
		changed, err := s.room.SetPermission(p.identity, perm)
		if err != nil {
			s.log.Error("giving a participant what it may do", "participant", p.identity, "error", err)
		}
		events = changed
		s.hideTracks(p.identity, perm.Hidden)
	}
	return events
}

func samePermission(a, b room.Permission) bool {
	same := slices.Equal(a.Sources, b.Sources)
	a.Sources, b.Sources = nil, nil
	return same && a.Publish == b.Publish && a.Subscribe == b.Subscribe && a.PublishData == b.PublishData &&
		a.UpdateMetadata == b.UpdateMetadata && a.Hidden == b.Hidden && a.Recorder == b.Recorder && a.Agent == b.Agent && a.Admin == b.Admin
}

// update changes a participant's name, metadata or attributes, but those that are the server's. Whether it may be was looked at. The caller
// holds the lock.
func (s *Studio) update(identity string, name, metadata *string, attributes map[string]string) ([]room.Event, error) {
	if p := s.members[identity]; p != nil && p.kind != room.Ingest { // there the door speaks
		attributes = ownAttributes(attributes)
	}
	events, err := s.room.Update(identity, name, metadata, attributes)
	if err == nil && name != nil && *name != "" {
		who := stage.Actor{Person: stage.Person{Identity: identity}, Admin: true}
		happened, err := s.stage.Act(who, stage.Action{Verb: stage.Rename, Name: *name}, time.Now())
		if err == nil && len(happened) > 0 { // else it has no role
			events = append(events, room.StageChanged{Stage: s.stage.Snapshot(), Happened: happened})
		}
	}
	return events, err
}

// stageChanged does what follows from what happened on the stage, and tells everybody. The caller holds the lock.
func (s *Studio) stageChanged(happened []stage.Happening) {
	s.drawCurtain()
	if len(happened) == 0 || s.closed {
		return
	}
	if slices.ContainsFunc(happened, endures) {
		s.keepLater(partRoom)
	}
	if judges(happened) {
		s.keepNow()
	}
	var sentAway []*Participant
	var shown []room.Participant
	if slices.ContainsFunc(happened, func(h stage.Happening) bool { return h.What == stage.LetIn }) {
		shown = slices.DeleteFunc(s.room.Participants(), func(p room.Participant) bool { return p.Permission.Hidden })
	}
	for _, h := range happened {
		if h.What == stage.Banned {
			s.banFromGroups(h.Person.Identity)
		}
		s.followElsewhere(h)
		if h.What == stage.SeatTaken {
			s.rise(h.Person)
		}
		p := s.members[h.Person.Identity]
		if p == nil {
			continue
		}
		switch h.What {
		case stage.Banned, stage.TurnedAway:
			sentAway = append(sentAway, p)
		case stage.Renamed:
			if self, _ := s.room.Participant(p.identity); self.Name != h.Person.Name {
				s.emitIfDone(s.room.Update(p.identity, &h.Person.Name, nil, nil))
			}
		case stage.MediaChanged:
		case stage.LetIn:
			p.letIn = time.Now()
			s.followRole(p)
			for _, other := range shown { // until now it knew of nobody; of who is let in with it everybody hears
				p.obs.RoomEvent(room.ParticipantShown{Participant: other})
			}
		default:
			s.followRole(p)
		}
		if h.What == stage.SeatMoved {
			s.followRoleOn(h.From)
		}
	}
	s.emit([]room.Event{room.StageChanged{Stage: s.stage.Snapshot(), Happened: happened}})
	s.followSongs(happened)
	s.followHolders(happened)
	for _, p := range sentAway {
		s.leave(p, room.LeftRemoved)
	}
}

// followRole gives a participant what its role permits, and tells the others of the role. The caller holds the lock.
func (s *Studio) followRole(p *Participant) {
	if !hasRole(p.kind, p.grant) {
		return
	}
	s.emit(s.permit(p))
	self, ok := s.room.Participant(p.identity)
	if a := s.attributes(p.identity); ok && a != nil {
		if self.Attributes[attributeRole] != a[attributeRole] || self.Attributes[attributeSeat] != a[attributeSeat] {
			s.emitIfDone(s.room.Update(p.identity, nil, nil, a))
		}
	}
}

// followRoleOn is followRole for whoever sits on a seat.
func (s *Studio) followRoleOn(n int) {
	snap := s.stage.Snapshot()
	if n < 1 || n > len(snap.Seats) || snap.Seats[n-1].Who == nil {
		return
	}
	if p := s.members[snap.Seats[n-1].Who.Identity]; p != nil {
		s.followRole(p)
	}
}

func (s *Studio) emitIfDone(events []room.Event, err error) {
	if err != nil {
		s.log.Error("following the stage", "error", err)
	}
	s.emit(events)
}

// followMedia tells the stage whose cameras and microphones are on. The caller holds the lock.
func (s *Studio) followMedia(events []room.Event) {
	for _, e := range events {
		var p room.Participant
		switch e := e.(type) {
		case room.PublicationAdded:
			p = e.Participant
		case room.PublicationChanged:
			p = e.Participant
		case room.PublicationRemoved:
			p = e.Participant
		default:
			continue
		}
		on := func(source room.Source) bool {
			return slices.ContainsFunc(p.Publications, func(pub room.Publication) bool { return pub.Source == source && !pub.Muted })
		}
		s.stageChanged(s.stage.SetMedia(p.Identity, on(room.Camera), on(room.Microphone), time.Now()))
	}
}

// drawCurtain sets the time when something on the stage has had its time. The caller holds the lock.
func (s *Studio) drawCurtain() {
	next := s.stage.Next()
	if s.curtain != nil {
		s.curtain.Stop()
		s.curtain = nil
	}
	if next.IsZero() || s.closed {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(max(time.Until(next), 0), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.curtain != timer || s.closed {
			return
		}
		s.stageChanged(s.stage.Expire(time.Now()))
		s.settle()
	})
	s.curtain = timer
}
