package showload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tuttilive/tutti/internal/bench"
)

// Deeds counts what was done to the show.
type Deeds struct {
	Joined, Left, Reconnected, Killed, Hung, Layouts, Gains, Refused int
}

// director has sources come and go, changes the layout and kills workers, at random. It belongs to one goroutine.
type director struct {
	plan    Plan
	sources []*source
	api     string // of the room
	random  *rand.Rand

	deeds   Deeds
	playing map[int]*playing
	work    sync.WaitGroup
	busy    atomic.Int64 // when something was done last, in nanoseconds since 1970
	did     atomic.Pointer[string]
}

// playing is a source on stage.
type playing struct {
	stop context.CancelFunc
	done chan error
}

const (
	// fewest is how many sources are composed.
	fewest = 2
	// dust is how long after something was done the show may be in disorder.
	dust = 5 * time.Second
)

// quiet tells that nothing was done for a while.
func (d *director) quiet() bool { return time.Since(time.Unix(0, d.busy.Load())) > dust }

// lately says what was done last.
func (d *director) lately() string {
	if did := d.did.Load(); did != nil {
		return fmt.Sprintf("%v after %s", time.Since(time.Unix(0, d.busy.Load())).Round(time.Millisecond), *did)
	}
	return "nothing was done yet"
}

func (d *director) doing(format string, args ...any) {
	did := fmt.Sprintf(format, args...)
	d.did.Store(&did)
	d.busy.Store(time.Now().UnixNano())
}

// run directs until ctx ends, then has all go.
func (d *director) run(ctx context.Context) error {
	defer func() {
		for k := range d.playing {
			d.leave(k)
		}
		d.work.Wait()
	}()
	for k := range d.plan.Always {
		d.join(ctx, k)
	}
	for {
		if bench.Pause(ctx, d.plan.Every/2+time.Duration(d.random.Int64N(int64(d.plan.Every)))) != nil {
			return nil
		}
		for k, p := range d.playing {
			select {
			case err := <-p.done:
				delete(d.playing, k)
				if ctx.Err() == nil {
					return fmt.Errorf("source %d was thrown out: %v", k, err)
				}
				return nil
			default:
			}
		}
		d.busy.Store(time.Now().UnixNano())
		if err := d.act(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		d.busy.Store(time.Now().UnixNano())
	}
}

func (d *director) act(ctx context.Context) error {
	k := d.random.IntN(len(d.sources))
	switch n := d.random.IntN(100); {
	case n < 35:
		if d.playing[k] == nil {
			d.doing("source %d joined", k)
			d.join(ctx, k)
			d.deeds.Joined++
		} else if len(d.playing) > d.plan.Always {
			d.doing("source %d left", k)
			d.leave(k)
			d.deeds.Left++
		}
	case n < 50:
		if d.playing[k] != nil {
			d.doing("source %d was cut off", k)
			d.leave(k)
			if bench.Pause(ctx, time.Duration(d.random.IntN(2500))*time.Millisecond) == nil {
				d.doing("source %d came back", k)
				d.join(ctx, k)
			}
			d.deeds.Reconnected++
		}
	case n < 65:
		return d.hurt()
	case n < 72:
		d.deeds.Gains++
		return d.patch(ctx, fmt.Sprintf(`{"gains":{"source-%d":%.2f}}`, k, 0.8+0.4*d.random.Float64()))
	default:
		d.deeds.Layouts++
		layouts := []string{"grid", "speaker", "side-by-side", "picture-in-picture", "auto"}
		return d.patch(ctx, fmt.Sprintf(`{"layout":%q,"pinned":"source-%d","transition":%d}`, layouts[d.random.IntN(len(layouts))], k, d.random.IntN(600)))
	}
	return nil
}

func (d *director) join(ctx context.Context, k int) {
	ctx, stop := context.WithCancel(ctx)
	p := &playing{stop: stop, done: make(chan error, 1)}
	d.playing[k] = p
	d.work.Go(func() {
		err := d.sources[k].run(ctx)
		if ctx.Err() == nil {
			p.done <- errors.Join(errors.New("it ended"), err)
		}
	})
}

func (d *director) leave(k int) {
	d.playing[k].stop()
	delete(d.playing, k)
}

// hurt kills a worker of the server's, or has it hang.
func (d *director) hurt() error {
	workers, err := children(d.plan.PID)
	if err != nil || len(workers) == 0 {
		return err
	}
	pid := workers[d.random.IntN(len(workers))]
	signal := syscall.SIGKILL
	d.doing("a worker was killed")
	if d.random.IntN(3) == 0 {
		signal = syscall.SIGSTOP
		d.doing("a worker was stopped")
		d.deeds.Hung++
	} else {
		d.deeds.Killed++
	}
	if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("hurting worker %d: %w", pid, err)
	}
	return nil
}

// patch changes how the program is composed.
func (d *director) patch(ctx context.Context, body string) error {
	d.doing("the composition was changed by %s", body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPatch, d.api+"/program", bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(d.plan.Keys.Key, d.plan.Keys.Secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("changing the program to %s: %s", body, resp.Status)
	}
	return nil
}

// composed asks how composing fares; zero where nothing is composed.
func (d *director) composed(ctx context.Context) (c Composed) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.api+"/program", nil)
	if err != nil {
		return c
	}
	req.SetBasicAuth(d.plan.Keys.Key, d.plan.Keys.Secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return c
	}
	defer resp.Body.Close()
	var answer struct {
		Figures Composed `json:"figures"`
	}
	_ = json.NewDecoder(resp.Body).Decode(&answer)
	return answer.Figures
}

// load is how many processes of this machine want to run, over the last minute.
func load() (n float64) {
	text, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		_, _ = fmt.Sscan(string(text), &n)
	}
	return n
}

// children are the processes that a process has started.
func children(pid int) (list []int, err error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(pid) && fields[0] != "Z" {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			list = append(list, child)
		}
	}
	return list, nil
}
