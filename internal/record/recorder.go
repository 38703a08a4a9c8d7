package record

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/disk"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/s3"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
)

// Mode is who may record.
type Mode string

const (
	// Off records nothing, ForOperators only what operators begin, ForHosts what hosts begin too, ForAll each show.
	Off          Mode = "off"
	ForOperators Mode = "operators"
	ForHosts     Mode = "hosts"
	ForAll       Mode = "always"
)

const (
	// tendEvery is how often shows that should be recorded are looked for, and old recordings are deleted.
	tendEvery = 30 * time.Second
	// continuedWithin is how long after an interruption a show's recording goes on as the same.
	continuedWithin = 15 * time.Minute
	// leastRoom is what must be free for a recording to begin, however little is kept in reserve: what a full disk still takes is not worth beginning.
	leastRoom = 1 << 20
	// byAlways is who began a recording that nobody did.
	byAlways = "always"
)

// Errors of Start.
var (
	ErrOff     = errors.New("this server does not record")
	ErrRunning = errors.New("this room is being recorded already")
	ErrNoSpace = errors.New("there is not enough space on the server's disk to record")
	// ErrAway tells that a file is in a bucket that cannot be read now.
	ErrAway = errors.New("the recording is in a storage that cannot be reached now")
)

// Options are what a recorder needs.
type Options struct {
	Dir    string
	Mode   Mode
	Limits Limits
	// Keep is after how long recordings are deleted, 0 for never.
	Keep time.Duration
	// Settings keep how rooms are recorded.
	Settings *store.Bucket[Settings]
	// Bucket is where finished files are uploaded to, nil for nowhere. KeepLocal keeps them here too.
	Bucket    *s3.Bucket
	KeepLocal bool
	// Tell tells applications what became of a recording: "recording_started", "recording_finished" or "recording_failed". It must
	// not block; nil tells nobody.
	Tell func(in studio.RoomInfo, event string, r Recording)
	Log  *slog.Logger
}

// Recorder records shows. Its methods may be called from any goroutine. Whoever made it opens and closes it.
type Recorder struct {
	options Options
	library *library
	// uploader is nil where nothing is uploaded.
	uploader *uploader
	log      *slog.Logger
	house    *studio.House
	// createdAt is since when there has been this room of its name.
	createdAt func(room string) time.Time

	// mu is taken by RoomEvent, under the lock of a studio: who holds it asks no studio and no house for anything, and waits for no disk.
	mu       sync.Mutex
	sessions map[string]*session  // by room
	looks    map[string]struct{}  // rooms whose show has changed
	declined map[string]time.Time // shows that somebody stopped recording, by room, as they began
	settings map[string]Settings  // as they were read
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
	r := &Recorder{
		options: o, log: o.Log, sessions: map[string]*session{}, looks: map[string]struct{}{}, declined: map[string]time.Time{},
		settings: map[string]Settings{}, wake: make(chan struct{}, 1), closing: make(chan struct{}),
	}
	var err error
	if r.library, err = openLibrary(o.Dir, o.Log); err != nil {
		return nil, err
	}
	if o.Bucket != nil {
		r.uploader = newUploader(r.library, o.Bucket, o.KeepLocal, o.Log)
		r.library.bucket, r.library.changed = true, r.uploader.look
	}
	return r, nil
}

// Open begins to record the shows of a house whose witness the recorder is.
func (r *Recorder) Open(h *studio.House) {
	r.house, r.createdAt = h, r.policyCreated
	h.Policies().OnHandover(r.forget)
	r.running.Go(r.tend)
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
	for _, id := range r.library.left() {
		r.library.finishLeft(id)
	}
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
			r.library.finishFailed()
			r.expire(time.Now())
		case <-r.closing:
			return
		}
	}
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
	if running || declined || r.options.Mode == Off {
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

// interrupted is the recording of a room that a restart interrupted a moment ago, "" for none.
func (r *Recorder) interrupted(name string, now time.Time) string {
	created := r.createdAt(name)
	for _, e := range r.library.list(func(e *entry) bool { return e.Room == name && e.Interrupted && e.Created.Equal(created) }) {
		if now.Sub(e.EndedAt) < continuedWithin {
			return e.ID
		}
	}
	return ""
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
			e.State, e.Interrupted, e.EndedAt, e.Error, files = Running, false, time.Time{}, "", len(e.Files)
		})
		return files, err
	})
	return err
}

// begin runs a session. note writes the recording down, and tells how many files it has.
func (r *Recorder) begin(name, id string, note func() (int, error)) (Recording, error) {
	if r.options.Mode == Off {
		return Recording{}, ErrOff
	}
	if !r.library.hasRoom(max(r.options.Limits.Reserve, leastRoom)) {
		return Recording{}, ErrNoSpace
	}
	w, err := r.house.Tap(name)
	if err != nil {
		return Recording{}, err
	}
	if err := r.run(name, id, w, note); err != nil {
		w.Close()
		return Recording{}, err
	}
	e, err := r.library.find(id)
	if err != nil {
		return Recording{}, err
	}
	return e.Recording, nil
}

// run begins a session, which has the watcher from then on.
func (r *Recorder) run(name, id string, w *studio.Watcher, note func() (int, error)) error {
	st, err := r.house.Studio(name)
	if err != nil {
		return studio.ErrNotLive
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &session{
		library: r.library, limits: r.options.Limits, log: r.log.With("room", name, "recording", id), id: id, in: name, room: st.Info(), watcher: w,
		stop: stop, done: make(chan struct{}),
	}
	if err := r.reserve(s); err != nil {
		stop()
		return err
	}
	from, err := w.Program().Read(demand)
	if err != nil {
		r.release(s)
		return studio.ErrNotLive
	}
	if s.number, err = note(); err != nil {
		from.Close()
		r.release(s)
		if disk.IsFull(err) {
			return ErrNoSpace
		}
		return fmt.Errorf("beginning a recording: %w", err)
	}
	r.mark(s, true, "") // who asked for it sees it at once, and no more of one that failed before
	go func() {
		defer r.running.Done()
		r.record(ctx, s, from)
	}()
	return nil
}

// reserve makes a session the room's. Close waits for it until it is released or has run.
func (r *Recorder) reserve(s *session) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return studio.ErrShutdown
	case r.sessions[s.in] != nil:
		return ErrRunning
	}
	r.sessions[s.in] = s
	delete(r.declined, s.in)
	r.running.Add(1)
	return nil
}

// release takes back a reservation that came to nothing.
func (r *Recorder) release(s *session) {
	s.stop()
	r.leave(s)
	close(s.done)
	r.running.Done()
}

func (r *Recorder) leave(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sessions, s.in)
}

// record runs a session from its beginning to its end.
func (r *Recorder) record(ctx context.Context, s *session, from source) {
	defer close(s.done)
	s.log.Info("recording")
	if e, err := r.library.find(s.id); err == nil {
		r.options.Tell(s.room, "recording_started", e.Recording)
	}
	var camera sync.WaitGroup
	camera.Go(func() {
		p := photographer{library: r.library, id: s.id, take: func() ([]byte, error) { return r.house.Snapshot(ctx, s.in) }}
		p.run(ctx)
	})
	failure := s.run(ctx, from)
	from.Close()
	s.watcher.Close()
	s.stop()
	camera.Wait()
	r.mark(s, false, failure) // before the next session of the room can say the opposite
	r.leave(s)
	if failure == "" { // another show may have begun meanwhile; what failed is tried again later
		r.lookSoon(s.in)
	}
	done, err := r.library.change(s.id, true, func(e *entry) {
		e.EndedAt, e.Interrupted = time.Now().UTC(), s.interrupted.Load()
		e.end(failure)
	})
	if err != nil {
		return // it was deleted
	}
	s.log.Info("recorded", "duration", time.Duration(done.Duration*float64(time.Second)).Round(time.Second), "bytes", done.Bytes, "error", done.Error)
	event := "recording_finished"
	if done.State == Failed {
		event = "recording_failed"
	}
	r.options.Tell(s.room, event, done)
}

// ended says to hosts why a recording has ended before its show, by the code of the failure.
var ended = map[string]string{
	DiskFull:    "The recording has ended early: the server's disk is full.",
	WriteFailed: "The recording has ended early: the server could not write to its disk.",
}

// mark tells the room that it is recorded, or is not any more, and its host where that is for a failure.
func (r *Recorder) mark(s *session, on bool, failure string) {
	st, err := r.house.Studio(s.in)
	if err != nil {
		return
	}
	s.room = st.Info()
	if err := st.SetRecorded(on, ended[failure]); err != nil && !errors.Is(err, studio.ErrNoRoom) {
		s.log.Warn("telling the room that it is recorded", "error", err)
	}
}

// Stop ends a recording and waits until it is finished, or ctx has ended. The show goes on without one.
func (r *Recorder) Stop(ctx context.Context, id string) (Recording, error) {
	if s := r.session(id); s != nil {
		if st, err := r.house.Studio(s.in); err == nil {
			since := st.Info().Live.Since
			r.mu.Lock()
			r.declined[s.in] = since
			r.mu.Unlock()
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

func (r *Recorder) remove(id string) error {
	err := r.library.remove(id)
	if r.uploader != nil {
		r.uploader.stop(id)
	}
	return err
}

// Close interrupts all recordings and waits until they are finished. It comes before the end of the house, so that a show that goes
// on after a restart goes on being recorded.
func (r *Recorder) Close() {
	r.mu.Lock()
	r.closed = true
	for _, s := range r.sessions {
		s.interrupted.Store(true)
		s.stop()
	}
	r.mu.Unlock()
	close(r.closing)
	r.running.Wait()
}

// OpenFile opens a file of a recording for reading, as long as ctx is good. The caller closes it.
func (r *Recorder) OpenFile(ctx context.Context, id, name string) (io.ReadSeekCloser, File, error) {
	e, err := r.library.find(id)
	if err != nil {
		return nil, File{}, err
	}
	f := e.file(name)
	if f == nil {
		return nil, File{}, ErrNotFound
	}
	file, err := os.Open(r.library.path(f.Name))
	switch {
	case err == nil:
		return file, *f, nil
	case !errors.Is(err, os.ErrNotExist):
		return nil, *f, err
	case !f.Stored:
		return nil, *f, ErrNotFound
	case r.options.Bucket == nil:
		return nil, *f, ErrAway
	}
	size, err := r.options.Bucket.Size(ctx, f.Name) // so that a server that does not answer is told of, and not an answer that breaks off
	switch {
	case errors.Is(err, s3.ErrNotFound):
		return nil, *f, ErrNotFound
	case err != nil:
		r.log.Warn("reading a recording from the bucket", "recording", id, "error", err)
		return nil, *f, ErrAway
	}
	return r.options.Bucket.Open(ctx, f.Name, size), *f, nil
}
