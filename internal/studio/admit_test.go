package studio

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/store"
)

var testKeys = auth.Keys{Key: "APItest", Secret: "a secret that is long enough for HS256"}

func newHouse(t *testing.T, dev bool) *House {
	t.Helper()
	st, err := store.Open(t.TempDir(), slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	policies, err := OpenPolicies(st)
	if err != nil {
		t.Fatal(err)
	}
	h := NewHouse(Options{Keys: testKeys, Rooms: policies, Workers: codec.FindWorkers("off"), Dev: dev, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(h.Close)
	return h
}

func TestAdmission(t *testing.T) {
	h := newHouse(t, false)
	for name, p := range map[string]room.Policy{
		"open":    {Access: room.AccessOpen, PublicWatch: true},
		"link":    {Access: room.AccessLink, PublicWatch: true, Salt: "s"},
		"private": {Access: room.AccessLink, Salt: "s"},
		"salon":   {Access: room.AccessOpen, Salt: "s"},
		"token":   {Access: room.AccessToken, PublicWatch: true, Salt: "s"},
	} {
		if err := h.Policies().Create(name, p); err != nil {
			t.Fatal(err)
		}
	}
	key := func(roomName string, r auth.Role) Credential {
		p, _, _ := h.Policies().Find(roomName)
		return Credential{Key: testKeys.LinkKey(roomName, r, p.Salt)}
	}
	no := false
	token := func(g auth.Grant) Credential {
		s, err := testKeys.Mint(auth.Claims{Identity: "i", Video: g}, time.Hour, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return Credential{Token: s}
	}
	nothing := Credential{}
	for _, c := range []struct {
		what string
		room string
		cred Credential
		act  Action
		want error
	}{
		{"anybody joins an open room", "open", nothing, ToJoin, nil},
		{"anybody watches an open room", "open", nothing, ToWatch, nil},
		{"nobody publishes without a key", "open", nothing, ToPublish, auth.ErrMissing},
		{"nobody directs without a key", "open", nothing, ToDirect, auth.ErrMissing},
		{"a link room needs a key", "link", nothing, ToJoin, auth.ErrMissing},
		{"a guest joins", "link", key("link", auth.Guest), ToJoin, nil},
		{"a guest does not direct", "link", key("link", auth.Guest), ToDirect, auth.ErrDenied},
		{"a guest does not publish a stream", "link", key("link", auth.Guest), ToPublish, auth.ErrDenied},
		{"a host directs", "link", key("link", auth.Host), ToDirect, nil},
		{"a watcher does not join", "link", key("link", auth.Watcher), ToJoin, auth.ErrDenied},
		{"an encoder publishes", "link", key("link", auth.Publisher), ToPublish, nil},
		{"an encoder does not watch", "private", key("private", auth.Publisher), ToWatch, auth.ErrDenied},
		{"a key of another room", "link", key("private", auth.Host), ToJoin, auth.ErrInvalid},
		{"a wrong key", "link", Credential{Key: "x"}, ToWatch, auth.ErrInvalid},
		{"anybody watches a public room", "link", nothing, ToWatch, nil},
		{"anybody joins an open room without public watching", "salon", nothing, ToJoin, nil},
		{"watching it needs a key all the same", "salon", nothing, ToWatch, auth.ErrMissing},
		{"a private room is not watched without a key", "private", nothing, ToWatch, auth.ErrMissing},
		{"a watcher watches a private room", "private", key("private", auth.Watcher), ToWatch, nil},
		{"a token room knows no links", "token", key("token", auth.Host), ToJoin, auth.ErrInvalid},
		{"a token room is not watched by anybody", "token", nothing, ToWatch, auth.ErrMissing},
		{"a token joins", "token", token(auth.Grant{Room: "token", RoomJoin: true}), ToJoin, nil},
		{"a token of another room", "token", token(auth.Grant{Room: "link", RoomJoin: true}), ToJoin, auth.ErrDenied},
		{"a token without join", "token", token(auth.Grant{Room: "token"}), ToJoin, auth.ErrDenied},
		{"a token that may not publish", "token", token(auth.Grant{Room: "token", RoomJoin: true, CanPublish: &no}), ToPublish, auth.ErrDenied},
		{"a token that may not subscribe", "token", token(auth.Grant{Room: "token", RoomJoin: true, CanSubscribe: &no}), ToWatch, auth.ErrDenied},
		{"an admin token directs", "token", token(auth.Grant{Room: "token", RoomAdmin: true}), ToDirect, nil},
		{"a token without admin", "token", token(auth.Grant{Room: "token", RoomJoin: true}), ToDirect, auth.ErrDenied},
		{"a room nobody made is by link", "new", nothing, ToJoin, auth.ErrMissing},
		{"its host comes by link", "new", key("new", auth.Host), ToJoin, nil},
		{"a bad name", "a/b", nothing, ToJoin, room.ErrBadName},
	} {
		if _, err := h.Admit(c.room, c.cred, c.act); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: got %v, want %v", c.what, err, c.want)
		}
	}
}

func TestDevelopmentModeNeedsNoKeys(t *testing.T) {
	h := newHouse(t, true)
	for _, a := range []Action{ToPublish, ToWatch} {
		if _, err := h.Admit("r", Credential{}, a); err != nil {
			t.Errorf("action %d: %v", a, err)
		}
	}
	if _, err := h.Admit("r", Credential{}, ToDirect); err == nil {
		t.Error("anybody may direct")
	}
}

func TestPermissionOfAGrant(t *testing.T) {
	yes, no := true, false
	for name, c := range map[string]struct {
		g    auth.Grant
		want room.Permission
	}{
		"nothing said":     {auth.Grant{}, room.Permission{Publish: true, Subscribe: true, PublishData: true}},
		"viewer":           {auth.Grant{CanPublish: &no}, room.Permission{Subscribe: true}},
		"viewer who chats": {auth.Grant{CanPublish: &no, CanPublishData: &yes}, room.Permission{Subscribe: true, PublishData: true}},
		"microphone only":  {auth.Grant{CanPublishSources: []string{"microphone"}}, room.Permission{Publish: true, Subscribe: true, PublishData: true, Sources: []room.Source{room.Microphone}}},
		"unknown source":   {auth.Grant{CanPublishSources: []string{"x"}}, room.Permission{Subscribe: true, PublishData: true}},
	} {
		got := Permission(c.g)
		if got.Publish != c.want.Publish || got.Subscribe != c.want.Subscribe || got.PublishData != c.want.PublishData || len(got.Sources) != len(c.want.Sources) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestWrongCredentialsAreLimitedByAddress(t *testing.T) {
	h := newHouse(t, false)
	wrong := Credential{Key: "wrong"}.From("192.0.2.1:1")
	_, err := h.Admit("link", wrong, ToWatch)
	for range 2 * PerAddressGuess.Burst {
		_, err = h.Admit("link", wrong, ToJoin)
	}
	if !errors.Is(err, ErrTooOften) {
		t.Errorf("after many wrong keys: %v", err)
	}
	if _, err := h.Admit("link", Credential{Key: "wrong"}.From("192.0.2.2:1"), ToJoin); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("another address gets %v", err)
	}
	if _, err := h.Admit("link", Credential{}.From("192.0.2.1:1"), ToJoin); !errors.Is(err, auth.ErrMissing) {
		t.Errorf("showing nothing gives %v", err)
	}
	right := Credential{Key: testKeys.LinkKey("link", auth.Host, "")}.From("192.0.2.1:1")
	if _, err := h.Admit("link", right, ToJoin); err != nil {
		t.Errorf("the right key gives %v", err)
	}
}
