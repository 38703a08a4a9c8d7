package codec

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/tuttilive/tutti/internal/media"
)

const (
	// workerHang is how long a worker may keep pictures without giving any.
	workerHang = 5 * time.Second
	// workerStart is how much longer it may take for its first.
	workerStart = 5 * time.Second
	// drainMax is how long it may take to finish when another is to take over.
	drainMax = 300 * time.Millisecond
	// workerPending is how many pictures may be inside a worker.
	workerPending = 512
	// clockStart keeps times positive when the first pictures in decoding order are not the first to be shown.
	clockStart = 10_000 // ms
	// clockMax is where FLV's clock of 32 bits ends, with some days left.
	clockMax = 1 << 31
)

// worker is one ffmpeg process. The goroutine that makes it writes frames and closes it; another reads its output and
// calls out; a third watches. They end with the process.
type worker struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	format *media.Format
	base   time.Duration
	buf    []byte
	hang   time.Duration

	mu      sync.Mutex
	times   map[int64]time.Duration // what is inside, by its time in milliseconds
	waiting time.Time               // since when the worker owes a picture
	patient bool                    // it has not given one yet

	quit  <-chan struct{} // closed by others to kill the process, so that a write cannot block for ever
	stop  chan struct{}
	done  chan struct{} // the output has ended and the process is gone
	err   error         // why; valid after done
	count atomic.Int64  // pictures that came out
}

// startWorker starts a process for the format of first, which is a keyframe. It is killed when quit is closed.
func (w *Workers) startWorker(first *media.Frame, out func(*media.Frame), quit <-chan struct{}) (*worker, error) {
	header, err := matroskaHeader(first.Format)
	if err != nil {
		return nil, err
	}
	k := &worker{
		hang: w.hang, format: first.Format, base: first.PTS - clockStart*time.Millisecond,
		times: map[int64]time.Duration{}, patient: true,
		quit: quit, stop: make(chan struct{}), done: make(chan struct{}),
	}
	k.cmd = exec.Command(w.path, workerArguments(first.Format, w.libvpx)...)
	k.cmd.Env = []string{}
	k.cmd.Dir = "/"
	isolate(k.cmd)
	stderr := &tail{}
	k.cmd.Stderr = stderr
	if k.stdin, err = k.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := k.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := k.cmd.Start(); err != nil {
		return nil, fmt.Errorf("codec: starting ffmpeg: %w", err)
	}
	if err := limitProcess(k.cmd.Process.Pid); err != nil {
		k.cmd.Process.Kill()
		k.cmd.Wait()
		return nil, fmt.Errorf("codec: limiting ffmpeg: %w", err)
	}
	go k.watch()
	go func() {
		defer close(k.done)
		err := k.read(stdout, out)
		k.cmd.Process.Kill() // it has said all, or nonsense
		if waited := k.cmd.Wait(); err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = waited
		}
		if err == nil {
			err = io.EOF
		}
		k.err = fmt.Errorf("codec: ffmpeg ended: %w%s", err, stderr.suffix())
	}()
	if err := k.send(header); err != nil {
		k.close()
		return nil, err
	}
	return k, nil
}

// workerArguments: what keeps latency down is probing of nothing, one thread wherever frames would queue for threads,
// and zerolatency; what keeps time exact is passing every frame with its own timestamp.
func workerArguments(f *media.Format, libvpx bool) []string {
	args := []string{
		"-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-protocol_whitelist", "pipe",
		"-probesize", "32", "-analyzeduration", "0", "-threads", "1",
	}
	if !f.Reordered {
		args = append(args, "-flags", "low_delay")
	}
	if f.Codec == media.VP9 && libvpx {
		// Of a picture in several spatial layers it shows the largest; ffmpeg's own decoder shows each.
		args = append(args, "-c:v", "libvpx-vp9")
	}
	args = append(args, "-f", "matroska", "-i", "pipe:0")
	if f.Codec == media.AV1 && f.Width > 0 && f.Height > 0 {
		// The largest of its spatial layers may be missing, also in the first picture.
		args = append(args, "-s", fmt.Sprintf("%dx%d", f.Width, f.Height))
	}
	preset, rate, threads := workerEffort(f.Width, f.Height)
	kbit := strconv.Itoa(rate / 1000)
	return append(args,
		"-map", "0:v:0", "-an", "-sn", "-dn", "-copyts",
		"-vsync", "passthrough", "-enc_time_base", "1:1000", "-pix_fmt", "yuv420p",
		"-c:v", "libx264", "-preset", preset, "-tune", "zerolatency", "-profile:v", "baseline", "-bf", "0",
		"-crf", "23", "-maxrate", kbit+"k", "-bufsize", kbit+"k",
		// A keyframe wherever the source has one, so that one can be asked for, and every 60 frames at least.
		"-force_key_frames", "source", "-g", "60",
		// Without a frame rate x264 would take the clock's for it and spend its budget on the first frames.
		"-x264-params", "fps=30:scenecut=0", "-threads", strconv.Itoa(threads),
		"-flush_packets", "1", "-muxdelay", "0", "-muxpreload", "0", "-avoid_negative_ts", "disabled",
		"-flvflags", "no_duration_filesize+no_metadata", "-f", "flv", "pipe:1",
	)
}

// workerEffort suits preset, greatest bitrate in bit/s and threads to a picture's size.
func workerEffort(width, height int) (preset string, bitrate, threads int) {
	switch area := width * height; {
	case area > 1920*1088:
		return "ultrafast", 12_000_000, 2
	case area > 1280*736:
		return "superfast", 6_000_000, 2
	case area > 960*544, area == 0:
		return "veryfast", 3_500_000, 1
	case area > 640*368:
		return "veryfast", 2_000_000, 1
	}
	return "veryfast", 1_200_000, 1
}

// write hands in a frame of the worker's format. It blocks while the process takes nothing.
func (k *worker) write(f *media.Frame) error {
	at := (f.PTS - k.base).Milliseconds()
	if at < 0 || at > clockMax {
		return fmt.Errorf("codec: picture at %v is off the worker's clock", f.PTS-k.base)
	}
	payload := f.Payload
	switch f.Format.Codec {
	case media.H264, media.H265:
		// Parameter sets inside could announce another size than the one that was checked.
		keep := h264Slice
		if f.Format.Codec == media.H265 {
			keep = h265Slice
		}
		var ok bool
		if payload, ok = filterUnits(nil, payload, keep); !ok || len(payload) == 0 {
			return nil // nothing to decode in it
		}
	}
	k.mu.Lock()
	for range workerPending {
		if _, taken := k.times[at]; !taken {
			break
		}
		at++
	}
	if len(k.times) >= workerPending {
		k.mu.Unlock()
		return fmt.Errorf("codec: worker keeps %d pictures", workerPending)
	}
	if len(k.times) == 0 {
		k.waiting = time.Now()
	}
	k.times[at] = f.PTS
	k.mu.Unlock()
	k.buf = matroskaFrame(k.buf[:0], at, f.Keyframe, payload)
	return k.send(k.buf)
}

func (k *worker) send(b []byte) error {
	if _, err := k.stdin.Write(b); err != nil {
		return fmt.Errorf("codec: feeding ffmpeg: %w", err)
	}
	return nil
}

// read gives out what comes until the process ends.
func (k *worker) read(stdout io.Reader, out func(*media.Frame)) error {
	r := flvReader{r: bufio.NewReaderSize(stdout, 64<<10)}
	var format *media.Format
	first, last := true, time.Duration(0)
	for {
		p, err := r.next()
		if err != nil {
			return err
		}
		if p.config {
			if format, err = h264Format(p.data); err != nil {
				return err
			}
			continue
		}
		pts, ok := k.leave(p.at)
		if format == nil || !ok || !first && pts <= last {
			continue
		}
		payload, ok := filterUnits(p.data[:0], p.data, h264Slice)
		if !ok || len(payload) == 0 {
			continue
		}
		out(&media.Frame{
			Format: format, Payload: payload, PTS: pts, DTS: pts, Keyframe: p.keyframe, Discontinuity: first,
		})
		first, last = false, pts
		k.count.Add(1)
	}
}

// leave takes the picture at a time out of those inside, and with it those before it, which will not come any more.
func (k *worker) leave(at int64) (pts time.Duration, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	pts, ok = k.times[at]
	for t := range k.times {
		if t <= at {
			delete(k.times, t)
		}
	}
	k.waiting, k.patient = time.Now(), false
	return pts, ok
}

// watch kills a process that takes pictures and gives none.
func (k *worker) watch() {
	tick := time.NewTicker(min(k.hang/2, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-k.stop:
			k.cmd.Process.Kill()
			return
		case <-k.quit:
			k.cmd.Process.Kill()
			return
		case <-k.done:
			return
		case <-tick.C:
			k.mu.Lock()
			limit := k.hang
			if k.patient {
				limit += workerStart
			}
			hangs := len(k.times) > 0 && time.Since(k.waiting) > limit
			k.mu.Unlock()
			if hangs {
				k.cmd.Process.Kill()
				return
			}
		}
	}
}

// drain lets the process finish what it has, for a moment, before close.
func (k *worker) drain() {
	k.stdin.Close()
	t := time.NewTimer(drainMax)
	defer t.Stop()
	select {
	case <-k.done:
	case <-t.C:
	}
}

// close ends the process and waits for it and for its output. It is called once, by the goroutine that writes.
func (k *worker) close() {
	close(k.stop)
	k.stdin.Close()
	<-k.done
}

func h264Format(config []byte) (*media.Format, error) {
	sps, pps, ok := avcSets(config)
	if !ok {
		return nil, fmt.Errorf("codec: worker's output has a broken configuration")
	}
	var s h264.SPS
	if err := s.Unmarshal(sps); err != nil {
		return nil, fmt.Errorf("codec: worker's output: %w", err)
	}
	return &media.Format{Codec: media.H264, Width: s.Width(), Height: s.Height(), SPS: sps, PPS: pps}, nil
}

// tail keeps the end of what a process complains of. It is written by one goroutine and read after that has ended.
type tail struct{ b []byte }

const tailMax = 1 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if len(t.b) > 2*tailMax {
		t.b = append(t.b[:0], t.b[len(t.b)-tailMax:]...)
	}
	return len(p), nil
}

func (t *tail) suffix() string {
	b := t.b[max(0, len(t.b)-tailMax):]
	if s := strings.TrimSpace(string(b)); s != "" {
		return ": " + strings.ReplaceAll(s, "\n", "; ")
	}
	return ""
}
