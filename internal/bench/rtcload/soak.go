package rtcload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/bench"
	"github.com/tuttilive/tutti/internal/tally"
)

// SoakPlan is how long a server is worn, and by how many.
type SoakPlan struct {
	Rooms, People int // People in each room at a time
	Keys          auth.Keys
	// Time is for all of it: the server idle, worn, idle again, stopped with people in it, worn, idle again.
	Time time.Duration
	// Core that the server is pinned to, -1 for none.
	Core int
}

const (
	// quiet is how long an idle server gets: the runtime collects garbage every two minutes then, and clients that vanished
	// are given up.
	quiet = 150 * time.Second
	// warmup brings about what a server makes once and keeps.
	warmup = time.Minute
	// soakBitrate is that of the largest picture: what is tried here is coming and going, not the load.
	soakBitrate = 500_000
)

// Soak is what came out.
type Soak struct {
	Plan SoakPlan
	// Before and After are the idle server's figures around the long wear, Restarted those of the second process after its own.
	Before, After, Restarted bench.Idle
	Deeds                    Deeds
	// Failures are what went wrong for visitors, most of it while the server was stopped.
	Failures tally.Reasons
	Received Tally
	Problems []string
}

// Deeds counts what was done to the server.
type Deeds struct {
	Joined, Left, Vanished, Replaced, Resumed, Muted, Changed, Unpublished, Restarts, Failed atomic.Uint64
}

// RunSoak wears a server that bench.Start started, with people who come, publish, look, change their minds, lose their
// connections, come back, go, or vanish, until the time is over.
func RunSoak(ctx context.Context, server *bench.Server, plan SoakPlan, progress func(string)) (*Soak, error) {
	who, err := newIdentity()
	if err != nil {
		return nil, err
	}
	s := &Soak{Plan: plan}
	w := &wear{soak: s, rooms: rooms{address: server.HTTP, keys: plan.Keys, who: who}}
	rest := plan.Time - warmup - 3*quiet
	if rest < 2*time.Minute {
		return nil, fmt.Errorf("a soak takes at least %v", warmup+3*quiet+2*time.Minute)
	}
	idle := func(name string) (bench.Idle, error) {
		progress("waiting until the server has come to rest")
		if err := bench.Pause(ctx, quiet); err != nil {
			return bench.Idle{}, err
		}
		i, err := bench.ReadIdle(ctx, server.HTTP, plan.Keys)
		progress(fmt.Sprintf("%s: %v", name, i))
		return i, err
	}
	if err := w.wearFor(ctx, warmup); err != nil {
		return s, err
	}
	if s.Before, err = idle("before"); err != nil {
		return s, err
	}
	progress("wearing")
	if err := w.wearFor(ctx, rest*3/4); err != nil {
		return s, err
	}
	if s.After, err = idle("after"); err != nil {
		return s, err
	}
	progress("wearing, and stopping the server meanwhile")
	restarted := make(chan error, 1)
	go func() {
		if bench.Pause(ctx, rest/16) != nil {
			return
		}
		s.Deeds.Restarts.Add(1)
		restarted <- server.Restart(ctx, plan.Core)
	}()
	if err := w.wearFor(ctx, rest/4); err != nil {
		return s, err
	}
	if err := <-restarted; err != nil {
		return s, fmt.Errorf("restarting the server: %w", err)
	}
	s.Restarted, err = idle("after the restart")
	s.judge()
	return s, err
}

// judge compares the idle server's figures.
func (s *Soak) judge() {
	for _, c := range []struct {
		name string
		idle bench.Idle
	}{{"after", s.After}, {"after the restart", s.Restarted}} {
		wrong := func(what string, was, is float64) {
			s.Problems = append(s.Problems, fmt.Sprintf("%s: %s were %.0f and are %.0f", c.name, what, was, is))
		}
		// A few come and go by themselves: HTTP connections that are kept, a worker of the collector.
		if c.idle.Goroutines > s.Before.Goroutines+5 {
			wrong("goroutines", s.Before.Goroutines, c.idle.Goroutines)
		}
		if c.idle.Descriptors > s.Before.Descriptors+5 {
			wrong("descriptors", s.Before.Descriptors, c.idle.Descriptors)
		}
		if c.idle.Heap > s.Before.Heap*1.15+2e6 {
			wrong("bytes of heap", s.Before.Heap, c.idle.Heap)
		}
		if c.idle.Left > 0 {
			wrong("rooms, sessions, peers and subscriptions that should be gone", 0, c.idle.Left)
		}
	}
}

// Print writes the result for people.
func (s *Soak) Print(w io.Writer) {
	fmt.Fprintf(w, "%-18s %12s %12s %12s\n", "idle server", "before", "after", "restarted")
	row := func(name, form string, value func(bench.Idle) float64) {
		fmt.Fprintf(w, "%-18s %12s %12s %12s\n", name, fmt.Sprintf(form, value(s.Before)), fmt.Sprintf(form, value(s.After)), fmt.Sprintf(form, value(s.Restarted)))
	}
	row("goroutines", "%.0f", func(i bench.Idle) float64 { return i.Goroutines })
	row("descriptors", "%.0f", func(i bench.Idle) float64 { return i.Descriptors })
	row("heap, MB", "%.2f", func(i bench.Idle) float64 { return i.Heap / 1e6 })
	row("objects", "%.0f", func(i bench.Idle) float64 { return i.Objects })
	row("resident, MB", "%.1f", func(i bench.Idle) float64 { return i.Resident / 1e6 })
	row("left over", "%.0f", func(i bench.Idle) float64 { return i.Left })
	d := &s.Deeds
	fmt.Fprintf(w, "%d joined, %d left, %d vanished, %d replaced, %d resumed, %d muted, %d changed what they see, %d unpublished; %d restarts, %d failed\n",
		d.Joined.Load(), d.Left.Load(), d.Vanished.Load(), d.Replaced.Load(), d.Resumed.Load(), d.Muted.Load(), d.Changed.Load(),
		d.Unpublished.Load(), d.Restarts.Load(), d.Failed.Load())
	fmt.Fprintf(w, "%d packets received, %d lost, %d undecryptable\n", s.Received.Packets, s.Received.Lost, s.Received.Undecryptable)
	failures := s.Failures.Read()
	for _, text := range slices.Sorted(maps.Keys(failures)) {
		fmt.Fprintf(w, "  failed %dx: %s\n", failures[text], text)
	}
	for _, p := range s.Problems {
		fmt.Fprintln(w, "PROBLEM", p)
	}
	if len(s.Problems) == 0 {
		fmt.Fprintln(w, "everything returned to where it was")
	}
}

// wear is the wearing of a server.
type wear struct {
	soak  *Soak
	rooms rooms
	times times
	mu    sync.Mutex // over soak.Received
}

// wearFor wears for some time, then everybody leaves.
func (w *wear) wearFor(ctx context.Context, d time.Duration) error {
	life, end := context.WithTimeout(ctx, d)
	defer end()
	var people sync.WaitGroup
	for room := range w.soak.Plan.Rooms {
		for i := range w.soak.Plan.People {
			people.Go(func() { w.live(life, fmt.Sprintf("soak-%d", room), fmt.Sprintf("person-%d-%d", room, i)) })
		}
	}
	people.Wait()
	return ctx.Err()
}

// live is one person's life: visits, one after the other.
func (w *wear) live(ctx context.Context, room, identity string) {
	for bench.Pause(ctx, between(200*time.Millisecond, 4*time.Second)) == nil {
		v := &visitor{wear: w, room: room, identity: identity, receiver: newReceiver(&w.times)}
		if err := v.visit(ctx); err != nil && ctx.Err() == nil {
			w.soak.Deeds.Failed.Add(1)
			if asked := new(url.Error); errors.As(err, &asked) {
				err = asked.Err // without the address, which has the token in it
			}
			w.soak.Failures.Count(strings.TrimPrefix(err.Error(), identity+": "))
			_ = bench.Pause(ctx, time.Second)
		}
		w.mu.Lock()
		w.soak.Received.add(v.receiver.counted())
		w.mu.Unlock()
	}
}

func between(least, most time.Duration) time.Duration { return least + rand.N(most-least) }
