package studio

import (
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/applause"
	"github.com/tuttilive/tutti/internal/room/board"
	"github.com/tuttilive/tutti/internal/room/chat"
	"github.com/tuttilive/tutti/internal/room/poll"
	"github.com/tuttilive/tutti/internal/room/rollcall"
	"github.com/tuttilive/tutti/internal/room/scenes"
	"github.com/tuttilive/tutti/internal/room/songs"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// keepEvery is how long changes are gathered before they are kept: what a crash may lose. Judgements are kept at once.
const keepEvery = 2 * time.Second

// Talked is what is kept of a room's audience: what was written, asked and given.
type Talked struct {
	Chat         chat.Kept          `json:"chat"`
	Polls        []poll.Kept        `json:"polls,omitempty"`
	Applause     applause.Kept      `json:"applause"`
	Announcement *talk.Announcement `json:"announcement,omitempty"`
}

// part is one of the records that are kept of a room.
type part uint8

const (
	partRoom part = 1 << iota // settings, stage and composition
	partTalk
	partBoard
	partSongs
	partAttendance
	allParts = partRoom | partTalk | partBoard | partSongs | partAttendance
)

// memory is what a studio has not kept yet. It is guarded by the studio's lock.
type memory struct {
	kept   bool // the room outlives a restart
	unkept part
	soon   *time.Timer
}

// keepLater has parts of the room kept soon, for after a restart. The caller holds the lock.
func (s *Studio) keepLater(p part) {
	if s.closed || !s.house.keeps {
		return
	}
	s.memory.unkept |= p
	if s.memory.soon == nil {
		s.memory.soon = time.AfterFunc(keepEvery, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if !s.closed {
				s.keepNow()
			}
		})
	}
}

// keepNow keeps what has changed. The caller holds the lock.
func (s *Studio) keepNow() {
	m, on := &s.memory, s.stage.Keep()
	m.rest()
	if s.annex != nil || !m.kept && !s.memorable(on) { // an annex goes with its main room, which forgets it
		return
	}
	parts := m.unkept
	if !m.kept {
		m.kept, parts = true, allParts
	}
	m.unkept = 0
	if parts&partRoom != 0 {
		s.house.running.Keep(s.name, Running{
			SID: s.room.SID, CreatedAt: s.room.CreatedAt, Settings: s.room.Settings, Visited: s.room.Visited(), Stage: &on,
			Contest: s.keptContest(), Composition: s.keptComposition(), Images: s.imageNames(), Insiders: s.keptInsiders(),
		})
	}
	if c := s.crowd; c != nil && parts&partTalk != 0 {
		s.house.running.KeepTalk(s.name, Talked{c.chat.Keep(), c.polls.Keep(), c.applause.Keep(), c.announcement})
	}
	if s.board != nil && parts&partBoard != 0 {
		s.house.running.KeepBoard(s.name, s.board.Keep())
	}
	if s.scene.Has("songs") && parts&partSongs != 0 {
		s.house.running.KeepSongs(s.name, s.songs.Keep())
	}
	if s.scene.Has("rollcall") && parts&partAttendance != 0 {
		s.house.running.KeepAttended(s.name, Attended{s.attendance.List(time.Now()), s.roll.Keep()})
	}
}

// rest stops the timer.
func (m *memory) rest() {
	if m.soon != nil {
		m.soon.Stop()
		m.soon = nil
	}
}

// memorable tells whether the room is more than some people who talk: then it is the same room after a restart. The caller holds the lock.
func (s *Studio) memorable(on stage.Kept) bool {
	return s.scene.Name != scenes.Default || s.arranged || s.room.Settings != s.house.rules || on.Judged() || len(s.insiders) > 0 ||
		s.crowd != nil && !s.crowd.chat.Empty()
}

// forgetAll ends what is kept of the room: it is over.
func (s *Studio) forgetAll() {
	s.memory.rest()
	if s.memory.kept {
		s.house.running.Forget(s.name)
	}
}

// recall makes a room that was just reopened what it was. The caller holds the lock.
func (s *Studio) recall(l Left) {
	s.memory.kept = true
	s.recallInsiders(l.Insiders)
	if l.Stage != nil {
		s.stage = stage.Restore(s.scene.Rules(), *l.Stage, time.Now())
	}
	if l.Talk != nil {
		c := s.gather()
		c.chat, c.polls, c.applause = chat.Restore(l.Talk.Chat), poll.Restore(l.Talk.Polls), applause.Restore(l.Talk.Applause)
		c.liked, c.announcement = c.applause.Likes(), l.Talk.Announcement
	}
	if l.Board != nil && s.scene.Has("whiteboard") {
		s.board = board.Restore(*l.Board)
	}
	if l.Songs != nil && s.scene.Has("songs") {
		s.songs = songs.Restore(*l.Songs)
	}
	if s.scene.Has("rollcall") {
		s.attendance = rollcall.Restore(l.Attended.Stays, l.LastSeen)
		s.roll = rollcall.Back(l.Attended.Roll)
		s.awaitRollEnd()
	}
	s.recallComposition(l)
	s.drawCurtain()
	if l.Contest != nil { // which a crash has ended
		s.emit([]room.Event{room.PKChanged{PK: l.Contest.BrokenOff("")}})
		s.keepRoom()
	}
}

// judges tells of what a crash must not undo: somebody would be back who was banned a moment ago.
func judges(happened []stage.Happening) bool {
	return slices.ContainsFunc(happened, func(h stage.Happening) bool {
		switch h.What {
		case stage.Banned, stage.Unbanned, stage.Silenced, stage.Unsilenced, stage.RoomLocked, stage.RoomUnlocked:
			return true
		}
		return false
	})
}

// endures tells of what is kept, not for instance whose camera is on.
func endures(h stage.Happening) bool {
	return h.What != stage.MediaChanged && h.What != stage.Connected && h.What != stage.Disconnected
}
