package sfu

import "github.com/tuttilive/tutti/internal/media"

// wish is what a subscriber asks for among the layers of a picture. The zero value wants the largest.
type wish struct {
	// width and height, when not 0, want the smallest layer that is at least as large.
	width, height int
	// index, when byIndex, wants a layer by its place from small to large.
	index   int
	byIndex bool
}

// candidate is a layer to choose from.
type candidate struct {
	width, height int // 0 while unknown
	active        bool
}

// choose picks one of the layers, which are sorted from small to large; -1 when there is none. Layers that are not
// active are left out while any other is.
func choose(w wish, layers []candidate) int {
	usable := -1 // the largest so far
	place := 0
	any := anyActive(layers)
	for i, l := range layers {
		if any && !l.active {
			continue
		}
		usable = i
		switch {
		case w.byIndex:
			if place >= w.index {
				return i
			}
		case w.width > 0 && w.height > 0:
			if media.AtLeast(l.width, l.height, w.width, w.height) {
				return i
			}
		}
		place++
	}
	return usable
}

// within lowers a chosen layer to what there is room for: the largest that is sent now and not above the limit.
func within(chosen, limit int, layers []candidate) int {
	if chosen <= limit {
		return chosen
	}
	for i := min(limit, len(layers)-1); i >= 0; i-- {
		if layers[i].active {
			return i
		}
	}
	return chosen
}

func anyActive(layers []candidate) bool {
	for _, l := range layers {
		if l.active {
			return true
		}
	}
	return false
}
