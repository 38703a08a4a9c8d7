package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/breakout"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// tellGroups tells everybody how the groups are, here and there. The caller holds the lock.
func (s *Studio) tellGroups() {
	s.tell(s.groupsView())
	s.sayInGroups()
}

// followGroups does what follows for the groups from who comes and goes in the main room. The caller holds the lock.
func (s *Studio) followGroups(events []room.Event) {
	b := &s.groups.breakout
	if s.annex != nil || b.State() == "" || s.closed {
		return
	}
	changed := false
	for _, e := range events {
		switch e := e.(type) {
		case room.ParticipantJoined:
			changed = true
			p := e.Participant
			if !b.Late() || !hasRole(p.Kind, p.Permission) || s.stage.Waits(p.Identity) || p.Permission.Admin || s.stage.RoleOf(p.Identity).Directs() {
				continue
			}
			who := breakout.Person{Identity: p.Identity, Name: p.Name}
			if n := b.PutLate(who); n > 0 {
				s.send(who, n)
			}
		case room.ParticipantLeft:
			changed = true
			s.rememberLeft(e.Participant)
		case room.StageChanged:
			changed = true
		}
	}
	if changed {
		s.tellGroups()
	}
}

// sayInGroups has a goroutine tell the groups how they are, and more. The caller holds the lock.
func (s *Studio) sayInGroups(more ...errand) {
	g := &s.groups
	g.said = append(g.said, more...)
	if g.due || s.annex != nil || len(s.groups.breakout.Rooms()) == 0 {
		return
	}
	g.due = true
	s.work.Go(s.talkToGroups)
}

func (s *Studio) talkToGroups() {
	s.relaying.Lock()
	defer s.relaying.Unlock()
	s.mu.Lock()
	s.groups.due = false
	said, view, sanctions, directors := s.groups.said, s.groupsView().View, s.stage.Sanctions(), s.directors()
	s.groups.said = nil
	rooms := append([]string{}, s.groups.breakout.Rooms()...)
	s.mu.Unlock()
	for _, name := range rooms {
		under, err := s.house.Studio(name)
		if err != nil {
			continue // nobody is there
		}
		under.hearMain(view, sanctions, directors, said)
	}
}

// hearMain tells a group what the main room says.
func (s *Studio) hearMain(view breakout.View, sanctions stage.Sanctions, directors map[string]bool, said []errand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.fromMain = view
	s.tell(talk.Groups{View: view})
	s.stageChanged(s.stage.Adopt(sanctions, time.Now()))
	s.depose(directors)
	for _, e := range said {
		switch {
		case e.room != "" && e.room != s.name:
		case e.identity != "":
			s.tellOne(e.identity, e.event)
		default:
			if a, ok := e.event.(talk.Announcement); ok {
				if s.gather().announcement = &a; a.Text == "" {
					s.crowd.announcement = nil
				}
			}
			s.tell(e.event)
		}
	}
}

// lookInto takes in who is in the room of a group. They count as people who are here, with what is theirs.
func (s *Studio) lookInto(under *Studio) {
	s.relaying.Lock()
	defer s.relaying.Unlock()
	inside := under.inside()
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &s.groups.breakout
	if s.closed || b.Room(under.annex.n) != under.name {
		return
	}
	came, went := b.Look(under.annex.n, inside)
	for _, p := range came {
		if err := s.comeIn(stage.Person(p), s.groups.went[p.Identity].Video.RoomAdmin, true); err != nil {
			// They were sent away after they had got a token for the group.
			s.log.Info("sent out of a group", "participant", p.Identity, "reason", err)
			s.sendOut(under.name, p.Identity)
			continue
		}
		if s.groups.inside == nil {
			s.groups.inside = map[string]struct{}{}
		}
		s.groups.inside[p.Identity] = struct{}{}
		s.stage.SetElsewhere(p.Identity, true, time.Now())
	}
	for _, p := range went {
		s.comeBack(p.Identity)
	}
	s.tellGroups()
	s.settle()
}

// comeBack follows somebody who has left a group: what is theirs is kept for the grace. The caller holds the lock.
func (s *Studio) comeBack(identity string) {
	s.stage.SetElsewhere(identity, false, time.Now())
	s.drawCurtain()
	delete(s.groups.inside, identity)
	s.goOut(identity)
}

// wind sets the time for the end. The caller holds the lock.
func (s *Studio) wind() {
	g := &s.groups
	if g.timer != nil {
		g.timer.Stop()
		g.timer = nil
	}
	next := g.breakout.Next()
	if next.IsZero() || s.closed {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(max(time.Until(next), 0), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if g.timer == timer && !s.closed {
			s.endGroups()
		}
	})
	g.timer = timer
}

// wayBack is how long people have to leave the room of a group that is over.
const wayBack = 10 * time.Second

// endGroups ends the groups when their time is over, and tells whether there are none now. The caller holds the lock.
func (s *Studio) endGroups() bool {
	b := &s.groups.breakout
	rooms, running := b.Rooms(), b.Running()
	var here []string
	for _, g := range b.View(nil).Groups {
		for _, p := range g.People {
			if p.Here {
				here = append(here, p.Identity)
			}
		}
	}
	if b.State() != "" && !b.Expire(time.Now()) {
		return false
	}
	if s.groups.timer != nil {
		s.groups.timer.Stop()
		s.groups.timer = nil
	}
	s.tell(talk.Groups{})
	if running {
		s.dissolve(rooms, func(under *Studio) { under.end(s.name) })
		s.emit([]room.Event{room.GroupsChanged{}})
	}
	for _, identity := range here {
		s.comeBack(identity)
	}
	s.groups.went, s.groups.said = nil, nil
	return true
}

// dissolve sends everybody back from rooms under this one, which are over. The caller holds the lock.
func (s *Studio) dissolve(rooms []string, end func(*Studio)) {
	s.house.annexes.remove(rooms...)
	s.work.Go(func() {
		for _, name := range rooms {
			if under, err := s.house.Studio(name); err == nil {
				end(under)
			}
		}
	})
}

// closeGroupRooms ends the rooms under one that has ended. The caller holds the lock.
func (s *Studio) closeGroupRooms(why room.LeaveReason) {
	if t := s.groups.timer; t != nil {
		t.Stop()
	}
	if s.groups.breakout.Running() {
		s.dissolve(s.groups.breakout.Rooms(), func(under *Studio) { under.Close(why) })
	}
}

// banFromGroups takes somebody who is banned out of their group. The caller holds the lock.
func (s *Studio) banFromGroups(identity string) {
	delete(s.groups.went, identity)
	if to, _ := s.groups.breakout.GroupOf(identity); to > 0 {
		_ = s.groups.breakout.Assign(breakout.Person{Identity: identity}, 0) // it is running, and they are known to it
	}
}

// sendOut takes somebody out of a group's room. The caller holds the lock.
func (s *Studio) sendOut(groupRoom, identity string) {
	s.work.Go(func() {
		if under, err := s.house.Studio(groupRoom); err == nil {
			_ = under.Remove(identity) // gone already is as good
		}
	})
}

// end tells everybody in a group to go back, and closes it when they had the time to.
func (s *Studio) end(main string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.fromMain = breakout.View{}
	s.tell(talk.Groups{})
	s.tell(talk.Moved{Room: main})
	time.AfterFunc(wayBack, func() { s.Close(room.LeftRoomClosed) })
}
