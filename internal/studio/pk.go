package studio

import (
	"cmp"
	"errors"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/pk"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// Errors of contests, beside those of package pk and ErrNotLive: both rooms must be on the air, with a host who is there.
var (
	ErrPKBusy = errors.New("one of the two rooms has an invitation or a contest already")
	// ErrPKAsked tells that the other room declined a moment ago, or was asked a moment ago.
	ErrPKAsked = errors.New("this room has asked the other one a moment ago: it may ask again in half a minute")
	ErrPKNone  = errors.New("this room has neither an invitation nor a contest")
)

// scoresEvery is how long points are gathered before both rooms are told.
const scoresEvery = 500 * time.Millisecond

// arena holds the contests between rooms. Its lock is taken before a studio's, never while holding one: what a studio has to say is
// said by a goroutine of its own (Studio.tellArena).
type arena struct {
	house *House

	mu       sync.Mutex
	contests map[string]*pk.Contest // by the name of either room
	asked    pk.Asked
	timer    *time.Timer // for what is due next
	closed   bool

	points struct {
		sync.Mutex
		of    map[string]int64 // by room, not told yet
		timer *time.Timer
	}
}

func newArena(h *House) *arena {
	a := &arena{house: h, contests: map[string]*pk.Contest{}}
	a.points.of = map[string]int64{}
	return a
}

// InvitePK asks another room to a contest of some length, 0 for the usual one. Rooms that have asked each other begin at once. A room that was
// asked and asks somebody else has declined.
func (h *House) InvitePK(roomName, other string, d time.Duration) error {
	a := h.arena
	a.mu.Lock()
	defer a.mu.Unlock()
	pending := a.contests[roomName]
	if pending != nil && pending.ViewOf(roomName).State != pk.Invited {
		pending = nil
	}
	if pending != nil && pending.Opponent(roomName) == other {
		return a.accept(pending, roomName)
	}
	now := time.Now()
	c, err := pk.Invite(roomName, other, d, now)
	if err != nil {
		return err
	}
	for _, name := range []string{roomName, other} {
		if err := a.fit(name); err != nil {
			return err
		}
	}
	switch {
	case pending == nil && a.contests[roomName] != nil || a.contests[other] != nil:
		return ErrPKBusy
	case !a.asked.Free(roomName, other, now):
		return ErrPKAsked
	case pending != nil:
		if err := a.end(pending, roomName); err != nil {
			return err
		}
	}
	a.contests[roomName], a.contests[other] = c, c
	a.tell(c, false)
	return nil
}

// AcceptPK begins the contest that a room was invited to.
func (h *House) AcceptPK(roomName string) error {
	a := h.arena
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.contests[roomName]
	if c == nil {
		return ErrPKNone
	}
	return a.accept(c, roomName)
}

func (a *arena) accept(c *pk.Contest, roomName string) error {
	for _, name := range []string{roomName, c.Opponent(roomName)} {
		if err := a.fit(name); err != nil {
			return err
		}
	}
	if err := c.Accept(roomName, time.Now()); err != nil {
		return err
	}
	a.tell(c, false)
	a.lend(c)
	return nil
}

// EndPK ends what there is: an invitation is declined or withdrawn, a contest called off.
func (h *House) EndPK(roomName string) error {
	a := h.arena
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.contests[roomName]
	if c == nil {
		return ErrPKNone
	}
	return a.end(c, roomName)
}

func (a *arena) end(c *pk.Contest, by string) error {
	if err := c.End(by); err != nil {
		return err
	}
	a.tell(c, false)
	return nil
}

// PK is the contest or invitation of a room at the moment.
func (h *House) PK(roomName string) (v pk.View, ok bool) {
	s, err := h.Studio(roomName)
	if err != nil {
		return pk.View{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.contest == nil {
		return pk.View{}, false
	}
	return *s.contest, true
}

// ScorePK adds points to a room in a contest; without one they are lost. It may be called often and with a studio's lock held.
func (h *House) ScorePK(roomName string, points int64) {
	p := &h.arena.points
	p.Lock()
	defer p.Unlock()
	if points <= 0 || len(p.of) >= maxKnown {
		return
	}
	p.of[roomName] = min(p.of[roomName]+min(points, pk.MaxScore), pk.MaxScore)
	if p.timer == nil {
		p.timer = time.AfterFunc(scoresEvery, h.arena.count)
	}
}

// count adds the points that came in.
func (a *arena) count() {
	a.points.Lock()
	of := a.points.of
	a.points.of, a.points.timer = map[string]int64{}, nil
	a.points.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed { // the rooms tell of the end themselves, and nothing after it
		return
	}
	scored := map[*pk.Contest]bool{}
	for name, points := range of {
		if c := a.contests[name]; c != nil && c.Score(name, points, time.Now()) {
			scored[c] = true
		}
	}
	for c := range scored {
		a.tell(c, true)
	}
}

// fit tells whether a room can have a contest: ErrNotLive, or stage.ErrOff where the scene has none.
func (a *arena) fit(roomName string) error {
	s, err := a.house.Studio(roomName)
	if err != nil {
		return ErrNotLive
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.scene.Has("pk"):
		return stage.ErrOff
	case s.closed || s.air == nil || s.stage.Host() == "":
		return ErrNotLive
	}
	return nil
}

// check looks at a room again of which something has changed: without a host or a show its contest ends; else what the other
// room sees of it is brought up to date.
func (a *arena) check(roomName string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.contests[roomName]
	if c == nil || a.closed {
		return
	}
	if a.fit(roomName) != nil {
		if err := a.end(c, roomName); err != nil {
			a.house.log.Error("ending a contest", "room", roomName, "error", err)
		}
		return
	}
	if c.Together() {
		a.lend(c)
	}
	if other, err := a.house.Studio(c.Opponent(roomName)); err == nil && other.contends() != a.describe(roomName) {
		a.tell(c, true)
	}
}

// tell tells both rooms how the contest is now, or how it goes on, and lets go of one that has ended. The caller holds the lock.
func (a *arena) tell(c *pk.Contest, goesOn bool) {
	first, second := c.Rooms()
	for _, name := range []string{first, second} {
		s, err := a.house.Studio(name)
		if err != nil {
			continue
		}
		other := c.Opponent(name)
		view := c.ViewOf(name)
		view.With = a.describe(other)
		if c.Done() {
			s.giveBack(other)
		}
		s.setContest(view, goesOn)
	}
	if c.Done() {
		a.asked.Note(c, time.Now())
		for _, name := range []string{first, second} {
			delete(a.contests, name)
			if s, err := a.house.Studio(name); err == nil {
				s.offer(false)
			}
		}
	}
	a.wind()
}

// lend shows the hosts of two rooms in both. The caller holds the lock.
func (a *arena) lend(c *pk.Contest) {
	first, second := c.Rooms()
	for _, way := range [][2]string{{first, second}, {second, first}} {
		from, err := a.house.Studio(way[0])
		if err != nil {
			continue
		}
		to, err := a.house.Studio(way[1])
		if err != nil {
			continue
		}
		offered := from.offer(true)
		to.borrow(way[0], a.describe(way[0]).Host, offered)
	}
}

// describe tells what the other room is to know of a room.
func (a *arena) describe(roomName string) pk.Opponent {
	about := pk.Opponent{Room: roomName}
	s, err := a.house.Studio(roomName)
	if err != nil {
		return about
	}
	if a.house.rooms != nil {
		if policy, _, err := a.house.rooms.Find(roomName); err == nil {
			about.Title = policy.Title
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if who := s.stage.Snapshot().Host; who != nil {
		about.Host = who.Name
	}
	about.Title, about.Recorded = cmp.Or(s.room.Live().Title, about.Title), s.info().Recorded
	return about
}

// wind sets the timer for what is due next. The caller holds the lock.
func (a *arena) wind() {
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
	var next time.Time
	for _, c := range a.contests {
		if next.IsZero() || c.Next().Before(next) {
			next = c.Next()
		}
	}
	if next.IsZero() || a.closed {
		return
	}
	a.timer = time.AfterFunc(max(time.Until(next), 0), a.expire)
}

func (a *arena) expire() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	now := time.Now()
	for name, c := range a.contests {
		if first, _ := c.Rooms(); name == first && c.Expire(now) {
			a.tell(c, false)
		}
	}
	a.wind()
}

func (a *arena) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	if a.timer != nil {
		a.timer.Stop()
	}
	a.points.Lock()
	defer a.points.Unlock()
	if a.points.timer != nil {
		a.points.timer.Stop()
	}
}

// contends is what the room was told of the one that it contends with.
func (s *Studio) contends() (with pk.Opponent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.contest != nil {
		with = s.contest.With
	}
	return with
}

// setContest tells the room how its contest is, or how it goes on; after the end there is none.
func (s *Studio) setContest(v pk.View, goesOn bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.contest = &v
	if v.State == pk.Ended {
		s.contest = nil
	}
	s.emit([]room.Event{room.PKChanged{PK: v, GoesOn: goesOn}})
	if goesOn {
		s.keepLater(partRoom)
	} else {
		s.keepRoom()
	}
}

// breakOffContest tells the room, which closes, that its contest is over. The other room hears of it from the arena, or closes as well.
func (s *Studio) breakOffContest(why room.LeaveReason) {
	if s.contest == nil {
		return
	}
	by := s.name
	if why == room.LeftServerShutdown {
		by = ""
	}
	s.emit([]room.Event{room.PKChanged{PK: s.contest.BrokenOff(by)}})
	s.memory.unkept |= partRoom
}

// keptContest is the contest whose end must be told of after a crash, nil for none.
func (s *Studio) keptContest() *pk.View {
	if s.closed || s.contest == nil || s.contest.State != pk.Running {
		return nil
	}
	return s.contest
}

// tellArena has the arena look at a room in a contest, after what may matter to the other room. The caller holds the lock.
func (s *Studio) tellArena(events []room.Event) {
	if s.contest == nil || s.arenaTold {
		return
	}
	for _, e := range events {
		switch e.(type) {
		case room.PublicationAdded, room.PublicationChanged, room.PublicationRemoved, room.LiveChanged, room.StageChanged, room.RoomChanged,
			room.ParticipantJoined, room.ParticipantLeft, room.RoomClosed:
			s.arenaTold = true
			s.work.Go(func() {
				s.mu.Lock()
				s.arenaTold = false
				s.mu.Unlock()
				s.house.arena.check(s.name)
			})
			return
		}
	}
}
