package fanout

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tuttilive/tutti/internal/bench/liveload"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/flv"
)

// loadURL makes the test program the load client of a benchmark that runs in another process.
const loadURL = "TUTTI_FLV_LOAD_URL"

func TestMain(m *testing.M) {
	if url := os.Getenv(loadURL); url != "" {
		loadMain(url)
		return
	}
	os.Exit(m.Run())
}

func loadMain(address string) {
	n, _ := strconv.Atoi(os.Getenv("TUTTI_FLV_LOAD_VIEWERS"))
	var c liveload.Counters
	ctx := context.Background()
	viewers, err := liveload.NewViewers(address, &c)
	if err == nil {
		err = viewers.Add(ctx, n, time.Second)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("measuring true")
	c.Measuring.Store(true)
	time.Sleep(measured)
	c.Measuring.Store(false)
	fmt.Println("measuring false")
	ages, first := c.Age.Percentiles(0.5, 0.99), c.FirstFrame.Percentiles(0.99)
	json.NewEncoder(os.Stdout).Encode(loadResult{
		Mbit: float64(c.Bytes.Load()) * 8 / 1e6, Age50: ages[0], Age99: ages[1], First99: first[0],
		Trouble: float64(c.Stalls.Load()) + float64(c.Failed.Load()) + time.Duration(c.Lost.Load()).Seconds(),
	})
	os.Exit(0)
}

// measured is how long a load is measured.
const measured = 4 * time.Second

// loadResult is what the load client tells the benchmark.
type loadResult struct {
	Mbit                  float64
	Age50, Age99, First99 time.Duration
	Trouble               float64 // stalls, failed viewers and seconds lost, all to be 0
}

// steadySource is a picture at 30 frames/s with a keyframe every 2 s, and sound: 1.9 Mbit/s in all.
type steadySource struct {
	start        time.Time
	video, audio int
}

const frameLength, soundLength = time.Second / 30, 1024 * time.Second / 48000

func (s *steadySource) Next(ctx context.Context) (*media.Frame, error) {
	if s.start.IsZero() {
		s.start = time.Now()
	}
	video, audio := time.Duration(s.video)*frameLength, time.Duration(s.audio)*soundLength
	at := min(video, audio)
	if wait := time.Until(s.start.Add(at)); wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	base := media.FromWallClock(s.start)
	if audio < video {
		s.audio++
		return testFrame(testAudio, base+audio, true, 330), nil
	}
	s.video++
	if s.video%60 == 1 {
		return testFrame(testVideo, base+video, true, 50_000), nil
	}
	return testFrame(testVideo, base+video, false, 6_600), nil
}

func (s *steadySource) Close() {}

// BenchmarkViewers serves N viewers in another process from one core for some seconds, and reports what that cost this
// process: CPU for each megabit that the viewers got, memory for each viewer.
func BenchmarkViewers(b *testing.B) {
	for _, viewers := range []int{100, 500, 1000} {
		for _, tick := range []time.Duration{0, 30 * time.Millisecond, 350 * time.Millisecond} {
			b.Run(fmt.Sprintf("%d/tick=%v", viewers, tick), func(b *testing.B) { benchmarkViewers(b, viewers, tick) })
		}
	}
}

func benchmarkViewers(b *testing.B, viewers int, tick time.Duration) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	g := &fakeGate{stream: startStream(b, &steadySource{}, tick, flv.Tracks{})}
	server := httptest.NewServer(g)
	defer server.Close()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	for range b.N {
		before := residentKB(b)
		client := exec.Command(self)
		client.Env = append(os.Environ(), loadURL+"="+server.URL+"/live/bench.flv", "TUTTI_FLV_LOAD_VIEWERS="+strconv.Itoa(viewers))
		client.Stderr = os.Stderr
		out, err := client.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := client.Start(); err != nil {
			b.Fatal(err)
		}
		var begin, used time.Duration
		var mem runtime.MemStats
		var mallocs uint64
		var memory int
		var result loadResult
		for lines := bufio.NewScanner(out); lines.Scan(); {
			switch line := lines.Text(); {
			case line == "measuring true":
				begin = cpu(b)
				runtime.ReadMemStats(&mem)
				mallocs = mem.Mallocs
			case line == "measuring false":
				used = cpu(b) - begin
				runtime.ReadMemStats(&mem)
				mallocs = mem.Mallocs - mallocs
				memory = residentKB(b) - before
			case strings.HasPrefix(line, "{"):
				if err := json.Unmarshal([]byte(line), &result); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := client.Wait(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(used.Microseconds())/result.Mbit, "us/Mbit")
		b.ReportMetric(100*used.Seconds()/measured.Seconds(), "%core")
		b.ReportMetric(float64(memory)/float64(viewers), "KB/viewer")
		b.ReportMetric(float64(mallocs)/float64(viewers)/measured.Seconds(), "mallocs/viewer/s")
		b.ReportMetric(float64(result.Age50.Milliseconds()), "ms-latency-p50")
		b.ReportMetric(float64(result.Age99.Milliseconds()), "ms-latency-p99")
		b.ReportMetric(float64(result.First99.Milliseconds()), "ms-first-p99")
		b.ReportMetric(result.Trouble, "trouble")
		b.ReportMetric(0, "ns/op")
	}
}

func cpu(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// residentKB is the memory in use after a collection.
func residentKB(b *testing.B) int {
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc")
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.Fatal(err)
	}
	return kb
}

// BenchmarkFeed is the cost of one tick for each viewer without the kernel's: the way through the ring.
func BenchmarkFeed(b *testing.B) {
	ring := media.NewRing[*chunk](keptChunks)
	c := &chunk{bytes: make([]byte, 7000), header: &flv.Header{}}
	f := newFeed(ring, FLV, newFakeWatcher())
	var bufs [][]byte
	b.ReportAllocs()
	at := time.Duration(0)
	for b.Loop() {
		at += 30 * time.Millisecond
		ring.Append(c, media.Mark{Bytes: len(c.bytes), Time: at, Key: true})
		var err error
		if bufs, err = f.next(bufs[:0], at); err != nil || len(bufs) == 0 {
			b.Fatal(len(bufs), err)
		}
	}
}
