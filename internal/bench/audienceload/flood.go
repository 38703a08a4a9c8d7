package audienceload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/bench"
)

// FloodPlan is an audience of which some do harm.
type FloodPlan struct {
	// Viewers are all, of whom Flooding ask for more than anybody may, and Slow read little or nothing.
	Viewers, Flooding, Slow int
	Keys                    auth.Keys
	Duration                time.Duration
	// Settle is how long everything rests before memory is read, 5 s when 0.
	Settle time.Duration
}

const (
	// Somebody who floods sends so many requests a second, a little less than what a connection is ended for.
	floodRate = 15
	// writers write within the limits, each once in writeEvery.
	writers    = 20
	writeEvery = 2 * time.Second
	// The host reserves a seat once in directEvery, and deletes a message of their own.
	directEvery = time.Second
	// slowPace is what the slow half of the slow ones reads, in bytes a second. The other half reads nothing.
	slowPace = 1 << 10

	seatMark, writtenMark = "s=", "w="
)

// floods is what is known of a viewer in a flood.
type floods struct {
	part   atomic.Value // a part
	failed atomic.Bool
	seat   int64 // the newest reservation that was heard of
}

type part string

const (
	ordinary  part = ""
	flooding  part = "floods"
	slow      part = "is slow"
	writing   part = "writes"
	directing part = "directs"
)

func (v *viewer) plays() part {
	p, _ := v.part.Load().(part)
	return p
}

// arrivals are how something came to those who do no harm.
type arrivals struct {
	bench.Latencies
	said, got atomic.Uint64
}

// flood is an audience in which it is measured what comes through.
type flood struct {
	*audience
	plan FloodPlan

	seats, deleted, written arrivals
	asked, answered, shown  atomic.Uint64 // by those who flood
	refused                 atomic.Uint64 // of the writers
	anew                    atomic.Uint64 // welcomes to those who do no harm
	deletions               sync.Map      // when, by the message
}

// FloodResult is what came out.
type FloodResult struct {
	Plan    FloodPlan
	Seconds float64
	CPU     time.Duration
	// Memory is resident before the flood, at most during it, and 5 s after it.
	Memory [3]int64
	// Seats, Deleted and Written are reservations, deletions and messages within the limits, and how long they took to all who do no harm.
	Seats, Deleted, Written Arrived
	// Lag is how much later this process came to read what had come.
	Lag []time.Duration
	// Asked is how many requests those who flood sent, Shown how many messages of theirs were shown. Refused is of the writers.
	Asked, Answered, Shown, Refused uint64
	// Anew is how often somebody who does no harm had fallen behind, Lost how many of them were cut off, SlowLost how many slow ones.
	Anew           uint64
	Lost, SlowLost int
}

// Arrived is how often something was said, to how many ears it came, of how many, and how long that took.
type Arrived struct {
	Said, Got, Of uint64
	Delay         []time.Duration
}

// RunFlood measures a server under a flood.
func RunFlood(ctx context.Context, server *bench.Server, plan FloodPlan, progress func(string)) (r FloodResult, err error) {
	if plan.Settle == 0 {
		plan.Settle = 5 * time.Second
	}
	if plan.Flooding+plan.Slow+writers >= plan.Viewers {
		return r, errors.New("there must be viewers who do no harm")
	}
	key, err := create(ctx, server.HTTP, plan.Keys, "show")
	if err != nil {
		return r, err
	}
	f := &flood{audience: &audience{address: server.HTTP}, plan: plan}
	f.hear = f.notice
	defer f.end()
	host, err := f.enter(ctx, key)
	if err != nil {
		return r, err
	}
	host.part.Store(directing)
	progress(fmt.Sprintf("connecting %d viewers", plan.Viewers))
	if err := errors.Join(f.grow(ctx, plan.Viewers), bench.Pause(ctx, plan.Settle)); err != nil {
		return r, err
	}
	f.cast()
	if r.Memory[0], err = server.Memory(); err != nil {
		return r, err
	}
	cpu, err := server.CPU()
	if err != nil {
		return r, err
	}
	progress(fmt.Sprintf("%d flood for %v, %d are slow", plan.Flooding, plan.Duration, plan.Slow))
	f.lag.Reset()
	begin := time.Now()
	during, stop := context.WithTimeout(ctx, plan.Duration)
	defer stop()
	var work sync.WaitGroup
	for _, v := range f.viewers {
		switch v.plays() {
		case flooding:
			work.Go(func() { f.harm(during, v) })
		case writing:
			work.Go(func() { f.write(during, v) })
		}
	}
	work.Go(func() { f.direct(during, host) })
	for bench.Pause(during, time.Second) == nil {
		m, err := server.Memory()
		if err != nil {
			return r, err
		}
		r.Memory[1] = max(r.Memory[1], m)
	}
	work.Wait()
	r.Seconds = time.Since(begin).Seconds()
	now, err := server.CPU()
	if err := errors.Join(err, bench.Pause(ctx, plan.Settle)); err != nil {
		return r, err
	}
	r.CPU = now - cpu
	if r.Memory[2], err = server.Memory(); err != nil {
		return r, err
	}
	f.conclude(&r)
	return r, nil
}

// cast gives everybody a part. The host came first.
func (f *flood) cast() {
	all := f.viewers[1:]
	rand.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	give := func(n int, p part) {
		for _, v := range all[:n] {
			v.part.Store(p)
		}
		all = all[n:]
	}
	slowOnes := all[:f.plan.Slow]
	give(f.plan.Slow, slow)
	give(f.plan.Flooding, flooding)
	give(writers, writing)
	for i, v := range slowOnes {
		v.pace.Store(slowPace)
		if i%2 == 0 {
			v.pace.Store(-1)
		}
	}
}

// harm asks for all that a room is flooded with: messages, likes, raised hands.
func (f *flood) harm(ctx context.Context, v *viewer) {
	bench.Pause(ctx, rand.N(time.Second))
	for n := 0; bench.Pause(ctx, time.Second/floodRate) == nil; n++ {
		request := `{"type":"chat","text":"look at me","id":1}`
		switch n % 4 {
		case 1:
			request = `{"type":"like","count":1000,"id":2}`
		case 2:
			request = `{"type":"raise","id":3}`
		case 3:
			request = `{"type":"lower","id":4}`
		}
		if v.say(request) != nil {
			return
		}
		f.asked.Add(1)
	}
}

// write writes as one does.
func (f *flood) write(ctx context.Context, v *viewer) {
	bench.Pause(ctx, rand.N(writeEvery))
	for {
		if v.say(`{"type":"chat","text":"`+stamp(writtenMark, time.Now())+`","id":5}`) != nil {
			return
		}
		f.written.said.Add(1)
		if bench.Pause(ctx, writeEvery) != nil {
			return
		}
	}
}

// direct reserves a seat and deletes a message, again and again. What is written to be deleted is deleted by notice.
func (f *flood) direct(ctx context.Context, host *viewer) {
	for bench.Pause(ctx, directEvery/2) == nil {
		f.seats.said.Add(1)
		err := host.say(`{"type":"reserveSeat","seat":1,"identity":"` + stamp(seatMark, time.Now()) + `"}`)
		if err != nil || bench.Pause(ctx, directEvery/2) != nil {
			return
		}
		if host.say(`{"type":"chat","text":"this will go","id":6}`) != nil {
			return
		}
	}
}

// notice looks at what somebody is told, and when it came.
func (f *flood) notice(v *viewer, data []byte, came time.Time) {
	switch v.plays() {
	case slow:
		return
	case directing:
		if _, rest, ok := bytes.Cut(data, []byte(`{"type":"ok","id":6,"message":"`)); ok {
			id, _, _ := strings.Cut(string(rest), `"`)
			f.deletions.Store(id, time.Now())
			f.deleted.said.Add(1)
			v.say(`{"type":"deleteMessage","message":` + strconv.Quote(id) + `}`)
		}
		return
	case flooding:
		if bytes.HasPrefix(data, []byte(`[{"type":"ok","id"`)) || bytes.HasPrefix(data, []byte(`[{"type":"error","id"`)) {
			f.answered.Add(1)
			if bytes.HasPrefix(data, []byte(`[{"type":"ok","id":1,"message"`)) {
				f.shown.Add(1)
			}
		}
		return
	case writing:
		if bytes.HasPrefix(data, []byte(`[{"type":"error","id":5`)) {
			f.refused.Add(1)
		}
	}
	for at := range stamps(data, seatMark) {
		if at.UnixNano() > v.seat { // each change tells of the whole stage
			v.seat = at.UnixNano()
			f.seats.got.Add(1)
			f.seats.Add(came.Sub(at))
		}
	}
	if bytes.HasPrefix(data, []byte(`[{"type":"welcome"`)) {
		f.anew.Add(1)
		return
	}
	for at := range stamps(data, writtenMark) {
		f.written.got.Add(1)
		f.written.Add(came.Sub(at))
	}
	for rest := data; ; {
		var found bool
		if _, rest, found = bytes.Cut(rest, []byte(`{"type":"chatDeleted","id":"`)); !found {
			return
		}
		id, _, _ := bytes.Cut(rest, []byte(`"`))
		if at, ok := f.deletions.Load(string(id)); ok {
			f.deleted.got.Add(1)
			f.deleted.Add(came.Sub(at.(time.Time)))
		}
	}
}

// conclude sums up.
func (f *flood) conclude(r *FloodResult) {
	r.Plan = f.plan
	ears := uint64(f.plan.Viewers - f.plan.Flooding - f.plan.Slow)
	of := func(a *arrivals, refused uint64) Arrived {
		said := a.said.Load() - refused
		return Arrived{Said: said, Got: a.got.Load(), Of: said * ears, Delay: a.Percentiles(shares...)}
	}
	r.Refused = f.refused.Load()
	r.Seats, r.Deleted, r.Written = of(&f.seats, 0), of(&f.deleted, 0), of(&f.written, r.Refused)
	r.Lag = f.lag.Percentiles(shares...)
	r.Asked, r.Answered, r.Shown, r.Anew = f.asked.Load(), f.answered.Load(), f.shown.Load(), f.anew.Load()
	for _, v := range f.viewers {
		switch {
		case !v.failed.Load():
		case v.plays() == slow:
			r.SlowLost++
		default:
			r.Lost++
		}
	}
}

// Print writes the result for people.
func (r FloodResult) Print(w io.Writer) {
	fmt.Fprintf(w, "viewers            %d, of whom %d flood and %d are slow\n", r.Plan.Viewers, r.Plan.Flooding, r.Plan.Slow)
	fmt.Fprintf(w, "server CPU         %.1f %% of a core\n", 100*r.CPU.Seconds()/r.Seconds)
	fmt.Fprintf(w, "memory             %.1f MB before, %.1f MB at most, %.1f MB after\n", float64(r.Memory[0])/1e6, float64(r.Memory[1])/1e6, float64(r.Memory[2])/1e6)
	fmt.Fprintf(w, "the flood          %.0f requests a second, %d answered, %d messages shown\n", float64(r.Asked)/r.Seconds, r.Answered, r.Shown)
	round := func(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
	row := func(what string, a Arrived) {
		fmt.Fprintf(w, "%-18s %d, came %d times of %d, p50 %v, p99 %v, longest %v\n", what, a.Said, a.Got, a.Of, round(a.Delay[0]), round(a.Delay[1]), round(a.Delay[2]))
	}
	row("seats reserved", r.Seats)
	row("messages deleted", r.Deleted)
	row("messages written", r.Written)
	fmt.Fprintf(w, "                   %d more were refused\n", r.Refused)
	fmt.Fprintf(w, "read after that    p50 %v, p99 %v, longest %v\n", round(r.Lag[0]), round(r.Lag[1]), round(r.Lag[2]))
	fmt.Fprintf(w, "connections lost   %d, and %d of slow ones; %d times somebody had fallen behind and began anew\n", r.Lost, r.SlowLost, r.Anew)
}
