package record

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

const (
	// tendEvery is how often shows that should be recorded are looked for, and old recordings are deleted.
	tendEvery = 30 * time.Second
	// continuedWithin is how long after an interruption a show's recording goes on as the same.
	continuedWithin = 15 * time.Minute
	// byAlways is who began a recording that nobody did.
	byAlways = "always"
	// finishWithin is how long files are still finished when the server ends: it has others to close.
	finishWithin = time.Second
)

// Recorder records shows, and puts them on its shelf. Its methods may be called from any goroutine. Whoever made it opens and closes it.
type Recorder struct {
	*Shelf
	options Options
	log     *slog.Logger
	house   *studio.House

	// mu is taken by RoomEvent, under the lock of a studio: who holds it asks no studio and no house for anything, and waits for no disk.
	mu       sync.Mutex
	sessions map[string]*session  // by room
	looks    map[string]struct{}  // rooms whose show has changed
	declined map[string]time.Time // shows that somebody stopped recording, by room, as they began; the library knows them too, as long as it has the recording
	closed   bool

	wake    chan struct{}
	closing chan struct{}
	running sync.WaitGroup
}

// New makes a recorder and reads what was recorded before.
func New(o Options) (*Recorder, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Tell == nil {
		o.Tell = func(studio.RoomInfo, string, Recording) {}
	}
	shelf, err := openShelf(o)
	if err != nil {
		return nil, err
	}
	return &Recorder{
		Shelf: shelf, options: o, log: o.Log, sessions: map[string]*session{}, looks: map[string]struct{}{}, declined: map[string]time.Time{},
		wake: make(chan struct{}, 1), closing: make(chan struct{}),
	}, nil
}

// Open begins to record the shows of a house whose witness the recorder is.
func (r *Recorder) Open(h *studio.House) {
	r.house, r.createdAt = h, r.policyCreated
	h.Policies().OnHandover(r.forget)
	h.Policies().OnClaim(r.keeps)
	left := r.library.left() // before any of them can go on
	r.running.Go(r.tend)
	r.running.Go(func() { r.finish(left) })
	if r.uploader != nil {
		ctx, cancel := context.WithCancel(context.Background())
		r.running.Go(func() { r.uploader.run(ctx) })
		r.running.Go(func() { <-r.closing; cancel() })
	}
}

// RoomEvent implements studio.Witness.
func (r *Recorder) RoomEvent(in func() studio.RoomInfo, e room.Event) {
	if _, ok := e.(room.LiveChanged); !ok {
		return
	}
	r.lookSoon(in().Name)
}

// lookSoon has a room looked at. It does not block.
func (r *Recorder) lookSoon(name string) {
	r.mu.Lock()
	r.looks[name] = struct{}{}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// tend begins recordings that a setting wants, and deletes old ones.
func (r *Recorder) tend() {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	r.expire(time.Now())
	for {
		select {
		case <-r.wake:
			r.mu.Lock()
			looks := r.looks
			r.looks = map[string]struct{}{}
			r.mu.Unlock()
			for name := range looks {
				r.look(name)
			}
		case <-tick.C:
			for _, s := range r.house.Studios() { // what failed may work now
				r.look(s.Info().Name)
			}
			r.expire(time.Now())
		case <-r.closing:
			return
		}
	}
}

// finish finishes what an earlier process has left, and then what there was no room for, as soon as there is. A long file takes long.
func (r *Recorder) finish(left []entry) {
	for _, e := range left {
		select {
		case <-r.closing:
			return
		default:
		}
		if done, ended := r.library.finishLeft(e); ended {
			r.tellEnd(r.infoOf(e), done)
		}
	}
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.library.finishFailed()
		case <-r.closing:
			return
		}
	}
}

// infoOf is the room that a recording is of, also where it is gone.
func (r *Recorder) infoOf(e entry) studio.RoomInfo {
	if s, err := r.house.Studio(e.Room); err == nil && e.Created.Equal(r.createdAt(e.Room)) {
		return s.Info()
	}
	return studio.RoomInfo{Name: e.Room, CreatedAt: e.StartedAt}
}

// tellEnd tells applications that a recording is over.
func (r *Recorder) tellEnd(in studio.RoomInfo, rec Recording) {
	event := "recording_finished"
	if rec.State == Failed {
		event = "recording_failed"
	}
	r.options.Tell(in, event, rec)
}

// look begins to record a room where that is wanted.
func (r *Recorder) look(name string) {
	s, err := r.house.Studio(name)
	if err != nil {
		return
	}
	info := s.Info()
	if !info.Live.On {
		return
	}
	r.mu.Lock()
	_, running := r.sessions[name]
	declined := r.declined[name].Equal(info.Live.Since)
	if !declined {
		delete(r.declined, name) // it was another show
	}
	r.mu.Unlock()
	if running || declined || r.options.Mode == Off || r.declinedBefore(name).Equal(info.Live.Since) {
		return
	}
	if !info.Live.Resumed.IsZero() {
		if id := r.interrupted(name, time.Now()); id != "" {
			r.report(name, r.resume(name, id))
			return
		}
	}
	if r.wantsAlways(info) {
		_, err := r.Start(name, info.Live.Title, byAlways)
		r.report(name, err)
	}
}

func (r *Recorder) report(name string, err error) {
	if err != nil && !errors.Is(err, ErrRunning) && !errors.Is(err, studio.ErrNotLive) {
		r.log.Error("a show is not recorded", "room", name, "error", err)
		if errors.Is(err, ErrNoSpace) {
			if st, gone := r.house.Studio(name); gone == nil {
				_ = st.SetRecorded(false, "This show is not recorded: the server's disk is full.") // only a room that ends does not hear it
			}
		}
	}
}

// wantsAlways tells whether each show of a room is recorded.
func (r *Recorder) wantsAlways(info studio.RoomInfo) bool {
	if s := r.SettingsOf(info.Name); s.Always != nil {
		return *s.Always
	}
	scene, ok := r.house.Scenes().Find(info.Scene)
	return r.options.Mode == ForAll || ok && scene.Record && r.options.Mode == ForHosts
}

// Set changes how a room is recorded, from its next show on; a show that is not recorded yet and shall be, from now on. One that somebody
// stopped recording is only recorded again where it is new that each show is.
func (r *Recorder) Set(name string, s Settings) error {
	before := r.SettingsOf(name)
	if err := r.set(name, s); err != nil {
		return err
	}
	if s.always() && !before.always() {
		r.accept(name)
	}
	r.lookSoon(name)
	return nil
}

// policyCreated asks the house.
func (r *Recorder) policyCreated(name string) time.Time {
	policy, _, err := r.house.Policies().Find(name)
	if err != nil {
		return time.Time{}
	}
	return policy.CreatedAt
}

// Mode is who may record.
func (r *Recorder) Mode() Mode { return r.options.Mode }

// Start records the show of a room, from now on until it ends.
func (r *Recorder) Start(name, title, by string) (Recording, error) {
	e := &entry{Recording: Recording{
		ID: strings.ToLower(rand.Text()[:16]), Room: name, Title: title, State: Running, By: by, StartedAt: time.Now().UTC(), Files: []File{},
		Published: r.SettingsOf(name).Publish,
	}, Created: r.createdAt(name)}
	return r.begin(name, e.ID, func() (int, error) { return 0, r.library.put(e) })
}

// resume goes on with a recording that was interrupted.
func (r *Recorder) resume(name, id string) error {
	_, err := r.begin(name, id, func() (files int, err error) {
		_, err = r.library.change(id, true, func(e *entry) {
			e.State, e.Interrupted, e.EndedAt, e.Error, files = Running, false, time.Time{}, "", e.lastNumber()
		})
		return files, err
	})
	return err
}

// Stop ends a recording and waits until it is finished, or ctx has ended. The show goes on without one.
func (r *Recorder) Stop(ctx context.Context, id string) (Recording, error) {
	if s := r.session(id); s != nil {
		if st, err := r.house.Studio(s.in); err == nil {
			r.decline(s.in, id, st.Info().Live.Since)
		}
		s.stop()
		select {
		case <-s.done:
		case <-ctx.Done():
		}
	}
	e, err := r.library.find(id)
	return e.Recording, err
}

// decline keeps a show, of which a recording is stopped, from being recorded again by a setting, also after a restart.
func (r *Recorder) decline(name, id string, since time.Time) {
	r.mu.Lock()
	r.declined[name] = since
	r.mu.Unlock()
	_, _ = r.library.change(id, true, func(e *entry) { e.Declined = since }) // it may be deleted already
}

// accept takes back that a room's show is not recorded.
func (r *Recorder) accept(name string) {
	for _, e := range r.library.list(func(e *entry) bool { return e.Room == name && !e.Declined.IsZero() }) {
		_, _ = r.library.change(e.ID, true, func(e *entry) { e.Declined = time.Time{} })
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.declined, name)
}

func (r *Recorder) session(id string) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sessions {
		if s.id == id {
			return s
		}
	}
	return nil
}

// Delete ends a recording, if it runs, and deletes it.
func (r *Recorder) Delete(ctx context.Context, id string) error {
	if _, err := r.Stop(ctx, id); err != nil {
		return err
	}
	return r.remove(id)
}

// Close interrupts all recordings and waits until they are finished, or left to the next start where that takes long. It comes before the end
// of the house, so that a show that goes on after a restart goes on being recorded.
func (r *Recorder) Close() {
	r.mu.Lock()
	r.closed = true
	for _, s := range r.sessions {
		s.interrupted.Store(true)
		s.stop()
	}
	r.mu.Unlock()
	close(r.closing)
	late := time.AfterFunc(finishWithin, func() { close(r.library.ends) })
	defer late.Stop()
	r.running.Wait()
}

// Running is the recording of a room that is being made.
func (r *Recorder) Running(name string) (Recording, bool) {
	r.mu.Lock()
	s := r.sessions[name]
	r.mu.Unlock()
	if s == nil {
		return Recording{}, false
	}
	e, err := r.library.find(s.id)
	return e.Recording, err == nil
}
