package record

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/studio"
)

// film has a recording grow by so much while a photographer takes pictures of it, each as grey as the recording is long, in halves of seconds.
func film(t *testing.T, l *library, by time.Duration) {
	t.Helper()
	length := func() float64 {
		e, err := l.find("one")
		if err != nil {
			t.Error(err)
		}
		return e.Duration
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	p := photographer{library: l, id: "one", take: func() ([]byte, error) {
		if d := length(); d >= 40 && d < 60 {
			return nil, studio.ErrNoPicture
		}
		full := image.NewGray(image.Rect(0, 0, 320, 180))
		draw.Draw(full, full.Bounds(), image.NewUniform(color.Gray{uint8(length() / 2)}), image.Point{}, draw.Src)
		var b bytes.Buffer
		err := jpeg.Encode(&b, full, nil)
		return b.Bytes(), err
	}}
	go func() { defer close(done); p.run(ctx) }()
	for range int(by / lookEvery) {
		time.Sleep(lookEvery)
		if _, err := l.change("one", false, func(e *entry) { e.Files[len(e.Files)-1].Duration += lookEvery.Seconds() }); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	<-done
}

// checkStrip checks that each tile is of its time.
func checkStrip(t *testing.T, l *library, every float64, count int) {
	t.Helper()
	e, err := l.find("one")
	if err != nil || e.Strip == nil || e.Strip.Every != every || e.Strip.Count != count || e.Strip.From != 0 {
		t.Fatalf("%+v, %v", e.Strip, err)
	}
	content, err := os.ReadFile(l.path(stripName("one")))
	if err != nil {
		t.Fatal(err)
	}
	tiles, err := cutStrip(content, *e.Strip)
	if err != nil {
		t.Fatal(err)
	}
	for i, tile := range tiles {
		want := firstPicture.Seconds() + float64(i)*every
		switch {
		case want >= 40 && want < 60:
			want = 33 // there was no picture
		case want > 450:
			continue // white is not bright enough
		}
		if got := 2 * float64(tile.RGBAAt(80, 45).R); got < want-6 || got > want+6 {
			t.Errorf("tile %d of %d is of %v s, not of %v s", i, count, got, want)
		}
	}
}

func TestAStripGoesOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	open := func() *library {
		l, err := openLibrary(dir, quiet())
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open()
	if err := l.put(&entry{Recording: Recording{ID: "one", State: Running, Files: []File{{Name: "one-1.mp4"}}}}); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { film(t, l, 95*time.Second) })
	checkStrip(t, l, 10, 10)
	if _, err := l.change("one", true, func(e *entry) { e.Files = append(e.Files, File{Name: "one-2.mp4"}) }); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(l.path(pictureName("one")))
	if err != nil {
		t.Fatal(err)
	}
	l = open()
	synctest.Test(t, func(t *testing.T) { film(t, l, 60*time.Second) })
	checkStrip(t, l, 10, 16)
	if after, err := os.ReadFile(l.path(pictureName("one"))); err != nil || !bytes.Equal(before, after) {
		t.Errorf("its picture is another after the restart, %v", err)
	}
	// It gets too long for a tile each ten seconds.
	synctest.Test(t, func(t *testing.T) { film(t, l, 300*time.Second) })
	checkStrip(t, l, 10, 46)
	synctest.Test(t, func(t *testing.T) { film(t, l, 46*time.Second) })
	if _, err := l.change("one", false, func(e *entry) { e.Files[0].Duration += 120 }); err != nil { // as if nobody had taken any for two minutes
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { film(t, l, 22*time.Second) })
	checkStrip(t, l, 20, 32)
}

func TestAStripLeavesOutWhatIsDeleted(t *testing.T) {
	l, err := openLibrary(t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.put(&entry{Recording: Recording{ID: "one", State: Running, Files: []File{{Name: "one-1.mp4"}}}}); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { film(t, l, 26*time.Second) })
	if _, err := l.change("one", false, func(e *entry) { e.Files = append(e.Files, File{Name: "one-2.mp4"}) }); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { film(t, l, 10*time.Second) })
	if err := l.drop("one", "one-1.mp4"); err != nil {
		t.Fatal(err)
	}
	if e, _ := l.find("one"); e.Strip.From != -26 || e.Strip.Count != 4 || e.Duration != 10 {
		t.Fatalf("%+v of %v s", e.Strip, e.Duration)
	}
	synctest.Test(t, func(t *testing.T) { film(t, l, 10*time.Second) })
	if e, _ := l.find("one"); e.Strip.From != -6 || e.Strip.Count != 3 {
		t.Fatalf("%+v of %v s", e.Strip, e.Duration)
	}
}
