package movie

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/mux/flv"
)

// frames are what ffmpeg encodes, of two seconds. The clock begins far from zero.
func frames(t testing.TB, size string, args ...string) (all []*media.Frame) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	command := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=rate=25:size=" + size, "-f", "lavfi", "-i", "sine=sample_rate=48000",
		"-t", "2", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-g", "25"}
	command = append(append(command, args...), "-c:a", "aac", "-f", "flv", "-")
	out, err := exec.Command("ffmpeg", command...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var d flv.Demuxer
	for tag := range flv.Tags(out[13:]) {
		now := 100*time.Second + time.Duration(tag.Timestamp)*time.Millisecond
		var f *media.Frame
		switch tag.Type {
		case flv.VideoTag:
			f, err = d.Video(tag.Timestamp, tag.Body, now)
		case flv.AudioTag:
			f, err = d.Audio(tag.Timestamp, tag.Body, now)
		}
		if err != nil {
			t.Fatal(err)
		}
		if f != nil {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b *media.Frame) int { return int(a.DTS - b.DTS) })
	return all
}

func count(all []*media.Frame, k media.Kind) (n int) {
	for _, f := range all {
		if f.Kind() == k {
			n++
		}
	}
	return n
}

func write(t testing.TB, all []*media.Frame) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, f := range all {
		if err := w.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if int64(b.Len()) != w.Bytes() {
		t.Errorf("counted %d bytes of %d", w.Bytes(), b.Len())
	}
	return b.Bytes()
}

func save(t testing.TB, b []byte) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "movie.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	return f
}

// probed is what ffprobe reads and decodes.
type probed struct {
	pictures, sounds int
	length           time.Duration
	complaints       string
}

func probe(t testing.TB, name string) (p probed) {
	t.Helper()
	cmd := exec.Command("ffprobe", "-v", "warning", "-count_frames", "-show_streams", "-show_format", "-of", "json", name)
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffprobe: %v\n%s", err, errors.String())
	}
	var found struct {
		Streams []struct {
			Kind   string `json:"codec_type"`
			Frames string `json:"nb_read_frames"`
		}
		Format struct{ Duration string }
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatal(err)
	}
	for _, s := range found.Streams {
		n, _ := strconv.Atoi(s.Frames)
		if s.Kind == "video" {
			p.pictures += n
		} else {
			p.sounds += n
		}
	}
	seconds, _ := strconv.ParseFloat(found.Format.Duration, 64)
	p.length, p.complaints = time.Duration(seconds*float64(time.Second)), errors.String()
	return p
}

func TestAMovieIsPlayedBeforeAndAfterItIsFinished(t *testing.T) {
	all := frames(t, "320x180", "-bf", "2")
	f := save(t, write(t, all))
	before := probe(t, f.Name())
	info, _ := f.Stat()
	s, err := Finish(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	after := probe(t, f.Name())
	for name, p := range map[string]probed{"before": before, "after": after} {
		if p.pictures != count(all, media.Video) || p.sounds < count(all, media.Audio)-1 || p.complaints != "" {
			t.Errorf("%s: %+v of %d and %d", name, p, count(all, media.Video), count(all, media.Audio))
		}
	}
	if after.length < 1990*time.Millisecond || after.length > 2100*time.Millisecond || s.Pictures != after.pictures {
		t.Errorf("finished: %+v, played %+v", s, after)
	}
	info, _ = f.Stat()
	again, err := Finish(f, info.Size())
	if err != nil || again.Length != s.Length || again.Bytes != s.Bytes || info.Size() != s.Bytes {
		t.Errorf("finished again: %+v, %v; %d bytes", again, err, info.Size())
	}
	// A player finds a place by itself: the second keyframe is the one before 1.5 s.
	out, err := exec.Command("ffmpeg", "-v", "error", "-ss", "1.5", "-i", f.Name(), "-frames:v", "1", "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("seeking: %v %s", err, out)
	}
}

// TestWhatACrashLeavesIsFinished cuts a movie off anywhere.
func TestWhatACrashLeavesIsFinished(t *testing.T) {
	all := frames(t, "160x90")
	whole := write(t, all)
	for _, part := range []int{30, 55, 80, 99} {
		f := save(t, whole[:len(whole)*part/100])
		s, err := Finish(f, int64(len(whole)*part/100))
		if err != nil {
			t.Errorf("%d %%: %v", part, err)
			continue
		}
		p := probe(t, f.Name())
		if p.complaints != "" || p.pictures != s.Pictures || s.Pictures == 0 || s.Length < 2*time.Second*time.Duration(part)/100-800*time.Millisecond {
			t.Errorf("%d %%: finished %+v, played %+v", part, s, p)
		}
	}
	for _, n := range []int{0, 20, 60, 300} {
		if _, err := Finish(save(t, whole[:n]), int64(n)); !errors.Is(err, ErrEmpty) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	// An index that was written while its header was not.
	f := save(t, whole)
	if _, err := Finish(f, int64(len(whole))); err != nil {
		t.Fatal(err)
	}
	done, _ := os.ReadFile(f.Name())
	copy(done[bytes.Index(done, []byte("mdat"))-4:], append([]byte{0, 0, 0, holeSize}, "free"...))
	f = save(t, done)
	if s, err := Finish(f, int64(len(done))); err != nil || s.Bytes != int64(len(done)) || probe(t, f.Name()).complaints != "" {
		t.Errorf("interrupted: %+v, %v", s, err)
	}
}

func TestThePictureMayChangeItsSize(t *testing.T) {
	first, second := frames(t, "320x180"), frames(t, "640x360")
	all := slices.Clone(first)
	for _, f := range second {
		moved := *f
		moved.PTS, moved.DTS = f.PTS+2100*time.Millisecond, f.DTS+2100*time.Millisecond
		all = append(all, &moved)
	}
	f := save(t, write(t, all))
	info, _ := f.Stat()
	s, err := Finish(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	if p := probe(t, f.Name()); p.pictures != 100 || p.complaints != "" || s.Length < 4*time.Second {
		t.Errorf("finished %+v, played %+v", s, p)
	}
	// All pictures are decoded in their own size.
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=width", "-of", "csv=p=0", f.Name()).Output()
	if err != nil || strings.Count(string(out), "320") != 50 || strings.Count(string(out), "640") != 50 {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestSoundThatComesLate(t *testing.T) {
	all := slices.DeleteFunc(frames(t, "160x90"), func(f *media.Frame) bool { return f.Kind() == media.Audio && f.DTS < 101500*time.Millisecond })
	f := save(t, write(t, all))
	info, _ := f.Stat()
	s, err := Finish(f, info.Size())
	if err != nil || s.Tracks != 2 {
		t.Fatalf("%+v, %v", s, err)
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", "stream=start_time", "-of", "csv=p=0", f.Name()).Output()
	if at, _ := strconv.ParseFloat(strings.TrimSpace(string(out)), 64); err != nil || at < 1.45 || at > 1.6 {
		t.Errorf("sound begins at %s, %v", out, err)
	}
}

func TestAnotherCodecNeedsAnotherFile(t *testing.T) {
	w := NewWriter(io.Discard)
	h264 := mediatest.H264Format(320, 180)
	for i := range 40 {
		if err := w.WriteFrame(mediatest.Frame(h264, i%10 == 0, time.Duration(i)*40*time.Millisecond, mediatest.H264(i%10 == 0, 100))); err != nil {
			t.Fatal(err)
		}
	}
	vp9 := mediatest.Frame(&media.Format{Codec: media.VP9, Width: 320, Height: 180}, true, 2*time.Second, []byte{1, 2, 3})
	if err := w.WriteFrame(vp9); !errors.Is(err, ErrNewFile) {
		t.Error(err)
	}
	vp8 := mediatest.Frame(&media.Format{Codec: media.VP8, Width: 320, Height: 180}, true, 0, mediatest.VP8(true, 320, 180, 100))
	if err := NewWriter(io.Discard).WriteFrame(vp8); err == nil {
		t.Error("MP4 takes VP8")
	}
}

// TestAWriteThatFailsLeavesAMovie has a disk that is full after a while.
func TestAWriteThatFailsLeavesAMovie(t *testing.T) {
	all := frames(t, "160x90")
	disk := &fullDisk{room: 40_000}
	w := NewWriter(disk)
	for _, f := range all {
		if err := w.WriteFrame(f); err != nil {
			if !errors.Is(err, errFull) {
				t.Fatal(err)
			}
			break
		}
	}
	f := save(t, disk.Bytes())
	s, err := Finish(f, int64(disk.Len()))
	if err != nil || s.Pictures == 0 || s.Bytes < w.Bytes() || probe(t, f.Name()).complaints != "" {
		t.Errorf("%+v, %v, %d written", s, err, w.Bytes())
	}
}

var errFull = errors.New("full")

type fullDisk struct {
	bytes.Buffer
	room int
}

func (d *fullDisk) Write(b []byte) (int, error) {
	if n := d.room - d.Len(); len(b) > n {
		d.Buffer.Write(b[:n])
		return n, errFull
	}
	return d.Buffer.Write(b)
}

// memory is a file in memory.
type memory struct{ b []byte }

func (m *memory) ReadAt(b []byte, at int64) (int, error) {
	if at >= int64(len(m.b)) {
		return 0, io.EOF
	}
	n := copy(b, m.b[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (m *memory) WriteAt(b []byte, at int64) (int, error) {
	if need := int(at) + len(b); need > len(m.b) {
		m.b = append(m.b, make([]byte, need-len(m.b))...)
	}
	return copy(m.b[at:], b), nil
}

func (m *memory) Truncate(n int64) error { m.b = m.b[:n]; return nil }
func (m *memory) Sync() error            { return nil }

// killed is a file of a process that ends when so many bytes more have been written.
type killed struct {
	memory
	left int
}

func (k *killed) WriteAt(b []byte, at int64) (int, error) {
	if k.left < len(b) {
		k.memory.WriteAt(b[:k.left], at)
		k.left = 0
		return 0, errFull
	}
	k.left -= len(b)
	return k.memory.WriteAt(b, at)
}

// Truncate does nothing after the end.
func (k *killed) Truncate(n int64) error {
	if k.left == 0 {
		return errFull
	}
	return k.memory.Truncate(n)
}

// TestAMovieSurvivesTheEndOfWhoeverFinishesIt ends that at any moment: what is there plays as it is, and is finished by the next one.
func TestAMovieSurvivesTheEndOfWhoeverFinishesIt(t *testing.T) {
	whole := write(t, frames(t, "160x90"))
	whole = whole[:len(whole)*97/100] // it was cut off, too
	done := &memory{slices.Clone(whole)}
	want, err := Finish(done, int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	index := len(done.b) - bytes.LastIndex(done.b, []byte("moov")) + 4
	for _, n := range []int{1, 7, 8, index / 3, index - 1, index, index + 15} {
		f := &killed{memory{slices.Clone(whole)}, n}
		if _, err := Finish(f, int64(len(whole))); err == nil {
			t.Fatalf("it is finished with %d bytes", n)
		}
		if n > index { // of the sixteen bytes that make it a movie the system writes all or none
			copy(f.b[bytes.Index(f.b, []byte("mdat"))-4:], append([]byte{0, 0, 0, holeSize}, "free"...))
		}
		if p := probe(t, save(t, f.b).Name()); p.pictures != want.Pictures {
			t.Errorf("after %d bytes %d pictures of %d are played", n, p.pictures, want.Pictures)
		}
		f.left = 1 << 30
		if s, err := Finish(f, int64(len(f.b))); err != nil || s != want || !bytes.Equal(f.b, done.b) {
			t.Errorf("after %d bytes it is finished as %+v, %v, want %+v", n, s, err, want)
		}
	}
}

// failing is a file on a disk of which everything from a place on cannot be read.
type failing struct {
	memory
	from int64
}

var errDisk = errors.New("the disk fails")

func (f *failing) ReadAt(b []byte, at int64) (int, error) {
	if at+int64(len(b)) > f.from {
		return 0, errDisk
	}
	return f.memory.ReadAt(b, at)
}

// TestADiskThatFailsIsNoEndOfAMovie: what cannot be read at the moment is not cut off.
func TestADiskThatFailsIsNoEndOfAMovie(t *testing.T) {
	whole := write(t, frames(t, "160x90"))
	for _, from := range []int{0, 100, len(whole) / 2, len(whole) - 100} {
		f := &failing{memory{slices.Clone(whole)}, int64(from)}
		if _, err := Finish(f, int64(len(whole))); !errors.Is(err, errDisk) || !bytes.Equal(f.b, whole) {
			t.Errorf("from %d of %d on: %v, %d bytes left", from, len(whole), err, len(f.b))
		}
	}
}

// FuzzFinish gives it files that were damaged.
func FuzzFinish(f *testing.F) {
	var b bytes.Buffer
	w := NewWriter(&b)
	h264, opus := mediatest.H264Format(320, 180), &media.Format{Codec: media.Opus, SampleRate: 48000, Channels: 2}
	for i := range 30 {
		at := time.Duration(i) * 40 * time.Millisecond
		_ = w.WriteFrame(mediatest.Frame(h264, i%10 == 0, at, mediatest.H264(i%10 == 0, 20)))
		_ = w.WriteFrame(mediatest.Frame(opus, true, at, mediatest.Opus(10)))
	}
	_ = w.Close()
	f.Add(b.Bytes(), 0, byte(0))
	f.Add(b.Bytes(), 200, byte(0xff))
	f.Fuzz(func(t *testing.T, b []byte, at int, with byte) {
		damaged := slices.Clone(b)
		if at >= 0 && at < len(damaged) {
			damaged[at] ^= with
		}
		m := &memory{damaged}
		s, err := Finish(m, int64(len(damaged)))
		if err == nil && s.Bytes != int64(len(m.b)) {
			t.Fatalf("%+v of %d bytes", s, len(m.b))
		}
	})
}
