package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestSongsAreFilesOfOneDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "songs", "pop"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"secret", "songs/a.mp3", "songs/pop/b.mp3"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "secret"), filepath.Join(dir, "songs", "out")); err != nil {
		t.Fatal(err)
	}
	h, err := serveSongs(filepath.Join(dir, "songs"))
	if err != nil {
		t.Fatal(err)
	}
	for path, status := range map[string]int{
		"/songs/a.mp3": 200, "/songs/pop/b.mp3": 200, "/songs/": 404, "/songs/pop/": 404, "/songs/none": 404, "/songs/%2e%2e/secret": 404, "/songs/out": 500,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != status && !(status == 500 && w.Code >= 400) {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if _, err := serveSongs(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("a directory that is not there")
	}
}
