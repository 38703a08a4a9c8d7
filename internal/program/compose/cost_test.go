package compose

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
	"github.com/tuttilive/tutti/internal/track"
)

// clip is two seconds of a moving picture of 640x360, 30 a second.
func clip(tb testing.TB, w *codec.Workers) []*media.Frame {
	tb.Helper()
	const width, height = 640, 360
	var mu sync.Mutex
	var frames []*media.Frame
	e, err := w.Encode(codec.EncoderConfig{Width: width, Height: height, FPS: 30, Out: func(f *media.Frame) {
		mu.Lock()
		defer mu.Unlock()
		frames = append(frames, f)
	}})
	if err != nil {
		tb.Fatal(err)
	}
	defer e.Close()
	f := paint.NewFrame(width, height)
	for i := range 60 {
		for y := range height {
			for x := range width { // texture that moves, with some noise
				f.Y()[y*width+x] = byte(60 + (x+4*i)*(y+i)>>7&127 + (x*7+y*13+i*5)&7)
			}
		}
		f.Fill(paint.Rect{X: 8 * i, Y: 100, W: 100, H: 100}, paint.Color{Y: 180, U: 90, V: 160})
		if err := e.Write(f.Pix, time.Duration(i)*time.Second/30); err != nil {
			tb.Fatal(err)
		}
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		mu.Lock()
		n := len(frames)
		mu.Unlock()
		if n == 60 {
			return frames
		}
	}
	tb.Fatal("the clip is not ready")
	return nil
}

// loop publishes a clip again and again.
func loop(frames []*media.Frame, t *track.Track, stop <-chan struct{}) {
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		f := *frames[i%len(frames)]
		f.PTS = media.Now()
		f.DTS = f.PTS
		_ = t.WriteFrame(&f)
	}
}

func cpu(who int) time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(who, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkFourSources composes four pictures of 640x360 to 1280x720, 30 a second, for ten seconds, and tells what that costs in cores:
// of the workers, and of this process. It takes real time: run it with -benchtime 1x.
func BenchmarkFourSources(b *testing.B) {
	w := codec.FindWorkers("")
	if err := w.Available(); err != nil {
		b.Skip(err)
	}
	frames := clip(b, w)
	for b.Loop() {
		stop := make(chan struct{})
		var work sync.WaitGroup
		var sources []Source
		for _, id := range []string{"a", "b", "c", "d"} {
			t := track.NewFromFrames(track.Info{ID: id, Kind: media.Video, Codec: media.H264, Label: id})
			defer t.Close()
			work.Go(func() { loop(frames, t, stop) })
			sources = append(sources, Source{ID: id, Identity: id, Name: "Name " + id, Picture: t})
		}
		c, err := New(Config{Workers: w, Label: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		c.Set(sources, Defaults())
		lease, err := c.Output().ReadFrames(media.H264)
		if err != nil {
			b.Fatal(err)
		}
		self, children, begin := cpu(syscall.RUSAGE_SELF), cpu(syscall.RUSAGE_CHILDREN), time.Now()
		time.Sleep(10 * time.Second)
		stats := c.Stats()
		lease.Release()
		c.Close()
		passed := time.Since(begin).Seconds()
		close(stop)
		work.Wait()
		b.ReportMetric((cpu(syscall.RUSAGE_SELF)-self).Seconds()/passed, "cores/self")
		b.ReportMetric((cpu(syscall.RUSAGE_CHILDREN)-children).Seconds()/passed, "cores/workers")
		b.ReportMetric(float64(stats.Frames)/passed, "frames/s")
		b.ReportMetric(float64(stats.Skipped), "skipped")
		b.ReportMetric(stats.Delay.Seconds()*1000, "ms-delay")
	}
}

// BenchmarkWorkers tells what the workers take for a picture in CPU time, which does not depend on what else the machine does: to decode
// 640x360, and to encode 1280x720 at each effort of x264. Run it with -benchtime 1x.
func BenchmarkWorkers(b *testing.B) {
	w := codec.FindWorkers("")
	if err := w.Available(); err != nil {
		b.Skip(err)
	}
	const rounds = 10
	frames := clip(b, w)
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			ring := media.NewRing[*media.Frame](media.Limits{Items: 4096, Bytes: 64 << 20, Span: time.Hour})
			n := rounds * len(frames)
			for i := range n {
				f := *frames[i%len(frames)]
				f.PTS = time.Minute + time.Duration(i)*time.Second/30
				f.DTS = f.PTS
				f.Keyframe = i == 0 // that is where it begins
				ring.Append(&f, media.Mark{Bytes: len(f.Payload), Time: f.DTS, Key: f.Keyframe})
			}
			ring.Flush()
			came, picture := make(chan struct{}, n), &codec.Picture{Pix: make([]byte, codec.PictureBytes(640, 360))}
			before := cpu(syscall.RUSAGE_CHILDREN)
			d, err := w.Decode(ring, codec.DecoderConfig{
				Scaling: codec.Scaling{Width: 632, Height: 356}, Buffer: func(int, int) *codec.Picture { return picture },
				Out: func(*codec.Picture) { came <- struct{}{} }, Keyframe: func() {},
			})
			if err != nil {
				b.Fatal(err)
			}
			for range n - 1 {
				<-came
			}
			d.Close()
			b.ReportMetric((cpu(syscall.RUSAGE_CHILDREN)-before).Seconds()*1000/float64(n), "cpu-ms/picture")
		}
	})
	for _, preset := range []string{"veryfast", "superfast", "ultrafast"} {
		b.Run(preset, func(b *testing.B) {
			for b.Loop() {
				const n = 150
				before := cpu(syscall.RUSAGE_CHILDREN)
				came := make(chan struct{}, n)
				e, err := w.Encode(codec.EncoderConfig{Width: 1280, Height: 720, FPS: 30, Preset: preset, Out: func(*media.Frame) { came <- struct{}{} }})
				if err != nil {
					b.Fatal(err)
				}
				f := paint.NewFrame(1280, 720)
				for i := range n {
					for y := range 720 {
						for x := range 1280 {
							f.Y()[y*1280+x] = byte(60 + (x+4*i)*(y+i)>>8&127 + (x*7+y*13+i*5)&7)
						}
					}
					if err := e.Write(f.Pix, time.Duration(i)*time.Second/30); err != nil {
						b.Fatal(err)
					}
				}
				for range n - 1 {
					<-came
				}
				e.Close()
				b.ReportMetric((cpu(syscall.RUSAGE_CHILDREN)-before).Seconds()*1000/n, "cpu-ms/picture")
			}
		})
	}
}
