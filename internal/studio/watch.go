package studio

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/sfu"
	"github.com/tuttilive/tutti/internal/track"
)

// unsendable is the reason counted when a source is in a codec that a viewer cannot have.
const unsendable = "codec"

// Briefly is how long a shared output stays after its last viewer that keeps nothing for those who come back.
const Briefly = 5 * time.Second

// Watch opens the program of a room for one viewer, who is counted under protocol ("whep", "flv", "hls") until Close.
// It fails with ErrNotLive while the room is not on the air, with ErrReturning while that may change by itself. A stream that is fetched on
// demand is waited for, and comes back where it was just left.
func (h *House) Watch(roomName, protocol string) (*Watcher, error) {
	w, err := h.Tap(roomName)
	if errors.Is(err, ErrNotLive) && h.Want(roomName) {
		w, err = h.await(roomName)
	}
	if err != nil {
		return nil, err
	}
	h.NoteUse(roomName)
	w.protocol, w.id, w.began = protocol, room.NewSID("PL_"), time.Now()
	w.air.enter(w)
	if h.fetcher != nil && w.studio.lacksIngest() { // looked at once the viewer counts: a source that is left later sees that
		h.Want(roomName)
	}
	w.studio.viewersChanged()
	return w, nil
}

// Tap opens the program of a room for what is no viewer and not counted: a recording, a push to another server, a host who looks at what the
// others see. It fails as Watch does.
func (h *House) Tap(roomName string) (*Watcher, error) {
	s, err := h.Studio(roomName)
	if err != nil {
		return nil, h.NotLive(roomName)
	}
	s.mu.Lock()
	a := s.air
	s.mu.Unlock()
	if a == nil {
		return nil, h.NotLive(roomName)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return nil, ErrNotLive
	}
	return &Watcher{studio: s, air: a, closed: make(chan struct{})}, nil
}

// enter counts a viewer.
func (a *air) enter(w *Watcher) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.watching[w] = struct{}{}
	a.viewers[w.protocol]++
	a.total++
	a.peak = max(a.peak, a.total)
}

// leave counts a viewer off.
func (a *air) leave(w *Watcher) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.watching, w)
	a.gone[w.protocol] += w.bytes()
	a.viewers[w.protocol]--
	a.total--
}

// closeWatchers ends the viewings of a program that has ended, whose doors may still be about to.
func (a *air) closeWatchers() {
	a.mu.Lock()
	left := slices.Collect(maps.Keys(a.watching))
	a.mu.Unlock()
	for _, w := range left {
		w.Close()
	}
}

// seenBy tells how many see the program where an audience of some size is there, and notes whether there ever were as many.
func (a *air) seenBy(audience int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := max(audience, a.total)
	a.peak = max(a.peak, n)
	return n
}

// Watcher is one viewer. Whoever opened it closes it.
type Watcher struct {
	studio *Studio
	air    *air
	// protocol is empty for what is no viewer.
	protocol string
	id       string
	began    time.Time
	told     bool          // that it began; guarded by air.mu
	left     atomic.Int64  // when the viewer was there last, in Unix ns, where the door knows it better than Close does; else 0
	sent     atomic.Uint64 // bytes, but for what senders sent

	once   sync.Once
	closed chan struct{}
	using  []*output // guarded by air.mu

	mu      sync.Mutex // held when closed is closed and when a sender is added
	senders sync.WaitGroup
	rtc     []*sfu.Sender
	picture *sfu.Sender // one of rtc
}

// bytes is how much left for the viewer.
func (w *Watcher) bytes() uint64 {
	n := w.sent.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.rtc {
		n += s.Stats().Bytes
	}
	return n
}

// play is the viewing up to a time.
func (w *Watcher) play(now time.Time) Play {
	if left := w.left.Load(); left != 0 {
		now = time.Unix(0, left)
	}
	return Play{ID: w.id, Protocol: w.protocol, Since: w.began.UTC(), Until: now.UTC(), Watched: max(now.Sub(w.began).Seconds(), 0), Bytes: w.bytes()}
}

// playing is the viewing while it goes on.
func (w *Watcher) playing(now time.Time) Play {
	p := w.play(now)
	p.Until = time.Time{}
	return p
}

// Left tells when the viewer was there last, where that is earlier than Close.
func (w *Watcher) Left(at time.Time) { w.left.Store(at.UnixNano()) }

// ErrWatcherClosed is what a closed watcher answers.
var ErrWatcherClosed = errors.New("watcher is closed")

func (w *Watcher) isClosed() bool {
	select {
	case <-w.closed:
		return true
	default:
		return false
	}
}

// Program is what the viewer watches.
func (w *Watcher) Program() *program.Program { return w.air.program }

// Done is closed when the program ends.
func (w *Watcher) Done() <-chan struct{} { return w.air.program.Done() }

// Sent counts bytes that left for the viewer.
func (w *Watcher) Sent(bytes int) {
	w.sent.Add(uint64(bytes))
	w.air.sent.Add(uint64(bytes))
}

// Skipped counts that the viewer lost something, and why.
func (w *Watcher) Skipped(reason string) {
	if w.protocol == "" {
		return
	}
	w.air.mu.Lock()
	defer w.air.mu.Unlock()
	w.air.skips[w.protocol+":"+reason]++
}

// Close ends the viewing.
func (w *Watcher) Close() {
	w.once.Do(func() {
		w.mu.Lock()
		close(w.closed)
		w.mu.Unlock()
		w.senders.Wait()
		if w.protocol != "" {
			w.air.leave(w)
			if p := w.play(time.Now()); p.Bytes > 0 { // else nobody has seen anything
				w.studio.house.plays.note(w.studio.name, p)
			}
			w.studio.viewersChanged()
		}
		a := w.air
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, o := range w.using {
			a.leaveOutput(o)
		}
	})
}

// Subscribe sends the program to a peer, following every change of its sources. A negotiation must follow.
// picture is the video codec that the peer is to get; the program is converted where it must be and can be.
func (w *Watcher) Subscribe(peer *rtc.Peer, picture media.Codec) error {
	const stream = "program"
	follow := func(current func() (*track.Track, <-chan struct{}), trackID string, c media.Codec) error {
		cfg := sfu.SenderConfig{StreamID: stream, TrackID: trackID, Codec: c, RED: true}
		t, changed := current()
		sender, err := sfu.NewSender(peer, t, cfg)
		if err != nil && t != nil {
			// What is on the air now cannot be sent in this codec; what comes later perhaps can.
			w.Skipped(unsendable)
			sender, err = sfu.NewSender(peer, nil, cfg)
		}
		if err != nil {
			return fmt.Errorf("sending the program's %s: %w", trackID, err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.isClosed() {
			sender.Close()
			return ErrWatcherClosed
		}
		w.rtc = append(w.rtc, sender)
		if c.Kind() == media.Video {
			w.picture = sender
		}
		w.senders.Go(func() {
			defer sender.Close()
			for {
				select {
				case <-changed:
				case <-w.closed:
					return
				case <-w.air.program.Done():
					return
				}
				if t, changed = current(); t != nil {
					if err := sender.Switch(t); err != nil {
						w.Skipped(unsendable)
					}
				}
			}
		})
		return nil
	}
	if err := follow(w.air.program.Picture, "picture", picture); err != nil {
		return err
	}
	return follow(w.air.program.Sound, "sound", media.Opus)
}

// output is one format of a program, shared by all who watch it in that format.
type output struct {
	format string
	stays  time.Duration // after its last user
	opened chan struct{} // closed when value, stop and err are set
	value  any
	stop   func()
	err    error

	users  int
	linger *time.Timer
	once   sync.Once
}

func (o *output) close() {
	o.once.Do(func() {
		<-o.opened
		if o.stop != nil {
			o.stop()
		}
	})
}

// Shared gives the one output of a format for the watcher's program, opened by the first and closed some time after the last
// watcher that uses it has left. open runs once; close is called when the output is no longer needed or the program has ended.
func Shared[T any](w *Watcher, format string, stays time.Duration, open func(*program.Program) (out T, close func(), err error)) (T, error) {
	var none T
	a := w.air
	a.mu.Lock()
	switch {
	case a.ended:
		a.mu.Unlock()
		return none, ErrNotLive
	case w.isClosed():
		a.mu.Unlock()
		return none, ErrWatcherClosed
	}
	o := a.outputs[format]
	first := o == nil
	if first {
		o = &output{format: format, stays: stays, opened: make(chan struct{})}
		a.outputs[format] = o
	}
	o.users++
	if o.linger != nil {
		o.linger.Stop()
		o.linger = nil
	}
	w.using = append(w.using, o)
	a.mu.Unlock()
	if first {
		value, stop, err := open(a.program)
		o.value, o.stop, o.err = value, stop, err
		close(o.opened)
		if err != nil {
			a.mu.Lock()
			delete(a.outputs, format)
			a.mu.Unlock()
		}
	}
	<-o.opened
	if o.err != nil {
		return none, o.err
	}
	value, ok := o.value.(T)
	if !ok {
		return none, fmt.Errorf("studio: output %q has type %T", format, o.value)
	}
	return value, nil
}

// leaveOutput counts a user off. The caller holds the lock.
func (a *air) leaveOutput(o *output) {
	o.users--
	if o.users > 0 || a.outputs[o.format] != o {
		return
	}
	o.linger = time.AfterFunc(o.stays, func() {
		a.mu.Lock()
		idle := o.users == 0 && a.outputs[o.format] == o
		if idle {
			delete(a.outputs, o.format)
		}
		a.mu.Unlock()
		if idle {
			o.close()
		}
	})
}
