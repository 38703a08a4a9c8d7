package studio

import (
	"encoding/json"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/board"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

var errMayDraw = &room.Refusal{Code: "forbidden", Message: "who draws is on the stage"}

// maxHands bounds the memory of who drew how fast; beyond it all start anew.
const maxHands = 256

// whiteboard is the room's; the scene must have one. The caller holds the lock.
func (s *Studio) whiteboard() (*board.Board, error) {
	if !s.scene.Has("whiteboard") {
		return nil, errOff
	}
	if s.board == nil {
		s.board = board.New()
	}
	return s.board, nil
}

// Board is the whiteboard with all that is on it.
func (s *Studio) Board() (board.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.whiteboard()
	if err != nil {
		return board.Snapshot{}, err
	}
	return b.Snapshot(), nil
}

// boardState is what newcomers are told of the board, nil where there is none. The caller holds the lock.
func (s *Studio) boardState() *board.State {
	b, err := s.whiteboard()
	if err != nil {
		return nil
	}
	state := b.State()
	return &state
}

// mayDraw tells whether somebody may draw now, and gives the board. The caller holds the lock.
func (s *Studio) mayDraw(a Actor, bytes int) (*board.Board, error) {
	b, err := s.whiteboard()
	switch {
	case err != nil:
		return nil, err
	case a.App:
		return b, nil
	case !s.role(a).OnStage():
		return nil, errMayDraw
	}
	pace := s.hands[a.Identity]
	if pace == nil {
		if len(s.hands) >= maxHands || s.hands == nil {
			s.hands = map[string]*board.Pace{}
		}
		pace = &board.Pace{}
		s.hands[a.Identity] = pace
	}
	if !pace.Allow(bytes, time.Now()) {
		return nil, board.ErrTooFast
	}
	return b, nil
}

func (s *Studio) draw(a Actor, r talk.Request) talk.Reply {
	b, err := s.mayDraw(a, len(r.Raw))
	if err != nil {
		return talk.Reply{Err: err}
	}
	var in struct {
		Drawing json.RawMessage `json:"drawing"`
	}
	if err := json.Unmarshal(r.Raw, &in); err != nil {
		return talk.Reply{Err: talk.ErrMalformed}
	}
	drawing, err := board.Parse(in.Drawing)
	switch {
	case err != nil:
		return talk.Reply{Err: err}
	case !a.App && drawing.Writes() && s.stage.Silenced(a.Identity):
		return talk.Reply{Err: stage.ErrSilenced}
	}
	for i := range drawing.Put {
		if drawing.Put[i].Text, err = s.house.words.Mask(drawing.Put[i].Text); err != nil {
			return talk.Reply{Err: err}
		}
	}
	won, err := b.Draw(a.Identity, drawing)
	if err == nil && len(won.Put) > 0 {
		s.keepLater(partBoard)
		s.tell(talk.Drawn{Drawing: won})
	}
	return talk.Reply{Err: err}
}

func (s *Studio) trace(a Actor, r talk.Request) talk.Reply {
	if _, err := s.mayDraw(a, len(r.Raw)); err != nil {
		return talk.Reply{Err: err}
	}
	var in struct {
		Trace json.RawMessage `json:"trace"`
	}
	if err := json.Unmarshal(r.Raw, &in); err != nil {
		return talk.Reply{Err: talk.ErrMalformed}
	}
	trace, err := board.ParseTrace(in.Trace)
	if err == nil {
		s.tell(talk.Trace{Trace: trace, By: a.Identity})
	}
	return talk.Reply{Err: err}
}

// leadBoard opens, closes and clears the board, and turns its pages for everybody.
func (s *Studio) leadBoard(_ Actor, r talk.Request) talk.Reply {
	b, err := s.whiteboard()
	if err != nil {
		return talk.Reply{Err: err}
	}
	var in struct {
		Action, Page string
	}
	if err := json.Unmarshal(r.Raw, &in); err != nil {
		return talk.Reply{Err: talk.ErrMalformed}
	}
	switch in.Action {
	case "open":
		b.Open(true)
	case "close":
		b.Open(false)
	case "add":
		err = b.AddPage(in.Page)
	case "remove":
		err = b.RemovePage(in.Page)
	case "clear":
		err = b.Clear(in.Page)
	case "show":
		err = b.Show(in.Page)
	default:
		err = talk.Malformed("action is open, close, add, remove, clear or show")
	}
	if err == nil {
		s.keepLater(partBoard)
		s.tell(talk.Board{State: b.State()})
	}
	return talk.Reply{Err: err}
}
