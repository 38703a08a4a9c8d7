package webhook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	lkauth "github.com/livekit/protocol/auth"
	pb "github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/webhook"

	"github.com/tuttilive/tutti/internal/address"
	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/dial"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/applause"
	"github.com/tuttilive/tutti/internal/room/chat"
	"github.com/tuttilive/tutti/internal/room/poll"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio"
)

var keys = auth.Keys{Key: "APItest", Secret: "a secret that is long enough for HS256"}

// application is a receiver that reads events with LiveKit's own library, without a network.
type application struct {
	t *testing.T
	// answer decides on each request, after it was read; nil takes all.
	answer func(e *pb.WebhookEvent, n int) (status int, retryAfter string, err error)

	mu       sync.Mutex
	requests int
	events   []*pb.WebhookEvent // that were taken
}

// RoundTrip implements http.RoundTripper.
func (a *application) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	e, err := webhook.ReceiveWebhookEvent(r, lkauth.NewSimpleKeyProvider(keys.Key, keys.Secret))
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/webhook+json" {
		a.t.Errorf("%s %v: %v", r.Method, r.Header, err)
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests++
	status, after := http.StatusOK, ""
	if a.answer != nil {
		if status, after, err = a.answer(e, a.requests); err != nil {
			return nil, err
		}
	}
	if status == http.StatusOK {
		a.events = append(a.events, e)
	}
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status), Header: http.Header{"Retry-After": {after}}, Body: io.NopCloser(strings.NewReader("")),
	}, nil
}

// told are the events that were taken, in short.
func (a *application) told() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []string
	for _, e := range a.events {
		all = append(all, strings.TrimSpace(e.Event+" "+e.Participant.GetIdentity()+" "+e.Track.GetSid()))
	}
	return strings.Join(all, ", ")
}

func notify(a *application, urls ...string) *Notifier {
	return New(Options{URLs: urls, Keys: keys, Client: &http.Client{Transport: a, Timeout: 10 * time.Second}, Log: slog.New(slog.DiscardHandler)})
}

// inRoom is a room that somebody joined.
func inRoom(name string) func() studio.RoomInfo {
	return func() studio.RoomInfo { return studio.RoomInfo{Name: name, SID: "RM_1", Participants: 1} }
}

func joined(identity string) room.Event {
	return room.ParticipantConnected{Participant: room.Participant{SID: "PA_" + identity, Identity: identity}}
}

type deaf struct{}

func (deaf) RoomEvent(room.Event) {}

func TestWhatHappensInARoomIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &application{t: t}
		n := notify(a, "http://application/hook")
		h := studio.NewHouse(studio.Options{Log: slog.New(slog.DiscardHandler), Witnesses: []studio.Witness{n}})
		enter := func(identity string) *studio.Participant {
			p, err := h.Enter("hall", room.Join{Identity: identity, Permission: room.Permission{Publish: true}}, deaf{})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		anna, bob := enter("anna"), enter("bob")
		anna.Connected()
		if _, err := anna.PublishFrames(room.Publication{SID: "TR_1", Kind: media.Video, Codec: media.H264}); err != nil {
			t.Fatal(err)
		}
		bob.Leave(room.LeftByItself) // before any media could flow
		anna.Leave(room.LeftByItself)
		h.Close()
		n.Close(t.Context())
		want := "room_started, participant_joined anna, track_published anna TR_1, participant_connection_aborted bob, " +
			"track_unpublished anna TR_1, participant_left anna, room_finished"
		if got := a.told(); got != want {
			t.Errorf("told %s", got)
		}
		seen := map[string]bool{}
		for _, e := range a.events {
			if e.Id == "" || seen[e.Id] || e.CreatedAt != time.Now().Unix() || e.Room.Name != "hall" || e.Room.Sid == "" || e.NumDropped != 0 {
				t.Errorf("event %v", e)
			}
			seen[e.Id] = true
		}
		if left := a.events[5].Participant; left.State != pb.ParticipantInfo_DISCONNECTED || left.DisconnectReason != pb.DisconnectReason_CLIENT_INITIATED {
			t.Errorf("left: %v", left)
		}
		if st := n.Stats(); st[0] != (Stats{Receiver: "http://application/hook", Sent: 7}) {
			t.Errorf("%+v", st)
		}
	})
}

func TestAReceiverThatIsAwayGetsAllInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &application{t: t}
		began := time.Now()
		a.answer = func(*pb.WebhookEvent, int) (int, string, error) {
			if time.Since(began) < 20*time.Second {
				return http.StatusBadGateway, "", nil
			}
			return http.StatusOK, "", nil
		}
		n := notify(a, "http://application")
		for i := range 5 {
			n.RoomEvent(inRoom("hall"), joined(fmt.Sprint(i)))
		}
		time.Sleep(time.Minute)
		if got := a.told(); got != "participant_joined 0, participant_joined 1, participant_joined 2, participant_joined 3, participant_joined 4" {
			t.Errorf("told %s", got)
		}
		n.Close(t.Context())
	})
}

func TestWhatAReceiverRefusesIsNotTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &application{t: t}
		a.answer = func(e *pb.WebhookEvent, n int) (int, string, error) {
			switch n {
			case 1:
				return http.StatusBadRequest, "", nil
			case 2:
				return http.StatusGone, "", nil
			case 3:
				return 0, "", fmt.Errorf("connecting: %w", dial.ErrRefused)
			}
			return http.StatusOK, "", nil
		}
		n := notify(a, "http://application")
		for i := range 4 {
			n.RoomEvent(inRoom("hall"), joined(fmt.Sprint(i)))
		}
		synctest.Wait()
		if got := a.told(); got != "participant_joined 3" || a.events[0].NumDropped != 3 {
			t.Errorf("told %s, %v", got, a.events)
		}
		if st := n.Stats()[0]; st.Sent != 1 || st.Failed != 3 || st.Dropped != 3 || st.Waiting != 0 {
			t.Errorf("%+v", st)
		}
		n.Close(t.Context())
	})
}

// TestADeploymentLosesNothing has a receiver be away for as long as it may, in whatever way, or mostly, where many rooms have something to tell, or one.
func TestADeploymentLosesNothing(t *testing.T) {
	const away = 10*time.Minute - longestWait
	for name, tt := range map[string]struct {
		rooms, events int
		taken         int           // one of so many requests is taken meanwhile, 0 for none
		away          time.Duration // 0 for away
		statuses      []int         // 0 for no answer
	}{
		"unreachable":                  {rooms: 2 * requests, events: 2, statuses: []int{0, http.StatusServiceUnavailable}},
		"nothing there":                {rooms: 1, events: 50, statuses: []int{http.StatusNotFound}},
		"crashed behind its framework": {rooms: 3, events: 5, statuses: []int{http.StatusInternalServerError}},
		"a single event":               {rooms: 1, events: 1, statuses: []int{http.StatusInternalServerError}},
		"in many ways by turns":        {rooms: 1, events: 5, statuses: []int{0, 500, 404, 302, 502, 503, 504, 429, 408, 401, 403}},
		"mostly unavailable":           {rooms: 5, events: 20, taken: 10, away: 5 * time.Minute, statuses: []int{http.StatusBadGateway}},
		"mostly broken":                {rooms: 5, events: 20, taken: 10, away: 5 * time.Minute, statuses: []int{http.StatusInternalServerError}},
		"a room, mostly broken":        {rooms: 1, events: 900, taken: 10, away: 5 * time.Minute, statuses: []int{http.StatusNotFound}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, began := &application{t: t}, time.Now()
				last := cmp.Or(tt.away, away)
				a.answer = func(_ *pb.WebhookEvent, n int) (int, string, error) {
					status := tt.statuses[n%len(tt.statuses)]
					switch {
					case time.Since(began) > last || tt.taken > 0 && n%tt.taken == 0:
						return http.StatusOK, "", nil
					case status == 0:
						return 0, "", errors.New("no route")
					}
					return status, "", nil
				}
				n := notify(a, "http://application")
				for i := range tt.rooms * tt.events {
					n.RoomEvent(inRoom(fmt.Sprint("room", i%tt.rooms)), joined(fmt.Sprint("p", 1000+i)))
				}
				all := tt.rooms * tt.events
				time.Sleep(last)
				if st := n.Stats()[0]; st.Dropped != 0 || st.Waiting+int(st.Sent) != all || tt.taken == 0 && st.Sent > 0 {
					t.Errorf("while it is away: %+v", st)
				}
				time.Sleep(2 * longestWait)
				if st := n.Stats()[0]; st.Sent != uint64(all) || st.Waiting != 0 {
					t.Errorf("when it is back: %+v", st)
				}
				if order := strings.Split(a.told(), ", "); tt.rooms == 1 && tt.taken == 0 && !slices.IsSorted(order) {
					t.Errorf("in the order of %v", order)
				}
				n.Close(t.Context())
			})
		})
	}
}

func TestAReceiverThatStaysAwayIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &application{t: t, answer: func(*pb.WebhookEvent, int) (int, string, error) { return 0, "", errors.New("no route") }}
		n := notify(a, "http://application")
		n.RoomEvent(inRoom("hall"), joined("a"))
		time.Sleep(longestTried - time.Second)
		if st := n.Stats()[0]; st.Dropped != 0 || st.Waiting != 1 {
			t.Errorf("%+v", st)
		}
		time.Sleep(2 * longestWait)
		if st := n.Stats()[0]; st.Dropped != 1 || st.Waiting != 0 {
			t.Errorf("%+v", st)
		}
		n.Close(t.Context())
	})
}

// TestAnEventThatAReceiverNeverTakesHoldsItsRoomUpForAWhile at most, also where there are several and other rooms have nothing to tell, and is tried until
// its time is over.
func TestAnEventThatAReceiverNeverTakesHoldsItsRoomUpForAWhile(t *testing.T) {
	for _, tt := range []struct {
		bad    int
		status int // 0 for none
		before bool
		within time.Duration
	}{
		{bad: 1, status: http.StatusInternalServerError, within: time.Minute},
		{bad: 1, status: http.StatusInternalServerError, before: true, within: time.Minute},
		{bad: 1, status: http.StatusBadGateway, within: time.Minute}, // which ends whoever reads it
		{bad: 1, within: time.Minute},
		{bad: 5, status: http.StatusNotFound, within: 2 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := &application{t: t}
			a.answer = func(e *pb.WebhookEvent, _ int) (int, string, error) {
				switch {
				case e.Participant.Identity != "eve":
					return http.StatusOK, "", nil
				case tt.status == 0:
					return 0, "", io.EOF
				}
				return tt.status, "", nil
			}
			n := notify(a, "http://application")
			if tt.before {
				n.RoomEvent(inRoom("hall"), joined("ann"))
			}
			for range tt.bad {
				n.RoomEvent(inRoom("hall"), joined("eve"))
			}
			said := 0
			for range tt.within / time.Second {
				time.Sleep(time.Second)
				n.RoomEvent(inRoom("hall"), joined("bob"))
				said++
			}
			synctest.Wait()
			if tt.before {
				said++
			}
			if st := n.Stats()[0]; len(a.events) != said || st.Waiting != tt.bad || st.Dropped != 0 {
				t.Errorf("%d of %d are told: %+v", len(a.events), said, st)
			}
			time.Sleep(longestTried + 2*longestWait)
			if st := n.Stats()[0]; st.Waiting != 0 || st.Dropped != uint64(tt.bad) || len(n.receivers[0].queue.lines) != 0 {
				t.Errorf("%+v", st)
			}
			n.Close(t.Context())
		})
	}
}

// TestAKindOfEventThatAReceiverDoesNotKnow holds rooms up once, and what is late of it leaves place to all else.
func TestAKindOfEventThatAReceiverDoesNotKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rooms, events = 2, 260
		a := &application{t: t}
		a.answer = func(e *pb.WebhookEvent, _ int) (int, string, error) {
			if e.Participant.Identity == "eve" {
				return http.StatusNotFound, "", nil
			}
			return http.StatusOK, "", nil
		}
		n := notify(a, "http://application")
		for i := range rooms * events {
			n.RoomEvent(inRoom(fmt.Sprint("room", i%rooms)), joined([]string{"eve", "bob"}[i/rooms%2]))
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		q := n.receivers[0].queue
		if st := n.Stats()[0]; st.Sent != rooms*events/2 || st.Waiting != rooms*maxLate || st.Dropped != rooms*(events/2-maxLate) {
			t.Errorf("%d are told of %d: %+v", st.Sent, rooms*events/2, st)
		}
		if len(q.lines) != 0 || q.waiting != 0 || q.bytes != 0 {
			t.Errorf("%d rooms wait, of %d events", len(q.lines), q.waiting)
		}
		n.Close(t.Context())
		if len(q.late) != 0 || q.lateAll != 0 || q.lateBytes != 0 {
			t.Errorf("late at the end: %v, %d", q.late, q.lateAll)
		}
	})
}

// TestAReceiverThatComesBackGetsWhatWaitsInOrder, whichever attempt that is before: but for the one with which it was looked whether it is back.
func TestAReceiverThatComesBackGetsWhatWaitsInOrder(t *testing.T) {
	for _, away := range []int{0, 9, 10, 13, 14, 21, 22} {
		synctest.Test(t, func(t *testing.T) {
			const events = 20
			a := &application{t: t}
			a.answer = func(_ *pb.WebhookEvent, n int) (int, string, error) {
				if n <= away {
					return http.StatusInternalServerError, "", nil
				}
				return http.StatusOK, "", nil
			}
			n := notify(a, "http://application")
			for i := range events {
				n.RoomEvent(inRoom("hall"), joined(fmt.Sprint("p", 10+i)))
			}
			time.Sleep(5 * time.Minute)
			told, early := strings.Split(a.told(), ", "), 0
			for i := 1; i < len(told); i++ {
				if told[i] < told[i-1] {
					early++
				}
			}
			if len(told) != events || early > 1 || early == 1 && told[0] < told[1] {
				t.Errorf("back after %d attempts: %v", away, told)
			}
			n.Close(t.Context())
		})
	}
}

func TestAReceiverMayAskForTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		a := &application{t: t}
		a.answer = func(_ *pb.WebhookEvent, n int) (int, string, error) {
			at = append(at, time.Now())
			switch n {
			case 1:
				return http.StatusTooManyRequests, "20", nil
			case 2:
				return http.StatusServiceUnavailable, "86400", nil
			}
			return http.StatusOK, "", nil
		}
		n := notify(a, "http://application")
		n.RoomEvent(inRoom("hall"), joined("a"))
		time.Sleep(2 * time.Minute)
		n.Close(t.Context())
		if len(at) != 3 || at[1].Sub(at[0]) != 20*time.Second || at[2].Sub(at[1]) != longestAsked {
			t.Errorf("asked at %v", at)
		}
	})
}

// TestRoomsDoNotWaitForEachOther has a receiver that cannot take the events of many rooms, and asks for time with each of them.
func TestRoomsDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &application{t: t}
		a.answer = func(e *pb.WebhookEvent, _ int) (int, string, error) {
			if strings.HasPrefix(e.Room.Name, "bad") {
				return http.StatusServiceUnavailable, "30", nil
			}
			return http.StatusOK, "", nil
		}
		n := notify(a, "http://application")
		for i := range 10 * requests {
			n.RoomEvent(inRoom(fmt.Sprint("bad", i)), joined("a"))
			n.RoomEvent(inRoom(fmt.Sprint("bad", i)), joined("a"))
		}
		for _, identity := range []string{"b", "c", "d"} {
			n.RoomEvent(inRoom("good"), joined(identity))
		}
		synctest.Wait()
		if got := a.told(); got != "participant_joined b, participant_joined c, participant_joined d" {
			t.Errorf("told %s", got)
		}
		n.Close(t.Context())
	})
}

// TestAReceiverGetsFewRequestsAtOnce has one that answers nothing until many wait.
func TestAReceiverGetsFewRequestsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stalled{release: make(chan struct{})}
		n := New(Options{URLs: []string{"http://application"}, Keys: keys, Client: &http.Client{Transport: s}, Log: slog.New(slog.DiscardHandler)})
		for i := range 5 * requests {
			n.RoomEvent(inRoom(fmt.Sprint("room", i)), joined("a"))
			n.RoomEvent(inRoom(fmt.Sprint("room", i)), joined("b"))
		}
		synctest.Wait()
		if got := s.under.Load(); got != requests {
			t.Errorf("%d requests at once", got)
		}
		if got := len(n.Deliveries()); got != requests {
			t.Errorf("%d are listed, of which %d were tried", got, requests)
		}
		close(s.release)
		synctest.Wait()
		if st := n.Stats()[0]; st.Sent != 10*requests || st.Waiting != 0 || len(n.receivers[0].queue.lines) != 0 {
			t.Errorf("%+v, and %d rooms have a line", st, len(n.receivers[0].queue.lines))
		}
		n.Close(t.Context())
	})
}

// stalled is a receiver that answers when it is released.
type stalled struct {
	under   atomic.Int32
	release chan struct{}
}

// RoundTrip implements http.RoundTripper.
func (s *stalled) RoundTrip(*http.Request) (*http.Response, error) {
	s.under.Add(1)
	<-s.release
	s.under.Add(-1)
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Body: http.NoBody}, nil
}

// TestManyRoomsLeavePlaceToOthers has more rooms than there is place for fill what they can.
func TestManyRoomsLeavePlaceToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stalled{release: make(chan struct{})}
		n := New(Options{URLs: []string{"http://application"}, Keys: keys, Client: &http.Client{Transport: s}, Log: slog.New(slog.DiscardHandler)})
		said := room.ChatPosted{Message: chat.Message{ID: "m"}}
		for i := range 20 {
			for range maxWaiting {
				n.RoomEvent(inRoom(fmt.Sprint("busy", i)), said)
			}
		}
		synctest.Wait()
		st := n.Stats()[0]
		if st.Waiting > maxWaitingAll/2 || st.Dropped == 0 {
			t.Errorf("chats have more than half: %+v", st)
		}
		for range 10 {
			n.RoomEvent(inRoom("other"), said)
			n.RoomEvent(inRoom("other"), joined("a"))
		}
		if now := n.Stats()[0]; now.Dropped != st.Dropped {
			t.Errorf("of another room %d of 20 are dropped", now.Dropped-st.Dropped)
		}
		close(s.release)
		n.Close(t.Context())
	})
}

func TestWhatWaitsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		a := &application{t: t}
		a.answer = func(_ *pb.WebhookEvent, n int) (int, string, error) {
			if n == 1 {
				<-release
			}
			return http.StatusOK, "", nil
		}
		n := notify(a, "http://application")
		n.RoomEvent(inRoom("hall"), joined("first"))
		synctest.Wait() // it is on its way
		for range maxWaiting + 10 {
			n.RoomEvent(inRoom("hall"), joined("a"))
		}
		if st := n.Stats()[0]; st.Waiting != maxWaiting || st.Dropped != 11 {
			t.Errorf("%+v", st)
		}
		close(release)
		synctest.Wait()
		if len(a.events) != maxWaiting || a.events[1].NumDropped != 11 || a.events[2].NumDropped != 0 {
			t.Errorf("%d events, %v", len(a.events), a.events[1])
		}
		large := joined("large").(room.ParticipantConnected)
		large.Participant.Metadata = strings.Repeat("x", maxWaitingBytes)
		n.RoomEvent(inRoom("hall"), large)
		if st := n.Stats()[0]; st.Dropped != 12 {
			t.Errorf("%+v", st)
		}
		n.Close(t.Context())
	})
}

// TestWhatIsToldBesideARoomIsBoundedToo: a list of plays is large where what LiveKit tells of its room is not.
func TestWhatIsToldBesideARoomIsBoundedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		a := &application{t: t, answer: func(*pb.WebhookEvent, int) (int, string, error) {
			<-release
			return http.StatusOK, "", nil
		}}
		n := notify(a, "http://application")
		n.RoomEvent(inRoom("hall"), joined("first"))
		synctest.Wait()                   // it is on its way
		const told, large = 100, 75 << 10 // beside the first
		plays := map[string]string{"plays": strings.Repeat("x", large)}
		for range told {
			n.Tell(studio.RoomInfo{Name: "hall"}, "plays_ended", "plays", plays)
		}
		st := n.Stats()[0]
		waits := st.Waiting - 1
		if waits < told/4 || waits*large > maxWaitingBytes || waits+int(st.Dropped) != told {
			t.Errorf("%d bytes wait: %+v", waits*large, st)
		}
		close(release)
		synctest.Wait()
		whole := 0
		for _, d := range n.Deliveries() {
			if strings.HasSuffix(string(d.Body), `xx"}}`) && len(d.Body) > large {
				whole++
			}
		}
		if whole == 0 || len(a.events) != st.Waiting {
			t.Errorf("%d are sent, of the last ones %d with the plays", len(a.events), whole)
		}
		n.Close(t.Context())
	})
}

func TestClosingWaitsForNobodyWhoIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := &application{t: t, answer: func(*pb.WebhookEvent, int) (int, string, error) { return http.StatusBadGateway, "", nil }}
		n := notify(away, "http://application")
		for range 3 {
			n.RoomEvent(inRoom("hall"), joined("a"))
		}
		synctest.Wait()
		began := time.Now()
		n.Close(t.Context())
		if st := n.Stats()[0]; time.Since(began) != 0 || st.Dropped != 3 {
			t.Errorf("after %v: %+v", time.Since(began), st)
		}

		stalls := make(chan struct{})
		silent := &application{t: t, answer: func(*pb.WebhookEvent, int) (int, string, error) { <-stalls; return http.StatusOK, "", nil }}
		n = notify(silent, "http://application")
		n.RoomEvent(inRoom("hall"), joined("a"))
		n.RoomEvent(inRoom("hall"), joined("b"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		time.AfterFunc(2*time.Second, func() { close(stalls) }) // a real transport ends with its context
		n.Close(ctx)
		if st := n.Stats()[0]; st.Sent+st.Dropped != 2 || time.Since(began) > 3*time.Second {
			t.Errorf("after %v: %+v", time.Since(began), st)
		}
		n.RoomEvent(inRoom("hall"), joined("too late"))
		if st := n.Stats()[0]; st.Waiting != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestOverTheNetwork(t *testing.T) {
	came := make(chan *pb.WebhookEvent, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		e, err := webhook.ReceiveWebhookEvent(r, lkauth.NewSimpleKeyProvider(keys.Key, keys.Secret))
		if err != nil {
			t.Error(err)
		}
		came <- e
	}))
	defer srv.Close()
	for _, allowed := range []bool{true, false} {
		d := dial.New(nil)
		if allowed {
			d = dial.New(address.Prefixes("127.0.0.0/8"))
		}
		n := New(Options{URLs: []string{srv.URL + "/hook?secret=1"}, Keys: keys, Client: d.Client(10 * time.Second), Log: slog.New(slog.DiscardHandler)})
		n.RoomEvent(inRoom("hall"), joined("a"))
		n.Close(t.Context())
		st := n.Stats()[0]
		if strings.Contains(st.Receiver, "secret") {
			t.Errorf("figures of %s", st.Receiver)
		}
		if allowed {
			if e := <-came; e.Event != "participant_joined" || st.Sent != 1 {
				t.Errorf("%v, %+v", e, st)
			}
		} else if st.Sent != 0 || st.Dropped != 1 || st.Failed != 1 {
			t.Errorf("a private address: %+v", st)
		}
	}
}

// TestShowsThatARestartInterruptsEndForApplications has one come back and one not.
func TestShowsThatARestartInterruptsEndForApplications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &application{t: t}
		n := notify(a, "http://application/hook")
		for _, live := range []room.Live{{Returning: true}, {On: true}, {}} {
			n.RoomEvent(inRoom("back"), room.LiveChanged{Live: live})
		}
		for _, live := range []room.Live{{Returning: true}, {}, {}} {
			n.RoomEvent(inRoom("gone"), room.LiveChanged{Live: live})
		}
		n.RoomEvent(inRoom("never"), room.LiveChanged{})
		synctest.Wait()
		told := map[string][]string{}
		for _, d := range n.Deliveries() {
			told[d.Room] = append(told[d.Room], d.Event)
		}
		for _, of := range told {
			slices.Sort(of) // deliveries are in the order of their ends
		}
		want := map[string][]string{"back": {"room_live_ended", "room_live_started"}, "gone": {"room_live_ended"}}
		if !maps.EqualFunc(told, want, slices.Equal) {
			t.Errorf("told %v", told)
		}
		n.Close(t.Context())
	})
}

func TestTheStageIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &application{t: t}
		n := notify(a, "http://application/hook?token=secret")
		in := func() studio.RoomInfo { return studio.RoomInfo{Name: "hall", Scene: "show"} }
		n.RoomEvent(in, room.StageChanged{Happened: []stage.Happening{
			{What: stage.SeatTaken, Person: stage.Person{Identity: "ann"}, Seat: 3, Role: stage.Speaker},
			{What: stage.MediaChanged, Person: stage.Person{Identity: "ann"}},
			{What: stage.Silenced, Person: stage.Person{Identity: "ann"}, Reason: stage.Adopted}, // the main room tells
			{What: stage.RoleChanged, Person: stage.Person{Identity: "bob"}, Role: stage.Host},
		}})
		n.RoomEvent(inRoom("hall"), room.StageChanged{Happened: []stage.Happening{{What: stage.RoleChanged, Person: stage.Person{Identity: "eve"}, Role: stage.Host}}})
		live := room.Live{On: true, Title: "t"}
		n.RoomEvent(in, room.LiveChanged{Live: live})
		n.RoomEvent(in, room.LiveChanged{Live: live}) // another picture
		n.RoomEvent(in, room.LiveChanged{})
		synctest.Wait()
		if got := a.told(); got != "seat_taken ann, role_changed bob, role_changed eve, room_live_started, room_live_ended" {
			t.Errorf("told %s", got)
		}
		all := n.Deliveries()
		if len(all) != 5 || strings.Contains(fmt.Sprint(all), "secret") {
			t.Fatalf("deliveries %+v", all)
		}
		first := all[slices.IndexFunc(all, func(d Delivery) bool { return d.Event == "seat_taken" })]
		if body := string(first.Body); !strings.Contains(body, `"stage":{"what":"seat_taken","person":{"identity":"ann","name":""},"role":"speaker","seat":3}`) {
			t.Errorf("sent %s", body)
		}
		n.Close(t.Context())
	})
}

func TestWhatAnAudienceGivesAndVotesIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &application{t: t}
		n := notify(a, "http://application/hook")
		rose := applause.Gift{Name: "rose", Count: 2, Value: 5, To: "ada"}
		n.RoomEvent(inRoom("hall"), room.GiftGiven{ID: "g1", Gift: rose, By: "ann", ByName: "Ann", Total: 7})
		n.RoomEvent(inRoom("hall"), room.GiftGiven{ID: "g2", Gift: rose, Total: 9})
		n.RoomEvent(inRoom("hall"), room.PollChanged{Poll: poll.Poll{ID: "p1", Open: true}})
		n.RoomEvent(inRoom("hall"), room.PollChanged{Poll: poll.Poll{ID: "p1", Options: []poll.Option{{Text: "a", Votes: 3}}}})
		synctest.Wait()
		if got := a.told(); got != "gift_given ann, gift_given, poll_opened, poll_closed" {
			t.Errorf("told %s", got)
		}
		for name, want := range map[string]string{
			"gift_given":  `"gift":{"id":"g1","gift":"rose","count":2,"value":5,"to":"ada","total":7}`,
			"poll_closed": `"options":[{"text":"a","votes":3}],"multiple":false,"open":false`,
		} {
			if !slices.ContainsFunc(n.Deliveries(), func(d Delivery) bool { return d.Event == name && strings.Contains(string(d.Body), want) }) {
				t.Errorf("of %s nobody is told %s", name, want)
			}
		}
		n.Close(t.Context())
	})
}

func TestADeliveryThatFailedIsReplayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &application{t: t}
		a.answer = func(_ *pb.WebhookEvent, n int) (int, string, error) {
			if n == 1 {
				return http.StatusBadRequest, "", nil
			}
			return http.StatusOK, "", nil
		}
		n := notify(a, "http://application")
		n.RoomEvent(inRoom("hall"), joined("ann"))
		synctest.Wait()
		d := n.Deliveries()[0]
		if d.Outcome != Failed || d.Attempts != 1 || d.Error == "" || d.Reason != dial.Denied || d.Code != "400" {
			t.Errorf("%+v", d)
		}
		again, err := n.Replay(t.Context(), d.ID)
		if err != nil || again.Outcome != Delivered || again.Error != "" || again.Reason != "" || again.Code != "" || again.Attempts != 2 || again.EventID != d.EventID || a.events[0].Id != d.EventID {
			t.Errorf("%+v, %v", again, err)
		}
		if _, err := n.Replay(t.Context(), "WD_other"); !errors.Is(err, ErrNoDelivery) {
			t.Errorf("got %v", err)
		}
		n.Close(t.Context())
	})
}

func TestTheHistoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := notify(&application{t: t}, "http://application")
		for range maxDeliveries + 20 {
			n.RoomEvent(inRoom("hall"), joined("ann"))
		}
		synctest.Wait()
		if got := len(n.Deliveries()); got != maxDeliveries {
			t.Errorf("%d are remembered", got)
		}
		n.Close(t.Context())
	})
}
