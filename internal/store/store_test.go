package store

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
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

// stalling is a bucket of which a write takes too long at first, as on a disk that stands still.
type stalling struct {
	jetstream.KeyValue
	stalled chan struct{}
}

func (s *stalling) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	select {
	case <-s.stalled:
		return s.KeyValue.Put(ctx, key, value)
	default:
		close(s.stalled)
		return 0, context.DeadlineExceeded
	}
}

func TestWhatADiskDoesNotTakeInTimeIsWrittenLater(t *testing.T) {
	s, err := Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := OpenBucket[string](s, "shows")
	if err != nil {
		t.Fatal(err)
	}
	disk := &stalling{b.kv, make(chan struct{})}
	b.kv = disk
	l := NewLater(b, "shows", slog.New(slog.DiscardHandler))
	l.Put("demo", "on the air")
	<-disk.stalled
	l.Close()
	if v, err := b.Get("demo"); v != "on the air" {
		t.Errorf("kept is %q: %v", v, err)
	}
}

func TestWhenTheServerWasLastThere(t *testing.T) {
	dir, last := t.TempDir(), time.Time{}
	for _, at := range []time.Time{time.Unix(1_800_000_000, 0), time.Unix(1_800_000_015, 0)} {
		s, err := Open(dir, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.NoteSeen(at); err != nil {
			t.Error(err)
		}
		if !s.Seen().Equal(last) {
			t.Errorf("it was last there at %v, not at %v", s.Seen(), last)
		}
		s.Close()
		last = at
	}
}
