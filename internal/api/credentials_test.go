package api

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/studio"
)

// TestGuessingAtTheSecretIsCountedInRooms, also where a guess comes beside what is right.
func TestGuessingAtTheSecretIsCountedInRooms(t *testing.T) {
	for name, path := range map[string]string{"for hosts": "/api/rooms/hall/keys", "for who watches": "/api/rooms/hall/live"} {
		f := serve(t, nil)
		var made created
		f.call("POST", "/api/rooms", `{"name":"hall"}`, &made)
		guess := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(testKeys.Key+":guess"))
		if resp := f.call("GET", path, "", nil, guess, "X-Tutti-Key: "+made.Keys.Host); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: a guess is answered with %s", name, resp.Status)
		}
		var last int
		for range 2 * studio.PerAddressGuess.Burst { // some more than the burst, for those that grow again meanwhile
			last = f.call("GET", path, "", nil, guess).StatusCode
		}
		if last != http.StatusTooManyRequests {
			t.Errorf("%s: the last guess is answered with %d", name, last)
		}
		right := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(testKeys.Key+":"+testKeys.Secret))
		if resp := f.call("GET", "/api/rooms/hall/keys", "", nil, right); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: what is right is answered with %s", name, resp.Status)
		}
	}
}

func (f *fixture) token(room string, admin bool) string {
	f.t.Helper()
	token, err := testKeys.Mint(auth.Claims{Identity: "eve", Video: auth.Grant{Room: room, RoomJoin: true, RoomAdmin: admin}}, time.Hour, time.Now())
	if err != nil {
		f.t.Fatal(err)
	}
	return "Authorization: Bearer " + token
}

// TestAKeyBesideATokenIsNoGuess, or it is counted: the token decides until there are too many.
func TestAKeyBesideATokenIsNoGuess(t *testing.T) {
	f := serve(t, nil)
	var made created
	f.call("POST", "/api/rooms", `{"name":"hall"}`, &made)
	f.enter("hall", "ada")
	token := f.token("hall", true)
	participants := func(key string) int {
		return f.call("GET", "/api/rooms/hall/participants", "", nil, token, "X-Tutti-Key: "+key).StatusCode
	}
	for _, right := range []string{made.Keys.Watch, made.Keys.Host, made.Keys.Publish, testKeys.Secret} {
		if got := participants(right); got != http.StatusOK {
			t.Errorf("a key of the room beside the token: %d", got)
		}
	}
	f.call("DELETE", "/api/rooms/hall", "", nil, "X-Tutti-Key: "+testKeys.Secret)
	f.call("POST", "/api/rooms", `{"name":"hall"}`, nil)
	f.enter("hall", "ada")
	if got := participants(made.Keys.Host); got != http.StatusOK {
		t.Errorf("a key that was good once: %d", got)
	}
	last := 0
	for i := range 2 * studio.PerAddressGuess.Burst {
		last = participants(fmt.Sprint("guess", i))
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the last guess: %d", last)
	}
	if got := participants(testKeys.Secret); got != http.StatusOK {
		t.Errorf("what is right: %d", got)
	}
}

// TestGuessesAreCountedWhereAnyoneCreatesRooms: an operator may take names that others may not.
func TestGuessesAreCountedWhereAnyoneCreatesRooms(t *testing.T) {
	for name, c := range map[string]struct {
		shown func(f *fixture) string
		want  int
	}{
		"a key": {func(*fixture) string { return "X-Tutti-Key: guess" }, 429},
		"a password": {func(*fixture) string {
			return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(testKeys.Key+":guess"))
		}, 429},
		"a token": {func(*fixture) string { return "Authorization: Bearer guess" }, 429},
		"a token that is good for something else": {func(f *fixture) string { return f.token("hall", false) }, 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, func(o *Options) { o.AnyoneCreates = true })
			shown := c.shown(f)
			if status, code := f.code("POST", "/api/rooms", "{}", shown); status != http.StatusCreated {
				t.Errorf("%d %s", status, code)
			}
			for range studio.PerAddressGuess.Burst - 1 {
				f.code("POST", "/api/rooms", `{"name":"-/-"}`, shown)
			}
			status := 0
			for range studio.PerAddressGuess.Burst / 2 { // as some grow again meanwhile
				if status, _ = f.code("GET", "/api/status", "", "X-Tutti-Key: guess"); status == http.StatusTooManyRequests {
					break
				}
			}
			if status != c.want {
				t.Errorf("one more guess, elsewhere: %d, want %d", status, c.want)
			}
		})
	}
}

// TestPagesOfOtherSitesCreateNoRooms in the name of whoever looks at them, where anyone does: what they show must permit it.
func TestPagesOfOtherSitesCreateNoRooms(t *testing.T) {
	f := serve(t, func(o *Options) { o.AnyoneCreates = true })
	foreign := "Origin: https://thief.example.net"
	for name, c := range map[string]struct {
		headers []string
		want    int
	}{
		"a wrong key":             {[]string{foreign, "X-Tutti-Key: x"}, http.StatusForbidden},
		"a token for a room":      {[]string{foreign, f.token("hall", true)}, http.StatusForbidden},
		"the secret":              {[]string{foreign, "X-Tutti-Key: " + testKeys.Secret}, http.StatusCreated},
		"our page, and no matter": {[]string{"Origin: " + f.URL, "X-Tutti-Key: x"}, http.StatusCreated},
	} {
		if status, code := f.code("POST", "/api/rooms", "{}", c.headers...); status != c.want {
			t.Errorf("%s: %d %s, want %d", name, status, code, c.want)
		}
	}
}

// TestSomebodyElsesPasswordIsNoGuess: a proxy in front has its own, which browsers show to us too.
func TestSomebodyElsesPasswordIsNoGuess(t *testing.T) {
	f := serve(t, nil)
	var made created
	f.call("POST", "/api/rooms", `{"name":"hall","access":"open"}`, &made)
	f.enter("hall", "ada")
	proxys := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("staff:password"))
	for range 2 * studio.PerAddressGuess.Burst {
		if status, code := f.code("GET", "/api/rooms/hall/stage", "", proxys); status != http.StatusOK {
			t.Fatalf("who watches: %d %s", status, code)
		}
	}
	for _, key := range []string{made.Keys.Host, testKeys.Secret} {
		if status, code := f.code("GET", "/api/rooms/hall/keys", "", proxys, "X-Tutti-Key: "+key); status != http.StatusOK {
			t.Errorf("with a key: %d %s", status, code)
		}
	}
}

// TestTheHostsKeyLearnsTheKeysBesideAToken, and a host's token does not.
func TestTheHostsKeyLearnsTheKeysBesideAToken(t *testing.T) {
	f := serve(t, nil)
	var made created
	f.call("POST", "/api/rooms", `{"name":"hall"}`, &made)
	for _, c := range []struct {
		key  string
		want int
	}{{made.Keys.Host, 200}, {made.Keys.Guest, 403}, {"", 403}} {
		if status, _ := f.code("GET", "/api/rooms/hall/keys", "", f.token("hall", true), "X-Tutti-Key: "+c.key); status != c.want {
			t.Errorf("with %q: %d", c.key, status)
		}
	}
}

// TestPagesOfOtherSitesReadHowLongToWait.
func TestPagesOfOtherSitesReadHowLongToWait(t *testing.T) {
	f := serve(t, nil)
	resp := f.call("GET", "/api/rooms/interrupted/live", "", nil, "Origin: https://shop.example")
	if shown := resp.Header.Get("Access-Control-Expose-Headers"); resp.Header.Get("Retry-After") == "" || !strings.Contains(shown, "Retry-After") || !strings.Contains(shown, "WWW-Authenticate") {
		t.Errorf("they may read %q", shown)
	}
}
