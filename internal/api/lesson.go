package api

import (
	"net/http"
	"time"

	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// The requests of the audience's vocabulary that are about the whiteboard, and about roll calls.
var (
	boardVerbs = map[string]string{"lead": "board", "draw": "draw", "trace": "trace"}
	rollVerbs  = map[string]string{"call": "callRoll", "answer": "answerRoll", "end": "endRoll"}
)

// getBoard gives the whiteboard with all that is on it, to everybody who may watch.
func (a *API) getBoard(w http.ResponseWriter, _ *http.Request, s *studio.Studio) {
	board, err := s.Board()
	if err != nil {
		refusal.Write(w, err)
		return
	}
	answer(w, http.StatusOK, board)
}

type rollPerson struct {
	Identity string     `json:"identity"`
	Name     string     `json:"name"`
	At       *time.Time `json:"at,omitempty"`
}

// getRollCall gives the last roll call with all who were asked or answered.
func (a *API) getRollCall(w http.ResponseWriter, r *http.Request) {
	s, err := a.house.Studio(r.PathValue("room"))
	if err != nil {
		refusal.Write(w, err)
		return
	}
	roll := s.RollCall()
	if roll.Number == 0 {
		refusal.Write(w, refusal.NotFound)
		return
	}
	people := make([]rollPerson, len(roll.People))
	for i, p := range roll.People {
		people[i] = rollPerson{Identity: p.Identity, Name: p.Name}
		if !p.At.IsZero() {
			people[i].At = &roll.People[i].At
		}
	}
	answer(w, http.StatusOK, struct {
		Number int          `json:"number"`
		Begun  time.Time    `json:"begun"`
		Ends   time.Time    `json:"ends"`
		Open   bool         `json:"open"`
		People []rollPerson `json:"people"`
	}{roll.Number, roll.Begun, roll.Ends, roll.Open, people})
}

// getAttendance gives the list of all who were in the room.
func (a *API) getAttendance(w http.ResponseWriter, r *http.Request) {
	s, err := a.house.Studio(r.PathValue("room"))
	if err != nil {
		refusal.Write(w, err)
		return
	}
	type person struct {
		Identity string    `json:"identity"`
		Name     string    `json:"name"`
		First    time.Time `json:"first"`
		Last     time.Time `json:"last"`
		Seconds  int       `json:"seconds"`
		Here     bool      `json:"here"`
	}
	people := []person{}
	for _, p := range s.Attendance() {
		people = append(people, person{p.Identity, p.Name, p.First, p.Last, int(p.Total.Seconds()), p.Here})
	}
	answer(w, http.StatusOK, map[string]any{"people": people})
}
