package hlsload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/bench"
	"github.com/tuttilive/tutti/internal/bench/ingest"
)

// Plan is what to measure.
type Plan struct {
	Viewers int
	// Classic viewers poll playlists and read segments; others read parts as they come.
	Classic bool
	// Bitrate of the picture in bit/s.
	Bitrate  int
	Duration time.Duration
	// Settle is how long the load runs before anything is measured, 5 s when 0.
	Settle time.Duration
	// Secure is where viewers ask over TLS and HTTP/2, host:port; empty for plain connections.
	Secure string
	// Floor starts the floor for a comparison; nil for none.
	Floor func(ctx context.Context, f *Floor) (*bench.Server, error)
}

// Result is what came out.
type Result struct {
	Viewers           int
	Load              Load
	Memory            int64
	MemoryEach        int64
	Ages, FirstFrames []time.Duration
	Floor             *Load
	Part              time.Duration
}

// Load is what a server did for its viewers.
type Load struct {
	Seconds, Mbit    float64 // of media
	Requests         float64 // a second
	CPU              time.Duration
	Stalls, Failed   int64
	bytesEach, other float64 // a request
}

// PerMbit is the CPU time of a megabit of media.
func (l *Load) PerMbit() time.Duration { return time.Duration(float64(l.CPU) / l.Mbit) }

const each = 2 * time.Millisecond

// Run measures a server.
func Run(ctx context.Context, server *bench.Server, plan Plan, progress func(string)) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	const room = "bench-hls"
	if plan.Settle == 0 {
		plan.Settle = 5 * time.Second
	}
	r := Result{Viewers: plan.Viewers}
	path := "/live/" + room + "/index.m3u8"
	p, err := ingest.OpenCamera(ctx, server.RTMP, room, plan.Bitrate)
	if err != nil {
		return r, err
	}
	go p.Run(ctx)
	if err := waitLive(ctx, "http://"+server.HTTP+path); err != nil {
		return r, err
	}
	c := &crowd{counters: &Counters{}, host: server.HTTP, path: path, low: !plan.Classic}
	if plan.Secure != "" {
		c.host, c.secure = plan.Secure, true
	}
	defer c.close()
	progress(fmt.Sprintf("connecting %d viewers", plan.Viewers))
	few := max(1, plan.Viewers/4)
	if err := errors.Join(c.grow(ctx, few), bench.Pause(ctx, plan.Settle)); err != nil {
		return r, err
	}
	fewMemory, err := server.Memory()
	if err != nil {
		return r, err
	}
	if err := errors.Join(c.grow(ctx, plan.Viewers), bench.Pause(ctx, plan.Settle)); err != nil {
		return r, err
	}
	progress(fmt.Sprintf("measuring for %v", plan.Duration))
	if r.Load, err = c.measure(ctx, server, plan.Duration); err != nil {
		return r, err
	}
	if r.Memory, err = server.Memory(); err != nil {
		return r, err
	}
	if plan.Viewers > few {
		r.MemoryEach = (r.Memory - fewMemory) / int64(plan.Viewers-few)
	}
	r.Ages, r.FirstFrames = c.counters.Age.Percentiles(0.5, 0.99), c.counters.FirstFrame.Percentiles(0.5, 0.99)
	r.Part = c.part()
	c.close()
	cancel()
	if plan.Floor == nil || plan.Classic {
		return r, nil
	}
	progress("measuring the floor")
	l, err := r.measureFloor(plan)
	r.Floor = &l
	return r, err
}

// measureFloor has the same viewers read as much from a bare server.
func (r *Result) measureFloor(plan Plan) (Load, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	perViewer := r.Load.Mbit * 1e6 / 8 / r.Load.Seconds / float64(plan.Viewers) // bytes a second
	audio := 128_000 / 8 * r.Part.Seconds()
	f := &Floor{Part: r.Part, Parts: max(1, int(2*time.Second/r.Part)), Audio: int(audio), Playlist: 2 * int(r.Load.other)}
	f.Video = int(max(perViewer*r.Part.Seconds()-audio, 0))
	server, err := plan.Floor(ctx, f)
	if err != nil {
		return Load{}, err
	}
	defer server.Close()
	c := &crowd{counters: &Counters{}, host: server.HTTP, path: "/floor/index.m3u8", low: true}
	defer c.close()
	if err := errors.Join(c.grow(ctx, plan.Viewers), bench.Pause(ctx, plan.Settle)); err != nil {
		return Load{}, err
	}
	return c.measure(ctx, server, plan.Duration)
}

// crowd is many viewers of one stream.
type crowd struct {
	counters   *Counters
	host, path string
	low        bool
	secure     bool
	count      int

	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	mu      sync.Mutex
	err     error // of the first that failed
	all     []*viewer
}

// grow lets viewers come until there are n.
func (c *crowd) grow(ctx context.Context, n int) error {
	if c.cancel == nil {
		c.ctx, c.cancel = context.WithCancel(context.Background())
	}
	for begin, more := time.Now(), 0; c.count < n; more++ {
		if err := bench.Pause(ctx, time.Until(begin.Add(time.Duration(more)*each))); err != nil {
			return err
		}
		v := &viewer{counters: c.counters, host: c.host, low: c.low}
		if c.secure {
			v.secure = newSecure()
		}
		c.all = append(c.all, v)
		c.count++
		c.running.Go(func() {
			if err := v.watch(c.ctx, c.path); err != nil && c.ctx.Err() == nil {
				c.counters.Failed.Add(1)
				c.mu.Lock()
				if c.err == nil {
					c.err = err
				}
				c.mu.Unlock()
			}
		})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *crowd) part() time.Duration { return time.Duration(c.all[0].part.Load()) }

func (c *crowd) measure(ctx context.Context, server *bench.Server, d time.Duration) (Load, error) {
	before, err := server.CPU()
	if err != nil {
		return Load{}, err
	}
	begin, n := time.Now(), c.counters
	n.Measuring.Store(true)
	if err := bench.Pause(ctx, d); err != nil {
		return Load{}, err
	}
	n.Measuring.Store(false)
	for _, v := range c.all {
		if v.stalled(time.Now()) {
			n.Stalls.Add(1)
		}
	}
	after, err := server.CPU()
	l := Load{Seconds: time.Since(begin).Seconds(), CPU: after - before, Stalls: n.Stalls.Load(), Failed: n.Failed.Load()}
	l.Mbit = float64(n.Media.Load()) * 8 / 1e6
	l.Requests = float64(n.Requests.Load()) / l.Seconds
	l.other = float64(n.Other.Load()) / max(1, float64(n.Requests.Load()))
	if err == nil && n.Media.Load() == 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		err = fmt.Errorf("nothing came: %w", errors.Join(errors.New("viewers failed"), c.err))
	}
	return l, err
}

func (c *crowd) close() {
	if c.cancel != nil {
		c.cancel()
	}
	c.running.Wait()
}

// Print writes the result for people.
func (r Result) Print(w io.Writer) {
	l := r.Load
	fmt.Fprintf(w, "viewers            %d, %.2f Mbit/s of media each, parts of %v\n", r.Viewers, l.Mbit/l.Seconds/float64(r.Viewers), r.Part)
	fmt.Fprintf(w, "requests           %.0f a second\n", l.Requests)
	fmt.Fprintf(w, "server CPU         %.1f %% of a core\n", 100*l.CPU.Seconds()/l.Seconds)
	fmt.Fprintf(w, "  per Mbit         %d us", l.PerMbit().Microseconds())
	if r.Floor != nil {
		fmt.Fprintf(w, "   (floor, bare net/http: %d us; ratio %.2f)", r.Floor.PerMbit().Microseconds(), float64(l.PerMbit())/float64(r.Floor.PerMbit()))
	}
	fmt.Fprintf(w, "\nmemory             %.1f MB in all, %.1f KB a viewer\n", float64(r.Memory)/1e6, float64(r.MemoryEach)/1e3)
	fmt.Fprintf(w, "stalls             %d, %d viewers failed\n", l.Stalls, l.Failed)
	fmt.Fprintf(w, "latency            p50 %v, p99 %v   (publisher to viewer, oldest picture of a piece, same clock)\n", r.Ages[0].Round(time.Millisecond), r.Ages[1].Round(time.Millisecond))
	fmt.Fprintf(w, "first piece        p50 %v, p99 %v   (after connecting)\n", r.FirstFrames[0].Round(time.Millisecond), r.FirstFrames[1].Round(time.Millisecond))
}

// waitLive waits until the stream is there.
func waitLive(ctx context.Context, address string) error {
	for {
		answer, err := http.Get(address)
		if err != nil {
			return err
		}
		answer.Body.Close()
		switch answer.StatusCode {
		case http.StatusOK:
			return nil
		case http.StatusNotFound, http.StatusServiceUnavailable:
		default:
			return fmt.Errorf("the stream answers %s", answer.Status)
		}
		if err := bench.Pause(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("the stream does not come: %w", err)
		}
	}
}
