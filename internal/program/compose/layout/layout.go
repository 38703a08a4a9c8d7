// Package layout says who is seen where. A layout is a pure function of the sources, the frame's size and options: it knows neither
// pictures nor time.
package layout

import (
	"cmp"
	"fmt"
	"slices"
)

// Name is a way to lay out.
type Name string

// The layouts. Auto takes Screen while a screen is shared, Audio while nobody has a picture, and Grid else.
const (
	Auto    Name = "auto"
	Grid    Name = "grid"               // all of the same size
	Speaker Name = "speaker"            // one large, the others in a strip
	Side    Name = "side-by-side"       // two (a match, a PK), the others in a strip
	Inset   Name = "picture-in-picture" // one fills the frame, the others in its corner
	Screen  Name = "screen"             // a screen, uncropped, with the cameras in a strip
	Audio   Name = "audio"              // avatars in circles
	Single  Name = "single"             // one alone
	Custom  Name = "custom"             // rectangles given one by one
)

// Names are all of them.
var Names = []Name{Auto, Grid, Speaker, Side, Inset, Screen, Audio, Single, Custom}

// Fit is how a picture gets into a rectangle of another shape.
type Fit string

const (
	// Cover fills the rectangle and crops what is over, Contain shows the whole picture with bars.
	Cover   Fit = "cover"
	Contain Fit = "contain"
)

// Rect is a part of the frame in pixels. All numbers are even, because colour has half the resolution.
type Rect struct{ X, Y, W, H int }

// Source is somebody who may be seen.
type Source struct {
	// Screen tells that the picture is a shared screen; Picture, that there is a picture at all.
	Screen, Picture bool
	// Pinned was chosen to be the large one; Speaking is who leads the conversation.
	Pinned, Speaking bool
	// Seat orders sources before their place in the list, from 1; 0 is without a seat.
	Seat int
	// ID is what a custom layout may name.
	ID string
}

// Place is one rectangle of a custom layout, in shares of the frame from 0 to 1.
type Place struct {
	// Who is a source's ID; empty takes the next one that no other place names.
	Who string  `json:"who,omitempty"`
	X   float64 `json:"x"`
	Y   float64 `json:"y"`
	W   float64 `json:"w"`
	H   float64 `json:"h"`
	// Z: higher is in front.
	Z   int `json:"z,omitempty"`
	Fit Fit `json:"fit,omitempty"`
	// Radius of the corners as a share of the shorter side, up to 0.5.
	Radius float64 `json:"radius,omitempty"`
	// Bare leaves name and badges out.
	Bare bool `json:"bare,omitempty"`
}

// MaxPlaces is how many rectangles a custom layout may have.
const MaxPlaces = 16

// Check says what is wrong with a place; nil when nothing is.
func (p Place) Check() error {
	switch {
	case !(p.X >= 0 && p.Y >= 0 && p.W > 0 && p.H > 0 && p.X+p.W <= 1.0001 && p.Y+p.H <= 1.0001):
		return fmt.Errorf("a rectangle is not within the frame")
	case !(p.Radius >= 0 && p.Radius <= 0.5):
		return fmt.Errorf("a radius is not between 0 and 0.5")
	case p.Fit != "" && p.Fit != Cover && p.Fit != Contain:
		return fmt.Errorf("fit is cover or contain")
	case p.Z < -100 || p.Z > 100:
		return fmt.Errorf("z is not between -100 and 100")
	}
	return nil
}

// Options are what sources are laid out in.
type Options struct {
	Name Name
	// W and H are the frame's size in pixels, even. A frame that is higher than wide is laid out for phones.
	W, H int
	// Places are those of a custom layout.
	Places []Place
}

// Tile is where a source is seen.
type Tile struct {
	Source int // index into the sources
	Rect
	Z      int // higher is in front
	Fit    Fit
	Radius int // of the corners, in pixels
	Label  bool
	// Round tells that an avatar is shown rather than a picture.
	Round bool
}

// Arrange lays sources out, in the order in which they are painted. Sources for which there is no place are left out.
func Arrange(sources []Source, o Options) []Tile {
	if len(sources) == 0 || o.W < 16 || o.H < 16 {
		return nil
	}
	order := make([]int, len(sources))
	for i := range order {
		order[i] = i
	}
	seat := func(i int) int {
		if n := sources[i].Seat; n > 0 {
			return n
		}
		return 1 << 20
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(seat(a), seat(b)) })
	p := plan{sources: sources, order: order, w: o.W, h: o.H, portrait: o.H > o.W}
	p.gap = even(min(o.W, o.H) / 90)
	p.radius = min(o.W, o.H) / 60
	p.arrange(o)
	slices.SortStableFunc(p.tiles, func(a, b Tile) int { return cmp.Compare(a.Z, b.Z) })
	return p.tiles
}

// Resolve is the layout that Auto takes, or the name itself.
func Resolve(name Name, sources []Source) Name {
	if name != Auto && name != "" {
		return name
	}
	picture := false
	for _, s := range sources {
		if s.Screen {
			return Screen
		}
		picture = picture || s.Picture
	}
	if !picture {
		return Audio
	}
	return Grid
}

// plan is a layout that is being made.
type plan struct {
	sources     []Source
	order       []int // of the sources
	w, h        int
	gap, radius int
	portrait    bool
	tiles       []Tile
}

func (p *plan) arrange(o Options) {
	switch Resolve(o.Name, p.sources) {
	case Speaker:
		p.mainAndStrip(p.main(false), Cover)
	case Screen:
		main := p.main(true)
		fit := Cover
		if p.sources[main].Screen {
			fit = Contain
		}
		p.mainAndStrip(main, fit)
	case Single:
		p.add(p.main(true), Rect{0, 0, p.w, p.h}, 0, Cover, 0)
	case Side:
		p.side()
	case Inset:
		p.inset()
	case Audio:
		p.audio()
	case Custom:
		p.custom(o.Places)
	default:
		p.grid(p.order, Rect{0, 0, p.w, p.h})
	}
}

func even(n int) int { return n &^ 1 }

// add places a source.
func (p *plan) add(source int, r Rect, z int, fit Fit, radius int) {
	if p.sources[source].Screen {
		fit = Contain
	}
	p.tiles = append(p.tiles, Tile{
		Source: source, Rect: Rect{even(r.X), even(r.Y), max(even(r.W), 2), max(even(r.H), 2)}, Z: z, Fit: fit, Radius: radius, Label: true,
	})
}

// main is the source to show large: the pinned one, a screen where that comes first, who speaks, the first with a picture, the first.
func (p *plan) main(screen bool) int {
	best, rank := p.order[0], -1
	for _, i := range p.order {
		s := p.sources[i]
		r := 0
		switch {
		case s.Pinned:
			r = 4
		case screen && s.Screen:
			r = 3
		case s.Speaking:
			r = 2
		case s.Picture:
			r = 1
		}
		if r > rank {
			best, rank = i, r
		}
	}
	return best
}

// others are all sources but some, in order.
func (p *plan) others(not ...int) []int {
	var rest []int
	for _, i := range p.order {
		if !slices.Contains(not, i) {
			rest = append(rest, i)
		}
	}
	return rest
}

// grid fills an area with cells of the same size, whose shape is between the widest and the narrowest that suit faces; the last row is centred.
func (p *plan) grid(list []int, area Rect) {
	n := len(list)
	if n == 0 {
		return
	}
	if n == 1 {
		p.add(list[0], area, 0, Cover, 0)
		return
	}
	narrow, wide := 4.0/3, 16.0/9
	if p.portrait {
		narrow, wide = 3.0/4, 4.0/3
	}
	columns, cw, ch := bestGrid(n, area, p.gap, narrow, wide)
	rows := (n + columns - 1) / columns
	top := area.Y + (area.H-rows*ch-(rows-1)*p.gap)/2
	for k, source := range list {
		row, column := k/columns, k%columns
		inRow := min(columns, n-row*columns)
		left := area.X + (area.W-inRow*cw-(inRow-1)*p.gap)/2
		p.add(source, Rect{left + column*(cw+p.gap), top + row*(ch+p.gap), cw, ch}, 0, Cover, p.radius)
	}
}

// bestGrid finds the number of columns with the largest cells.
func bestGrid(n int, area Rect, gap int, narrow, wide float64) (columns, w, h int) {
	for c := 1; c <= n; c++ {
		rows := (n + c - 1) / c
		cw, ch := (area.W-(c-1)*gap)/c, (area.H-(rows-1)*gap)/rows
		if shape := float64(cw) / float64(max(ch, 1)); shape > wide {
			cw = int(float64(ch) * wide)
		} else if shape < narrow {
			ch = int(float64(cw) / narrow)
		}
		cw, ch = even(cw), even(ch)
		if cw*ch > w*h {
			columns, w, h = c, cw, ch
		}
	}
	return columns, w, h
}

// mainAndStrip shows one large and the others in a strip: at the right, on phones below.
func (p *plan) mainAndStrip(main int, fit Fit) {
	rest := p.others(main)
	if len(rest) == 0 {
		p.add(main, Rect{0, 0, p.w, p.h}, 0, fit, 0)
		return
	}
	var large, strip Rect
	if p.portrait {
		h := even(p.h * 7 / 10)
		large, strip = Rect{0, 0, p.w, h}, Rect{0, h + p.gap, p.w, p.h - h - p.gap}
	} else {
		w := even(p.w * 8 / 10)
		large, strip = Rect{0, 0, w, p.h}, Rect{w + p.gap, 0, p.w - w - p.gap, p.h}
	}
	p.add(main, large, 0, fit, 0)
	p.strip(rest, strip)
}

// strip lays small tiles in a column, or on phones in rows.
func (p *plan) strip(list []int, area Rect) {
	if p.portrait || area.W > area.H {
		p.grid2(list, area)
		return
	}
	w := even(area.W)
	h := even(w * 9 / 16)
	fit := (area.H + p.gap) / (h + p.gap)
	if len(list) > fit { // squeeze, down to squares cut in half
		h = max(even((area.H+p.gap)/len(list)-p.gap), even(w/3))
		fit = max(1, (area.H+p.gap)/(h+p.gap))
	}
	list = list[:min(len(list), fit)]
	top := area.Y + (area.H-len(list)*h-(len(list)-1)*p.gap)/2
	for k, source := range list {
		p.add(source, Rect{area.X, top + k*(h+p.gap), w, h}, 0, Cover, p.radius)
	}
}

// grid2 is a grid in a strip, whose tiles have corners also when there is only one.
func (p *plan) grid2(list []int, area Rect) {
	if len(list) != 1 {
		p.grid(list, area)
		return
	}
	w, h := area.W, area.H
	if w*9 > h*16 {
		w = h * 16 / 9
	}
	p.add(list[0], Rect{area.X + (area.W-w)/2, area.Y, w, h}, 0, Cover, p.radius)
}

// side shows two side by side.
func (p *plan) side() {
	pair := p.order[:min(2, len(p.order))]
	if len(pair) == 1 {
		p.add(pair[0], Rect{0, 0, p.w, p.h}, 0, Cover, 0)
		return
	}
	rest := p.others(pair...)
	area := Rect{0, 0, p.w, p.h}
	if p.portrait { // two portraits, with room above and below for what a page lays over
		area = Rect{0, even(p.h * 15 / 100), p.w, even(p.h * 40 / 100)}
	} else if len(rest) > 0 {
		area.H = even(p.h * 3 / 4)
	}
	half := even((area.W - p.gap) / 2)
	p.add(pair[0], Rect{area.X, area.Y, half, area.H}, 0, Cover, 0)
	p.add(pair[1], Rect{area.X + area.W - half, area.Y, half, area.H}, 0, Cover, 0)
	if len(rest) > 0 {
		y := area.Y + area.H + p.gap
		p.grid2(rest, Rect{0, y, p.w, min(p.h-y, even(p.h/4))})
	}
}

// inset fills the frame with one and puts the others into its lower right corner, from there upwards.
func (p *plan) inset() {
	main := p.main(false)
	p.add(main, Rect{0, 0, p.w, p.h}, 0, Cover, 0)
	w := even(p.w / 4)
	h := even(w * 9 / 16)
	if p.portrait {
		w = even(p.w * 3 / 10)
		h = even(w * 4 / 3)
	}
	margin := 2 * p.gap
	for k, source := range p.others(main) {
		y := p.h - margin - (k+1)*h - k*p.gap
		if y < 0 {
			return
		}
		p.add(source, Rect{p.w - margin - w, y, w, h}, 1, Cover, p.radius)
	}
}

// audio shows avatars in circles.
func (p *plan) audio() {
	columns, w, h := bestGrid(len(p.order), Rect{0, 0, p.w, p.h}, p.gap, 1, 1)
	rows := (len(p.order) + columns - 1) / columns
	top := (p.h - rows*h - (rows-1)*p.gap) / 2
	side := even(min(min(w, h)*6/10, min(p.w, p.h)*4/10))
	for k, source := range p.order {
		row, column := k/columns, k%columns
		inRow := min(columns, len(p.order)-row*columns)
		left := (p.w - inRow*w - (inRow-1)*p.gap) / 2
		x, y := left+column*(w+p.gap)+(w-side)/2, top+row*(h+p.gap)+(h-side)/2
		p.add(source, Rect{x, y, side, side}, 0, Cover, side/2)
		t := &p.tiles[len(p.tiles)-1]
		t.Round = true
	}
}

// custom takes rectangles as they are given.
func (p *plan) custom(places []Place) {
	named := map[string]bool{}
	for _, place := range places {
		named[place.Who] = true
	}
	free := slices.DeleteFunc(slices.Clone(p.order), func(i int) bool { return named[p.sources[i].ID] })
	for _, place := range places[:min(len(places), MaxPlaces)] {
		source := -1
		if place.Who != "" {
			source = slices.IndexFunc(p.sources, func(s Source) bool { return s.ID == place.Who })
		} else if len(free) > 0 {
			source, free = free[0], free[1:]
		}
		if source < 0 || place.Check() != nil {
			continue
		}
		fit := place.Fit
		if fit == "" {
			fit = Cover
		}
		x, y := even(int(place.X*float64(p.w)+0.5)), even(int(place.Y*float64(p.h)+0.5))
		w, h := even(int(place.W*float64(p.w)+0.5)), even(int(place.H*float64(p.h)+0.5))
		r := Rect{x, y, max(2, min(w, p.w-x)), max(2, min(h, p.h-y))}
		if r.X+r.W > p.w || r.Y+r.H > p.h {
			continue
		}
		p.tiles = append(p.tiles, Tile{
			Source: source, Rect: r, Z: place.Z, Fit: fit, Radius: int(place.Radius * float64(min(r.W, r.H))), Label: !place.Bare,
		})
	}
}
