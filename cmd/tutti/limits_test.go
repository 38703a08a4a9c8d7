package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/studio"
)

// TestWrongTokensAreLimitedAtAllDoorsTogether guesses at the API until it is told to wait, and then tries the others.
func TestWrongTokensAreLimitedAtAllDoorsTogether(t *testing.T) {
	r := start(t)
	mint := func(keys auth.Keys) string {
		token, err := keys.Mint(auth.Claims{Identity: "ada", Video: auth.Grant{Room: "hall", RoomJoin: true}}, time.Hour, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	wrong, right := mint(auth.Keys{Key: devKeys.Key, Secret: "not the secret of this server"}), mint(devKeys)
	call := func(method, path, token string) *http.Response {
		t.Helper()
		req, err := http.NewRequest(method, r.url("%s", path), strings.NewReader("v=0"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/sdp")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	// Some more than the burst, for those that grow again meanwhile.
	for range 2 * studio.PerAddressGuess.Burst {
		call("GET", "/api/rooms/hall/live", wrong)
	}
	for _, door := range []string{
		"GET /api/rooms/hall/live", "GET /api/status", "GET /live/hall.flv", "GET /live/hall/index.m3u8", "POST /whip/hall", "POST /whep/hall", "GET /rtc/validate",
	} {
		method, path, _ := strings.Cut(door, " ")
		// One may have grown again since the last try.
		if call(method, path, wrong).StatusCode != http.StatusTooManyRequests && call(method, path, wrong).StatusCode != http.StatusTooManyRequests {
			t.Errorf("%s does not limit", door)
		}
	}
	if resp := call("GET", "/rtc/validate", right); resp.StatusCode != http.StatusOK {
		t.Errorf("the right token gets %s", resp.Status)
	}
}

func TestRequestsThatAreTooLargeAreRefused(t *testing.T) {
	r := start(t)
	for name, change := range map[string]func(*http.Request){
		"a header": func(req *http.Request) { req.Header.Set("Authorization", "Bearer "+strings.Repeat("x", 80<<10)) },
		"a query":  func(req *http.Request) { req.URL.RawQuery = "join_request=" + strings.Repeat("x", 80<<10) },
	} {
		req, err := http.NewRequest(http.MethodGet, r.url("/rtc/v1"), nil)
		if err != nil {
			t.Fatal(err)
		}
		change(req)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	r.get("/healthz")
}
