package sfu

import (
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/track"
)

// wish is what a subscriber asks for among the steps of a picture. The zero value wants the largest.
type wish struct {
	// width and height, when not 0, want the smallest picture that is at least as large.
	width, height int
	// fps, when not 0, is content with fewer pictures a second, if there are so many.
	fps int
	// index, when byIndex, wants a size by its place from small to large.
	index   int
	byIndex bool
}

// candidate is a step that a subscriber can get of a picture: a layer, and how much of what is in it.
type candidate struct {
	layer *track.Layer
	selection
	width, height int // 0 while unknown
	// fps is about how many pictures a second there are; partial tells that the next candidate has the same size and more.
	fps     int
	partial bool
	active  bool
}

// appendCandidates adds the steps of a layer to those of smaller ones. Of the smallest picture all temporal layers are steps; of
// others the highest can be left out, which takes less than the whole and still more than the next smaller size.
func appendCandidates(list []candidate, l *track.Layer, now time.Duration) []candidate {
	active := l.Active(now)
	spatial, temporal := l.Sublayers(now)
	if spatial == 1 && temporal == 1 {
		width, height := l.Size()
		return append(list, candidate{layer: l, selection: everything, width: width, height: height, active: active})
	}
	fps := usualRate(l.PicturesAt(now))
	for s := range spatial {
		width, height := l.SublayerSize(s, spatial)
		lowest := 0
		if len(list) > 0 {
			lowest = max(0, temporal-2)
		}
		for t := lowest; t < temporal; t++ {
			list = append(list, candidate{
				layer: l, selection: selection{uint8(s), uint8(t)}, width: width, height: height,
				fps: fps >> (temporal - 1 - t), partial: t < temporal-1, active: active,
			})
		}
	}
	return list
}

// usualRate is the usual frame rate that a measured one is about, so that candidates do not change all the time.
func usualRate(measured int) int {
	for _, usual := range []int{5, 10, 15, 20, 25, 30, 50} {
		if measured <= usual+2 {
			return usual
		}
	}
	return 60
}

// choose picks one of the steps, which are sorted from small to large; -1 when there is none. Those that are not active
// are left out while any other is.
func choose(w wish, steps []candidate) int {
	usable := -1 // of the largest size so far
	place := -1
	any := anyActive(steps)
	for i := range steps {
		c := &steps[i]
		if any && !c.active || c.partial && (w.fps == 0 || c.fps < w.fps) {
			continue
		}
		if usable >= 0 && steps[usable].sameSize(c) {
			continue // fewer pictures are enough
		}
		usable = i
		place++
		switch {
		case w.byIndex:
			if place >= w.index {
				return i
			}
		case w.width > 0 && w.height > 0:
			if media.AtLeast(c.width, c.height, w.width, w.height) {
				return i
			}
		}
	}
	return usable
}

// sameSize tells that two steps differ in temporal layers only.
func (c *candidate) sameSize(d *candidate) bool {
	return c.layer != nil && c.layer == d.layer && c.spatial == d.spatial
}

// within lowers a chosen step to what there is room for: the largest that is sent now and not above the limit.
func within(chosen, limit int, steps []candidate) int {
	if chosen <= limit {
		return chosen
	}
	for i := min(limit, len(steps)-1); i >= 0; i-- {
		if steps[i].active {
			return i
		}
	}
	return chosen
}

func anyActive(steps []candidate) bool {
	for i := range steps {
		if steps[i].active {
			return true
		}
	}
	return false
}
