// Package webhook tells an application over HTTP what happens in rooms: LiveKit's webhook events, signed as its server SDKs
// verify them. Each receiver (URL) has a line for each room, so the events of a room come in order; an event
// that it does not take holds up that room alone, for a while, and a receiver that is away or slow nobody but itself. See docs/webhooks.md.
package webhook

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

// Options are what the notifier needs.
type Options struct {
	URLs []string
	// Keys sign what is sent.
	Keys auth.Keys
	// Client sends; package dial makes one that goes where it may.
	Client *http.Client
	Log    *slog.Logger
}

// Notifier hears what happens in rooms and tells the receivers. Whoever made it closes it.
type Notifier struct {
	receivers []*receiver
	cancel    context.CancelFunc

	mu   sync.Mutex
	live map[string]bool // rooms whose show began or is coming back after a restart, and whether this server has told that it is on
}

// receiver is one URL.
type receiver struct {
	url    string
	keys   auth.Keys
	client *http.Client
	log    *slog.Logger
	queue  *queue
	history

	sent, failed, dropped atomic.Uint64
	missing               atomic.Int32 // dropped events of which the receiver was not told yet
}

// Stats are the figures of one receiver since the start.
type Stats struct {
	// Receiver is the URL without secrets.
	Receiver string
	// Sent events were accepted, Failed attempts were not, Dropped events were given up.
	Sent, Failed, Dropped uint64
	// Waiting events are on their way: in line, or being tried.
	Waiting int
}

// New makes a notifier and runs it.
func New(o Options) *Notifier {
	client := *o.Client
	// A redirected POST comes without its body, or signed for somebody else: receivers give their true address.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	ctx, cancel := context.WithCancel(context.Background())
	n := &Notifier{live: map[string]bool{}, cancel: cancel}
	for _, address := range o.URLs {
		r := &receiver{url: address, keys: o.Keys, client: &client, log: o.Log.With("webhook", withoutSecrets(address))}
		r.queue = newQueue(ctx, r)
		n.receivers = append(n.receivers, r)
	}
	return n
}

// withoutSecrets is a URL that may be shown: no user, no query.
func withoutSecrets(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "?"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// RoomEvent implements studio.Witness.
func (n *Notifier) RoomEvent(in func() studio.RoomInfo, e room.Event) {
	now := time.Now()
	events := eventsOf(in, e, now)
	if l, ok := e.(room.LiveChanged); ok {
		if name := n.liveChange(in().Name, l.Live); name != "" {
			events = append(events, liveEvent(in, name, l.Live, now))
		}
	}
	for _, event := range events {
		n.put(event)
	}
}

func (n *Notifier) put(e *event) {
	for _, r := range n.receivers {
		r.queue.put(e)
	}
}

// liveChange names what applications are told when the state on the air is said again: nothing for changes within a show, or while
// an interrupted one may come back.
func (n *Notifier) liveChange(roomName string, l room.Live) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	told, began := n.live[roomName]
	switch {
	case l.On && !told:
		n.live[roomName] = true
		return "room_live_started"
	case l.Returning && !began:
		n.live[roomName] = false // a server before this one has told
	case !l.On && !l.Returning && began:
		delete(n.live, roomName)
		return "room_live_ended"
	}
	return ""
}

// Close sends what waits, each event once more at most, for as long as ctx allows. Nothing may happen in rooms any more.
func (n *Notifier) Close(ctx context.Context) {
	for _, r := range n.receivers {
		r.queue.close()
	}
	done := make(chan struct{})
	go func() {
		for _, r := range n.receivers {
			r.queue.sends.Wait()
		}
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	n.cancel()
	<-done
}

// Stats gives the figures of all receivers, in the order of their URLs; none of a nil notifier.
func (n *Notifier) Stats() []Stats {
	if n == nil {
		return nil
	}
	var all []Stats
	for _, r := range n.receivers {
		all = append(all, Stats{
			Receiver: withoutSecrets(r.url), Sent: r.sent.Load(), Failed: r.failed.Load(), Dropped: r.dropped.Load(), Waiting: r.queue.len(),
		})
	}
	return all
}

// drop notes that an event will not be told.
func (r *receiver) drop(e *event, why string) {
	r.dropped.Add(1)
	r.missing.Add(1)
	r.log.Warn("a webhook event is given up", "event", e.Event, "id", e.Id, "room", e.Room.GetName(), "reason", why)
}
