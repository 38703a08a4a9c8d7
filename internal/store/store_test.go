package store

import (
	"log/slog"
	"strings"
	"testing"
)

func TestWhatIsLargeSurvives(t *testing.T) {
	dir := t.TempDir()
	open := func() (*Store, *Bucket[string]) {
		s, err := Open(dir, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		b, err := OpenBucket[string](s, "large")
		if err != nil {
			t.Fatal(err)
		}
		return s, b
	}
	value := strings.Repeat("x", 5<<20)
	s, b := open()
	l := NewLater(b, "tests", slog.New(slog.DiscardHandler))
	l.Put("a room", "an older one")
	l.Put("a room", value)
	l.Put("another", "x")
	l.Delete("another")
	l.Close()
	s.Close()
	s, b = open()
	defer s.Close()
	all, err := b.All()
	if err != nil || len(all) != 1 || all["a room"] != value {
		t.Errorf("%d values, %v", len(all), err)
	}
}
