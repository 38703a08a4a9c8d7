package layout

import (
	"fmt"
	"slices"
	"testing"
)

func people(n int) []Source {
	list := make([]Source, n)
	for i := range list {
		list[i] = Source{Picture: true, ID: fmt.Sprint("p", i)}
	}
	return list
}

var sizes = [][2]int{{1280, 720}, {720, 1280}, {640, 360}, {854, 480}, {1920, 1080}}

// TestEveryLayoutKeepsWithinTheFrame checks what holds for all layouts, orientations and numbers of sources.
func TestEveryLayoutKeepsWithinTheFrame(t *testing.T) {
	for _, name := range Names {
		for _, size := range sizes {
			for n := range 17 {
				sources := people(n)
				if name == Screen && n > 0 {
					sources[n-1].Screen = true
				}
				o := Options{Name: name, W: size[0], H: size[1], Places: []Place{{W: 0.5, H: 0.5}, {X: 0.3, Y: 0.3, W: 0.7, H: 0.7, Z: 1}}}
				tiles := Arrange(sources, o)
				seen := map[int]bool{}
				for i, a := range tiles {
					if a.X%2+a.Y%2+a.W%2+a.H%2 != 0 || a.X < 0 || a.Y < 0 || a.W < 2 || a.H < 2 || a.X+a.W > o.W || a.Y+a.H > o.H {
						t.Fatalf("%s of %d in %v: %+v", name, n, size, a)
					}
					if seen[a.Source] {
						t.Fatalf("%s of %d in %v: source %d twice", name, n, size, a.Source)
					}
					seen[a.Source] = true
					for _, b := range tiles[i+1:] {
						if a.Z == b.Z && overlap(a.Rect, b.Rect) {
							t.Fatalf("%s of %d in %v: %+v lies over %+v", name, n, size, a, b)
						}
						if a.Z > b.Z {
							t.Fatalf("%s: not in the order of painting", name)
						}
					}
				}
				if n > 0 && len(tiles) == 0 {
					t.Fatalf("%s shows nobody of %d", name, n)
				}
				if n <= 9 && len(tiles) != n && (name == Grid || name == Auto || name == Audio) {
					t.Fatalf("%s shows %d of %d", name, len(tiles), n)
				}
			}
		}
	}
}

func overlap(a, b Rect) bool { return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H }

func rects(tiles []Tile) (list []Rect) {
	for _, t := range tiles {
		list = append(list, t.Rect)
	}
	return list
}

func TestLayoutsByNumbers(t *testing.T) {
	screen := people(3)
	screen[1].Screen = true
	speaking := people(3)
	speaking[2].Speaking = true
	for name, c := range map[string]struct {
		sources []Source
		o       Options
		want    []Rect
	}{
		"one fills the frame":  {people(1), Options{Name: Grid, W: 1280, H: 720}, []Rect{{0, 0, 1280, 720}}},
		"two in a grid":        {people(2), Options{Name: Grid, W: 1280, H: 720}, []Rect{{0, 122, 636, 476}, {644, 122, 636, 476}}},
		"two on a phone":       {people(2), Options{Name: Grid, W: 720, H: 1280}, []Rect{{0, 0, 720, 636}, {0, 644, 720, 636}}},
		"four in a grid":       {people(4), Options{Name: Grid, W: 1280, H: 720}, []Rect{{4, 0, 632, 356}, {644, 0, 632, 356}, {4, 364, 632, 356}, {644, 364, 632, 356}}},
		"three: one centred":   {people(3), Options{Name: Grid, W: 1280, H: 720}, []Rect{{4, 0, 632, 356}, {644, 0, 632, 356}, {324, 364, 632, 356}}},
		"a match":              {people(2), Options{Name: Side, W: 1280, H: 720}, []Rect{{0, 0, 636, 720}, {644, 0, 636, 720}}},
		"a match on a phone":   {people(2), Options{Name: Side, W: 720, H: 1280}, []Rect{{0, 192, 356, 512}, {364, 192, 356, 512}}},
		"who speaks is large":  {speaking, Options{Name: Speaker, W: 1280, H: 720}, []Rect{{0, 0, 1024, 720}, {1032, 218, 248, 138}, {1032, 364, 248, 138}}},
		"the screen is large":  {screen, Options{Name: Auto, W: 1280, H: 720}, []Rect{{0, 0, 1024, 720}, {1032, 218, 248, 138}, {1032, 364, 248, 138}}},
		"a picture in another": {people(2), Options{Name: Inset, W: 1280, H: 720}, []Rect{{0, 0, 1280, 720}, {944, 524, 320, 180}}},
		"rectangles": {people(2), Options{Name: Custom, W: 1280, H: 720, Places: []Place{{Who: "p1", W: 0.25, H: 0.25}, {X: 0.5, Y: 0.5, W: 0.5, H: 0.5}}},
			[]Rect{{0, 0, 320, 180}, {640, 360, 640, 360}}},
	} {
		t.Run(name, func(t *testing.T) {
			tiles := Arrange(c.sources, c.o)
			if got := rects(tiles); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestWhoIsLarge(t *testing.T) {
	sources := people(4)
	sources[1].Screen, sources[2].Speaking, sources[3].Pinned = true, true, true
	for _, step := range []struct {
		layout Name
		want   int
		drop   func()
	}{
		{Screen, 3, func() { sources[3].Pinned = false }},
		{Speaker, 2, func() {}},
		{Screen, 1, func() { sources[1].Screen = false }},
		{Screen, 2, func() { sources[2].Speaking = false }},
		{Speaker, 0, func() { sources[0].Picture = false }},
		{Speaker, 1, func() {}},
	} {
		tiles := Arrange(sources, Options{Name: step.layout, W: 1280, H: 720})
		largest := slices.MaxFunc(tiles, func(a, b Tile) int { return a.W*a.H - b.W*b.H })
		if largest.Source != step.want {
			t.Errorf("%s: %d is large, want %d", step.layout, largest.Source, step.want)
		}
		step.drop()
	}
}

func TestSeatsGiveTheOrder(t *testing.T) {
	sources := people(3)
	sources[0].Seat, sources[2].Seat = 2, 1
	var order []int
	for _, tile := range Arrange(sources, Options{Name: Grid, W: 1280, H: 720}) {
		order = append(order, tile.Source)
	}
	if !slices.Equal(order, []int{2, 0, 1}) {
		t.Errorf("order %v", order)
	}
}

func TestAutoTakesWhatSuits(t *testing.T) {
	voices := []Source{{}, {}}
	if got := Resolve(Auto, voices); got != Audio {
		t.Errorf("voices alone: %s", got)
	}
	for _, tile := range Arrange(voices, Options{Name: Auto, W: 720, H: 1280}) {
		if !tile.Round || tile.W != tile.H || tile.Radius != tile.W/2 {
			t.Errorf("an avatar is no circle: %+v", tile)
		}
	}
	if got := Resolve(Auto, people(2)); got != Grid {
		t.Errorf("cameras: %s", got)
	}
}

func TestPlacesThatCannotBe(t *testing.T) {
	nan := 0.0
	nan /= nan
	for _, p := range []Place{
		{X: 0.6, W: 0.5, H: 1}, {X: -0.1, W: 0.5, H: 0.5}, {W: 0, H: 1}, {W: nan, H: 1}, {W: 1, H: 1, Radius: 1}, {W: 1, H: 1, Fit: "stretch"}, {W: 1, H: 1, Z: 1000},
	} {
		if p.Check() == nil {
			t.Errorf("%+v", p)
		}
	}
}

func FuzzArrange(f *testing.F) {
	f.Add(uint8(3), uint8(2), 1280, 720, 0.1, 0.2, 0.5, 0.5)
	f.Add(uint8(9), uint8(7), 720, 1280, 0.0, 0.0, 1.0, 1.0)
	f.Fuzz(func(t *testing.T, n, name uint8, w, h int, x, y, pw, ph float64) {
		if w < 0 || h < 0 || w > 8192 || h > 8192 {
			return
		}
		w, h = w&^1, h&^1
		for _, tile := range Arrange(people(int(n%20)), Options{Name: Names[int(name)%len(Names)], W: w, H: h, Places: []Place{{X: x, Y: y, W: pw, H: ph}}}) {
			if tile.X < 0 || tile.Y < 0 || tile.X+tile.W > w || tile.Y+tile.H > h || tile.W%2+tile.H%2+tile.X%2+tile.Y%2 != 0 {
				t.Fatalf("%+v in %dx%d", tile, w, h)
			}
		}
	})
}
