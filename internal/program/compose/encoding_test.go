package compose

import (
	"sync"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
)

// TestLessIsMadeWithoutAPause changes rate and size of what comes out, and looks for each frame of what went in.
func TestLessIsMadeWithoutAPause(t *testing.T) {
	w := codec.FindWorkers("")
	if err := w.Available(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(w.Close)
	var mu sync.Mutex
	var out []*media.Frame
	e := newEncoding(Config{Workers: w, Label: "test"}, 640, 360, func(f *media.Frame) error {
		mu.Lock()
		defer mu.Unlock()
		out = append(out, f)
		return nil
	})
	if err := e.start(effort{fps: 30, width: 640, height: 360}); err != nil {
		t.Fatal(err)
	}
	at := media.Now()
	var sent []time.Duration
	frame := func(fps int) {
		t.Helper()
		select {
		case c := <-e.free:
			at += time.Second / time.Duration(fps)
			sent = append(sent, at)
			e.send(c, at)
		case <-time.After(time.Minute):
			t.Fatal("no frame is free")
		}
	}
	change := func(out effort) {
		t.Helper()
		if err := e.change(out); err != nil {
			t.Fatal(err)
		}
	}
	for range 30 {
		frame(30)
	}
	change(effort{fps: 15, width: 640, height: 360})
	if e.begins() {
		t.Error("another rate takes another encoder")
	}
	for range 20 {
		frame(15)
	}
	change(effort{fps: 15, width: 426, height: 240})
	change(effort{fps: 15, width: 320, height: 180}) // before that one has begun
	for e.next != nil {
		frame(15)
	}
	switched := len(sent) - 1
	for range 20 {
		frame(15)
	}
	e.now.end()
	<-e.now.done
	e.close()
	if len(out) != len(sent) {
		t.Fatalf("%d frames came out of %d", len(out), len(sent))
	}
	for i, f := range out {
		width := 640
		if i >= switched {
			width = 320
		}
		if f.PTS != sent[i] || f.Format.Width != width || i == switched && !f.Keyframe {
			t.Errorf("frame %d: %v of %v, %d wide, keyframe %v", i, f.PTS, sent[i], f.Format.Width, f.Keyframe)
		}
	}
}

// TestAnEncoderWithoutRoomTakesNothingOver lets no second process begin: the first goes on, and the second takes over once there is room.
func TestAnEncoderWithoutRoomTakesNothingOver(t *testing.T) {
	w := codec.FindWorkers("")
	if err := w.Available(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(w.Close)
	w.SetLimit(1)
	out := make(chan int, 1000)
	e := newEncoding(Config{Workers: w, Label: "test"}, 640, 360, func(f *media.Frame) error {
		out <- f.Format.Width
		return nil
	})
	defer e.close()
	if err := e.start(effort{fps: 30, width: 640, height: 360}); err != nil {
		t.Fatal(err)
	}
	at := media.Now()
	wait := time.After(time.Minute)
	// until sends frames as fast as they are taken, until enough has come out.
	until := func(enough func(width int) bool) {
		t.Helper()
		for {
			select {
			case width := <-out:
				if enough(width) {
					return
				}
			case c := <-e.free:
				at += time.Second / 30
				e.send(c, at)
			case <-wait:
				t.Fatal("nothing like that comes")
			}
		}
	}
	shows := func(width int) {
		t.Helper()
		until(func(got int) bool { return got == width })
	}
	shows(640)
	if err := e.change(effort{fps: 30, width: 320, height: 180}); err != nil {
		t.Fatal(err)
	}
	came := 0
	until(func(width int) bool {
		if width != 640 {
			t.Fatalf("%d came out, where there is no room for its encoder", width)
		}
		came++
		return came == 300
	})
	if e.next == nil {
		t.Error("what has no room to begin has taken over")
	}
	w.SetLimit(2)
	shows(320)
}
