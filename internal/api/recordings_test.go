package api

import (
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/record"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
)

// serveRecording serves a recording "one" of the room "demo", whose movie is "movie". token is one of a host.
func serveRecording(t *testing.T) (f *fixture, token string) {
	t.Helper()
	log, dir := slog.New(slog.DiscardHandler), t.TempDir()
	for name, text := range map[string]string{
		"one.json":         `{"id":"one","room":"demo","state":"done","endedAt":"2026-01-02T03:14:05Z","files":[{"name":"one-1.mp4","bytes":5,"finished":true}]}`,
		"one-1.mp4":        "movie",
		"one-1.mp4.pieces": `{"headers":["AAAA"],"pieces":[{"offset":1,"bytes":2,"duration":1000000000}]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	st, err := store.Open(t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	settings, err := store.OpenBucket[record.Settings](st, "record")
	if err != nil {
		t.Fatal(err)
	}
	recorder, err := record.New(record.Options{Dir: dir, Mode: record.ForHosts, Settings: settings, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	f = serve(t, func(o *Options) {
		o.Recorder = recorder
		recorder.Open(o.House)
		t.Cleanup(recorder.Close)
	})
	if token, err = testKeys.Mint(studio.ClaimsOf(auth.Host, "demo"), time.Hour, time.Now()); err != nil {
		t.Fatal(err)
	}
	return f, token
}

// read gives the status and the body of what is at an address.
func (f *fixture) read(address, ranges string) (int, string) {
	f.t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	if ranges != "" {
		req.Header.Set("Range", ranges)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestOneRangeOfAMovieIsGivenAndNotSeveral(t *testing.T) {
	f, token := serveRecording(t)
	address := f.URL + "/api/rooms/demo/recordings/one/files/one-1.mp4?token=" + token
	for ranges, want := range map[string]struct {
		status int
		body   string
	}{
		"":                  {http.StatusOK, "movie"},
		"bytes=1-2":         {http.StatusPartialContent, "ov"},
		"bytes=0-0,2-2":     {http.StatusOK, "movie"},
		"bytes=0-0,0-0,1-1": {http.StatusOK, "movie"},
		"bytes=9-":          {http.StatusRequestedRangeNotSatisfiable, ""},
	} {
		if status, body := f.read(address, ranges); status != want.status || want.body != "" && body != want.body {
			t.Errorf("%q: %d %q", ranges, status, body)
		}
	}
}

func TestPlayersShowAKeyAndATokenInTheQuery(t *testing.T) {
	f, token := serveRecording(t)
	base := f.URL + "/api/rooms/demo/recordings"
	key := testKeys.LinkKey("demo", auth.Host, "")
	for what, query := range map[string]url.Values{"a token": {"token": {token}}, "a key": {"key": {key}}, "both": {"token": {token}, "key": {key}}} {
		shown := "?" + query.Encode()
		if status, body := f.read(base+shown, ""); status != http.StatusOK || !strings.Contains(body, `"one"`) {
			t.Errorf("%s, the list: %d %s", what, status, body)
		}
		status, list := f.read(base+"/one/index.m3u8"+shown, "")
		if status != http.StatusOK {
			t.Errorf("%s, the playlist: %d %s", what, status, list)
			continue
		}
		addresses := 0
		for line := range strings.Lines(list) {
			address := strings.TrimSpace(line)
			if _, rest, ok := strings.Cut(line, `URI="`); ok {
				address, _, _ = strings.Cut(rest, `"`)
			}
			if !strings.HasPrefix(address, "files/") {
				continue
			}
			addresses++
			if status, body := f.read(base+"/one/"+address, ""); status != http.StatusOK || !strings.HasSuffix(address, shown) {
				t.Errorf("%s, %s: %d %s", what, address, status, body)
			}
		}
		if addresses != 2 {
			t.Errorf("%s: %s", what, list)
		}
	}
	if status, _ := f.read(base+"/one/index.m3u8?token=none", ""); status != http.StatusUnauthorized {
		t.Errorf("a wrong token: %d", status)
	}
	if status, _ := f.read(base+"/one/index.m3u8", ""); status != http.StatusNotFound {
		t.Errorf("who only watches finds what is not published: %d", status)
	}
	if resp := f.call("DELETE", "/api/rooms/demo/recordings/one?token="+token, "", nil); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a token in the query deletes: %s", resp.Status)
	}
}
