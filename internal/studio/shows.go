package studio

import (
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/store"
)

// Show is what is kept of a room on the air, so that its show goes on after the server was restarted.
type Show struct {
	Title string    `json:"title"`
	Since time.Time `json:"since"`
	// By is the identity that went live.
	By string `json:"by"`
	// ByIngest tells that an ingest put the room on the air: it comes back with an ingest only.
	ByIngest bool `json:"byIngest,omitempty"`
	// Hostless tells that nobody was there who may direct the room: then it comes back with anybody who publishes.
	Hostless bool `json:"hostless,omitempty"`
	// Shown is the picture that viewers saw; Pinned tells that the host chose it.
	Shown  Choice `json:"shown"`
	Pinned bool   `json:"pinned,omitempty"`
	Peak   int    `json:"peak,omitempty"`
}

// Choice names a picture by whose it is: track SIDs do not outlive a connection. The zero value is no picture.
type Choice struct {
	Identity string      `json:"identity,omitempty"`
	Source   room.Source `json:"source,omitempty"`
	// Ingest matches any ingest, since not all come back under the same identity.
	Ingest bool `json:"ingest,omitempty"`
}

// ShowKeeper keeps shows beyond the life of the process. Keep and Forget are called with locks held: they must not block.
type ShowKeeper interface {
	// Interrupted are the shows that were on the air when the last process ended, by room.
	Interrupted() map[string]Show
	Keep(roomName string, s Show)
	Forget(roomName string)
}

const (
	// maxGone is how long the server may have been away for shows to come back: beyond that nobody waits any more.
	maxGone = 10 * time.Minute
	// seenEvery is how often it is noted that the server is there.
	seenEvery = 15 * time.Second
)

// Shows keeps shows in the store, and notes that the server is there. Close waits until all is written.
type Shows struct {
	later       *store.Later[Show]
	store       *store.Store
	interrupted map[string]Show
	longAway    bool
	log         *slog.Logger

	stop chan struct{}
	done chan struct{}
}

// OpenShows reads what was on the air. Shows from before a long absence are forgotten.
func OpenShows(s *store.Store, log *slog.Logger) (*Shows, error) {
	shows, err := store.OpenBucket[Show](s, "shows")
	if err != nil {
		return nil, err
	}
	interrupted, err := shows.All()
	if err != nil {
		return nil, fmt.Errorf("reading the shows that were on the air: %w", err)
	}
	last := s.Seen()
	k := &Shows{
		later: store.NewLater(shows, "shows", log), store: s, interrupted: interrupted, log: log,
		longAway: !last.IsZero() && time.Since(last) > maxGone,
		stop:     make(chan struct{}), done: make(chan struct{}),
	}
	if k.longAway {
		for name := range k.interrupted {
			k.later.Delete(name)
		}
		k.interrupted = nil
	}
	go k.beSeen()
	return k, nil
}

// LongAway tells that the server was not there for so long that nobody waits any more.
func (k *Shows) LongAway() bool { return k.longAway }

// Interrupted implements ShowKeeper.
func (k *Shows) Interrupted() map[string]Show { return maps.Clone(k.interrupted) }

// Keep implements ShowKeeper.
func (k *Shows) Keep(roomName string, s Show) { k.later.Put(roomName, s) }

// Forget implements ShowKeeper.
func (k *Shows) Forget(roomName string) { k.later.Delete(roomName) }

// Close writes what is left.
func (k *Shows) Close() {
	k.later.Close()
	close(k.stop)
	<-k.done
}

// beSeen notes that the server is there, until it is not.
func (k *Shows) beSeen() {
	defer close(k.done)
	tick := time.NewTicker(seenEvery)
	defer tick.Stop()
	for last := false; ; {
		if err := k.store.NoteSeen(time.Now()); err != nil {
			k.log.Error("noting that the server is there", "error", err)
		}
		if last {
			return
		}
		select {
		case <-tick.C:
		case <-k.stop:
			last = true
		}
	}
}

// noShows keeps nothing.
type noShows struct{}

func (noShows) Interrupted() map[string]Show { return nil }
func (noShows) Keep(string, Show)            {}
func (noShows) Forget(string)                {}
