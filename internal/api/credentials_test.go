package api

import (
	"encoding/base64"
	"net/http"
	"testing"

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
