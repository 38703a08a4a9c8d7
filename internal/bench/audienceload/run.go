// Package audienceload is an audience: many viewers on WebSockets, to whom a host writes.
package audienceload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/bench"
)

// Plan is what to measure.
type Plan struct {
	Viewers int
	// Messages and Likes are how many come each second, the messages from a host.
	Messages, Likes int
	Keys            auth.Keys
	Duration        time.Duration
	// Settle is how long everything rests before memory is read, 5 s when 0.
	Settle time.Duration
}

// Result is what came out.
type Result struct {
	Viewers int
	Seconds float64
	CPU     time.Duration
	// MemoryEach is the slope of memory over viewers, in bytes; Idle is the CPU time of a second in which nothing happens.
	MemoryEach, Memory int64
	Idle               time.Duration
	// Connect is how long coming in took, from the connection to the welcome; Delay how long a message took from its writer to
	// each viewer's connection, on the same clock. Lag is how much later this process came to read it.
	Connect, Delay   []time.Duration
	Lag              []time.Duration
	Sent, Got, Bytes uint64
	Failed           uint64
}

// idleFor is so long that everybody has heard two heartbeats, and was pinged once.
const idleFor = 20 * time.Second

var shares = []float64{0.5, 0.99, 1}

const room = "bench-audience"

// audience are the viewers and what they have seen.
type audience struct {
	address string
	connect bench.Latencies
	delay   bench.Latencies
	lag     bench.Latencies // from what came to its being read
	got     atomic.Uint64
	bytes   atomic.Uint64
	failed  atomic.Uint64
	running sync.WaitGroup
	// hear takes what a viewer is told, and when it came.
	hear func(v *viewer, events []byte, came time.Time)

	mu      sync.Mutex
	viewers []*viewer
	ending  bool
}

// Run measures a server.
func Run(ctx context.Context, server *bench.Server, plan Plan, progress func(string)) (Result, error) {
	if plan.Settle == 0 {
		plan.Settle = 5 * time.Second
	}
	r := Result{Viewers: plan.Viewers}
	key, err := create(ctx, server.HTTP, plan.Keys, "")
	if err != nil {
		return r, err
	}
	a := &audience{address: server.HTTP}
	a.hear = a.hearMessages
	defer a.end()
	host, err := a.enter(ctx, key)
	if err != nil {
		return r, err
	}
	progress(fmt.Sprintf("connecting %d viewers", plan.Viewers))
	few := max(1, plan.Viewers/4)
	if err := errors.Join(a.grow(ctx, few), bench.Pause(ctx, plan.Settle)); err != nil {
		return r, err
	}
	fewMemory, err := server.Memory()
	if err != nil {
		return r, err
	}
	if err := errors.Join(a.grow(ctx, plan.Viewers-few), bench.Pause(ctx, plan.Settle)); err != nil {
		return r, err
	}
	idle0, err0 := server.CPU()
	if err := bench.Pause(ctx, idleFor); err != nil {
		return r, err
	}
	memory, err1 := server.Memory()
	cpu0, err2 := server.CPU()
	progress(fmt.Sprintf("measuring for %v", plan.Duration))
	begin := time.Now()
	bytesBefore := a.bytes.Load()
	a.lag.Reset()
	sent, err3 := a.speak(ctx, host, plan)
	r.Seconds = time.Since(begin).Seconds()
	cpu1, err4 := server.CPU()
	if err := errors.Join(err0, err1, err2, err3, err4); err != nil {
		return r, err
	}
	if err := bench.Pause(ctx, time.Second); err != nil { // what is on its way
		return r, err
	}
	r.CPU, r.Memory, r.Idle = cpu1-cpu0, memory, time.Duration(float64(cpu0-idle0)/idleFor.Seconds())
	if plan.Viewers > few {
		r.MemoryEach = (memory - fewMemory) / int64(plan.Viewers-few)
	}
	r.Connect, r.Delay, r.Lag = a.connect.Percentiles(shares...), a.delay.Percentiles(shares...), a.lag.Percentiles(shares...)
	r.Sent, r.Got, r.Bytes, r.Failed = sent*uint64(plan.Viewers+1), a.got.Load(), a.bytes.Load()-bytesBefore, a.failed.Load()
	return r, nil
}

// create makes the room, in a scene or none, and gives its host's key.
func create(ctx context.Context, address string, keys auth.Keys, scene string) (string, error) {
	body := `{"name":"` + room + `"}`
	if scene != "" {
		body = `{"name":"` + room + `","scene":"` + scene + `"}`
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/api/rooms", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.SetBasicAuth(keys.Key, keys.Secret)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var made struct{ Keys struct{ Host string } }
	text, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err == nil && res.StatusCode == http.StatusCreated {
		err = json.Unmarshal(text, &made)
	} else if err == nil {
		err = fmt.Errorf("%s: %s", res.Status, text)
	}
	if err != nil {
		return "", fmt.Errorf("creating the room: %w", err)
	}
	return made.Keys.Host, nil
}

// connecting is how many come in at a time.
const connecting = 32

// grow adds n viewers.
func (a *audience) grow(ctx context.Context, n int) error {
	var group sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(n))
	var first atomic.Pointer[error]
	for range connecting {
		group.Go(func() {
			for left.Add(-1) >= 0 && first.Load() == nil && ctx.Err() == nil {
				if _, err := a.enter(ctx, ""); err != nil {
					first.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	group.Wait()
	if err := first.Load(); err != nil {
		return *err
	}
	return ctx.Err()
}

// speak has the host write and viewers like, and tells how many messages were written.
func (a *audience) speak(ctx context.Context, host *viewer, plan Plan) (sent uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, plan.Duration)
	defer cancel()
	message := time.NewTicker(time.Second / time.Duration(max(plan.Messages, 1)))
	defer message.Stop()
	like := time.NewTicker(time.Second / time.Duration(max(plan.Likes, 1)))
	defer like.Stop()
	for n := 0; ; {
		select {
		case <-message.C:
			if plan.Messages > 0 {
				err = host.say(`{"type":"chat","text":"` + stamp(mark, time.Now()) + `"}`)
				sent++
			}
		case <-like.C:
			if plan.Likes > 0 {
				n++
				err = a.viewers[n%len(a.viewers)].say(`{"type":"like","count":2}`)
			}
		case <-ctx.Done():
			return sent, nil
		}
		if err != nil {
			return sent, err
		}
	}
}

func (a *audience) end() {
	a.mu.Lock()
	a.ending = true
	for _, v := range a.viewers {
		v.pace.Store(0)
		v.conn.Close()
	}
	a.mu.Unlock()
	a.running.Wait()
}

// Print writes the result for people.
func (r Result) Print(w io.Writer) {
	round := func(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
	fmt.Fprintf(w, "viewers            %d, %.1f kbit/s each\n", r.Viewers, float64(r.Bytes)*8/1e3/r.Seconds/float64(r.Viewers))
	fmt.Fprintf(w, "server CPU         %.1f %% of a core, %.1f %% when nothing happens\n", 100*r.CPU.Seconds()/r.Seconds, 100*r.Idle.Seconds())
	fmt.Fprintf(w, "memory             %.1f MB in all, %.1f KB a viewer\n", float64(r.Memory)/1e6, float64(r.MemoryEach)/1e3)
	fmt.Fprintf(w, "coming in          p50 %v, p99 %v, longest %v\n", round(r.Connect[0]), round(r.Connect[1]), round(r.Connect[2]))
	fmt.Fprintf(w, "a message to all   p50 %v, p99 %v, longest %v\n", round(r.Delay[0]), round(r.Delay[1]), round(r.Delay[2]))
	fmt.Fprintf(w, "read after that    p50 %v, p99 %v, longest %v\n", round(r.Lag[0]), round(r.Lag[1]), round(r.Lag[2]))
	fmt.Fprintf(w, "messages           %d of %d arrived, %d connections failed\n", r.Got, r.Sent, r.Failed)
}
