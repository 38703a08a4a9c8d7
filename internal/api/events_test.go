package api

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

// often has clients hear of rooms all the time while a test runs.
func often(t *testing.T) {
	kept := eventInterval
	eventInterval = 10 * time.Millisecond
	t.Cleanup(func() { eventInterval = kept })
}

// follow gives what is told of a room, one after the other, until it is over.
func (f *fixture) follow(name string, headers ...string) (next func() (st liveStatus, ok bool)) {
	f.t.Helper()
	req, err := http.NewRequest("GET", f.URL+"/api/rooms/"+name+"/events", nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		f.t.Fatal(resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	return func() (st liveStatus, ok bool) {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &st); err != nil {
					f.t.Fatal(err)
				}
				return st, true
			}
		}
		return st, false
	}
}

// isOver reads a stream of events to its end, on which nobody may be told of a show.
func isOver(t *testing.T, next func() (liveStatus, bool)) {
	t.Helper()
	for {
		st, ok := next()
		if !ok {
			return
		}
		if st.On {
			t.Fatalf("told of %q, which plays at %+v", st.Title, *st.Play)
		}
	}
}

func (f *fixture) enter(name, identity string) {
	f.t.Helper()
	if _, err := f.house.Enter(name, room.Join{Identity: identity, Name: identity, Permission: room.Permission{Publish: true, Subscribe: true}}, silent{}); err != nil {
		f.t.Fatal(err)
	}
}

func TestWhoFollowsARoomDoesNotFollowTheNextOfItsName(t *testing.T) {
	often(t)
	f := serve(t, nil)
	var made created
	f.call("POST", "/api/rooms", `{"name":"daily"}`, &made)
	next := f.follow("daily")
	next()
	f.call("DELETE", "/api/rooms/daily", "", nil, "X-Tutti-Key: "+made.Keys.Host)
	f.call("POST", "/api/rooms", `{"name":"daily","access":"token","publicWatch":false}`, nil)
	f.enter("daily", "boss")
	if resp := f.call("POST", "/api/rooms/daily/live", `{"title":"of the board"}`, nil, "X-Tutti-Key: "+testKeys.Secret); resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	isOver(t, next)
}

func TestWhoMayNotWatchAnyMoreFollowsNoMore(t *testing.T) {
	often(t)
	for name, end := range map[string]func(f *fixture){
		"revoked": func(f *fixture) {
			if err := f.house.Policies().Revoke("priv", "eve", time.Now()); err != nil {
				t.Fatal(err)
			}
		},
		"banned": func(f *fixture) {
			f.enter("priv", "eve")
			if resp := f.call("POST", "/api/rooms/priv/stage/ban", `{"identity":"eve"}`, nil, "X-Tutti-Key: "+testKeys.Secret); resp.StatusCode >= 300 {
				t.Fatal(resp.Status)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := serve(t, nil)
			f.call("POST", "/api/rooms", `{"name":"priv","publicWatch":false,"access":"token"}`, nil)
			f.enter("priv", "boss")
			token, err := testKeys.Mint(auth.Claims{Identity: "eve", Video: auth.Grant{Room: "priv", RoomJoin: true}}, time.Hour, time.Now().Add(-time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			next := f.follow("priv", "Authorization: Bearer "+token)
			for range 2 {
				if _, ok := next(); !ok {
					t.Fatal("nothing is told any more")
				}
			}
			end(f)
			isOver(t, next)
		})
	}
}

// TestWhoFollowsDoesSoBeyondTheTimeOfTheirToken: what lets somebody in for a minute shows them the whole evening, but not once it was taken back.
func TestWhoFollowsDoesSoBeyondTheTimeOfTheirToken(t *testing.T) {
	f := serve(t, nil)
	f.call("POST", "/api/rooms", `{"name":"priv","publicWatch":false,"access":"token"}`, nil)
	claims := auth.Claims{Identity: "eve", Video: auth.Grant{Room: "priv", RoomJoin: true}}
	token, err := testKeys.Mint(claims, time.Minute, time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	claims.Made, claims.Expires = time.Now().Add(-time.Hour), time.Now().Add(-time.Hour+time.Minute) // as they were when it let her in
	r := httptest.NewRequest("GET", "/api/rooms/priv/events", nil)
	r.SetPathValue("room", "priv")
	r.Header.Set("Authorization", "Bearer "+token)
	if _, err := f.api.admit(r, studio.ToWatch); !errors.Is(err, auth.ErrExpired) {
		t.Fatalf("it still lets her in: %v", err)
	}
	terms := termsOf(room.Policy{Access: room.AccessToken})
	if err := f.api.mayFollow(r, claims, terms); err != nil {
		t.Errorf("she is sent out: %v", err)
	}
	if err := f.house.Policies().Revoke("priv", "eve", time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := f.api.mayFollow(r, claims, terms); !errors.Is(err, auth.ErrRevoked) {
		t.Errorf("it was revoked: %v", err)
	}
}

// TestOneAddressFollowsSoManyRooms, and another may all the same.
func TestOneAddressFollowsSoManyRooms(t *testing.T) {
	f := serve(t, func(o *Options) { o.FollowersPerAddress = 2 })
	here := limit.Network("192.0.2.2")
	f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("From") == "" {
			r.RemoteAddr = here.Addr().String()
		}
		f.api.ServeHTTP(w, r)
	})
	f.follow("a")
	f.follow("a")
	if status, code := f.code("GET", "/api/rooms/a/events", ""); status != http.StatusTooManyRequests || code != "rate_limited" {
		t.Errorf("%d %s", status, code)
	}
	if !f.api.followers.Enter(limit.Network("192.0.2.1")) {
		t.Error("another address has no place")
	}
	for range 3 { // fails where it is bounded
		f.follow("a", "From: this machine")
	}
}
