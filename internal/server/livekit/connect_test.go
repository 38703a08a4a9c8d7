package livekit

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

func TestValidate(t *testing.T) {
	house := newHouse(t, func(o *studio.Options) { o.Rules.MaxParticipants = 1 })
	if _, err := house.Enter("full", room.Join{Identity: "somebody"}, deaf{}); err != nil {
		t.Fatal(err)
	}
	door := New(Config{House: house, Log: testLog()})
	mint := func(k auth.Keys, life time.Duration, roomName string) string {
		s, err := k.Mint(auth.Claims{Identity: "alice", Video: auth.Grant{Room: roomName, RoomJoin: true}}, life, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	good := mint(testKeys, time.Hour, "hall")
	join := wrapJoin(t, &pb.JoinRequest{}, pb.WrappedJoinRequest_GZIP)
	noUpdate := wrapJoin(t, &pb.JoinRequest{Metadata: "mine"}, pb.WrappedJoinRequest_GZIP)
	tests := map[string]struct {
		path, token, join string
		bearer            bool
		status            int
		says              string
	}{
		"good, v0":              {"/rtc/validate", good, "", false, 200, "success"},
		"good, v1":              {"/rtc/v1/validate", good, join, false, 200, "success"},
		"good, in a header":     {"/rtc/validate", good, "", true, 200, "success"},
		"none":                  {"/rtc/validate", "", "", false, 401, "no token"},
		"nonsense":              {"/rtc/validate", "x.y.z", "", false, 401, "not valid"},
		"of another server":     {"/rtc/validate", mint(auth.Keys{Key: "testkey", Secret: "another"}, time.Hour, "hall"), "", false, 401, "not valid"},
		"of another key":        {"/rtc/validate", mint(auth.Keys{Key: "other", Secret: testKeys.Secret}, time.Hour, "hall"), "", false, 401, "not valid"},
		"expired":               {"/rtc/validate", mint(testKeys, -time.Minute, "hall"), "", false, 401, "expired"},
		"tampered":              {"/rtc/v1/validate", good + "x", join, false, 401, "not valid"},
		"v1 without a request":  {"/rtc/v1/validate", good, "", false, 400, "missing"},
		"v1 with nonsense":      {"/rtc/v1/validate", good, "!!", false, 400, "join_request"},
		"bad room name":         {"/rtc/validate", mint(testKeys, time.Hour, "a b"), "", false, 400, "room name"},
		"room is full":          {"/rtc/validate", mint(testKeys, time.Hour, "full"), "", false, 403, "full"},
		"metadata not allowed":  {"/rtc/v1/validate", good, noUpdate, false, 401, "permit"},
		"connect, no WebSocket": {"/rtc", good, "", false, 404, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			q := url.Values{}
			if tt.join != "" {
				q.Set("join_request", tt.join)
			}
			req := httptest.NewRequest("GET", tt.path, nil)
			if tt.bearer {
				req.Header.Set("Authorization", "Bearer "+tt.token)
			} else {
				q.Set("access_token", tt.token)
			}
			req.URL.RawQuery = q.Encode()
			w := httptest.NewRecorder()
			door.ServeHTTP(w, req)
			body, _ := io.ReadAll(w.Body)
			if w.Code != tt.status || !strings.Contains(string(body), tt.says) {
				t.Errorf("got %d %q, want %d %q", w.Code, body, tt.status, tt.says)
			}
			if w.Header().Get("Access-Control-Allow-Origin") != "*" {
				t.Error("a browser could not read this answer")
			}
		})
	}
}

func TestPreflight(t *testing.T) {
	w := httptest.NewRecorder()
	New(Config{House: newHouse(t, nil), Log: testLog()}).ServeHTTP(w, httptest.NewRequest(http.MethodOptions, "/rtc/validate", nil))
	if w.Code != http.StatusNoContent || !strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("got %d %v", w.Code, w.Header())
	}
}

// deaf observes a room and hears nothing.
type deaf struct{}

func (deaf) RoomEvent(room.Event) {}

func TestJoinsAreLimitedByAddress(t *testing.T) {
	w := newWorld(t, nil)
	token, err := testKeys.Mint(auth.Claims{Identity: "alice", Video: auth.Grant{Room: "hall", RoomJoin: true}}, time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	network := limit.Network("127.0.0.1")
	for w.server.rates.Allow(w.server.join, network) {
	}
	req, err := http.NewRequest(http.MethodGet, w.http.URL+"/rtc?access_token="+token, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	joined := func() int {
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	// One may have grown again since the last.
	if joined() != http.StatusTooManyRequests && joined() != http.StatusTooManyRequests && joined() != http.StatusTooManyRequests {
		t.Error("joins are not limited")
	}
}
