package studio

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/pk"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// Actor is somebody who asks for something in a room, in it or not.
type Actor struct {
	Identity, Name string
	// Admin tells of a token or link that makes a host.
	Admin bool
	// Mute tells of a token that does not let its holder send data.
	Mute bool
	// Named tells of a name that its holder may not change.
	Named bool
	// Address is where they are, invalid where that is not known.
	Address netip.Prefix
	// App tells of the application itself, which is bound by no rates.
	App bool
}

func (a Actor) person() talk.Person { return talk.Person{Identity: a.Identity, Name: a.Name} }

// Why a request is refused.
var (
	ErrNotHost     = &room.Refusal{Code: "forbidden", Message: "this is for hosts"}
	errOff         = &room.Refusal{Code: "off", Message: "this room does not have that"}
	ErrUnknownType = talk.Malformed("no request of this type")
)

// directs tells whether somebody may direct the others. The caller holds the lock.
func (s *Studio) directs(a Actor) bool {
	return a.Admin || a.App || s.stage.RoleOf(a.Identity).Directs()
}

// whose is who does what everybody does for themselves: of an application, whom it names. The caller holds the lock.
func (s *Studio) whose(a Actor, r talk.Request) (Actor, error) {
	if a.App {
		a.Identity, a.Name = r.Identity, cmp.Or(s.nameOf(r.Identity), r.Name)
	}
	if a.Identity == "" {
		return a, talk.Malformed("identity is missing")
	}
	return a, nil
}

// role is what somebody is for the others. The caller holds the lock.
func (s *Studio) role(a Actor) stage.Role {
	if a.App && a.Identity == "" {
		return stage.Host
	}
	return s.stage.RoleOf(a.Identity)
}

// you is what somebody is told of themselves. The caller holds the lock.
func (s *Studio) you(a Actor) talk.You {
	id := a.Identity
	return talk.You{
		Identity: id, Name: a.Name, Role: string(s.role(a)), Seat: s.stage.SeatOf(id), Position: s.stage.Position(id),
		Silenced: s.stage.Silenced(id), Waiting: s.stage.Waits(id),
	}
}

// Do does what somebody asks for; reply hears what became of it, perhaps later and on another goroutine. It must not block or call
// back.
func (s *Studio) Do(a Actor, r talk.Request, reply func(talk.Reply)) {
	_, here := requests[r.Type]
	switch {
	case r.Type == "chat":
		s.say(a, r, reply)
	case contests[r.Type] != nil:
		reply(talk.Reply{Err: s.contend(a, r)})
	case groupRequests[r.Type].do != nil:
		reply(s.group(a, r))
	case here:
		s.mu.Lock()
		answer := s.do(a, r)
		s.mu.Unlock()
		reply(answer)
	case slices.Contains(stageVerbs, stage.Verb(r.Type)):
		action := stage.Action{Verb: stage.Verb(r.Type), Identity: r.Identity, Name: r.Name, Note: r.Note, For: r.For}
		if r.Seat != nil {
			action.Seat = *r.Seat
		}
		reply(talk.Reply{Err: refused(s.StageAct(a, action))})
	case r.Type == "setLayout":
		reply(talk.Reply{Err: s.setLayout(a, r)})
	default:
		reply(talk.Reply{Err: ErrUnknownType})
	}
}

// setLayout changes how the program is composed: the request's data is what the composition takes over HTTP.
func (s *Studio) setLayout(a Actor, r talk.Request) error {
	s.mu.Lock()
	directs := s.directs(a)
	s.mu.Unlock()
	if !directs {
		return ErrNotHost
	}
	return refused(s.Compose(r.Data))
}

// stageVerbs are the requests that the stage does.
var stageVerbs = stage.Verbs()

// do does what takes no time. The caller holds the lock.
func (s *Studio) do(a Actor, r talk.Request) talk.Reply {
	if s.closed {
		return talk.Reply{Err: refused(ErrNoRoom)}
	}
	request := requests[r.Type]
	switch {
	case request.forHosts && !s.directs(a):
		return talk.Reply{Err: ErrNotHost}
	case request.feature != "" && !s.scene.Has(request.feature) && !a.App:
		return talk.Reply{Err: errOff}
	case s.stage.Waits(a.Identity):
		return talk.Reply{Err: refused(stage.ErrWaiting)}
	}
	answer := request.do(s, a, r)
	answer.Err = refused(answer.Err)
	return answer
}

// requests are those of the vocabulary that are done at once, beside the stage's verbs. A feature is one that the scene must have.
var requests = map[string]struct {
	forHosts bool
	feature  string
	do       func(*Studio, Actor, talk.Request) talk.Reply
}{
	"like":          {false, "likes", (*Studio).like},
	"gift":          {false, "gifts", (*Studio).gift},
	"vote":          {false, "", (*Studio).vote},
	"deleteMessage": {true, "", (*Studio).deleteMessage},
	"setSlow":       {true, "", (*Studio).setSlow},
	"announce":      {true, "", (*Studio).setAnnouncement},
	"openPoll":      {true, "polls", (*Studio).openPoll},
	"closePoll":     {true, "", (*Studio).closePoll},
	"meta":          {true, "", (*Studio).meta},
	"board":         {true, "whiteboard", (*Studio).leadBoard},
	"draw":          {false, "whiteboard", (*Studio).draw},
	"trace":         {false, "whiteboard", (*Studio).trace},
	"callRoll":      {true, "rollcall", (*Studio).callRoll},
	"answerRoll":    {false, "rollcall", (*Studio).answerRoll},
	"endRoll":       {true, "rollcall", (*Studio).endRoll},
	"requestSong":   {false, "songs", sing(requestSong)},
	"removeSong":    {false, "songs", sing(removeSong)},
	"moveSong":      {true, "songs", sing(moveSong)},
	"joinSong":      {false, "songs", sing(joinSong)},
	"playSong":      {false, "songs", sing(playSong)},
	"pauseSong":     {false, "songs", sing(pauseSong)},
	"turnSong":      {false, "songs", sing(turnSong)},
	"listSong":      {true, "songs", sing(listSong)},
	"unlistSong":    {true, "songs", sing(unlistSong)},
}

// contests are the requests of two rooms to each other. They are done without the studio's lock.
var contests = map[string]func(*Studio, talk.Request) error{
	"inviteRoom": func(s *Studio, r talk.Request) error {
		return s.house.InvitePK(s.name, r.Room, time.Duration(min(max(r.Duration, -1), 1<<20))*time.Second)
	},
	"acceptRoom":  func(s *Studio, _ talk.Request) error { return s.house.AcceptPK(s.name) },
	"declineRoom": func(s *Studio, _ talk.Request) error { return s.house.EndPK(s.name) },
	"endPK":       func(s *Studio, _ talk.Request) error { return s.house.EndPK(s.name) },
}

// contend does what a host wants of another room.
func (s *Studio) contend(a Actor, r talk.Request) error {
	s.mu.Lock()
	isHost := a.Admin || a.App || s.stage.RoleOf(a.Identity) == stage.Host
	s.mu.Unlock()
	if !isHost {
		return ErrNotHost
	}
	return refused(contests[r.Type](s, r))
}

// refused says in the vocabulary's terms why something was not done.
func refused(err error) error {
	var r *room.Refusal
	switch {
	case err == nil, errors.As(err, &r):
		return err
	case errors.Is(err, ErrBadComposition):
		return talk.Malformed(err.Error())
	case errors.Is(err, ErrNotLive):
		return &room.Refusal{Code: "not_live", Message: err.Error()}
	case errors.Is(err, ErrPKBusy):
		return &room.Refusal{Code: "busy", Message: err.Error()}
	case errors.Is(err, ErrPKAsked):
		return &room.Refusal{Code: "asked", Message: err.Error()}
	case errors.Is(err, ErrPKNone):
		return &room.Refusal{Code: "no_pk", Message: err.Error()}
	case errors.Is(err, pk.ErrState):
		return &room.Refusal{Code: "wrong_state", Message: err.Error()}
	case errors.Is(err, pk.ErrSelf), errors.Is(err, pk.ErrDuration):
		return &room.Refusal{Code: "bad_request", Message: err.Error()}
	case errors.Is(err, ErrNoRoom), errors.Is(err, room.ErrNoParticipant), errors.Is(err, room.ErrNoPublication):
		return &room.Refusal{Code: "not_found", Message: err.Error()}
	case errors.Is(err, room.ErrNotAllowed):
		return &room.Refusal{Code: "forbidden", Message: err.Error()}
	case errors.Is(err, room.ErrFull):
		return &room.Refusal{Code: "full", Message: err.Error()}
	}
	return err
}
