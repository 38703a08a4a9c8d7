package store

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// againAfter is after how long what a full or slow disk did not take is written again.
const againAfter = 5 * time.Second

// Writer keeps values of one type by name: a *Bucket, or *Files.
type Writer[T any] interface {
	Put(name string, v T) error
	Delete(name string) error
}

// Later writes values on a goroutine of its own, for those who hold locks and must not wait. Of several values of one name
// the last is written; what a full disk does not take, or one that stands still, once it does. Whoever made it closes it.
type Later[T any] struct {
	to  Writer[T]
	log *slog.Logger

	mu      sync.Mutex
	pending map[string]*T // nil is to be deleted
	wake    chan struct{}
	stop    chan struct{}
	done    chan struct{}
}

// NewLater makes one that writes to something; what says in the log what is written.
func NewLater[T any](to Writer[T], what string, log *slog.Logger) *Later[T] {
	l := &Later[T]{
		to: to, log: log.With("kept", what), pending: map[string]*T{},
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go l.run()
	return l
}

// Put writes a value, soon.
func (l *Later[T]) Put(name string, v T) { l.note(name, &v) }

// Delete forgets a value, soon.
func (l *Later[T]) Delete(name string) { l.note(name, nil) }

func (l *Later[T]) note(name string, v *T) {
	l.mu.Lock()
	l.pending[name] = v
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Close writes what is left; what the disk does not take then is lost.
func (l *Later[T]) Close() {
	close(l.stop)
	<-l.done
}

func (l *Later[T]) run() {
	defer close(l.done)
	again := time.NewTimer(againAfter)
	again.Stop()
	defer again.Stop()
	for {
		select {
		case <-l.wake:
			if l.flush(false) {
				again.Reset(againAfter)
			}
		case <-again.C:
			if l.flush(false) {
				again.Reset(againAfter)
			}
		case <-l.stop:
			l.flush(true)
			return
		}
	}
}

// flush writes what waits. It tells whether the disk did not take some of that, which waits on. The last one does not wait for such a disk with
// each of them.
func (l *Later[T]) flush(last bool) (again bool) {
	l.mu.Lock()
	pending := l.pending
	l.pending = map[string]*T{}
	l.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(pending)) {
		if last && again {
			return
		}
		var err error
		v := pending[name]
		if v != nil {
			err = l.to.Put(name, *v)
		} else {
			err = l.to.Delete(name)
		}
		if err != nil && !errors.Is(err, ErrFull) { // which is said once for all
			l.log.Error("writing to the store", "name", name, "error", err)
		}
		if errors.Is(err, ErrFull) || errors.Is(err, context.DeadlineExceeded) {
			again = true
			l.mu.Lock()
			if _, newer := l.pending[name]; !newer {
				l.pending[name] = v
			}
			l.mu.Unlock()
		}
	}
	return again
}
