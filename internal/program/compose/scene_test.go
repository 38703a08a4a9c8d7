package compose

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose/layout"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
	"github.com/tuttilive/tutti/internal/program/compose/text"
	"github.com/tuttilive/tutti/internal/track"
)

var (
	red   = paint.Color{Y: 82, U: 90, V: 240}
	green = paint.Color{Y: 145, U: 54, V: 34}
	blue  = paint.Color{Y: 41, U: 240, V: 110}
)

func picture(t *testing.T, id string) *track.Track {
	t.Helper()
	p := track.NewFromFrames(track.Info{ID: id, Kind: media.Video, Codec: media.H264, Label: id})
	t.Cleanup(p.Close)
	return p
}

// testScene is a scene whose pictures come from nowhere.
type testScene struct {
	*scene
	t     *testing.T
	frame *paint.Frame
}

func newTestScene(t *testing.T, s Settings) *testScene {
	w, h := s.Size()
	return &testScene{scene: newScene(Config{Fonts: text.Find(""), Workers: codec.FindWorkers("off")}, w, h), t: t, frame: paint.NewFrame(w, h)}
}

// give hands a source's input a picture of one colour.
func (s *testScene) give(p *track.Track, c paint.Color, pts time.Duration) {
	in := s.inputs[p]
	in.retry = 1 << 62 // nothing is decoded
	f := paint.NewFrame(640, 360)
	f.Fill(paint.Rect{W: 640, H: 360}, c)
	d := &decoder{in: in}
	in.taking = d
	d.push(&codec.Picture{Width: 640, Height: 360, Pix: f.Pix, PTS: pts})
}

// show changes the scene, without decoders.
func (s *testScene) show(sources []Source, settings Settings, now time.Duration) {
	s.set(wanted{sources: sources, settings: settings}, now)
	for _, in := range s.inputs {
		in.retry = 1 << 62
	}
}

// paint paints, also the first frame.
func (s *testScene) paint(f *paint.Frame, at, now time.Duration, levels map[string]float64) {
	s.begun = true
	s.scene.paint(f, at, now, levels)
}

func (s *testScene) at(x, y int) paint.Color {
	f := s.frame
	i := y/2*(f.Width/2) + x/2
	return paint.Color{Y: f.Y()[y*f.Width+x], U: f.U()[i], V: f.V()[i]}
}

func (s *testScene) check(what string, x, y int, want paint.Color) {
	s.t.Helper()
	near := func(a, b byte) bool { return max(a, b)-min(a, b) <= 2 }
	if got := s.at(x, y); !near(got.Y, want.Y) || !near(got.U, want.U) || !near(got.V, want.V) {
		s.t.Errorf("%s: at %d,%d %v, want %v", what, x, y, got, want)
	}
}

func plainSettings() Settings {
	s := Defaults()
	s.Names, s.Badges, s.Emphasis, s.Layout = false, false, false, layout.Side
	return s
}

func TestChangeOfLayoutMovesPictures(t *testing.T) {
	settings := plainSettings()
	settings.Layout = layout.Custom
	settings.Places = []layout.Place{{Who: "a", X: 0, Y: 0, W: 0.25, H: 0.25}}
	s := newTestScene(t, settings)
	a, b := picture(t, "a"), picture(t, "b")
	sources := []Source{{ID: "a", Identity: "a", Picture: a}, {ID: "b", Identity: "b", Picture: b}}
	s.show(sources, settings, time.Second)
	s.give(a, red, time.Second)
	s.paint(s.frame, time.Second, time.Second, nil)
	s.check("at once", 160, 90, red)

	settings.Places = []layout.Place{{Who: "a", X: 0.75, Y: 0, W: 0.25, H: 0.25}, {Who: "b", X: 0, Y: 0.5, W: 0.5, H: 0.5}}
	s.show(sources, settings, 2*time.Second)
	s.give(b, green, time.Second)
	s.paint(s.frame, 2*time.Second, 2*time.Second, nil)
	s.check("before the change", 160, 90, red)
	s.paint(s.frame, 2*time.Second, 2150*time.Millisecond, nil)
	s.check("on the way", 640, 90, red)
	if c := s.at(320, 540); c == green || c == s.at(1000, 600) {
		t.Errorf("who comes is not half seen on the way: %v", c)
	}
	s.paint(s.frame, 2*time.Second, 2300*time.Millisecond, nil)
	s.check("after the change", 1120, 90, red)
	s.check("who has come", 320, 540, green)

	s.show(sources[:1], settings, 3*time.Second)
	s.paint(s.frame, 3*time.Second, 3300*time.Millisecond, nil)
	if c := s.at(320, 540); c == green || len(s.inputs) != 1 {
		t.Errorf("who has gone is seen: %v, %d inputs", c, len(s.inputs))
	}
	s.close()
}

func TestPicturesAreChosenByTheTimeOfTheirCapture(t *testing.T) {
	in := newInput(nil, picture(t, "a"), nil)
	d := &decoder{in: in}
	in.taking = d
	now := media.Now()
	for i := range 5 {
		d.push(&codec.Picture{Width: 2, Height: 2, Pix: []byte{byte(i), 0, 0, 0, 0, 0}, PTS: now + time.Duration(i)*40*time.Millisecond})
	}
	if in.pick(now-time.Millisecond) != nil {
		t.Error("a picture is shown before its time")
	}
	for _, c := range []struct {
		at   time.Duration
		want byte
	}{{0, 0}, {39, 0}, {40, 1}, {130, 3}, {130, 3}, {5000, 4}, {9000, 4}} {
		if f := in.pick(now + c.at*time.Millisecond); f == nil || f.Pix[0] != c.want {
			t.Errorf("at %d ms: %v, want %d", c.at, f, c.want)
		}
	}
}

func TestADecoderOfAnotherSizeTakesOverWhenItHasCaughtUp(t *testing.T) {
	in := newInput(nil, picture(t, "a"), nil)
	old, next := &decoder{in: in}, &decoder{in: in}
	in.taking, in.current, in.next = old, old, next
	now := media.Now()
	push := func(d *decoder, width int, at time.Duration) {
		d.push(&codec.Picture{Width: width, Height: 2, Pix: make([]byte, codec.PictureBytes(width, 2)), PTS: now + at})
	}
	push(old, 2, 0)
	push(next, 4, -80)
	push(old, 2, 40)
	push(next, 4, 0)
	push(next, 4, 40)
	push(old, 2, 80) // is too late: the other has taken over
	push(next, 4, 81)
	if in.taking != next {
		t.Fatal("it does not take over")
	}
	for at, want := range map[time.Duration]int{1: 2} {
		if f := in.pick(now + at); f.Width != want {
			t.Errorf("at %d: %d wide, want %d", at, f.Width, want)
		}
	}
	if f := in.pick(now + 81); f.Width != 4 {
		t.Errorf("then it is %d wide", f.Width)
	}
}

// light counts pixels of a part of the frame that are nearly white.
func (s *testScene) light(r paint.Rect) (n int) {
	for y := r.Y; y < r.Y+r.H; y++ {
		for x := r.X; x < r.X+r.W; x++ {
			if s.at(x, y).Y > 200 {
				n++
			}
		}
	}
	return n
}

func TestNamesBadgesAndTitlesAreSeen(t *testing.T) {
	settings := plainSettings()
	settings.Names, settings.Badges = true, true
	settings.LowerThird = LowerThird{Title: "Night show", Subtitle: "with Ada"}
	settings.Texts = []Text{{Text: "LIVE", X: 0.05, Y: 0.05, Size: 0.08, Color: "#ffffff"}}
	s := newTestScene(t, settings)
	a := picture(t, "a")
	sources := []Source{{ID: "a", Identity: "a", Name: "Ada Lovelace", Picture: a}, {ID: "b", Identity: "b", Name: "Bo", Muted: true, Poor: true}}
	s.show(sources, settings, time.Second)
	s.give(a, blue, time.Second)
	s.paint(s.frame, time.Second, time.Second, nil)
	for what, r := range map[string]paint.Rect{
		"Ada's name": {X: 0, Y: 640, W: 400, H: 80}, "Bo's name": {X: 644, Y: 640, W: 300, H: 80}, "Bo's initial": {X: 800, Y: 260, W: 320, H: 200},
		"the lower third": {X: 64, Y: 560, W: 500, H: 100}, "the text": {X: 64, Y: 36, W: 300, H: 80},
	} {
		if n := s.light(r); n < 60 {
			t.Errorf("%s: %d light pixels", what, n)
		}
	}
	if n := s.light(paint.Rect{X: 300, Y: 200, W: 200, H: 200}); n != 0 {
		t.Errorf("something lies over Ada's face: %d light pixels", n)
	}
	settings = plainSettings()
	s.show(sources, settings, 2*time.Second)
	s.paint(s.frame, 2*time.Second, 3*time.Second, nil)
	if n := s.light(paint.Rect{X: 0, Y: 500, W: 600, H: 220}); n != 0 {
		t.Errorf("names are seen that are not wanted: %d light pixels", n)
	}
}

// TestChineseNamesAreSeen looks at the pixels of a name in the frame: they are those of the characters in the font, not empty boxes.
func TestChineseNamesAreSeen(t *testing.T) {
	fonts := text.Find("")
	if err := fonts.Available(); err != nil {
		t.Skip(err)
	}
	settings := plainSettings()
	settings.Names = true
	shown := func(name string) (int, string) {
		s := newTestScene(t, settings)
		a := picture(t, "a")
		s.show([]Source{{ID: "a", Identity: "a", Name: name, Picture: a}}, settings, time.Second)
		s.give(a, blue, time.Second)
		s.paint(s.frame, time.Second, time.Second, nil)
		l := s.elements[0].label
		r := paint.Rect{X: 0, Y: s.height - 2*l.Height, W: 2 * l.Width, H: 2 * l.Height}
		var pixels []byte
		for y := r.Y; y < s.height; y++ {
			pixels = append(pixels, s.frame.Y()[y*s.width:][:r.W]...)
		}
		return s.light(r), string(pixels)
	}
	ink, pixels := shown("中文名字")
	if ink < 150 {
		t.Errorf("%d light pixels", ink)
	}
	otherInk, other := shown("𠮷一二三")
	if pixels == other || otherInk == ink {
		t.Error("all characters look the same")
	}
}

func TestWhoSpeaksHasABorder(t *testing.T) {
	settings := plainSettings()
	settings.Emphasis = true
	s := newTestScene(t, settings)
	a, b := picture(t, "a"), picture(t, "b")
	sources := []Source{{ID: "a", Identity: "a", Picture: a}, {ID: "b", Identity: "b", Picture: b}}
	s.set(wanted{sources: sources, settings: settings, speaking: "b"}, time.Second)
	s.give(a, blue, time.Second)
	s.give(b, blue, time.Second)
	s.paint(s.frame, time.Second, time.Second, map[string]float64{"b": 0.5})
	s.check("who speaks", 644+320, 1, accent)
	s.check("who listens", 320, 1, blue)
}

func pngOf(t *testing.T, w, h int, c color.Color) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.Set(i%w, i/w, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBackgroundAndLogo(t *testing.T) {
	background, err := DecodeImage(pngOf(t, 100, 100, color.NRGBA{255, 0, 0, 255}))
	if err != nil {
		t.Fatal(err)
	}
	logo, err := DecodeImage(pngOf(t, 50, 50, color.NRGBA{0, 0, 255, 255}))
	if err != nil {
		t.Fatal(err)
	}
	settings := plainSettings()
	settings.Images = map[string]image.Image{BackgroundImage: background, LogoImage: logo}
	settings.LogoPlace = LogoPlace{X: 0.5, Y: 0.5, Width: 0.1}
	s := newTestScene(t, settings)
	s.show(nil, settings, time.Second)
	s.paint(s.frame, time.Second, time.Second, nil)
	s.check("the background", 100, 100, red)
	s.check("the logo", 700, 420, blue)
	s.check("beside the logo", 630, 350, red)
	settings.Images = nil
	s.show(nil, settings, 2*time.Second)
	s.paint(s.frame, 2*time.Second, 2*time.Second, nil)
	ground, _ := parseColor(settings.Background)
	s.check("without them", 700, 420, paint.ColorOf(ground))
}

func TestImagesAreBounded(t *testing.T) {
	for what, b := range map[string][]byte{
		"nothing": nil, "text": []byte("<svg/>"), "a huge picture": pngOf(t, 5000, 1, color.White), "too many bytes": make([]byte, MaxImageBytes+1),
		"half a picture": pngOf(t, 500, 500, color.White)[:100],
	} {
		if _, err := DecodeImage(b); !errors.Is(err, ErrImage) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestScansOfAJPEGAreBounded repeats the one scan of a JPEG, as progressive ones are made that take minutes of a core.
func TestScansOfAJPEGAreBounded(t *testing.T) {
	var plain bytes.Buffer
	if err := jpeg.Encode(&plain, image.NewRGBA(image.Rect(0, 0, 64, 64)), nil); err != nil {
		t.Fatal(err)
	}
	begin, end := bytes.Index(plain.Bytes(), startOfScan), plain.Len()-2
	for _, c := range []struct {
		scans int
		taken bool
	}{{1, true}, {10, true}, {maxScans, true}, {maxScans + 1, false}, {10000, false}} {
		b := slices.Concat(plain.Bytes()[:begin], bytes.Repeat(plain.Bytes()[begin:end], c.scans), plain.Bytes()[end:])
		if _, err := DecodeImage(b); (err == nil) != c.taken || err != nil && (!errors.Is(err, ErrImage) || !strings.Contains(err.Error(), "scans")) {
			t.Errorf("%d scans: %v", c.scans, err)
		}
	}
}

// TestImagesThatTakeLongAreGivenUp has images read when their time is over, and while it is not.
func TestImagesThatTakeLongAreGivenUp(t *testing.T) {
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewRGBA(image.Rect(0, 0, 640, 360)), nil); err != nil {
		t.Fatal(err)
	}
	for what, b := range map[string][]byte{"PNG": pngOf(t, 640, 360, color.White), "JPEG": photo.Bytes()} {
		if _, err := decodeImage(b, time.Now().Add(-time.Second)); !errors.Is(err, ErrImage) || !strings.Contains(err.Error(), "too long") {
			t.Errorf("%s after its time: %v", what, err)
		}
		if img, err := decodeImage(b, time.Now().Add(time.Hour)); err != nil || img.Bounds().Dx() != 640 {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestPaintingAllocatesNothing(t *testing.T) {
	settings := Defaults()
	s := newTestScene(t, settings)
	var sources []Source
	for _, id := range []string{"a", "b", "c", "d"} {
		sources = append(sources, Source{ID: id, Identity: id, Name: id, Picture: picture(t, id), Muted: id == "b"})
	}
	s.show(sources, settings, time.Second)
	for _, src := range sources {
		s.give(src.Picture, green, time.Second)
	}
	levels := map[string]float64{"a": 1}
	s.paint(s.frame, time.Second, time.Second, levels)
	if n := testing.AllocsPerRun(100, func() { s.paint(s.frame, 2*time.Second, 2*time.Second, levels) }); n > 0 {
		t.Errorf("%.0f allocations a frame", n)
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	for _, patch := range []string{
		`{"mode":"mixed"}`, `{"layout":"heap"}`, `{"height":1}`, `{"fps":500}`, `{"background":"red"}`, `{"places":[{"x":0,"y":0,"w":2,"h":1}]}`,
		`{"gains":{"a":1000}}`, `{"gains":{"a":-1}}`, `{"texts":[{"text":"a","x":2,"y":0,"size":0.1}]}`, `{"unknown":1}`, `{"layout":"custom"}`, `[]`, `{`,
		`{"transition":99999}`, `{"logoPlace":{"x":3}}`,
	} {
		before := Defaults()
		if after, err := before.Patched([]byte(patch)); err == nil {
			t.Errorf("%s: %+v", patch, after)
		}
	}
	s := Defaults()
	next, err := s.Patched([]byte(`{"layout":"speaker","gains":{"a":0.5},"orientation":"portrait"}`))
	if w, h := next.Size(); err != nil || w != 720 || h != 1280 || next.Gains["a"] != 0.5 || len(s.Gains) != 0 || !next.Names {
		t.Errorf("%v: %dx%d %+v", err, w, h, next)
	}
	again, err := next.Patched([]byte(`{"gains":{}}`))
	if err != nil || len(again.Gains) != 0 || len(next.Gains) != 1 {
		t.Errorf("%v %v", again.Gains, next.Gains)
	}
}

func BenchmarkFrame(b *testing.B) {
	settings := Defaults()
	w, h := settings.Size()
	s := newScene(Config{Fonts: text.Find("")}, w, h)
	var sources []Source
	for _, id := range []string{"a", "b", "c", "d"} {
		sources = append(sources, Source{ID: id, Identity: id, Name: "Name " + id, Picture: track.NewFromFrames(track.Info{ID: id, Kind: media.Video, Codec: media.H264})})
	}
	s.set(wanted{sources: sources, settings: settings}, time.Second)
	for _, e := range s.elements {
		e.input.retry = 1 << 62
		d := &decoder{in: e.input}
		e.input.taking = d
		d.push(&codec.Picture{Width: e.to.W, Height: e.to.H, Pix: make([]byte, codec.PictureBytes(e.to.W, e.to.H)), PTS: time.Second})
	}
	f := paint.NewFrame(w, h)
	b.ReportAllocs()
	for b.Loop() {
		s.paint(f, time.Second, time.Second, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)*30/1e7, "%core@30fps")
}

func TestASlateThatIsTooRichIsKeptSmaller(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 1280, 720))
	noise := rand.NewChaCha8([32]byte{})
	noise.Read(img.Pix)
	for i := 3; i < len(img.Pix); i += 4 {
		img.Pix[i] = 255
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	const limit = 128 << 10
	kept, err := KeepSlate(b.Bytes(), limit)
	if err != nil || len(kept) > limit {
		t.Fatalf("%d bytes, %v", len(kept), err)
	}
	if c, err := jpeg.DecodeConfig(bytes.NewReader(kept)); err != nil || c.Width >= 1280 || c.Width < 300 {
		t.Errorf("it is %dx%d, %v", c.Width, c.Height, err)
	}
}

// TestWhoIsAboutToComeHasAPlaceUntilTheFirstFrame: pictures are decoded for where they will be shown, and nothing is shown of who does not come.
func TestWhoIsAboutToComeHasAPlaceUntilTheFirstFrame(t *testing.T) {
	settings := plainSettings()
	s := newTestScene(t, settings)
	host := picture(t, "host")
	sources := []Source{{ID: "host", Picture: host}, {ID: "guest", Coming: true}}
	both := arrange([]Source{{ID: "host", Picture: host}, {ID: "guest", Picture: picture(t, "guest")}}, "", settings)
	places := func() (list []paint.Rect) {
		for _, e := range s.elements {
			list = append(list, e.to.Rect)
		}
		return list
	}
	s.show(sources, settings, 0)
	if got := places(); len(got) != 1 || got[0] != paint.Rect(both[0].Rect) {
		t.Errorf("before the first frame %v, want %v", got, both[0].Rect)
	}
	w, h := settings.Size()
	alone := paint.Rect{W: w, H: h}
	s.begin(wanted{sources: sources, settings: settings}, time.Second)
	if got := places(); len(got) != 1 || got[0] != alone || s.elements[0].now.Rect != alone {
		t.Errorf("in the first frame %v, want %v", got, alone)
	}
	s.show(sources, settings, 2*time.Second)
	if got := places(); len(got) != 1 || got[0] != alone {
		t.Errorf("later %v, want %v", got, alone)
	}
}

// TestADecoderThatCatchesUpDelaysNothing: frames do not wait for what it owes before its first picture of the present.
func TestADecoderThatCatchesUpDelaysNothing(t *testing.T) {
	p := picture(t, "a")
	in := newInput(nil, p, nil)
	d := &decoder{in: in}
	in.taking = d
	lease, err := p.ReadFrames(media.H264)
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	in.behind.follow(lease.Ring())
	now := media.Now()
	owe := func(at time.Duration) {
		t.Helper()
		format := &media.Format{Codec: media.H264, Width: 640, Height: 360}
		if err := p.WriteFrame(&media.Frame{Format: format, Keyframe: true, PTS: at, DTS: at, Payload: []byte{0, 0, 0, 2, 0x65, 0}}); err != nil {
			t.Fatal(err)
		}
	}
	give := func(at time.Duration, past bool) {
		d.push(&codec.Picture{Width: 2, Height: 2, Pix: make([]byte, codec.PictureBytes(2, 2)), PTS: at, Past: past})
	}
	for i := range 5 {
		owe(now + time.Duration(i)*time.Millisecond)
	}
	give(now, true)
	later := now + 300*time.Millisecond
	if late, ok := in.worst(later); ok {
		t.Errorf("while it catches up it is %v late", late)
	}
	for i := range 5 {
		give(now+time.Duration(i)*time.Millisecond, i < 4)
	}
	owe(now + 10*time.Millisecond)
	if late, ok := in.worst(later); !ok || late < 280*time.Millisecond {
		t.Errorf("then it is %v late, %v", late, ok)
	}
}

// TestAVoiceBeforeItsPictureChangesNoPlace: sound comes first, and the picture that is made ready is to have the size that it will be shown in.
func TestAVoiceBeforeItsPictureChangesNoPlace(t *testing.T) {
	for _, name := range []layout.Name{layout.Auto, layout.Grid, layout.Speaker, layout.Side, layout.Inset, layout.Screen} {
		t.Run(string(name), func(t *testing.T) {
			settings := plainSettings()
			settings.Layout = name
			s := newTestScene(t, settings)
			host := picture(t, "host")
			voice := track.NewFromFrames(track.Info{ID: "voice", Kind: media.Audio, Codec: media.Opus})
			t.Cleanup(voice.Close)
			place := func(guest Source) paint.Rect {
				s.show([]Source{{ID: "host", Picture: host}, guest}, settings, 0)
				return s.elements[0].to.Rect
			}
			silent := place(Source{ID: "guest", Coming: true})
			heard := place(Source{ID: "guest", Coming: true, Sounds: []*track.Track{voice}})
			seen := place(Source{ID: "guest", Picture: picture(t, "guest"), Sounds: []*track.Track{voice}})
			if heard != silent || seen != silent {
				t.Errorf("the host has %v, with the guest's voice %v, with her picture %v", silent, heard, seen)
			}
		})
	}
}

func TestAPictureIsReadyWhenItWouldBeShown(t *testing.T) {
	settings := plainSettings()
	s := newTestScene(t, settings)
	host := picture(t, "host")
	s.show([]Source{{ID: "host", Picture: host}}, settings, 0)
	if s.ready(time.Minute) {
		t.Error("ready without a picture")
	}
	s.give(host, paint.Color{Y: 80, U: 90, V: 240}, time.Second)
	if s.ready(time.Second-time.Millisecond) || !s.ready(time.Second) {
		t.Error("a picture counts as ready before or after the time that it is shown at")
	}
}
