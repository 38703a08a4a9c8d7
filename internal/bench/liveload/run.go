package liveload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tuttilive/tutti/internal/bench"
	"github.com/tuttilive/tutti/internal/bench/ingest"
)

// Plan is what to measure.
type Plan struct {
	Viewers int
	// RTMP viewers play over RTMP, others over HTTP-FLV.
	RTMP bool
	// Slow is how many viewers more come in the end, who take half of the stream: what does that do to the others? 0 for none.
	Slow int
	// Bitrate of the picture in bit/s.
	Bitrate  int
	Duration time.Duration
	// Settle is how long the load runs before anything is measured, 3 s when 0.
	Settle time.Duration
	// Core that the server is pinned to, -1 for none.
	Core int
}

// Result is what came out.
type Result struct {
	Viewers int
	Seconds float64
	Mbit    float64
	CPU     time.Duration
	// MemoryEach is the slope of memory over viewers, in bytes.
	MemoryEach        int64
	Memory            int64
	Stalls            uint64
	Failed            int64
	Lost              time.Duration
	Ages, FirstFrames []time.Duration
	// Slow is how many slow viewers came, Cut how often one of them was cut off, and SlowAges and SlowStalls are the others' meanwhile.
	Slow       int
	Cut        int64
	SlowAges   []time.Duration
	SlowStalls uint64
	// Floor is the CPU time of writing a megabit in writes of FloorSize bytes with nothing around it.
	Floor     time.Duration
	FloorSize int
}

var shares = []float64{0.5, 0.99}

// each is how long after one viewer the next one comes.
const each = 2 * time.Millisecond

// Run measures a server.
func Run(ctx context.Context, server *bench.Server, plan Plan, progress func(string)) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	const room = "bench-flv"
	if plan.Settle == 0 {
		plan.Settle = 3 * time.Second
	}
	r := Result{Viewers: plan.Viewers, FloorSize: 8 << 10}
	p, err := ingest.OpenCamera(ctx, server.RTMP, room, plan.Bitrate)
	if err != nil {
		return r, err
	}
	published := make(chan error, 1)
	go func() { published <- p.Run(ctx) }()
	address := "http://" + server.HTTP + "/live/" + room + ".flv"
	if err := waitLive(ctx, address); err != nil {
		return r, err
	}
	if plan.RTMP {
		address = "rtmp://" + server.RTMP + "/live/" + room
	}
	var counters Counters
	viewers, err := NewViewers(address, &counters)
	if err != nil {
		return r, err
	}
	defer viewers.Close()
	progress(fmt.Sprintf("connecting %d viewers", plan.Viewers))
	few := max(1, plan.Viewers/4)
	if err := errors.Join(viewers.Add(ctx, few, time.Duration(few)*each), bench.Pause(ctx, plan.Settle)); err != nil {
		return r, err
	}
	fewMemory, err := server.Memory()
	if err != nil {
		return r, err
	}
	if err := errors.Join(viewers.Add(ctx, plan.Viewers, time.Duration(plan.Viewers)*each), bench.Pause(ctx, plan.Settle)); err != nil {
		return r, err
	}
	progress(fmt.Sprintf("measuring for %v", plan.Duration))
	cpu0, err0 := server.CPU()
	begin := time.Now()
	counters.Measuring.Store(true)
	if err := bench.Pause(ctx, plan.Duration); err != nil {
		return r, err
	}
	counters.Measuring.Store(false)
	counters.Stalls.Add(uint64(viewers.Silent()))
	r.Seconds = time.Since(begin).Seconds()
	cpu1, err1 := server.CPU()
	memory, err2 := server.Memory()
	if err := errors.Join(err0, err1, err2); err != nil {
		return r, err
	}
	select {
	case err := <-published:
		return r, fmt.Errorf("the publisher ended early: %w", err)
	default:
	}
	r.Mbit, r.CPU, r.Memory = float64(counters.Bytes.Load())*8/1e6, cpu1-cpu0, memory
	if plan.Viewers > few {
		r.MemoryEach = (memory - fewMemory) / int64(plan.Viewers-few)
	}
	r.Stalls, r.Failed, r.Lost = counters.Stalls.Load(), counters.Failed.Load(), time.Duration(counters.Lost.Load())
	r.Ages, r.FirstFrames = counters.Age.Percentiles(shares...), counters.FirstFrame.Percentiles(shares...)
	if plan.Slow > 0 {
		if err := r.withSlow(ctx, address, plan, &counters, viewers, progress); err != nil {
			return r, err
		}
	}
	viewers.Close()
	progress("measuring the floor")
	r.Floor, err = bench.TCPFloor(plan.Core, min(plan.Viewers, 1000), r.FloorSize)
	return r, err
}

// withSlow measures what the viewers get while others come who are too slow for the stream.
func (r *Result) withSlow(ctx context.Context, address string, plan Plan, counters *Counters, viewers *Viewers, progress func(string)) error {
	var of Counters
	slow, err := NewViewers(address, &of)
	if err != nil {
		return err
	}
	defer slow.Close()
	slow.Slow = max(1, plan.Bitrate/8/2)
	progress(fmt.Sprintf("connecting %d viewers who are too slow", plan.Slow))
	if err := errors.Join(slow.Add(ctx, plan.Slow, time.Duration(plan.Slow)*each), bench.Pause(ctx, 3*plan.Settle)); err != nil {
		return err
	}
	counters.Age.Reset()
	counters.Stalls.Store(0)
	counters.Measuring.Store(true)
	if err := bench.Pause(ctx, plan.Duration); err != nil {
		return err
	}
	counters.Measuring.Store(false)
	r.Slow, r.Cut, r.SlowAges, r.SlowStalls = plan.Slow, of.Failed.Load(), counters.Age.Percentiles(shares...), counters.Stalls.Load()+uint64(viewers.Silent())
	return nil
}

// Print writes the result for people.
func (r Result) Print(w io.Writer) {
	perMbit, floor := float64(r.CPU.Microseconds())/r.Mbit, float64(r.Floor.Microseconds())
	fmt.Fprintf(w, "viewers            %d, %.2f Mbit/s each\n", r.Viewers, r.Mbit/r.Seconds/float64(r.Viewers))
	fmt.Fprintf(w, "server CPU         %.1f %% of a core\n", 100*r.CPU.Seconds()/r.Seconds)
	fmt.Fprintf(w, "  per Mbit         %.0f us   (floor, bare writes of %d bytes: %.0f us; ratio %.2f)\n", perMbit, r.FloorSize, floor, perMbit/floor)
	fmt.Fprintf(w, "memory             %.1f MB in all, %.1f KB a viewer\n", float64(r.Memory)/1e6, float64(r.MemoryEach)/1e3)
	fmt.Fprintf(w, "lost               %v of media, %d stalls over %v, %d viewers failed\n", r.Lost, r.Stalls, stallAfter, r.Failed)
	fmt.Fprintf(w, "latency            p50 %v, p99 %v   (publisher to viewer, whole picture, same clock)\n", round(r.Ages[0]), round(r.Ages[1]))
	if r.Slow > 0 {
		fmt.Fprintf(w, "  beside %d slow   p50 %v, p99 %v, %d stalls   (slow ones were cut off %d times)\n", r.Slow, round(r.SlowAges[0]), round(r.SlowAges[1]), r.SlowStalls, r.Cut)
	}
	fmt.Fprintf(w, "first frame        p50 %v, p99 %v   (after connecting)\n", round(r.FirstFrames[0]), round(r.FirstFrames[1]))
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

// waitLive waits until the stream is there.
func waitLive(ctx context.Context, address string) error {
	for {
		answer, err := http.Head(address)
		if err != nil {
			return err
		}
		answer.Body.Close()
		switch {
		case answer.StatusCode == http.StatusOK:
			return nil
		case answer.StatusCode != http.StatusNotFound:
			return fmt.Errorf("the stream answers %s", answer.Status)
		}
		if err := bench.Pause(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("the stream does not come: %w", err)
		}
	}
}
