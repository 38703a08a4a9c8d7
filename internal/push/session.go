package push

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/dial"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/studio"
)

// A target is tried again after firstWait, then after twice as long each time, up to longestWait. One that was live for so long counts as
// one that worked.
const (
	firstWait   = time.Second
	longestWait = time.Minute
	worked      = 30 * time.Second
)

var (
	errShowOver = errors.New("the show is over")
	errPanic    = errors.New("what the server answers cannot be read")
)

// session sends one show to one target until the show ends or somebody stops it.
type session struct {
	pusher *Pusher
	room   string
	target Target
	place  place
	log    *slog.Logger
	cancel context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	status Status
}

func (s *session) now(state State, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.State, s.status.Since = state, time.Now().UTC()
	switch {
	case state == Live:
		s.status.Error, s.status.Reason, s.status.Code, s.status.Attempts, s.status.Bytes = "", "", "", 0, 0
	case err != nil:
		s.status.Error = dial.WithoutSecrets(err, s.place.secrets())
		s.status.Reason, s.status.Code = reasonOf(s.place, err)
		s.status.Attempts++
	}
}

func (s *session) snapshot() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// run tries again and again.
func (s *session) run(ctx context.Context) {
	wait := firstWait
	for {
		s.now(Connecting, nil)
		begun := time.Now()
		err := s.send(ctx)
		if ctx.Err() != nil || errors.Is(err, studio.ErrNotLive) || errors.Is(err, errShowOver) {
			s.now(Idle, nil)
			return
		}
		if time.Since(begun) > worked {
			wait = firstWait
		}
		s.now(Waiting, err)
		status := s.snapshot()
		s.log.Warn("pushing fails", "error", status.Error, "again", wait)
		s.pusher.tell(s.room, "push_failed", status)
		pause := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			s.now(Idle, nil)
			return
		}
		wait = min(2*wait, longestWait)
	}
}

// send connects and sends until something ends.
func (s *session) send(ctx context.Context) error {
	w, err := s.pusher.house.Tap(s.room)
	if err != nil {
		return err
	}
	defer w.Close()
	return s.guarded(ctx, w)
}

// guarded turns a panic into an error: what another server answers must not end this one.
func (s *session) guarded(ctx context.Context, w *studio.Watcher) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.log.Error("panic while pushing", "panic", r, "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	return s.place.publish(ctx, s, w)
}

// live tells that the target takes the show.
func (s *session) live() {
	s.now(Live, nil)
	s.log.Info("pushing")
	s.pusher.tell(s.room, "push_live", s.snapshot())
}

// sent counts bytes.
func (s *session) sent(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Bytes += uint64(n)
}

// ended is the error of a session whose reading of the show ended with err. What the other side said first, if anything, is the reason.
func ended(err error, heard <-chan error) error {
	select {
	case why := <-heard:
		if err == nil || !isOver(err) {
			return why
		}
	default:
	}
	if isOver(err) {
		return errShowOver
	}
	return err
}

func isOver(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, program.ErrEnded) || errors.Is(err, media.ErrRingClosed)
}
