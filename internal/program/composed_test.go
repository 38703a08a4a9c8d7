package program

import (
	"context"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/program/compose/layout"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
	"github.com/tuttilive/tutti/internal/program/programtest"
	"github.com/tuttilive/tutti/internal/track"
)

// painted publishes pictures of one colour in H.264, 30 a second.
type painted struct {
	*track.Track
	stop func()
}

var (
	red, green, blue, gold = programtest.Red, programtest.Green, programtest.Blue, programtest.Gold
	needWorkers, await     = programtest.Workers, programtest.Await
)

// publishColour starts a picture; what the n-th one shows is painted before it.
func publishColour(t *testing.T, w *codec.Workers, id string, c paint.Color) *painted {
	t.Helper()
	return publishPainted(t, w, id, func(f *paint.Frame, _ time.Duration) {
		f.Fill(paint.Rect{W: f.Width, H: f.Height}, c)
	})
}

func publishPainted(t *testing.T, w *codec.Workers, id string, draw func(f *paint.Frame, at time.Duration)) *painted {
	t.Helper()
	const width, height = 320, 180
	p := &painted{Track: track.NewFromFrames(track.Info{ID: id, Kind: media.Video, Codec: media.H264, Label: id, Workers: w})}
	p.stop = programtest.Draw(t, w, width, height, draw, func(f *media.Frame) error {
		err := p.WriteFrame(f)
		if err != nil && err != track.ErrClosed {
			t.Error(err)
		}
		return err
	})
	t.Cleanup(p.end)
	return p
}

func (p *painted) end() {
	p.stop()
	p.Close()
}

func newComposed(t *testing.T, w *codec.Workers) *Program {
	t.Helper()
	c, err := compose.New(compose.Config{Workers: w, Label: "test"})
	if err != nil {
		t.Fatal(err)
	}
	p := New("test", c)
	t.Cleanup(func() { p.Close(); c.Close() })
	return p
}

// viewer decodes the pictures of a program, and keeps the newest.
type viewer struct {
	ring   *media.Ring[*media.Frame]
	reader *Reader
	done   chan struct{}

	mu     sync.Mutex
	newest *codec.Picture
	count  int
	frames []*media.Frame
	came   []time.Duration
	sounds []*media.Frame
}

func view(t *testing.T, w *codec.Workers, p *Program, width, height int) *viewer {
	t.Helper()
	return viewOf(t, w, p, width, height, Demand{Video: []media.Codec{media.H264}, Audio: []media.Codec{media.AAC}})
}

func viewOf(t *testing.T, w *codec.Workers, p *Program, width, height int, demand Demand) *viewer {
	t.Helper()
	reader, err := p.Read(demand)
	if err != nil {
		t.Fatal(err)
	}
	v := &viewer{
		ring:   media.NewRing[*media.Frame](media.Limits{Items: 4096, Bytes: 32 << 20, Span: time.Minute}),
		reader: reader, done: make(chan struct{}),
	}
	d, err := w.Decode(v.ring, codec.DecoderConfig{
		Scaling:  codec.Scaling{Width: width, Height: height},
		Buffer:   func(w, h int) *codec.Picture { return &codec.Picture{Pix: make([]byte, codec.PictureBytes(w, h))} },
		Keyframe: func() {},
		Out: func(p *codec.Picture) {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.newest = p
			v.count++
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(v.done)
		for {
			f, err := reader.Next(context.Background())
			if err != nil {
				return
			}
			v.mu.Lock()
			if f.Kind() == media.Audio {
				v.sounds = append(v.sounds, f)
				v.mu.Unlock()
				continue
			}
			v.frames = append(v.frames, f)
			v.came = append(v.came, media.Now())
			v.mu.Unlock()
			v.ring.Append(f, media.Mark{Bytes: len(f.Payload), Time: f.DTS, Key: f.Keyframe})
			v.ring.Flush()
		}
	}()
	t.Cleanup(func() {
		reader.Close()
		<-v.done
		d.Close()
	})
	return v
}

// sees tells whether the newest picture has a colour all over the middle of a rectangle.
func (v *viewer) sees(r layout.Rect, c paint.Color) bool {
	v.mu.Lock()
	p := v.newest
	v.mu.Unlock()
	return p != nil && programtest.HasColour(&paint.Frame{Width: p.Width, Height: p.Height, Pix: p.Pix}, r, c)
}

// inOrder checks that the times of pictures never step back, and gives the longest distance of two.
func (v *viewer) inOrder(t *testing.T) (longest time.Duration) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := 1; i < len(v.frames); i++ {
		d := v.frames[i].DTS - v.frames[i-1].DTS
		if d <= 0 {
			t.Errorf("picture %d: DTS %v after %v", i, v.frames[i].DTS, v.frames[i-1].DTS)
		}
		longest = max(longest, d)
	}
	return longest
}

// bare are settings without what is painted over pictures.
func bare() compose.Settings {
	s := compose.Defaults()
	s.Names, s.Badges, s.Emphasis, s.Height = false, false, false, 360
	return s
}

func tiles(n int, s compose.Settings) []layout.Tile {
	w, h := s.Size()
	list := make([]layout.Source, n)
	for i := range list {
		list[i].Picture = true
	}
	return layout.Arrange(list, layout.Options{Name: s.Layout, W: w, H: h})
}

func TestSeveralPicturesAreComposedAndOnePassesThrough(t *testing.T) {
	w := needWorkers(t)
	p := newComposed(t, w)
	a := publishColour(t, w, "TR_A", red)
	sources := []compose.Source{{ID: "a", Identity: "a", Name: "A", Picture: a.Track}}
	p.Add(a.Track, 0)
	p.Stage(sources, bare())
	s := bare()
	width, height := s.Size()
	whole := layout.Rect{W: width, H: height}
	v := view(t, w, p, width, height)
	await(t, "one picture passes through", func() bool { return v.sees(whole, red) })
	if _, composed := p.Composed(); composed {
		t.Fatal("a single picture is composed")
	}

	b := publishColour(t, w, "TR_B", blue)
	p.Add(b.Track, 0)
	p.Stage([]compose.Source{sources[0], {ID: "b", Identity: "b", Name: "B", Picture: b.Track}}, bare())
	two := tiles(2, s)
	await(t, "two pictures side by side", func() bool { return v.sees(two[0].Rect, red) && v.sees(two[1].Rect, blue) })

	p.Show(b.Track) // alone
	await(t, "the pinned picture", func() bool { return v.sees(whole, blue) })
	p.Show(nil)
	await(t, "two pictures again", func() bool { return v.sees(two[0].Rect, red) && v.sees(two[1].Rect, blue) })

	stats, _ := p.Composed()
	b.end()
	p.Stage(sources, bare())
	await(t, "one picture passes through again", func() bool { _, composed := p.Composed(); return !composed && v.sees(whole, red) })
	if longest := v.inOrder(t); longest > 1500*time.Millisecond && stats.Shed == 0 { // else this machine is too busy to tell
		t.Errorf("a hole of %v in the pictures", longest)
	}
}

// TestAComposedPictureIsOnItsWay: who opens a stream when a composition begins is not given the sound alone.
func TestAComposedPictureIsOnItsWay(t *testing.T) {
	w := needWorkers(t)
	p := newComposed(t, w)
	a, b := publishColour(t, w, "TR_A", red), publishColour(t, w, "TR_B", blue)
	p.Add(a.Track, 0)
	p.Add(b.Track, 0)
	p.Stage([]compose.Source{{ID: "a", Identity: "a", Picture: a.Track}, {ID: "b", Identity: "b", Picture: b.Track}}, bare())
	if !p.SendsPicture(Demand{Video: []media.Codec{media.H264}}) {
		t.Error("the composition has begun, and no picture is said to come")
	}
}

func TestAWorkerThatIsKilledIsReplacedWhileTheLastPictureIsHeld(t *testing.T) {
	w := needWorkers(t)
	p := newComposed(t, w)
	a, b := publishColour(t, w, "TR_A", red), publishColour(t, w, "TR_B", green)
	s := bare()
	p.Add(a.Track, 0)
	p.Add(b.Track, 0)
	p.Stage([]compose.Source{{ID: "a", Identity: "a", Picture: a.Track}, {ID: "b", Identity: "b", Picture: b.Track}}, s)
	width, height := s.Size()
	v := view(t, w, p, width, height)
	two := tiles(2, s)
	both := func() bool { return v.sees(two[0].Rect, red) && v.sees(two[1].Rect, green) }
	await(t, "two pictures", both)
	stats, _ := p.Composed()
	if len(stats.Processes) != 3 {
		t.Fatalf("processes %v", stats.Processes)
	}
	if err := syscall.Kill(stats.Processes[1], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	for restarts := stats.Restarts; stats.Restarts == restarts; stats, _ = p.Composed() {
		if !both() {
			t.Fatal("the picture is not held")
		}
		if time.Since(killed) > time.Minute {
			t.Fatal("the decoder is not replaced")
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Logf("decoder replaced after %v", time.Since(killed))
	restarts := stats.Restarts
	if err := syscall.Kill(stats.Processes[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed = time.Now()
	await(t, "the encoder is replaced", func() bool { stats, _ = p.Composed(); return stats.Restarts > restarts })
	v.mu.Lock()
	count := v.count
	v.mu.Unlock()
	await(t, "pictures again", func() bool { v.mu.Lock(); defer v.mu.Unlock(); return v.count > count+3 })
	t.Logf("pictures of another encoder after %v", time.Since(killed))
	if !both() {
		t.Error("it shows something else")
	}
	v.inOrder(t)
}

// format is the newest picture's.
func (v *viewer) format() media.Format {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.frames) == 0 {
		return media.Format{}
	}
	return *v.frames[len(v.frames)-1].Format
}

func (v *viewer) keyframes() (at []time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, f := range v.frames {
		if f.Keyframe {
			at = append(at, f.PTS)
		}
	}
	return at
}

func TestRenditionsAreOfTheSamePictureAndMadeWhileTheyAreRead(t *testing.T) {
	w := needWorkers(t)
	p := newComposed(t, w)
	a, b := publishColour(t, w, "TR_A", red), publishColour(t, w, "TR_B", gold)
	s := bare()
	s.Renditions = []int{180}
	p.Add(a.Track, 0)
	p.Add(b.Track, 0)
	p.Stage([]compose.Source{{ID: "a", Identity: "a", Picture: a.Track}, {ID: "b", Identity: "b", Picture: b.Track}}, s)
	width, height := s.Size()
	two := tiles(2, s)
	whole := view(t, w, p, width, height)
	await(t, "two pictures", func() bool { return whole.sees(two[0].Rect, red) && whole.sees(two[1].Rect, gold) })
	if stats, _ := p.Composed(); len(stats.Renditions) != 0 {
		t.Errorf("made for nobody: %v", stats.Renditions)
	}
	if sizes := p.Sizes(); len(sizes) != 2 || sizes[0] != (media.Size{Width: 320, Height: 180}) {
		t.Skipf("this machine is too busy: %v", sizes) // renditions are shed
	}
	// It decodes to the same size, so that the same places can be looked at.
	small := viewOf(t, w, p, width, height, Demand{Video: []media.Codec{media.H264}, Size: media.Size{Width: 320, Height: 180}})
	busy := func() bool { stats, _ := p.Composed(); return stats.Shed > 1 }
	await(t, "the same, small", func() bool {
		return busy() || small.format().Width == 320 && small.sees(two[0].Rect, red) && small.sees(two[1].Rect, gold)
	})
	if got := whole.format().Width; got != 640 {
		t.Errorf("who wants the largest gets %d", got)
	}
	lease, err := p.stage.composer.Output().ReadPackets(media.H264) // as WHEP does
	if err != nil {
		t.Fatal(err)
	}
	layers, _ := lease.Layers()
	lease.Release()
	if busy() {
		t.Skip("this machine is too busy for renditions")
	}
	if len(layers) != 2 || layers[0].RID() != "q" {
		t.Errorf("layers %v", layers)
	}
	stats, _ := p.Composed()
	if stats.Shed == 0 && stats.Skipped == 0 {
		await(t, "keyframes at the same times", func() bool {
			at := small.keyframes()
			return len(at) > 1 && slices.Contains(whole.keyframes(), at[len(at)-1])
		})
	}
	small.reader.Close()
	await(t, "nobody reads it, nobody makes it", func() bool { stats, _ := p.Composed(); return len(stats.Renditions) == 0 })
	whole.inOrder(t)
}

// TestASmallPictureIsDecodedOfASmallLayer: each layer of a simulcast has a colour of its own.
func TestASmallPictureIsDecodedOfASmallLayer(t *testing.T) {
	w := needWorkers(t)
	p := newComposed(t, w)
	simulcast := track.NewFromPackets(track.Info{ID: "TR_S", Kind: media.Video, Codec: media.H264, Label: "simulcast"}, nil)
	defer simulcast.Close()
	for i, l := range []struct {
		rid           string
		width, height int
		colour        paint.Color
	}{{"q", 320, 180, red}, {"f", 640, 360, blue}} {
		layer := simulcast.AddLayer(l.rid)
		packets, err := rtpfmt.NewPacketizer(media.H264)
		if err != nil {
			t.Fatal(err)
		}
		seq := uint64(1 << 16)
		programtest.Paint(t, w, l.width, l.height, l.colour, func(f *media.Frame) error {
			list := packets.Packetize(f)
			for k := range list {
				q := list[k]
				q.Seq, q.SSRC, q.Arrival = seq, uint32(i+1), media.Now()
				seq++
				layer.Write(&q)
			}
			layer.Flush()
			return nil
		})
	}
	s := bare()
	s.Mode, s.Layout, s.Transition = compose.ModeComposed, layout.Custom, 0
	s.Places = []layout.Place{{W: 0.25, H: 0.25}}
	p.Add(simulcast, 0)
	stage := func() { p.Stage([]compose.Source{{ID: "a", Identity: "a", Picture: simulcast}}, s) }
	stage()
	width, height := s.Size()
	v := view(t, w, p, width, height)
	await(t, "the small layer, small", func() bool { return v.sees(layout.Rect{W: width / 4, H: height / 4}, red) })
	await(t, "nobody asks for more", func() bool {
		at, wanted := simulcast.FramesWanted()
		return wanted && at == media.Size{Width: 320, Height: 180}
	})
	s.Places = []layout.Place{{W: 1, H: 1}}
	stage()
	await(t, "the large layer, large", func() bool { return v.sees(layout.Rect{W: width, H: height}, blue) })
	s.Places = []layout.Place{{X: 0.5, Y: 0.5, W: 0.25, H: 0.25}}
	stage()
	await(t, "the small layer again", func() bool { return v.sees(layout.Rect{X: width / 2, Y: height / 2, W: width / 4, H: height / 4}, red) })
}

// TestAllIsReadyForAPictureThatIsAboutToCome: the processes run before it is there, viewers go on seeing the one picture as it comes, and what is not needed ends.
func TestAllIsReadyForAPictureThatIsAboutToCome(t *testing.T) {
	w := needWorkers(t)
	p := newComposed(t, w)
	s := bare()
	width, height := s.Size()
	a, b := publishColour(t, w, "TR_A", red), publishColour(t, w, "TR_B", blue)
	v := view(t, w, p, width, height)
	host, guest := compose.Source{ID: "a", Identity: "a", Picture: a.Track}, compose.Source{ID: "b", Identity: "b", Coming: true}
	p.Add(a.Track, 0)
	p.Stage([]compose.Source{host}, s)
	whole := layout.Rect{W: width, H: height}
	await(t, "one picture passes through", func() bool { return v.sees(whole, red) })
	before := w.Running()

	p.Stage([]compose.Source{host, guest}, s)
	await(t, "an encoder, a decoder and a spare one run", func() bool { return w.Running() == before+3 })
	p.Stage([]compose.Source{host}, s)
	await(t, "they end", func() bool { return w.Running() == before })
	p.Stage([]compose.Source{host, guest}, s)
	await(t, "they run again", func() bool { return w.Running() == before+3 })
	if _, composed := p.Composed(); composed || !v.sees(whole, red) {
		t.Error("a single picture is composed")
	}

	p.Add(b.Track, 0)
	guest.Picture, guest.Coming = b.Track, false
	p.Stage([]compose.Source{host, guest}, s)
	two := tiles(2, s)
	await(t, "two pictures", func() bool { return v.sees(two[0].Rect, red) && v.sees(two[1].Rect, blue) })
	if n := w.Running(); n != before+3 {
		t.Errorf("%d processes more than before, want 3", n-before)
	}
	v.inOrder(t)
}

// TestWhoIsAboutToComeKeepsAComposition: viewers are not taken to the one picture that is left, only to be taken back.
func TestWhoIsAboutToComeKeepsAComposition(t *testing.T) {
	c, err := compose.New(compose.Config{Workers: needWorkers(t), Label: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a, b := track.NewFromFrames(track.Info{Kind: media.Video, Codec: media.H264}), track.NewFromFrames(track.Info{Kind: media.Video, Codec: media.H264})
	defer a.Close()
	defer b.Close()
	host, guest := compose.Source{ID: "a", Picture: a}, compose.Source{ID: "b", Picture: b}
	s := stage{composer: c, settings: compose.Defaults(), sources: []compose.Source{host, guest}}
	if !s.compose(false, false, time.Second) {
		t.Fatal("two are not composed")
	}
	s.sources = []compose.Source{host, {ID: "b", Coming: true}}
	if !s.compose(false, false, time.Minute) {
		t.Error("the composition ends, though it is about to be needed")
	}
	s.sources = s.sources[:1]
	if s.compose(false, false, time.Minute) {
		t.Error("a single picture is composed")
	}
	s.sources = []compose.Source{{ID: "b", Coming: true}}
	s.settings.Mode = compose.ModeComposed
	if s.compose(false, false, time.Minute) {
		t.Error("nothing is composed")
	}
}
