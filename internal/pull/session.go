package pull

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

const (
	firstWait   = time.Second
	longestWait = time.Minute
	// steady is how long a source must have been live for its failing to count as the first.
	steady = 30 * time.Second
	// connectWithin bounds the way to the first frame, silence how long nothing may come.
	connectWithin = 15 * time.Second
	silence       = 12 * time.Second
)

var (
	errUnwatched = errors.New("nobody watches any more")
	errSilent    = errors.New("the source sends nothing")
	errEnded     = errors.New("the source has ended")
	errPanic     = errors.New("what the source sends cannot be read")
)

// fetcher gives what a source sends away until it fails, which it always does.
type fetcher func(ctx context.Context, d Dialer, s Source, to receiver) error

// receiver takes what a source sends, from one goroutine. All but More is as ingest.Publisher has it.
type receiver interface {
	Write(f *media.Frame) error
	// More is as good as a frame where one does not come, once there was one.
	More()
	LeftOut(what string)
	Broken(kind media.Kind, why error)
	Rotated(degrees int)
}

// session fetches one source until it is cancelled, or nobody wants it any more.
type session struct {
	puller *Puller
	room   string
	source Source
	cancel context.CancelCauseFunc
	log    *slog.Logger
	// wanted tells that somebody came for it since it was left, or else began. The puller's lock guards it.
	wanted bool

	mu     sync.Mutex
	status Status
}

func (x *session) snapshot() Status {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.status
}

func (x *session) set(change func(*Status)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	change(&x.status)
}

// run tells whether it was left because nobody watched.
func (x *session) run(ctx context.Context) (unwatched bool) {
	failed := 0
	for ctx.Err() == nil {
		x.set(func(s *Status) { s.State, s.Since = Connecting, time.Now() })
		live, err := x.fetch(ctx)
		if ctx.Err() != nil || errors.Is(err, errUnwatched) {
			x.log.Info("a source is left", "error", err)
			return ctx.Err() == nil
		}
		if live >= steady {
			failed = 0
		}
		failed++
		wait := waitBefore(failed, err)
		x.log.Warn("fetching a source failed", "attempt", failed, "again", wait.Round(time.Millisecond), "error", x.source.withoutSecret(err))
		x.set(func(s *Status) {
			s.State, s.Since, s.Error, s.Attempts = Waiting, time.Now(), x.source.withoutSecret(err), failed
			s.Reason, s.Code = x.source.reasonOf(err)
		})
		if x.source.Mode == Demand && failed > 5 && !x.watched() { // the next viewer tries again
			return false
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
	return false
}

// waitBefore is how long to wait after some failed attempts: half to one and a half times what is due, so that a server that comes back is not met
// by all at once. It is the longest wait where the last one was sent away by a host, who does not mean for a second.
func waitBefore(failed int, why error) time.Duration {
	due := min(firstWait<<min(failed-1, 10), longestWait)
	if errors.Is(why, ingest.ErrRemoved) {
		return longestWait
	}
	return due/2 + rand.N(due)
}

// fetch fetches the source once, and tells for how long it was live.
func (x *session) fetch(ctx context.Context) (live time.Duration, err error) {
	protocol, _, err := x.source.protocol()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(connectWithin, func() { cancel(errSilent) })
	defer quiet.Stop()
	to := &reception{session: x, ctx: ctx, cancel: cancel, protocol: protocol, quiet: quiet}
	defer func() {
		if to.publisher != nil {
			to.publisher.Leave(room.LeftByItself)
			live = time.Since(to.began)
		}
	}()
	err = x.guarded(ctx, x.puller.fetchers[protocol], to)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if errors.Is(err, io.EOF) || err == nil {
		err = errEnded
	}
	return 0, err
}

// guarded fetches, and turns a panic into an error: what a server sends must not end this one.
func (x *session) guarded(ctx context.Context, f fetcher, to receiver) (err error) {
	defer func() {
		if r := recover(); r != nil {
			x.log.Error("panic while fetching a source", "panic", r, "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	return f(ctx, x.puller.dialer, x.source, to)
}

// enter comes into the room once there is something to publish.
func (x *session) enter(ctx context.Context, cancel context.CancelCauseFunc, protocol string) (*ingest.Publisher, error) {
	observer := &ingest.Observer{Kick: func(why error) { cancel(why) }}
	e := studio.Fetched(x.room, x.source.ID, x.source.Name, x.source.Backup)
	p, err := x.puller.house.EnterEncoder(e, room.Program{Door: "pull", SDK: map[string]string{"rtmp": "RTMP", "srt": "SRT", "hls": "HLS"}[protocol]}, observer)
	if err != nil {
		return nil, err
	}
	observer.Entered(p.Self().SID)
	x.set(func(s *Status) {
		s.State, s.Since, s.Error, s.Reason, s.Code, s.Attempts = Live, time.Now(), "", "", "", 0
	})
	x.log.Info("a source is fetched", "protocol", protocol)
	publisher := ingest.New(ingest.Of(p), "pull", ctx.Done(), x.log)
	publisher.Fetched = true
	return publisher, nil
}

// watched tells whether anybody is there for whom the room is fetched.
func (x *session) watched() bool {
	s, err := x.puller.house.Studio(x.room)
	if err != nil {
		return false
	}
	st, err := s.LiveStatus()
	return err == nil && st.Total > 0 || s.Info().People > 0
}

// leaveUnwatched ends the fetching some time after the last viewer.
func (x *session) leaveUnwatched(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if x.watched() {
			last = time.Now()
		} else if time.Since(last) >= x.puller.linger {
			x.puller.mu.Lock()
			x.wanted = false
			x.puller.mu.Unlock()
			cancel(errUnwatched)
			return
		}
	}
}
