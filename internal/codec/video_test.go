package codec

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

func needWorkers(t testing.TB) *Workers {
	t.Helper()
	w := FindWorkers("")
	if err := w.Available(); err != nil {
		t.Skip(err)
	}
	return w
}

func ffmpegOutput(t testing.TB, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append([]string{"-loglevel", "error", "-nostdin"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// ivfFrames makes a test picture in a codec that IVF carries, 30 frames a second.
func ivfFrames(t testing.TB, c media.Codec, w, h, n int, base time.Duration) []*media.Frame {
	t.Helper()
	encoder := map[media.Codec][]string{
		media.VP8: {"libvpx", "-deadline", "realtime", "-cpu-used", "8"},
		media.VP9: {"libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"},
		media.AV1: {"libaom-av1", "-cpu-used", "8", "-usage", "realtime"},
	}[c]
	args := []string{"-f", "lavfi", "-i", "testsrc2=r=30:s=" + strconv.Itoa(w) + "x" + strconv.Itoa(h), "-frames:v", strconv.Itoa(n),
		"-pix_fmt", "yuv420p", "-c:v"}
	args = append(args, encoder...)
	b := ffmpegOutput(t, append(args, "-b:v", "1M", "-g", "30", "-f", "ivf", "pipe:1")...)
	b = b[32:]
	f := &media.Format{Codec: c, Width: w, Height: h}
	var frames []*media.Frame
	for i := 0; len(b) >= 12; i++ {
		size := int(binary.LittleEndian.Uint32(b))
		payload := b[12 : 12+size]
		b = b[12+size:]
		if c == media.AV1 && len(payload) > 2 && payload[0] == 0x12 && payload[1] == 0 {
			payload = payload[2:] // temporal delimiter
		}
		// Uneven times, as real ones are.
		pts := base + time.Duration(i)*time.Second/30 + time.Duration(i*i%7)*317*time.Microsecond
		frames = append(frames, &media.Frame{Format: f, Payload: payload, PTS: pts, DTS: pts, Keyframe: i%30 == 0})
	}
	return frames
}

// flvFrames makes a test picture in H.264.
func flvFrames(t testing.TB, n int, base time.Duration, options ...string) []*media.Frame {
	t.Helper()
	args := []string{"-f", "lavfi", "-i", "testsrc2=r=30:s=640x360", "-frames:v", strconv.Itoa(n), "-pix_fmt", "yuv420p", "-c:v",
		"libx264", "-preset", "veryfast", "-g", "30"}
	r := flvReader{r: bufio.NewReader(bytes.NewReader(ffmpegOutput(t, append(append(args, options...), "-f", "flv", "pipe:1")...)))}
	var frames []*media.Frame
	var f *media.Format
	for {
		p, err := r.next()
		if err != nil {
			return frames
		}
		if p.config {
			if f, err = h264Format(p.data); err != nil {
				t.Fatal(err)
			}
			f.Reordered = true
			continue
		}
		dts := base + time.Duration(p.at)*time.Millisecond
		frames = append(frames, &media.Frame{Format: f, Payload: p.data, DTS: dts, PTS: dts + p.offset, Keyframe: p.keyframe})
	}
}

type converted struct {
	frame *media.Frame
	at    time.Time
}

// convert feeds frames at their times, sped up as far as the machine keeps up, and gives what came out.
func convert(t *testing.T, w *Workers, frames []*media.Frame, speed int) (out []converted, v *VideoConverter) {
	t.Helper()
	got := make(chan converted, 1000)
	v, err := w.Convert(0, func(f *media.Frame) { got <- converted{f, time.Now()} }, func() {})
	if err != nil {
		t.Fatal(err)
	}
	var latency []time.Duration
	sent := map[time.Duration]time.Time{}
	tick := time.NewTicker(time.Second / 30 / time.Duration(speed))
	defer tick.Stop()
	await := func(n int) bool {
		for deadline := time.After(time.Minute); len(out) < n; {
			select {
			case c := <-got:
				out = append(out, c)
				latency = append(latency, c.at.Sub(sent[c.frame.PTS]))
			case <-deadline:
				t.Logf("only %d of %d frames came; err %v", len(out), len(sent), v.Err())
				return false
			}
		}
		return true
	}
	for i, f := range frames {
		sent[f.PTS] = time.Now()
		v.Write(f)
		<-tick.C
		if !await(i - queueMax/2) { // a busy machine drops nothing
			return out, v
		}
	}
	if !await(len(frames) - 3) {
		return out, v
	}
	t.Logf("latency: first %v, 10th %v, last %v", latency[0], latency[min(10, len(latency)-1)], latency[len(latency)-1])
	return out, v
}

func checkConverted(t *testing.T, in []*media.Frame, out []converted, width, height int) {
	t.Helper()
	known := map[time.Duration]bool{}
	for _, f := range in {
		known[f.PTS] = true
	}
	last, keys, lastKey := time.Duration(-1), 0, time.Duration(0)
	for i, c := range out {
		f := c.frame
		if !known[f.PTS] {
			t.Errorf("frame %d has PTS %v, which no input has", i, f.PTS)
		}
		if f.DTS != f.PTS || f.DTS <= last {
			t.Errorf("frame %d: PTS %v, DTS %v after %v", i, f.PTS, f.DTS, last)
		}
		last = f.DTS
		if f.Format.Codec != media.H264 || f.Format.Width != width || f.Format.Height != height || f.Format.Reordered {
			t.Fatalf("format %+v", f.Format)
		}
		if f.Format.SPS[1] != 66 || f.Format.SPS[2]&0x40 == 0 {
			t.Fatalf("profile %d, constraints %#x: not constrained baseline", f.Format.SPS[1], f.Format.SPS[2])
		}
		if f.Keyframe {
			if keys++; keys > 1 && f.PTS-lastKey > 2100*time.Millisecond {
				t.Errorf("keyframe %v after the last", f.PTS-lastKey)
			}
			lastKey = f.PTS
		}
	}
	if len(out) == 0 || !out[0].frame.Keyframe || !out[0].frame.Discontinuity {
		t.Error("does not start with a keyframe")
	}
	if want := (len(in) + 29) / 30; keys < want {
		t.Errorf("%d keyframes, want one wherever the source has one (%d)", keys, want)
	}
}

func TestConvertsPictures(t *testing.T) {
	w := needWorkers(t)
	const base = 77_000_123 * time.Microsecond
	for _, c := range []struct {
		name   string
		frames []*media.Frame
	}{
		{"vp8", ivfFrames(t, media.VP8, 640, 360, 75, base)},
		{"vp9", ivfFrames(t, media.VP9, 640, 360, 75, base)},
		{"av1", ivfFrames(t, media.AV1, 320, 180, 45, base)},
		{"h264 with B-frames", flvFrames(t, 75, base, "-bf", "3")},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, v := convert(t, w, c.frames, 4)
			v.Close()
			if len(out) < len(c.frames)*9/10 {
				t.Fatalf("%d of %d frames came out: %v", len(out), len(c.frames), v.Err())
			}
			f := c.frames[0].Format
			checkConverted(t, c.frames, out, f.Width, f.Height)
		})
	}
}

func TestConverterFollowsANewSize(t *testing.T) {
	w := needWorkers(t)
	w.drain = time.Minute // a busy machine takes longer to finish the last of the first size
	frames := append(ivfFrames(t, media.VP8, 320, 180, 30, time.Second), ivfFrames(t, media.VP8, 180, 320, 30, 2*time.Second)...)
	out, v := convert(t, w, frames, 4)
	defer v.Close()
	sizes := map[int]int{}
	for _, c := range out {
		sizes[c.frame.Format.Width]++
	}
	if sizes[320] < 25 || sizes[180] < 25 {
		t.Errorf("frames by width: %v", sizes)
	}
}

func TestConverterRestartsAWorkerThatDies(t *testing.T) {
	w := needWorkers(t)
	frames := ivfFrames(t, media.VP8, 320, 180, 90, time.Second)
	out := make(chan *media.Frame, 200)
	asked := make(chan struct{}, 10)
	v, err := w.Convert(0, func(f *media.Frame) { out <- f }, func() {
		select {
		case asked <- struct{}{}:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	<-asked // at the start
	for _, f := range frames[:20] {
		v.Write(f)
	}
	for range 15 {
		<-out
	}
	// A payload that no decoder likes does not end the process; a signal does.
	signalChildren(t, syscall.SIGKILL)
	<-asked // after the restart
	for _, f := range frames[30:60] {
		v.Write(f)
	}
	for f := range out {
		if f.PTS >= frames[30].PTS {
			if !f.Keyframe || !f.Discontinuity {
				t.Error("does not go on with a keyframe")
			}
			break
		}
	}
}

func TestConverterReplacesAWorkerThatHangs(t *testing.T) {
	w := needWorkers(t)
	w.hang = 300 * time.Millisecond
	frames := ivfFrames(t, media.VP8, 320, 180, 60, time.Second)
	out := make(chan *media.Frame, 200)
	asked := make(chan struct{}, 10)
	v, err := w.Convert(0, func(f *media.Frame) { out <- f }, func() { asked <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	<-asked // at the start
	for _, f := range frames[:5] {
		v.Write(f)
	}
	<-out
	signalChildren(t, syscall.SIGSTOP)
	for _, f := range frames[5:20] {
		v.Write(f)
	}
	<-asked // after the restart
	for _, f := range frames[30:] {
		v.Write(f)
	}
	for f := range out {
		if f.PTS >= frames[30].PTS {
			break
		}
	}
	signalChildren(t, syscall.SIGSTOP)
	v.Write(frames[50])
	v.Close() // does not wait for the one that hangs
}

// signalChildren signals the ffmpeg processes that this process started.
func signalChildren(t *testing.T, signal syscall.Signal) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/task/" + strconv.Itoa(os.Getpid()) + "/children")
	if err != nil {
		t.Skip(err)
	}
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		more, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		b = append(append(b, ' '), more...)
	}
	for _, field := range bytes.Fields(b) {
		if pid, err := strconv.Atoi(string(field)); err == nil {
			syscall.Kill(pid, signal)
		}
	}
}

func TestConverterSurvivesGarbageAndCloses(t *testing.T) {
	w := needWorkers(t)
	asked := make(chan struct{}, 100)
	v, err := w.Convert(0, func(*media.Frame) {}, func() { asked <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	<-asked // at the start
	good := ivfFrames(t, media.VP8, 320, 180, 1, 0)[0]
	for i := range queueMax - 1 {
		f := *good
		f.PTS = time.Duration(i) * time.Millisecond
		f.DTS = f.PTS
		if i%3 != 0 {
			f.Payload = append(bytes.Clone(good.Payload[:10]), bytes.Repeat([]byte{byte(i)}, 500)...)
		}
		v.Write(&f)
	}
	huge := *good
	huge.PTS, huge.Payload = time.Second, bytes.Clone(good.Payload)
	binary.LittleEndian.PutUint16(huge.Payload[6:], 16383)
	binary.LittleEndian.PutUint16(huge.Payload[8:], 16383)
	v.Write(&huge)
	<-asked // the worker was given up
	w.Close()
	v.Close()
	v.Write(good)
	if _, err := w.Convert(0, nil, nil); err == nil {
		t.Error("converts after Close")
	}
}

func TestWithoutFFmpegItSaysSo(t *testing.T) {
	w := FindWorkers("/nonexistent/ffmpeg")
	if w.Available() == nil {
		t.Error("available")
	}
	if _, err := w.Convert(0, nil, nil); err == nil {
		t.Error("converts")
	}
	if _, err := checkVersion("ffmpeg version 3.4.8-0 Copyright"); err == nil {
		t.Error("3.4.8 is not too old")
	}
	for _, ok := range []string{"ffmpeg version 5.1.9-0+deb12u1 Copyright", "ffmpeg version N-110000-gabc Copyright", "ffmpeg version 8.0 C"} {
		if _, err := checkVersion(ok); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
}
