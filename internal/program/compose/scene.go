package compose

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/program/compose/layout"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
	"github.com/tuttilive/tutti/internal/track"
)

// scene is what is in the frame: elements on their way from one layout to the next. It belongs to the composer's goroutine.
type scene struct {
	cfg           Config
	width, height int
	settings      Settings
	elements      []*element // in the order in which they are painted
	inputs        map[*track.Track]*input
	spares        map[string]spare // for pictures that are about to come, by the ids of their sources
	delay         delay
	speaking      string
	begun         bool

	base     *paint.Frame // the background
	titles   []placed     // what lies over everything
	backdrop backdrop
	painter  paint.Painter
	signs    signs
	moveFrom time.Duration // when the change of layout began
	moveFor  time.Duration
	replaced int            // workers of inputs that are gone
	closing  sync.WaitGroup // of inputs
}

// element is a source in the frame.
type element struct {
	source   Source
	tile     layout.Tile
	from, to box
	now      box
	leaving  bool
	input    *input // nil for a voice alone
	label    *paint.Overlay
	avatar   *paint.Overlay
	ground   paint.Color // behind the avatar
}

// box is where an element is, and how much of it is seen, of 256.
type box struct {
	paint.Rect
	radius int
	alpha  int
}

// placed is an overlay at its place.
type placed struct {
	*paint.Overlay
	x, y int
}

func newScene(cfg Config, width, height int) *scene {
	return &scene{cfg: cfg, width: width, height: height, inputs: map[*track.Track]*input{}, spares: map[string]spare{}, base: paint.NewFrame(width, height), signs: newSigns(cfg.Fonts)}
}

// spare is a decoder's process for a picture in a place.
type spare struct {
	*codec.Spare
	target
}

// set changes what is in the frame. The first time it is there at once, later it moves. Until the first frame, those who are about to come have their places already.
func (s *scene) set(w wanted, now time.Duration) {
	s.settings, s.speaking = w.settings, w.speaking
	there := expected(w.sources)
	if s.begun {
		there = Present(w.sources)
	}
	sources := shown(there, w.settings)
	tiles := arrange(sources, w.speaking, w.settings)
	s.step(now)
	old := map[string]*element{}
	for _, e := range s.elements {
		old[e.source.ID] = e
	}
	moves := false
	s.elements = s.elements[:0:0]
	for _, tile := range tiles {
		source := sources[tile.Source]
		if source.absent() {
			continue
		}
		to := box{paint.Rect(tile.Rect), tile.Radius, 256}
		e := old[source.ID]
		delete(old, source.ID)
		switch {
		case e == nil:
			e = &element{from: to, now: to}
			e.from.alpha, e.now.alpha = 0, 0
			moves = true
		case e.to != to || e.leaving:
			e.from = e.now
			moves = true
		default:
			e.from = e.now
		}
		e.source, e.tile, e.to, e.leaving = source, tile, to, false
		e.input = s.inputFor(source)
		s.dress(e)
		s.elements = append(s.elements, e)
	}
	for _, e := range old {
		if e.source.Picture != nil {
			select {
			case <-e.source.Picture.Done():
				continue // its picture is over
			default:
			}
		}
		if !e.leaving {
			e.leaving, e.from, e.to = true, e.now, e.now
			e.to.alpha = 0
			moves = true
		}
		s.elements = append(s.elements, e)
	}
	slices.SortStableFunc(s.elements, func(a, b *element) int { return cmp.Compare(a.tile.Z, b.tile.Z) })
	if moves {
		s.moveFrom, s.moveFor = now, time.Duration(w.settings.Transition)*time.Millisecond
	}
	if !s.begun {
		s.moveFor = 0
	}
	s.step(now)
	s.decorate()
	s.prepare(w)
}

// begin is before the first frame, in which those have no place who did not come.
func (s *scene) begin(w wanted, now time.Duration) {
	s.begun = true
	s.set(w, now)
	s.moveFor = 0
	s.step(now)
}

// prepare has a process begin for each picture that is about to come.
func (s *scene) prepare(w wanted) {
	coming := map[string]target{}
	sources := shown(expected(w.sources), w.settings)
	for _, tile := range arrange(sources, w.speaking, w.settings) {
		if source := sources[tile.Source]; source.Coming && source.Picture == nil {
			coming[source.ID] = target{w: tile.Rect.W, h: tile.Rect.H, fit: tile.Fit}
		}
	}
	for id, spare := range s.spares {
		if spare.target != coming[id] {
			delete(s.spares, id)
			s.closing.Go(spare.Close)
		}
	}
	for id, want := range coming {
		if s.spares[id].Spare != nil {
			continue
		}
		if process, err := s.cfg.Workers.Spare(want.scaling()); err == nil { // else it begins with the picture
			s.spares[id] = spare{process, want}
		}
	}
}

// shown are the sources to show, in order: those that were chosen, else all, at most MaxSources. Sound alone of a screen is not shown.
func shown(sources []Source, s Settings) []Source {
	list := sources
	if len(s.Shown) > 0 {
		list = nil
		for _, id := range s.Shown {
			if i := slices.IndexFunc(sources, func(x Source) bool { return x.ID == id }); i >= 0 {
				list = append(list, sources[i])
			}
		}
	}
	list = slices.DeleteFunc(slices.Clone(list), func(x Source) bool { return x.Screen && x.Picture == nil })
	return list[:min(len(list), MaxSources)]
}

func (s *scene) inputFor(source Source) *input {
	t := source.Picture
	if t == nil || t.Info().Encrypted {
		return nil
	}
	in := s.inputs[t]
	if in == nil {
		in = newInput(s.cfg.Workers, t, s.spares[source.ID].Spare)
		delete(s.spares, source.ID)
		s.inputs[t] = in
	}
	return in
}

// step moves everything to where it is at a time, and forgets what has left.
func (s *scene) step(now time.Duration) {
	part := 256
	if passed := now - s.moveFrom; passed < s.moveFor {
		x := float64(passed) / float64(s.moveFor)
		part = int(256 * x * x * (3 - 2*x))
	}
	used := map[*input]bool{}
	s.elements = slices.DeleteFunc(s.elements, func(e *element) bool {
		e.now = between(e.from, e.to, part)
		gone := e.leaving && part >= 256
		if !gone && e.input != nil {
			used[e.input] = true
		}
		return gone
	})
	if len(used) == len(s.inputs) {
		return
	}
	for t, in := range s.inputs {
		if !used[in] {
			delete(s.inputs, t)
			s.replaced += in.restarts()
			s.closing.Go(in.close)
		}
	}
}

// moving tells that a change of layout is not over.
func (s *scene) moving(now time.Duration) bool { return now-s.moveFrom < s.moveFor }

func between(a, b box, part int) box {
	if part >= 256 {
		return b
	}
	mix := func(x, y int) int { return x + (y-x)*part/256 }
	even := func(x, y int) int { return mix(x, y) &^ 1 }
	return box{
		paint.Rect{X: even(a.X, b.X), Y: even(a.Y, b.Y), W: even(a.W, b.W), H: even(a.H, b.H)},
		mix(a.radius, b.radius), mix(a.alpha, b.alpha),
	}
}

// look has inputs start, and go on in the size in which they are shown.
func (s *scene) look(now time.Duration) {
	for _, e := range s.elements {
		if e.input != nil && !e.leaving {
			e.input.show(target{w: e.to.W, h: e.to.H, fit: e.tile.Fit}, now)
		}
	}
}

// ready tells that each picture of a time is there that is to come.
func (s *scene) ready(at time.Duration) bool {
	for _, in := range s.inputs {
		if !in.track.Muted() && !in.ready(at) {
			return false
		}
	}
	return true
}

// lateness is how far behind the present the frame is.
func (s *scene) lateness(now time.Duration) time.Duration {
	want := time.Duration(0)
	for t, in := range s.inputs {
		if late, ok := in.worst(now); ok && !t.Muted() {
			want = max(want, late)
		}
	}
	return s.delay.aim(want, now)
}

// paint makes the frame of a time.
func (s *scene) paint(f *paint.Frame, at, now time.Duration, levels map[string]float64) {
	if s.moving(now) || s.moveFor > 0 {
		s.step(now)
		if !s.moving(now) {
			s.moveFor = 0
		}
	}
	s.look(now)
	f.Copy(s.base)
	for _, e := range s.elements {
		s.paintElement(f, e, at, levels)
	}
	for _, t := range s.titles {
		t.Draw(f, t.x, t.y, 256)
	}
}

func (s *scene) paintElement(f *paint.Frame, e *element, at time.Duration, levels map[string]float64) {
	var picture *paint.Frame
	if e.input != nil {
		picture = e.input.pick(at)
		if !e.source.visible() {
			picture = nil
		}
	}
	r, radius := e.now.Rect, e.now.radius
	if picture != nil {
		s.painter.Picture(f, r, picture, paint.View{Contain: e.tile.Fit == layout.Contain, Radius: radius, Alpha: e.now.alpha, Back: paint.Black})
	} else {
		s.painter.Fill(f, r, e.ground, radius, e.now.alpha)
		if a := e.avatar; a != nil {
			a.Draw(f, r.X+(r.W-a.Width)/2, r.Y+(r.H-a.Height)/2, e.now.alpha)
		}
	}
	if loud := s.loudness(e, levels); loud > 0 {
		s.painter.Border(f, r, radius, s.signs.border(s.height, s.width), accent, loud*e.now.alpha/256)
	}
	if l := e.label; l != nil {
		x, y := labelPlace(e, l)
		l.Draw(f, x, y, e.now.alpha)
	}
}

// loudness is how strongly the border of who speaks is seen, of 256.
func (s *scene) loudness(e *element, levels map[string]float64) int {
	switch {
	case !s.settings.Emphasis || e.source.Screen || e.source.Muted:
		return 0
	case e.tile.Round:
		if level := levels[e.source.Identity]; level > 0 {
			return 96 + int(160*min(level*1.5, 1))
		}
		return 0
	case len(s.elements) > 1 && s.speaking != "" && e.source.Identity == s.speaking:
		if levels[e.source.Identity] > 0 {
			return 256
		}
	}
	return 0
}

// restarts is how many workers of the inputs were replaced.
func (s *scene) restarts() int {
	n := s.replaced
	for _, in := range s.inputs {
		n += in.restarts()
	}
	return n
}

// processes appends the ids of the decoders, in the order of the elements.
func (s *scene) processes(list []int) []int {
	for _, e := range s.elements {
		if e.input != nil && e.input.current != nil {
			list = append(list, e.input.current.Process())
		}
	}
	return list
}

func (s *scene) problem() error {
	var all []error
	for _, e := range s.elements {
		if e.input == nil {
			continue
		}
		if err := e.input.problem(); err != nil {
			all = append(all, fmt.Errorf("the picture of %s: %w", e.source.Name, err))
		}
	}
	return errors.Join(all...)
}

func (s *scene) close() {
	for _, spare := range s.spares {
		spare.Close()
	}
	for _, in := range s.inputs {
		s.closing.Go(in.close)
	}
	s.closing.Wait()
}
