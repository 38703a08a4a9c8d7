package compose

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"strings"
	"unicode"

	"github.com/tuttilive/tutti/internal/program/compose/paint"
	"github.com/tuttilive/tutti/internal/program/compose/text"
)

// accent is the colour of who speaks.
var accent = paint.ColorOf(color.NRGBA{0x3d, 0xd6, 0x8c, 255})

// grounds are colours behind avatars.
var grounds = []color.NRGBA{
	{0x3b, 0x5b, 0xdb, 255}, {0x0c, 0x85, 0x99, 255}, {0x2b, 0x8a, 0x3e, 255}, {0xa6, 0x1e, 0x4d, 255}, {0x86, 0x2e, 0x9c, 255},
	{0xd9, 0x48, 0x0f, 255}, {0x5f, 0x3d, 0xc4, 255}, {0x36, 0x4f, 0xc7, 255},
}

// signs makes what is laid over pictures, and keeps what was made: names change seldom.
type signs struct {
	fonts *text.Fonts
	kept  map[signKey]*paint.Overlay
}

type signKey struct {
	kind        string
	text        string
	size, width int
	muted, poor bool
	color       color.NRGBA
}

const signsMax = 128

func newSigns(f *text.Fonts) signs { return signs{fonts: f, kept: map[signKey]*paint.Overlay{}} }

// get makes a sign, or finds it.
func (s *signs) get(k signKey, make func() image.Image) *paint.Overlay {
	if o, ok := s.kept[k]; ok {
		return o
	}
	if len(s.kept) >= signsMax {
		clear(s.kept)
	}
	var o *paint.Overlay
	if img := make(); img != nil {
		o = paint.NewOverlay(img)
	}
	s.kept[k] = o
	return o
}

// border is how wide the border of who speaks is.
func (s *signs) border(a, b int) int { return max(min(a, b)/180&^1, 2) }

// dress makes the signs of an element.
func (s *scene) dress(e *element) {
	short := min(s.width, s.height)
	size := min(max(min(short/30, e.to.H/7), 10), short/20)
	name := ""
	if e.tile.Label && s.settings.Names {
		name = e.source.Name
	}
	muted, poor := false, false
	if e.tile.Label && s.settings.Badges && !e.source.Screen {
		muted, poor = e.source.Muted, e.source.Poor
	}
	width := max(e.to.W-4*size/2, 3*size)
	if e.tile.Round {
		width = e.to.W * 3 / 2
	}
	e.label = s.signs.get(signKey{kind: "label", text: name, size: size, width: width, muted: muted, poor: poor}, func() image.Image {
		return label(s.cfg.Fonts, name, size, width, muted, poor)
	})
	ground := grounds[int(hash(e.source.Identity))%len(grounds)]
	e.ground = paint.ColorOf(ground)
	letter := initials(e.source.Name)
	side := min(e.to.W, e.to.H)
	big := min(side*2/5, short/3)
	e.avatar = s.signs.get(signKey{kind: "avatar", text: letter, size: big}, func() image.Image {
		mask, _ := s.cfg.Fonts.Line(letter, big, 4*big)
		return tinted(mask, color.NRGBA{255, 255, 255, 235})
	})
}

// labelPlace is where an element's label lies: in its lower left corner, under an avatar in its middle.
func labelPlace(e *element, l *paint.Overlay) (x, y int) {
	r := e.now.Rect
	if e.tile.Round {
		return r.X + (r.W-l.Width)/2, r.Y + r.H + l.Height/4
	}
	margin := max(l.Height/4, e.now.radius/3)
	return r.X + margin, r.Y + r.H - l.Height - margin
}

// decorate paints the background and makes what lies over everything.
func (s *scene) decorate() {
	s.titles = s.titles[:0]
	s.setBackdrop()
	short := min(s.width, s.height)
	if t := s.settings.LowerThird; t.Title != "" || t.Subtitle != "" {
		size := short / 18
		o := s.signs.get(signKey{kind: "lower", text: t.Title + "\x00" + t.Subtitle, size: size, width: s.width}, func() image.Image {
			return lowerThird(s.cfg.Fonts, t, size, s.width*8/10)
		})
		if o != nil {
			s.titles = append(s.titles, placed{o, s.width / 20, s.height*92/100 - o.Height})
		}
	}
	for _, t := range s.settings.Texts {
		c, ok := parseColor(t.Color)
		if !ok {
			c = color.NRGBA{255, 255, 255, 255}
		}
		size := int(t.Size * float64(s.height))
		width := int((1 - t.X) * float64(s.width))
		o := s.signs.get(signKey{kind: "text", text: t.Text, size: size, width: width, color: c}, func() image.Image {
			mask, _ := s.cfg.Fonts.Line(t.Text, size, width)
			return tinted(mask, c)
		})
		if o != nil {
			s.titles = append(s.titles, placed{o, int(t.X * float64(s.width)), int(t.Y * float64(s.height))})
		}
	}
}

// label is a name and badges on a dark ground; nil where there is nothing to tell.
func label(fonts *text.Fonts, name string, size, width int, muted, poor bool) image.Image {
	badge := size * 5 / 4
	left := size / 2
	for _, on := range []bool{muted, poor} {
		if on {
			left += badge
		}
	}
	mask, ascent := fonts.Line(name, size, width-left-size/2)
	if mask == nil && !muted && !poor {
		return nil
	}
	w, h := left+size/2, size*17/10
	if mask != nil {
		w += mask.Rect.Dx()
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	fillRound(img, img.Rect, float64(size)/3, color.NRGBA{0, 0, 0, 150})
	x := size / 2
	if muted {
		drawMuted(img, x, (h-size)/2, size)
		x += badge
	}
	if poor {
		drawPoor(img, x, (h-size)/2, size)
		x += badge
	}
	if mask != nil {
		drawMask(img, mask, x, (h-ascent)/2-size/10, color.NRGBA{255, 255, 255, 255})
	}
	return img
}

// lowerThird is a band with a title and a line below.
func lowerThird(fonts *text.Fonts, t LowerThird, size, width int) image.Image {
	title, _ := fonts.Line(t.Title, size, width-2*size)
	sub, _ := fonts.Line(t.Subtitle, size*2/3, width-2*size)
	w, h := 0, size/2
	for _, m := range []*image.Alpha{title, sub} {
		if m != nil {
			w, h = max(w, m.Rect.Dx()), h+m.Rect.Dy()
		}
	}
	if w == 0 {
		return nil
	}
	img := image.NewNRGBA(image.Rect(0, 0, w+2*size, h))
	fillRound(img, img.Rect, float64(size)/4, color.NRGBA{10, 12, 18, 200})
	draw.Draw(img, image.Rect(0, 0, size/4, h), image.NewUniform(color.NRGBA{0x3d, 0xd6, 0x8c, 255}), image.Point{}, draw.Src)
	y := size / 4
	for i, m := range []*image.Alpha{title, sub} {
		if m != nil {
			drawMask(img, m, size*3/4, y, color.NRGBA{255, 255, 255, byte(255 - 50*i)})
			y += m.Rect.Dy()
		}
	}
	return img
}

// drawMuted draws a microphone that is crossed out, in red.
func drawMuted(img *image.NRGBA, x, y, size int) {
	red := color.NRGBA{0xff, 0x6b, 0x6b, 255}
	s := float64(size)
	fx, fy := float64(x), float64(y)
	stroke := s / 9
	paintShape(img, x, y, size, red, func(px, py float64) float64 {
		capsule := segment(px, py, fx+s*.5, fy+s*.28, fx+s*.5, fy+s*.48) - s*.16
		arc := math.Abs(math.Hypot(px-fx-s*.5, py-fy-s*.46)-s*.3) - stroke/2
		if py < fy+s*.48 {
			arc = math.Inf(1)
		}
		stem := segment(px, py, fx+s*.5, fy+s*.76, fx+s*.5, fy+s*.95) - stroke/2
		slash := segment(px, py, fx+s*.12, fy+s*.1, fx+s*.88, fy+s*.92) - stroke/2
		return min(capsule, arc, stem, slash)
	})
}

// drawPoor draws bars of reception of which only the first is full, in yellow.
func drawPoor(img *image.NRGBA, x, y, size int) {
	s := float64(size)
	for i := range 3 {
		c := color.NRGBA{0xff, 0xd4, 0x3b, 255}
		if i > 0 {
			c.A = 90
		}
		h := s * (0.35 + 0.25*float64(i))
		bx := float64(x) + s*(0.1+0.3*float64(i))
		r := image.Rect(int(bx), int(float64(y)+s-h), int(bx+s*0.2), y+size)
		draw.Draw(img, r, image.NewUniform(c), image.Point{}, draw.Over)
	}
}

// segment is the distance of a point from a line between two others.
func segment(px, py, ax, ay, bx, by float64) float64 {
	dx, dy := bx-ax, by-ay
	t := min(max(((px-ax)*dx+(py-ay)*dy)/(dx*dx+dy*dy), 0), 1)
	return math.Hypot(px-ax-t*dx, py-ay-t*dy)
}

// paintShape fills where a distance is negative, with smooth edges.
func paintShape(img *image.NRGBA, x, y, size int, c color.NRGBA, distance func(x, y float64) float64) {
	mask := image.NewAlpha(image.Rect(0, 0, size, size))
	for py := range size {
		for px := range size {
			d := distance(float64(x+px)+.5, float64(y+py)+.5)
			mask.Pix[py*mask.Stride+px] = byte(255 * min(max(0.5-d, 0), 1))
		}
	}
	drawMask(img, mask, x, y, c)
}

// fillRound fills a rectangle with round corners.
func fillRound(img *image.NRGBA, r image.Rectangle, radius float64, c color.NRGBA) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			dx := max(radius-float64(x-r.Min.X)-.5, float64(x-r.Max.X)+.5+radius, 0)
			dy := max(radius-float64(y-r.Min.Y)-.5, float64(y-r.Max.Y)+.5+radius, 0)
			cover := min(max(radius-math.Hypot(dx, dy)+.5, 0), 1)
			if cover > 0 {
				d := c
				d.A = byte(float64(c.A) * cover)
				img.SetNRGBA(x, y, d)
			}
		}
	}
}

func drawMask(img draw.Image, mask *image.Alpha, x, y int, c color.NRGBA) {
	draw.DrawMask(img, mask.Rect.Add(image.Pt(x, y)), image.NewUniform(c), image.Point{}, mask, mask.Rect.Min, draw.Over)
}

// tinted is a mask in a colour; nil for none.
func tinted(mask *image.Alpha, c color.NRGBA) image.Image {
	if mask == nil {
		return nil
	}
	img := image.NewNRGBA(mask.Rect)
	drawMask(img, mask, 0, 0, c)
	return img
}

// initials are one or two letters of a name: of Chinese names the last character, as people there do.
func initials(name string) string {
	words := strings.Fields(name)
	if len(words) == 0 {
		return "?"
	}
	first := []rune(words[0])
	if unicode.Is(unicode.Han, first[0]) {
		return string(first[len(first)-1])
	}
	out := string(unicode.ToUpper(first[0]))
	if len(words) > 1 {
		out += string(unicode.ToUpper([]rune(words[len(words)-1])[0]))
	}
	return out
}

// hash is FNV-1a.
func hash(s string) uint32 {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h
}
