package studio

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tuttilive/tutti/internal/room"
)

// TestApplicationsHearOfGiftsAndPolls: each once, votes not at all.
func TestApplicationsHearOfGiftsAndPolls(t *testing.T) {
	var w audienceWitness
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		h.witnesses = append(h.witnesses, &w)
		enter(t, h, "host", asHost)
		for _, c := range []struct{ who, request string }{
			{"ann", `{"type":"gift","gift":"rose","count":2}`},
			{"host", `{"type":"openPoll","question":"?","options":["a","b"]}`},
			{"ann", `{"type":"vote","poll":"%s","choices":[1]}`},
			{"host", `{"type":"closePoll","poll":"%s"}`},
		} {
			if polls := s.Polls(); len(polls) > 0 {
				c.request = strings.Replace(c.request, "%s", polls[0].ID, 1)
			}
			if code := request(t, s, Actor{Identity: c.who, Name: c.who}, c.request); code != "" {
				t.Errorf("%s: %s", c.request, code)
			}
		}
	})
	w.Lock()
	defer w.Unlock()
	if got := fmt.Sprint(w.told); got != "[ann gives 2 rose of 2 poll true [0 0] poll false [0 1]]" {
		t.Error(got)
	}
}

// audienceWitness keeps in words what an audience gave and was asked.
type audienceWitness struct {
	sync.Mutex
	told []string
}

func (w *audienceWitness) RoomEvent(_ func() RoomInfo, e room.Event) {
	w.Lock()
	defer w.Unlock()
	switch e := e.(type) {
	case room.GiftGiven:
		w.told = append(w.told, fmt.Sprintf("%s gives %d %s of %d", e.ByName, e.Gift.Count, e.Gift.Name, e.Total))
	case room.PollChanged:
		var votes []int
		for _, o := range e.Poll.Options {
			votes = append(votes, o.Votes)
		}
		w.told = append(w.told, fmt.Sprintf("poll %t %v", e.Poll.Open, votes))
	}
}
