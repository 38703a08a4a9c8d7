package studio

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/rollcall"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// request does what somebody asks for and gives the code of what it was refused with.
func request(t *testing.T, s *Studio, who Actor, what string) string {
	t.Helper()
	r, err := talk.Decode([]byte(what))
	if err != nil {
		t.Fatal(err)
	}
	var got talk.Reply
	s.Do(who, r, func(reply talk.Reply) { got = reply })
	var no *room.Refusal
	switch {
	case got.Err == nil:
		return ""
	case errors.As(got.Err, &no):
		return no.Code
	}
	return got.Err.Error()
}

// listener keeps what everybody is told.
type listener struct {
	mu   sync.Mutex
	told strings.Builder
}

func (l *listener) Batch(b talk.Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintln(&l.told, string(b.All))
}

func (l *listener) End(farewell []byte) {}

// hear is what the audience of a room is told from now on, until the test ends.
func hear(t *testing.T, s *Studio) *listener {
	t.Helper()
	l := new(listener)
	stop, err := s.Hear(l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return l
}

// all is what everybody was told until now.
func (l *listener) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told.String()
}

func TestTheBoardOfAClass(t *testing.T) {
	onStage(t, "class", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		enter(t, h, "ann", nil)
		l := hear(t, s)
		host, ann := Actor{Identity: "host"}, Actor{Identity: "ann"}
		const stroke = `{"type":"draw","drawing":{"page":"p1","put":[{"id":"%s","v":1,"kind":"pen","points":[0,0,5,5],"color":"red","size":4}]}}`
		for _, c := range []struct {
			who           Actor
			request, code string
		}{
			{host, `{"type":"board","action":"open"}`, ""},
			{ann, `{"type":"board","action":"open"}`, "forbidden"},
			{host, fmt.Sprintf(stroke, "a"), ""},
			{ann, fmt.Sprintf(stroke, "b"), "forbidden"},
			{ann, `{"type":"raise"}`, ""},
			{host, `{"type":"admit","identity":"ann"}`, ""},
			{ann, fmt.Sprintf(stroke, "b"), ""},
			{ann, strings.Replace(fmt.Sprintf(stroke, "c"), `"pen"`, `"image"`, 1), "malformed"},
			{ann, `{"type":"trace","trace":{"page":"p1","id":"d","kind":"pen","color":"red","size":4,"points":[1,2]}}`, ""},
			{host, `{"type":"board","action":"clear","page":"p9"}`, "page_gone"},
			{host, `{"type":"board","action":"add","page":"p1"}`, ""},
			{host, `{"type":"board","action":"juggle"}`, "malformed"},
		} {
			if code := request(t, s, c.who, c.request); code != c.code {
				t.Errorf("%s asks for %s: %q, not %q", c.who.Identity, c.request, code, c.code)
			}
		}
		board, err := s.Board()
		if err != nil {
			t.Fatal(err)
		}
		if first := board.Contents[0].Elements; len(first) != 2 || first[1].By != "ann" || !board.On || board.Shown != "p2" {
			t.Errorf("a newcomer is given %+v", board)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		for _, want := range []string{`"type":"drawn","page":"p1","put":[{"id":"b","v":1,"by":"ann","kind":"pen"`, `"type":"trace","trace":{`, `"type":"board","on":true,"pages":["p1","p2"]`} {
			if !strings.Contains(l.all(), want) {
				t.Errorf("nobody was told %s in\n%s", want, l.all())
			}
		}
		for range 100 {
			request(t, s, ann, fmt.Sprintf(stroke, "e"))
		}
		if code := request(t, s, ann, fmt.Sprintf(stroke, "e")); code != "rate_limited" {
			t.Errorf("a hand that never rests: %q", code)
		}
	})
}

func TestARollCall(t *testing.T) {
	onStage(t, "class", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		ann := enter(t, h, "ann", nil)
		enter(t, h, "bob", nil)
		l := hear(t, s)
		if code := request(t, s, Actor{Identity: "ann"}, `{"type":"callRoll","seconds":30}`); code != "forbidden" {
			t.Errorf("a student calls the roll: %q", code)
		}
		if code := request(t, s, Actor{Identity: "host"}, `{"type":"callRoll","seconds":30}`); code != "" {
			t.Fatal(code)
		}
		time.Sleep(10 * time.Second)
		if code := request(t, s, Actor{Identity: "ann", Name: "Ann"}, `{"type":"answerRoll"}`); code != "" {
			t.Fatal(code)
		}
		time.Sleep(time.Second)
		told := strings.Count(l.all(), `"type":"rollcall"`)
		if code := request(t, s, Actor{Identity: "ann", Name: "Ann"}, `{"type":"answerRoll"}`); code != "" {
			t.Errorf("who answers twice: %q", code)
		}
		time.Sleep(time.Second)
		if again := strings.Count(l.all(), `"type":"rollcall"`); told == 0 || again != told {
			t.Errorf("everybody is told %d times that somebody answered, and %d times once they have again", told, again)
		}
		time.Sleep(28 * time.Second)
		synctest.Wait()
		if code := request(t, s, Actor{Identity: "bob"}, `{"type":"answerRoll"}`); code != "late" {
			t.Errorf("too late: %q", code)
		}
		roll := s.RollCall()
		if roll.Open || roll.Answered != 1 || roll.Of != 2 || roll.People[0].Identity != "ann" || roll.People[1].Identity != "bob" {
			t.Errorf("%+v", roll)
		}
		var last []map[string]any
		lines := strings.Split(strings.TrimSpace(l.all()), "\n")
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
			t.Fatal(err)
		}
		if e := last[len(last)-1]; e["type"] != "rollcall" || e["open"] != false || e["answered"] != 1.0 {
			t.Errorf("everybody is told that it is over, and not %v", e)
		}
		ann.Leave(room.LeftByItself)
		time.Sleep(20 * time.Second)
		list := s.Attendance()
		if len(list) != 3 || list[1].Identity != "ann" || list[1].Here || list[1].Total != 40*time.Second || !list[2].Here {
			t.Errorf("%+v", list)
		}
	})
}

// TestARollCallOnAClockThatIsSetBack has less of a roll call's time gone by than its timer had to wait for: after a restart its end is known by the clock alone.
func TestARollCallOnAClockThatIsSetBack(t *testing.T) {
	onStage(t, "class", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		l := hear(t, s)
		if code := request(t, s, Actor{Identity: "host"}, `{"type":"callRoll","seconds":30}`); code != "" {
			t.Fatal(code)
		}
		s.mu.Lock()
		s.roll.Ends = s.roll.Ends.Add(10 * time.Second)
		s.mu.Unlock()
		for _, over := range []bool{false, true} {
			time.Sleep(35 * time.Second)
			synctest.Wait()
			if told := strings.Contains(l.all(), `"open":false`); told != over {
				t.Errorf("everybody was told that it is over: %v, not %v", told, over)
			}
		}
	})
}

// TestStrangersFillNoAttendance has more of them watch a class than the list takes; a student comes afterwards, by each of the ways that say who somebody is.
func TestStrangersFillNoAttendance(t *testing.T) {
	onStage(t, "class", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		for i := range rollcall.MaxPeople {
			a, err := attend(s, stage.Person{Identity: fmt.Sprint("watch-", i)})
			if err != nil {
				t.Fatal(err)
			}
			a.Leave()
		}
		enter(t, h, "student", nil)
		watching, err := s.attend(&Attendee{studio: s, ear: unheard{}, vouched: true, claims: auth.Claims{Identity: "by a link"}})
		if err != nil {
			t.Fatal(err)
		}
		defer watching.Leave()
		for _, identity := range []string{"host", "student", "by a link"} {
			if !slices.ContainsFunc(s.Attendance(), func(stay rollcall.Stay) bool { return stay.Identity == identity && stay.Here }) {
				t.Errorf("%s is not on the list", identity)
			}
		}
	})
}

// TestARollCallIsEndedAfterTheClockWasSetBack has one be over by the clock after a restart, and a clock that is set back then.
func TestARollCallIsEndedAfterTheClockWasSetBack(t *testing.T) {
	onStage(t, "class", func(t *testing.T, h *House, s *Studio) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.roll = rollcall.Back(&rollcall.Kept{ID: 1, Begun: time.Now().Add(-time.Minute), Ends: time.Now().Add(-time.Second)})
		s.awaitRollEnd()
		s.roll.Ends = time.Now().Add(time.Minute) // as a minute earlier
		if r := s.endRoll(Actor{}, talk.Request{}); r.Err != nil || s.roll.Open(time.Now()) {
			t.Errorf("%v, %+v", r.Err, s.roll)
		}
	})
}
