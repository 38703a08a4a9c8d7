package studio

import (
	"crypto/rand"
	"errors"
	"net/netip"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/chat"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// Reviewer looks at a message before it is shown.
type Reviewer interface {
	// Review gives the text to show, or a *room.Refusal: ErrNotShown, or for now. It takes a few seconds at most.
	Review(Written) (shown string, err error)
}

// Written is a message that somebody looks at.
type Written struct {
	Room string
	From chat.From
	// Address is where it comes from, invalid where that is not known.
	Address netip.Prefix
	Text    string
}

// ErrNotShown refuses a message for what it says.
var ErrNotShown = &room.Refusal{Code: "not_allowed", Message: "the message is not shown"}

var (
	errReviewing = &room.Refusal{Code: "rate_limited", Message: "the message before is still looked at", Wait: time.Second}
	errMute      = &room.Refusal{Code: "forbidden", Message: "the token does not let its holder write"}
)

// say shows what somebody writes, after the list of words and the application have had their look.
func (s *Studio) say(a Actor, r talk.Request, reply func(talk.Reply)) {
	draft, sent, err := s.draft(a, r)
	if err != nil || sent != "" {
		reply(talk.Reply{Err: refused(err), Message: sent})
		return
	}
	if s.house.reviewer == nil || a.App {
		id, err := s.post(a, draft)
		reply(talk.Reply{Err: refused(err), Message: id})
		return
	}
	started := s.begin(func() {
		id, err := s.review(a, draft)
		reply(talk.Reply{Err: refused(err), Message: id})
	})
	if !started {
		reply(talk.Reply{Err: refused(ErrNoRoom)})
	}
}

// begin runs something on a goroutine of its own, unless the studio has closed.
func (s *Studio) begin(do func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.work.Go(do)
	}
	return !s.closed
}

// review shows what the application lets through.
func (s *Studio) review(a Actor, d chat.Draft) (id string, err error) {
	text, err := s.house.reviewer.Review(Written{Room: s.name, From: d.From, Address: a.Address, Text: d.Text})
	s.mu.Lock()
	c := s.gather()
	delete(c.reviewing, d.From.Identity)
	if no, ok := errors.AsType[*room.Refusal](err); ok && no.Wait > 0 {
		c.chat.Defer(d)
	}
	s.mu.Unlock()
	if err != nil {
		return "", err
	}
	d.Text = text
	if d, err = d.Clean(); err != nil {
		return "", err
	}
	return s.post(a, d)
}

// mayWrite tells why somebody may not write now. The caller holds the lock.
func (s *Studio) mayWrite(a Actor) error {
	switch {
	case s.closed:
		return ErrNoRoom
	case a.App:
		return nil
	case s.stage.Banned(a.Identity):
		return stage.ErrBanned
	case s.stage.Silenced(a.Identity):
		return stage.ErrSilenced
	case s.stage.Waits(a.Identity):
		return stage.ErrWaiting
	}
	return nil
}

// draft makes a message of a request; sent is not empty when it was shown before.
func (s *Studio) draft(a Actor, r talk.Request) (draft chat.Draft, sent string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mayWrite(a); err != nil {
		return draft, "", err
	}
	draft = chat.Draft{
		From: chat.From{Identity: a.Identity, Name: a.Name, Role: string(s.role(a))}, Text: r.Text, Danmaku: r.Danmaku, Color: r.Color, Nonce: r.Nonce,
		Free: s.directs(a), System: a.App && a.Identity == "",
	}
	if draft, err = draft.Clean(); err != nil {
		return draft, "", err
	}
	switch {
	case a.App:
	case a.Mute:
		return draft, "", errMute
	case !s.scene.Has("chat") || r.Danmaku && !s.scene.Has("danmaku"):
		return draft, "", errOff
	}
	c := s.gather()
	if id, ok := c.chat.Sent(draft); ok {
		return draft, id, nil
	}
	if err = s.house.words.Fit(&draft.Text); err != nil {
		return draft, "", err
	}
	if _, waits := c.reviewing[a.Identity]; waits {
		return draft, "", errReviewing
	}
	if err = c.chat.Admit(draft, time.Now()); err != nil {
		s.house.shed.Count("chat")
		return draft, "", err
	}
	if s.house.reviewer != nil && !a.App {
		c.reviewing[a.Identity] = struct{}{}
	}
	return draft, "", nil
}

// post shows a message, unless its writer may not write any more: the look that others have at it takes time.
func (s *Studio) post(a Actor, d chat.Draft) (id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mayWrite(a); err != nil {
		return "", err
	}
	c := s.gather()
	m := c.chat.Post(d, rand.Text()[:16], time.Now())
	s.keepLater(partTalk)
	s.tell(talk.Chat{Message: m})
	s.tellWitnesses(room.ChatPosted{Message: m})
	return m.ID, nil
}

func (s *Studio) deleteMessage(_ Actor, r talk.Request) talk.Reply {
	err := s.gather().chat.Delete(r.Message)
	if err == nil {
		s.keepLater(partTalk)
		s.tell(talk.ChatDeleted{ID: r.Message})
	}
	return talk.Reply{Err: err}
}

func (s *Studio) setSlow(_ Actor, r talk.Request) talk.Reply {
	err := s.gather().chat.SetSlow(time.Duration(min(max(r.Seconds, -1), 1<<20)) * time.Second)
	if err == nil {
		s.keepLater(partTalk)
		s.tell(talk.Slow{Seconds: r.Seconds})
	}
	return talk.Reply{Err: err}
}

// Messages are up to n of the newest messages, oldest first.
func (s *Studio) Messages(n int) []chat.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gather().chat.Recent(n)
}
