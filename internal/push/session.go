package push

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/fanout"
)

// A target is tried again after firstWait, then after twice as long each time, up to longestWait. One that was live for so long counts as
// one that worked.
const (
	firstWait   = time.Second
	longestWait = time.Minute
	worked      = 30 * time.Second
)

var errShowOver = errors.New("the show is over")

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
		s.status.Error, s.status.Attempts, s.status.Bytes = "", 0, 0
	case err != nil:
		s.status.Error = s.place.withoutSecret(err)
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
	c, err := connect(ctx, s.pusher.options.Dialer, s.place)
	if err != nil {
		return err
	}
	defer c.close(s.place.stream)
	stream, err := shared(w, s.pusher.house, s.log)
	if err != nil {
		return err
	}
	following, end := context.WithCancel(ctx)
	defer end()
	heard := make(chan error, 1)
	go func() {
		heard <- c.listen()
		c.limit(time.Unix(1, 0))
		end()
	}()
	stopped := context.AfterFunc(ctx, func() { c.limit(time.Now().Add(partingTime)) })
	defer stopped()
	s.now(Live, nil)
	s.log.Info("pushing")
	s.pusher.tell(s.room, "push_live", s.snapshot())
	err = stream.Read(counter{s}).Follow(following.Done(), func(bufs [][]byte) error {
		n := 0
		for _, b := range bufs {
			n += len(b)
		}
		err := c.send(bufs)
		if err == nil {
			counter{s}.Sent(n)
		}
		return err
	})
	select {
	case why := <-heard: // the server said why before writing failed
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

// shared is the program as messages for publishing, made once for all targets of a room: H.264 wherever it can be had, since platforms take
// little else.
func shared(w *studio.Watcher, house *studio.House, log *slog.Logger) (*fanout.Stream, error) {
	demand := fanout.Demand(house.VideoConversion())
	if house.VideoConversion() == nil {
		demand.Video = []media.Codec{media.H264}
	}
	return studio.Shared(w, "push", func(p *program.Program) (*fanout.Stream, func(), error) {
		reader, err := p.Read(demand)
		if err != nil {
			return nil, nil, err
		}
		s := fanout.New(reader, fanout.Expected(p, demand), 0, fanout.RTMPPublish, log)
		return s, s.Close, nil
	})
}

// counter counts what was sent. It is the stream's watcher.
type counter struct{ s *session }

// Sent implements fanout.Watcher.
func (c counter) Sent(n int) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.status.Bytes += uint64(n)
}

// Skipped implements fanout.Watcher.
func (c counter) Skipped(reason string) {
	c.s.log.Warn("pushing lost something: the way is too slow", "reason", reason)
}

// Close implements fanout.Watcher.
func (c counter) Close() {}
