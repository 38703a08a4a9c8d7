package livekit

import (
	"encoding/json"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"
)

// lines are what a logger writes, line by line.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

// TestLogsSayWhoAndNoSecrets walks participants through what is logged of them, at the finest level: each line about somebody says who and
// where, and none has anything that lets a reader of logs in.
func TestLogsSayWhoAndNoSecrets(t *testing.T) {
	said := make(lines, 10_000)
	w := newWorldThatLogs(t, slog.New(slog.NewJSONHandler(said, &slog.HandlerOptions{Level: slog.LevelDebug})), nil)
	secrets := []string{testKeys.Secret}
	enter := func(identity, query string) *wire {
		jwt := token(t, identity, "hall", nil)
		secrets = append(secrets, jwt, jwt[strings.LastIndex(jwt, ".")+1:])
		c, _, err := w.dial(t, jwt, "protocol=17&"+query)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	bob := enter("bob", "")
	alice := enter("alice", "")
	join := alice.next().GetJoin()
	_, descriptions := alice.speak()
	for _, sdp := range descriptions {
		for _, line := range regexp.MustCompile(`a=ice-pwd:(\S+)`).FindAllStringSubmatch(sdp, -1) {
			secrets = append(secrets, line[1])
		}
	}
	bob.untilUpdate(func(p *pb.ParticipantInfo) bool { return p.Identity == "alice" && len(p.Tracks) == 1 })
	alice.ws.CloseNow()
	back := enter("alice", "reconnect=1&sid="+join.Participant.Sid)
	back.until(func(r *pb.SignalResponse) bool { return r.GetReconnect() != nil })
	back.send(&pb.SignalRequest{Message: &pb.SignalRequest_Leave{Leave: &pb.LeaveRequest{}}})
	if err := bob.ws.Write(bob.ctx, websocket.MessageBinary, []byte{0xff, 0xff, 0xff}); err != nil {
		t.Fatal(err)
	}

	missing := map[string]string{
		"participant joined": "alice", "track published": "alice", "connected": "alice", "client resumed": "alice", "track ended": "alice",
		"client sent nonsense": "bob", "participant left": "bob",
	}
	for late := time.After(patience); len(missing) > 0; {
		select {
		case line := <-said:
			var l struct{ Msg, Room, Participant, Track, SID string }
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatal(err)
			}
			if about := l.Participant != "" || l.Track != ""; about && (l.Room != "hall" || l.Participant == "") {
				t.Errorf("says not who and where: %s", line)
			}
			for _, secret := range secrets {
				if strings.Contains(line, secret) {
					t.Errorf("%q is secret: %s", secret, line)
				}
			}
			if l.Room == "hall" && missing[l.Msg] == l.Participant {
				delete(missing, l.Msg)
			}
		case <-late:
			t.Fatalf("not said: %v", missing)
		}
	}
	if len(secrets) < 9 {
		t.Errorf("%d secrets are looked for", len(secrets))
	}
}
