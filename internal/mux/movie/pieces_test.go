package movie

import (
	"bytes"
	"errors"
	"fmt"
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
)

// long are 12 s of pictures, 25 a second, a keyframe each 1.4 s, that change their size after 6 s.
func long() (all []*media.Frame) {
	small, large := mediatest.H264Format(320, 180), mediatest.H264Format(640, 360)
	for i := range 300 {
		format := small
		if i >= 150 {
			format = large
		}
		key := i%35 == 0 || i == 150
		all = append(all, mediatest.Frame(format, key, time.Duration(i)*40*time.Millisecond, mediatest.H264(key, 100)))
	}
	return all
}

func TestPiecesBeginWithKeyframes(t *testing.T) {
	b := write(t, long())
	f := save(t, b)
	before, err := ReadPieces(f, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Finish(f, int64(len(b))); err != nil {
		t.Fatal(err)
	}
	info, _ := f.Stat()
	after, err := ReadPieces(f, info.Size())
	if err != nil || !slices.Equal(before.Pieces, after.Pieces) || len(after.Headers) != 2 {
		t.Fatalf("finished: %+v, %v; before %+v", after.Pieces, err, before.Pieces)
	}
	whole, end := time.Duration(0), int64(0)
	for i, p := range after.Pieces {
		whole += p.Duration
		if !p.Independent || p.Duration > 6*time.Second || p.Offset < end {
			t.Errorf("piece %d: %+v", i, p)
		}
		if got := string(b[p.Offset+4 : p.Offset+8]); got != "moof" {
			t.Errorf("piece %d begins with %q", i, got)
		}
		end = p.Offset + p.Bytes
	}
	if whole < 11900*time.Millisecond || whole > 12100*time.Millisecond {
		t.Errorf("%v altogether", whole)
	}
	if last := after.Pieces[len(after.Pieces)-1]; last.Header != 1 || after.Pieces[0].Header != 0 {
		t.Errorf("%+v", after.Pieces)
	}
	for _, n := range []int64{0, 10, 40, 700} {
		if p, err := ReadPieces(f, n); err == nil && len(p.Pieces) > 0 && p.Pieces[0].Offset+p.Pieces[0].Bytes > n {
			t.Errorf("of %d bytes: %+v", n, p)
		} else if n < 40 && !errors.Is(err, ErrEmpty) {
			t.Errorf("of %d bytes: %v", n, err)
		}
	}
}

func TestAPieceMayBeginWithSound(t *testing.T) {
	all := frames(t, "320x180")
	first := slices.IndexFunc(all, func(f *media.Frame) bool { return f.Kind() == media.Audio })
	early := *all[first]
	early.PTS, early.DTS = early.PTS-100*time.Millisecond, early.DTS-100*time.Millisecond
	b := write(t, append([]*media.Frame{&early}, all...))
	p, err := ReadPieces(bytes.NewReader(b), int64(len(b)))
	if err != nil || len(p.Pieces) != 1 || !p.Pieces[0].Independent {
		t.Errorf("%+v, %v", p.Pieces, err)
	}
}

func TestAPlaylistOfAMovieIsPlayed(t *testing.T) {
	all := frames(t, "320x180")
	f := save(t, write(t, all))
	info, _ := f.Stat()
	if _, err := Finish(f, info.Size()); err != nil {
		t.Fatal(err)
	}
	info, _ = f.Stat()
	pieces, err := ReadPieces(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(f.Name())
	for i, h := range pieces.Headers {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("header%d.mp4", i)), h, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	one := Listed{pieces, "movie.mp4", func(n int) string { return fmt.Sprintf("header%d.mp4", n) }}
	list := filepath.Join(dir, "index.m3u8")
	if twice := string(Playlist([]Listed{one, one})); strings.Count(twice, "#EXT-X-DISCONTINUITY\n#EXT-X-MAP") != 1 || strings.Count(twice, "#EXT-X-MAP") != 2 {
		t.Error(twice)
	}
	if err := os.WriteFile(list, Playlist([]Listed{one}), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-count_frames", "-select_streams", "v", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", list).Output()
	if n, _ := strconv.Atoi(strings.Split(strings.TrimSpace(string(out)), "\n")[0]); err != nil || n != count(all, media.Video) {
		t.Errorf("%s of %d pictures, %v", out, count(all, media.Video), err)
	}
}

func FuzzPieces(f *testing.F) {
	w := bytes.Buffer{}
	m := NewWriter(&w)
	for _, frame := range long()[:80] {
		if err := m.WriteFrame(frame); err != nil {
			f.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(w.Bytes())
	f.Add(w.Bytes()[:100])
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ReadPieces(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for _, piece := range p.Pieces {
			if piece.Offset < 0 || piece.Bytes <= 0 || piece.Offset+piece.Bytes > int64(len(b)) || piece.Header < 0 || piece.Header >= len(p.Headers) {
				t.Fatalf("%+v of %d bytes, %d headers", piece, len(b), len(p.Headers))
			}
		}
		Playlist([]Listed{{p, "x", func(int) string { return "y" }}})
	})
}
