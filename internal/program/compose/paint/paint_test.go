package paint

import (
	"image"
	"image/color"
	"testing"
)

var (
	red  = Color{82, 90, 240}
	blue = Color{41, 240, 110}
)

func solid(w, h int, c Color) *Frame {
	f := NewFrame(w, h)
	f.Fill(Rect{0, 0, w, h}, c)
	return f
}

func at(f *Frame, x, y int) Color {
	i := y/2*(f.Width/2) + x/2
	return Color{f.Y()[y*f.Width+x], f.U()[i], f.V()[i]}
}

// gradient rises from left to right, by one a pixel of w/200.
func gradient(w, h int) *Frame {
	f := NewFrame(w, h)
	for y := range h {
		for x := range w {
			f.Y()[y*w+x] = byte(16 + 200*x/w)
		}
	}
	return f
}

func TestPictureOfTheRightSizeIsCopied(t *testing.T) {
	dst, src := solid(64, 32, Black), gradient(32, 16)
	var p Painter
	p.Picture(dst, Rect{16, 8, 32, 16}, src, View{Alpha: 256})
	for y := range 32 {
		for x := range 64 {
			want := Black.Y
			if x >= 16 && x < 48 && y >= 8 && y < 24 {
				want = src.Y()[(y-8)*32+x-16]
			}
			if got := at(dst, x, y).Y; got != want {
				t.Fatalf("at %d,%d: %d, want %d", x, y, got, want)
			}
		}
	}
}

func TestScaledPictureIsWhereItBelongs(t *testing.T) {
	for _, size := range [][2]int{{320, 180}, {1280, 720}, {642, 362}, {100, 56}} {
		dst, src := solid(640, 360, blue), gradient(size[0], size[1])
		var p Painter
		p.Picture(dst, Rect{0, 0, 640, 360}, src, View{Alpha: 256})
		for _, x := range []int{2, 100, 320, 500, 637} {
			want, got := 16+200*x/640, int(at(dst, x, 180).Y)
			if got-want > 6 || want-got > 6 {
				t.Errorf("%v: at %d %d, want %d", size, x, got, want)
			}
		}
	}
}

func TestCoverCropsTheMiddleAndContainLeavesBars(t *testing.T) {
	src := solid(640, 360, red)
	src.Fill(Rect{0, 0, 140, 360}, blue) // what a square does not show
	src.Fill(Rect{500, 0, 140, 360}, blue)
	var p Painter
	dst := solid(360, 360, Black)
	p.Picture(dst, Rect{0, 0, 360, 360}, src, View{Alpha: 256})
	for _, x := range []int{2, 180, 357} {
		if got := at(dst, x, 180); got != red {
			t.Errorf("cover at %d: %v", x, got)
		}
	}
	dst = solid(360, 360, White)
	p.Picture(dst, Rect{0, 0, 360, 360}, src, View{Alpha: 256, Contain: true, Back: Black})
	for _, c := range []struct {
		x, y int
		want Color
	}{{180, 20, Black}, {180, 340, Black}, {180, 180, red}, {20, 180, blue}, {340, 180, blue}} {
		if got := at(dst, c.x, c.y); got != c.want {
			t.Errorf("contain at %d,%d: %v, want %v", c.x, c.y, got, c.want)
		}
	}
}

func TestRoundCornersShowWhatIsUnderThem(t *testing.T) {
	dst := solid(200, 200, blue)
	var p Painter
	p.Picture(dst, Rect{20, 20, 160, 160}, solid(160, 160, red), View{Alpha: 256, Radius: 40})
	for _, c := range []struct {
		x, y int
		want Color
	}{{22, 22, blue}, {177, 22, blue}, {22, 177, blue}, {177, 177, blue}, {100, 22, red}, {22, 100, red}, {40, 40, red}, {100, 100, red}, {10, 10, blue}} {
		if got := at(dst, c.x, c.y); got != c.want {
			t.Errorf("at %d,%d: %v, want %v", c.x, c.y, got, c.want)
		}
	}
}

func TestHalfAPictureIsHalfSeen(t *testing.T) {
	dst := solid(64, 64, Color{100, 100, 100})
	var p Painter
	p.Picture(dst, Rect{0, 0, 64, 64}, solid(64, 64, Color{200, 200, 200}), View{Alpha: 128})
	p.Picture(dst, Rect{0, 0, 32, 32}, solid(64, 64, Color{200, 200, 200}), View{Alpha: 0})
	if got := at(dst, 50, 50); got != (Color{150, 150, 150}) {
		t.Errorf("%v", got)
	}
	p.Fill(dst, Rect{0, 0, 64, 64}, Color{50, 50, 50}, 0, 128)
	if got := at(dst, 50, 50); got != (Color{100, 100, 100}) {
		t.Errorf("filled: %v", got)
	}
}

func TestBorderIsOnTheInside(t *testing.T) {
	dst := solid(200, 200, blue)
	var p Painter
	p.Border(dst, Rect{20, 20, 160, 160}, 30, 6, red, 256)
	for _, c := range []struct {
		x, y int
		want Color
	}{{100, 22, red}, {100, 177, red}, {22, 100, red}, {177, 100, red}, {100, 18, blue}, {100, 30, blue}, {22, 22, blue}, {60, 60, blue}} {
		if got := at(dst, c.x, c.y); got != c.want {
			t.Errorf("at %d,%d: %v, want %v", c.x, c.y, got, c.want)
		}
	}
	if got := at(dst, 32, 30); got == blue { // on the arc
		t.Errorf("the corner has no line: %v", got)
	}
}

func TestOverlayIsLaidOver(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 21, 11)) // odd sizes are made even
	for y := range 11 {
		for x := range 21 {
			img.SetNRGBA(x, y, color.NRGBA{255, 255, 255, byte(255 * (x / 10 % 2))})
		}
	}
	o := NewOverlay(img)
	if o.Width != 22 || o.Height != 12 {
		t.Fatalf("%dx%d", o.Width, o.Height)
	}
	dst := solid(64, 64, red)
	o.Draw(dst, 11, 20, 256) // at an even place
	for _, c := range []struct {
		x, y int
		want byte
	}{{12, 22, red.Y}, {22, 22, 235}, {28, 22, 235}, {32, 22, red.Y}, {22, 18, red.Y}, {22, 32, red.Y}} {
		if got := at(dst, c.x, c.y).Y; got != c.want {
			t.Errorf("at %d,%d: %d, want %d", c.x, c.y, got, c.want)
		}
	}
	for _, place := range [][2]int{{-10, -6}, {60, 60}, {-100, 0}, {100, 100}} {
		o.Draw(dst, place[0], place[1], 256) // out of the frame, and not a crash
	}
}

func TestColours(t *testing.T) {
	for c, want := range map[color.NRGBA]Color{
		{255, 0, 0, 255}: {82, 90, 240}, {0, 0, 255, 255}: {41, 240, 110}, {255, 255, 255, 255}: {235, 128, 128}, {0, 0, 0, 255}: {16, 128, 128},
	} {
		if got := ColorOf(c); got != want {
			t.Errorf("%v: %v, want %v", c, got, want)
		}
	}
}

func FuzzPicture(f *testing.F) {
	f.Add(10, 20, 300, 200, 64, 48, 9, 200, true)
	f.Add(-10, -20, 3000, 2000, 2, 2, 900, 256, false)
	f.Fuzz(func(t *testing.T, x, y, w, h, sw, sh, radius, alpha int, contain bool) {
		if w > 1<<12 || h > 1<<12 || sw > 1<<10 || sh > 1<<10 || sw < 0 || sh < 0 || radius < 0 || radius > 1<<12 || alpha > 256 ||
			x < -1<<12 || y < -1<<12 || x > 1<<12 || y > 1<<12 {
			return
		}
		dst := NewFrame(320, 180)
		var p Painter
		r := Rect{x &^ 1, y &^ 1, w &^ 1, h &^ 1}
		p.Picture(dst, r, NewFrame(sw&^1, sh&^1), View{Contain: contain, Radius: radius, Alpha: alpha})
		p.Fill(dst, r, red, radius, alpha)
		p.Border(dst, r, radius, 4, red, alpha)
	})
}

func BenchmarkCopyTile(b *testing.B) {
	benchmarkPicture(b, 640, 360, 640, 360, View{Alpha: 256, Radius: 12})
}
func BenchmarkScaleTile(b *testing.B) {
	benchmarkPicture(b, 1280, 720, 640, 360, View{Alpha: 256, Radius: 12})
}
func BenchmarkBlendTile(b *testing.B) {
	benchmarkPicture(b, 640, 360, 640, 360, View{Alpha: 100, Radius: 12})
}

func benchmarkPicture(b *testing.B, sw, sh, w, h int, v View) {
	dst, src := NewFrame(1280, 720), NewFrame(sw, sh)
	var p Painter
	p.Picture(dst, Rect{2, 2, w, h}, src, v)
	b.ReportAllocs()
	for b.Loop() {
		p.Picture(dst, Rect{2, 2, w, h}, src, v)
	}
}
