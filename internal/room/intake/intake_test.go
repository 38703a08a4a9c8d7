package intake

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func ref[T any](v T) *T { return &v }

func TestKeysAreMadeChangedRotatedAndRevoked(t *testing.T) {
	var s Settings
	now := time.Unix(1_800_000_000, 0)
	if all := s.All(); len(all) != 1 || all[0].ID != Main || all[0].Nonce != "" || !s.IsZero() {
		t.Fatalf("a room of which nobody said anything has %+v", all)
	}
	k, err := s.Add(KeyChange{Name: ref(" stage\x00 camera "), Backup: ref(true), Allow: ref([]string{"203.0.113.7", "2001:db8::/32"}), ExpiresAt: ref(now.Add(time.Hour))}, now)
	if err != nil || k.Name != "stage camera" || !k.Backup || len(k.Allow) != 2 || k.Nonce == "" {
		t.Fatalf("%+v, %v", k, err)
	}
	if !s.Good(k, now) || s.Good(k, now.Add(time.Hour)) || s.Good(Key{ID: k.ID, Nonce: "another"}, now) {
		t.Error("it is good at other times, or with another secret")
	}
	before := s.Keys
	rotated, err := s.Rotate(k.ID)
	if err != nil || rotated.Nonce == k.Nonce || s.Good(k, now) || !s.Good(rotated, now) {
		t.Errorf("rotated to %+v, %v", rotated, err)
	}
	if before[0].Nonce != k.Nonce {
		t.Error("what somebody else holds has changed")
	}
	if k, err = s.Change(k.ID, KeyChange{ExpiresAt: ref(time.Time{}), Allow: ref([]string{})}, now); err != nil || k.Expired(now.Add(1e6*time.Hour)) || k.Allow != nil || k.Name != "stage camera" {
		t.Errorf("changed to %+v, %v", k, err)
	}
	if err := s.Revoke(k.ID); err != nil || len(s.Keys) != 0 {
		t.Errorf("revoked: %+v, %v", s.Keys, err)
	}
	if err := s.Revoke(k.ID); err != ErrNoKey {
		t.Errorf("revoking it again: %v", err)
	}

	if err := s.Revoke(Main); err != nil || len(s.All()) != 0 || s.Good(Key{ID: Main}, now) {
		t.Errorf("without the main key: %+v, %v", s.All(), err)
	}
	if _, err := s.Change(Main, KeyChange{}, now); err != ErrNoKey {
		t.Errorf("changing what was revoked: %v", err)
	}
	if k, err := s.Rotate(Main); err != nil || k.Nonce == "" || len(s.All()) != 1 {
		t.Errorf("the main key is back as %+v, %v", k, err)
	}
	content, err := json.Marshal(s)
	var read Settings
	if err != nil || json.Unmarshal(content, &read) != nil || !read.Good(s.Keys[0], now) {
		t.Errorf("kept as %s, %v", content, err)
	}
}

func TestBadKeysAreRefused(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for what, c := range map[string]struct {
		KeyChange
		want error
	}{
		"a long name":                  {KeyChange{Name: ref(strings.Repeat("好", maxName+1))}, ErrName},
		"an old expiry":                {KeyChange{ExpiresAt: ref(now)}, ErrExpiry},
		"a year of five digits in UTC": {KeyChange{ExpiresAt: ref(time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -3600)))}, ErrExpiry},
		"no network":                   {KeyChange{Allow: ref([]string{"example.org"})}, ErrNetworks},
		"a zone":                       {KeyChange{Allow: ref([]string{"fe80::1%eth0"})}, ErrNetworks},
		"mapped":                       {KeyChange{Allow: ref([]string{"::ffff:10.0.0.0/104"})}, ErrNetworks},
		"many networks":                {KeyChange{Allow: ref(make([]string, maxAllow+1))}, ErrNetworks},
		"everything well":              {KeyChange{Name: ref("夜")}, nil},
	} {
		var s Settings
		if _, err := s.Add(c.KeyChange, now); err != c.want || (err != nil) != s.IsZero() {
			t.Errorf("%s: %v, %+v", what, err, s)
		}
	}
	var s Settings
	for range maxKeys - 1 {
		if _, err := s.Add(KeyChange{}, now); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Add(KeyChange{}, now); err != ErrManyKeys {
		t.Errorf("one too many: %v", err)
	}
}

func TestFromWhereEncodersMayPublish(t *testing.T) {
	networks := func(texts ...string) []netip.Prefix {
		list, err := Networks(texts)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	for _, c := range []struct {
		room, key []netip.Prefix
		from      string
		want      bool
	}{
		{nil, nil, "198.51.100.1", true},
		{networks("203.0.113.0/24"), nil, "203.0.113.9", true},
		{networks("203.0.113.0/24"), nil, "::ffff:203.0.113.9", true},
		{networks("203.0.113.0/24"), nil, "198.51.100.1", false},
		{networks("203.0.113.0/24"), networks("203.0.113.9"), "203.0.113.9", true},
		{networks("203.0.113.0/24"), networks("203.0.113.9"), "203.0.113.8", false},
		{nil, networks("2001:db8::/32"), "2001:db8:1::1", true},
		{nil, networks("2001:db8::/32"), "", false}, // where it comes from is not known
	} {
		s := Settings{Allow: c.room, Keys: []Key{{ID: "k", Allow: c.key}}}
		from, _ := netip.ParseAddr(c.from)
		if got := s.Allows(from, Key{ID: "k"}); got != c.want {
			t.Errorf("%v and %v from %s: %v", c.room, c.key, c.from, got)
		}
	}
}

func TestArrivals(t *testing.T) {
	const here, there = "192.0.2.1", "192.0.2.2"
	alive := Encoder{Identity: "a", Owner: "A", From: here, Shown: true, Ready: true}
	dead := alive
	dead.Silent = DeadAfter
	waiting := Encoder{Identity: "w", Owner: "W", From: there, Ready: true}
	again := Encoder{Identity: "a", Owner: "A", From: here}
	elsewhere := Encoder{Identity: "a", Owner: "A", From: there}
	other := Encoder{Identity: "b", Owner: "B", From: there}
	fetched := Encoder{Identity: "f", Owner: "F", Fetched: true}
	list := func(e ...Encoder) []Encoder { return e }
	inRoom := func(identity string) bool { return identity == "ann" || identity == "ann-2" }
	for _, c := range []struct {
		what   string
		policy Conflict
		there  []Encoder
		comes  Encoder
		want   Arrival
		err    error
	}{
		{"the first", Together, nil, again, Arrival{Identity: "a"}, nil},
		{"together", Together, list(alive), other, Arrival{Identity: "b"}, nil},
		{"nobody said anything", "", list(alive), other, Arrival{Identity: "b"}, nil},
		{"back from the same address", Together, list(alive), again, Arrival{Identity: "a"}, nil},
		{"the same key elsewhere", Together, list(alive), elsewhere, Arrival{}, ErrPublished},
		{"the same key elsewhere, after silence", Together, list(dead), elsewhere, Arrival{Identity: "a"}, nil},
		{"over WebRTC they share a key", Together, list(alive), Encoder{Identity: "a", Owner: "A", From: here, Ends: true}, Arrival{Identity: "a-2"}, nil},
		{"but one that is gone gives its place", Together, list(dead), Encoder{Identity: "a", Owner: "A", From: there, Ends: true}, Arrival{Identity: "a"}, nil},
		{"and where one is shown they do not", Refuse, list(alive), Encoder{Identity: "a", Owner: "A", From: there, Ends: true}, Arrival{}, ErrPublished},
		{"refused", Refuse, list(alive), other, Arrival{}, ErrPublished},
		{"not for one that is gone", Refuse, list(dead), other, Arrival{Identity: "b", Gone: []string{"a"}}, nil},
		{"refused, but back", Refuse, list(alive), again, Arrival{Identity: "a"}, nil},
		{"replaces", Replace, list(alive, waiting), other, Arrival{Identity: "b", Gone: []string{"a", "w"}}, nil},
		{"replaces with the same key", Replace, list(alive), elsewhere, Arrival{Identity: "a"}, nil},
		{"what is fetched replaces nobody", Replace, list(alive), fetched, Arrival{}, ErrPublished},
		{"until nothing comes of them", Replace, list(dead), fetched, Arrival{Identity: "f", Gone: []string{"a"}}, nil},
		{"but itself", Replace, list(fetched), fetched, Arrival{Identity: "f"}, nil},
		{"and is replaced", Replace, list(fetched), other, Arrival{Identity: "b", Gone: []string{"f"}}, nil},
		{"waits", Standby, list(alive), other, Arrival{Identity: "b", Waits: true}, nil},
		{"waits with the same key", Standby, list(alive), elsewhere, Arrival{Identity: "a-2", Waits: true}, nil},
		{"is the first", Standby, nil, other, Arrival{Identity: "b"}, nil},
		{"is back and waits as before", Standby, list(alive, waiting), Encoder{Identity: "w", Owner: "W", From: there}, Arrival{Identity: "w", Waits: true}, nil},
		{"is back and shown as before", Standby, list(alive, waiting), again, Arrival{Identity: "a"}, nil},
		{"beside who is in the room", Together, nil, Encoder{Identity: "ann", Owner: "token ann"}, Arrival{Identity: "ann-3"}, nil},
		{"and back", Together, list(Encoder{Identity: "ann-3", Owner: "token ann"}), Encoder{Identity: "ann", Owner: "token ann"}, Arrival{Identity: "ann-3"}, nil},
		{"too many wait", Standby, list(alive, waiting, waiting, waiting, waiting), other, Arrival{}, ErrPublished},
	} {
		got, err := c.policy.Arrive(c.there, c.comes, inRoom)
		if !errors.Is(err, c.err) || got.Identity != c.want.Identity || got.Waits != c.want.Waits || strings.Join(got.Gone, " ") != strings.Join(c.want.Gone, " ") {
			t.Errorf("%s: %+v, %v, want %+v, %v", c.what, got, err, c.want, c.err)
		}
	}
}

func TestWhoIsShown(t *testing.T) {
	e := func(identity string, shown, backup, ready bool, silent time.Duration) Encoder {
		return Encoder{Identity: identity, Shown: shown, Backup: backup, Ready: ready, Silent: silent, Steady: settleFor}
	}
	came := func(e Encoder) Encoder {
		e.Steady = settleFor - 1
		return e
	}
	list := func(e ...Encoder) []Encoder { return e }
	const long = time.Minute
	for _, c := range []struct {
		what  string
		there []Encoder
		since time.Duration
		want  string
	}{
		{"nobody", nil, long, ""},
		{"one that has not begun", list(e("a", true, false, false, 0)), long, "a"},
		{"who was first stays", list(e("a", true, false, true, 0), e("b", false, false, true, 0)), long, "a"},
		{"who waits and was first does not push", list(e("b", false, false, true, 0), e("a", true, false, true, 0)), long, "a"},
		{"a backup gives way", list(e("back", true, true, true, 0), e("a", false, false, true, 0)), long, "a"},
		{"not before the other has begun", list(e("back", true, true, true, 0), e("a", false, false, false, 0)), long, "back"},
		{"not to one that has just come, and may go again", list(e("back", true, true, true, 0), came(e("a", false, false, true, 0))), long, "back"},
		{"unless nothing comes of it", list(e("back", true, true, true, DeadAfter), came(e("a", false, false, true, 0))), long, "a"},
		{"not at once after a change", list(e("back", true, true, true, 0), e("a", false, false, true, 0)), time.Second, "back"},
		{"one that is silent is replaced", list(e("a", true, false, true, DeadAfter), e("back", false, true, true, 0)), time.Second, "back"},
		{"but not by one that is silent too", list(e("a", true, false, true, DeadAfter), e("back", false, true, true, DeadAfter)), long, "a"},
		{"one that is gone is replaced", list(e("w2", false, true, true, 0), e("w1", false, false, true, 0)), time.Second, "w1"},
		{"even by one that has not begun", list(e("w", false, false, false, 0)), long, "w"},
	} {
		if got := Choose(c.there, c.since); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}
