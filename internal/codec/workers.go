package codec

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Workers starts ffmpeg processes. It is safe for use by several goroutines.
type Workers struct {
	path    string
	version string
	err     error
	hang    time.Duration // how long a worker may keep pictures without giving any
	drain   time.Duration // how long one may take to finish when another is to take over

	// libvpx tells that it has libvpx's decoders.
	libvpx bool

	mu      sync.Mutex
	closed  bool
	open    map[ender]struct{}
	limit   int // most processes at a time, 0 for no limit
	running int
}

// ender is a user of processes that the server's end ends.
type ender interface {
	stop()
	wait()
}

// ErrNoRoom tells that as many processes run as may.
var ErrNoRoom = errors.New("codec: too many pictures are converted, decoded or composed at the same time on this server")

// SetLimit bounds how many processes run at a time; 0 does not.
func (w *Workers) SetLimit(processes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limit = processes
}

// Room is how many more processes may run now; a large number where there is no limit.
func (w *Workers) Room() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.limit == 0 {
		return 1 << 20
	}
	spares := 0
	for v := range w.open {
		if _, ok := v.(*Spare); ok {
			spares++
		}
	}
	return max(0, w.limit-w.running) + spares
}

// free is how many more may run beside the spare ones.
func (w *Workers) free() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.limit == 0 {
		return 1 << 20
	}
	return w.limit - w.running
}

// takeRoom counts a process, for which a spare one ends where there is no room.
func (w *Workers) takeRoom() error {
	for {
		spare, err := w.tryRoom()
		if spare == nil {
			return err
		}
		spare.Close()
	}
}

func (w *Workers) tryRoom() (instead *Spare, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.limit == 0 || w.running < w.limit {
		w.running++
		return nil, nil
	}
	for v := range w.open {
		if spare, ok := v.(*Spare); ok {
			return spare, nil
		}
	}
	return nil, ErrNoRoom
}

func (w *Workers) giveRoom() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running--
}

// oldest is the oldest major version of ffmpeg that knows all options that are used.
const oldestFFmpeg = 4

var ffmpegVersion = regexp.MustCompile(`^ffmpeg version (\S+)`)

// FindWorkers looks for ffmpeg at path, or in PATH when empty; "off" means none. Without one the result still works, and
// says so.
func FindWorkers(path string) *Workers {
	w := &Workers{open: map[ender]struct{}{}, hang: workerHang, drain: drainMax}
	switch path {
	case "off":
		w.err = errors.New("codec: ffmpeg is switched off: pictures cannot be converted")
		return w
	case "":
		path = "ffmpeg"
	}
	w.path, w.err = exec.LookPath(path)
	if w.err != nil {
		w.err = ErrNoWorkers
		return w
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second) // much else may be starting
	defer cancel()
	cmd := exec.CommandContext(ctx, w.path, "-hide_banner", "-version")
	cmd.Env = []string{}
	out, err := cmd.Output()
	if err != nil {
		w.err = fmt.Errorf("codec: %s cannot be run: %w: pictures cannot be converted", w.path, err)
		return w
	}
	w.version, w.err = checkVersion(string(out))
	w.libvpx = strings.Contains(string(out), "--enable-libvpx")
	return w
}

// checkVersion reads the first line of ffmpeg -version. Builds from git have a version of their own and are trusted.
func checkVersion(out string) (string, error) {
	m := ffmpegVersion.FindStringSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("codec: what is called ffmpeg is not: pictures cannot be converted")
	}
	major := 0
	for i, c := range m[1] {
		if c < '0' || c > '9' {
			major, _ = strconv.Atoi(m[1][:i])
			break
		}
	}
	if major > 0 && major < oldestFFmpeg {
		return m[1], fmt.Errorf("codec: ffmpeg %s is too old, %d is needed: pictures cannot be converted", m[1], oldestFFmpeg)
	}
	return m[1], nil
}

// Available is nil, or says why no picture can be converted.
func (w *Workers) Available() error {
	if w == nil {
		return ErrNoWorkers
	}
	return w.err
}

// Version is ffmpeg's version, empty without one.
func (w *Workers) Version() string { return w.version }

// Running is how many conversions, decoders and encoders of pictures are open.
func (w *Workers) Running() int {
	if w == nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.open)
}

// Close ends all that uses processes and waits for their processes. No more can be started.
func (w *Workers) Close() {
	w.mu.Lock()
	w.closed = true
	var open []ender
	for v := range w.open {
		open = append(open, v)
	}
	w.mu.Unlock()
	for _, v := range open {
		v.stop()
	}
	for _, v := range open {
		v.wait()
	}
}

func (w *Workers) add(v ender) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return errors.New("codec: pictures are not converted any more: the server ends")
	}
	w.open[v] = struct{}{}
	return nil
}

func (w *Workers) remove(v ender) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, v)
}
