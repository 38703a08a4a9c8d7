package store

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f, err := OpenFiles(s, "images")
	if err != nil {
		t.Fatal(err)
	}
	long := "logo/../" + strings.Repeat("合奏", 200) // no name of a file
	l := NewLater(f, "tests", slog.New(slog.DiscardHandler))
	l.Put(long, []byte("an older one"))
	l.Put(long, []byte("kept"))
	l.Put("of a room that is over", []byte("x"))
	l.Put("taken away", []byte("x"))
	l.Delete("taken away")
	l.Close()
	if err := os.WriteFile(filepath.Join(dir, "images", ".new-1"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Retain([]string{long, "never there"}); err != nil {
		t.Error(err)
	}
	if b, err := f.Get(long); err != nil || string(b) != "kept" {
		t.Errorf("%q, %v", b, err)
	}
	for _, gone := range []string{"of a room that is over", "taken away", "never there"} {
		if _, err := f.Get(gone); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", gone, err)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(dir, "images")); err != nil || len(entries) != 1 {
		t.Errorf("%d files, %v", len(entries), err)
	}
	if err := f.Delete(long); err != nil {
		t.Error(err)
	}
	if err := f.Delete(long); err != nil {
		t.Error("what is not there cannot be deleted:", err)
	}
}
