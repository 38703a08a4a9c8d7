package sfu

import (
	"sync"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/track"
)

// feed is a track's packet face in one codec, shared by all senders that read it: one lease, and one goroutine that
// follows the layers and tells each shard. It is opened by the first sender and closed with the last; it is safe for use
// by several goroutines.
type feed struct {
	track *track.Track
	codec media.Codec
	lease *track.PacketLease

	users int // guarded by feeds.mu
	stop  chan struct{}
	done  chan struct{}

	mu       sync.Mutex
	layers   []*track.Layer // from small to large; never changed, only replaced
	audience map[*audience]struct{}
}

type feedKey struct {
	track *track.Track
	codec media.Codec
}

// feeds are those that are open. They are not tied to an endpoint, since a track is not.
var feeds = struct {
	mu   sync.Mutex
	open map[feedKey]*feed
}{open: make(map[feedKey]*feed)}

// openFeed demands a track in a codec. Whoever opens closes.
func openFeed(t *track.Track, codec media.Codec) (*feed, error) {
	key := feedKey{t, codec}
	if f := joinFeed(key, nil); f != nil {
		return f, nil
	}
	// Not under the lock: a conversion may take its time to begin.
	lease, err := t.ReadPackets(codec)
	if err != nil {
		return nil, err
	}
	return joinFeed(key, lease), nil
}

// joinFeed gives the feed that is open, else one with the lease if there is one.
func joinFeed(key feedKey, lease *track.PacketLease) *feed {
	feeds.mu.Lock()
	defer feeds.mu.Unlock()
	f := feeds.open[key]
	switch {
	case f != nil:
		if lease != nil {
			lease.Release() // another was quicker
		}
	case lease == nil:
		return nil
	default:
		f = &feed{
			track: key.track, codec: key.codec, lease: lease,
			stop: make(chan struct{}), done: make(chan struct{}),
			audience: make(map[*audience]struct{}),
		}
		var changed <-chan struct{}
		f.layers, changed = lease.Layers()
		go f.follow(changed)
		feeds.open[key] = f
	}
	f.users++
	return f
}

func (f *feed) close() {
	feeds.mu.Lock()
	f.users--
	last := f.users == 0
	if last {
		delete(feeds.open, feedKey{f.track, f.codec})
	}
	feeds.mu.Unlock()
	if last {
		close(f.stop)
		<-f.done
		f.lease.Release()
	}
}

// follow tells the shards when layers come and go. It ends with stop.
func (f *feed) follow(changed <-chan struct{}) {
	defer close(f.done)
	for {
		select {
		case <-f.stop:
			return
		case <-changed:
		}
		var layers []*track.Layer
		layers, changed = f.lease.Layers()
		f.mu.Lock()
		f.layers = layers
		for a := range f.audience {
			a.wake()
		}
		f.mu.Unlock()
	}
}

func (f *feed) current() []*track.Layer {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.layers
}

func (f *feed) tell(a *audience) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.audience[a] = struct{}{}
}

func (f *feed) untell(a *audience) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.audience, a)
}
