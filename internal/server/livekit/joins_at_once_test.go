package livekit

import (
	"net/http"
	"net/http/httptest"
	"testing"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/room"
)

// entered is a session that is in the room and does not run yet.
type entered struct {
	sess *session
	conn *conn
}

// begin has it run.
func (e entered) begin(t *testing.T) {
	t.Helper()
	if !e.sess.server.start(e.sess, e.conn) {
		t.Fatal("the session does not run")
	}
	e.sess.serve(e.conn)
}

// enterOnly lets somebody into the hall, up to where the session would begin to run.
func (w *world) enterOnly(t *testing.T, identity string) (*wire, entered) {
	t.Helper()
	got := make(chan entered, 1)
	door := *w
	door.http = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		a, err := w.server.admit(r, false)
		if err != nil {
			t.Error(err)
			return
		}
		sess, err := w.server.enter(a)
		if err != nil {
			t.Error(err)
			return
		}
		socket, err := accept(rw, r)
		if err != nil {
			t.Error(err)
			return
		}
		got <- entered{sess, newConn(socket, sess.log)}
	}))
	defer door.http.Close()
	c, _, err := door.dial(t, token(t, identity, "hall", nil), "protocol=17")
	if err != nil {
		t.Fatal(err)
	}
	return c, <-got
}

// TestOfTwoJoinsAtOnceTheOneInTheRoomIsFound: two of one identity have entered, and it is the one that is out again which runs last.
func TestOfTwoJoinsAtOnceTheOneInTheRoomIsFound(t *testing.T) {
	w := newWorld(t, nil)
	replaced, first := w.enterOnly(t, "alice")
	alice, second := w.enterOnly(t, "alice")
	second.begin(t)
	first.begin(t)
	replaced.untilLeave()
	<-first.sess.done
	if found := w.server.find(place{"hall", "alice"}); found != second.sess {
		t.Fatalf("found %v", found)
	}
	join := alice.next().GetJoin()
	alice.send(&pb.SignalRequest{Message: &pb.SignalRequest_SubscriptionPermission{SubscriptionPermission: &pb.SubscriptionPermission{}}})
	alice.send(ping())
	alice.until(func(r *pb.SignalResponse) bool { return r.GetPongResp() != nil })
	w.enter(t, "bob", "hall", "")
	if w.server.find(place{"hall", "bob"}).mayHave("alice", "TR_any") {
		t.Error("bob may have what alice gives to nobody")
	}
	back, _, err := w.dial(t, token(t, "alice", "hall", nil), "protocol=17&reconnect=1&sid="+join.Participant.Sid)
	if err != nil {
		t.Fatal(err)
	}
	if answer := back.next(); answer.GetReconnect() == nil {
		t.Errorf("coming back is answered with %v", answer)
	}
}

// TestWhoNeverRanIsGone: a client that is in the room, but goes before it is connected, leaves its rules and nothing else.
func TestWhoNeverRanIsGone(t *testing.T) {
	w := newWorld(t, nil)
	at := place{"hall", "alice"}
	w.server.withheld.keep(at, rulesOfTracks{narrow: true})
	_, never := w.enterOnly(t, "alice")
	if w.server.find(at).rules.allow("bob", "PA_b", "TR_1") {
		t.Error("who comes back is not held to its rules")
	}
	back, _, err := w.dial(t, token(t, "alice", "hall", nil), "protocol=17&reconnect=1")
	if err != nil {
		t.Fatal(err)
	}
	never.sess.abandon(room.LeftByItself)
	if answer := back.next(); answer.GetLeave().GetAction() != pb.LeaveRequest_RECONNECT {
		t.Errorf("coming back is answered with %v", answer)
	}
	if found := w.server.find(at); found != nil {
		t.Errorf("found %v", found)
	}
	if rules, ok := w.server.withheld.take(at); !ok || !rules.narrow {
		t.Error("its rules are forgotten")
	}
	never.conn.close(1000, "")
}
