package record

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/disk"
	"github.com/tuttilive/tutti/internal/studio"
)

// leastRoom is what must be free for a recording to begin, however little is kept in reserve: what a full disk still takes is not worth beginning.
const leastRoom = 1 << 20

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
	ended, failure := s.run(ctx, from)
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
		e.EndedAt, e.Interrupted = ended.UTC(), s.interrupted.Load()
		e.end(failure)
	})
	if err != nil {
		return // it was deleted
	}
	s.log.Info("recorded", "duration", time.Duration(done.Duration*float64(time.Second)).Round(time.Second), "bytes", done.Bytes, "error", done.Error)
	r.tellEnd(s.room, done)
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
