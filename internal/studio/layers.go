package studio

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tuttilive/tutti/internal/media"
)

// wholePicture names the layer of a picture that is not told apart from others by an id of its publisher's.
const wholePicture = "full"

// Layer is a size in which a viewer over WebRTC can have the program's picture.
type Layer struct {
	// ID is what the picture's publisher calls it (RFC 8851), wholePicture where that is nothing.
	ID string
	// Width and Height are in pixels, Bitrate in bit/s: 0 while not known.
	Width, Height, Bitrate int
	// Active tells that it is being sent.
	Active bool
}

// Layers are the sizes of the program's picture, from small to large: several where its publisher sends several, or it is composed in several. There
// is none while there is no picture, and one where it is converted for the viewer.
func (w *Watcher) Layers() (layers []Layer) {
	t, _ := w.air.program.Picture()
	w.mu.Lock()
	sender := w.picture
	w.mu.Unlock()
	if t == nil || sender == nil {
		return nil
	}
	if own := t.Info().Codec; sender.Outbound().Codec() != own {
		return []Layer{{ID: wholePicture, Active: true}}
	}
	now := media.Now()
	for _, l := range t.Layers() {
		width, height := l.Size()
		layers = append(layers, Layer{cmp.Or(l.RID(), wholePicture), width, height, l.BitrateAt(now), l.Active(now)})
	}
	arrange(layers)
	return layers
}

// arrange puts layers in order from small to large. One whose size is not known yet has the place that its name gives it: the usual names have
// their meaning, others go up or down with the sizes that are known.
func arrange(layers []Layer) {
	slices.SortFunc(layers, func(a, b Layer) int { return cmp.Or(rank(a.ID)-rank(b.ID), strings.Compare(a.ID, b.ID)) })
	var known []Layer
	for _, l := range layers {
		if l.area() > 0 {
			known = append(known, l)
		}
	}
	if n := len(known); n > 1 && known[0].area() > known[n-1].area() {
		slices.Reverse(layers)
		slices.Reverse(known)
	}
	slices.SortStableFunc(known, func(a, b Layer) int { return a.area() - b.area() })
	for i := range layers {
		if layers[i].area() > 0 {
			layers[i], known = known[0], known[1:]
		}
	}
}

func (l Layer) area() int { return l.Width * l.Height }

// rank orders the names that publishers of three sizes usually give them, and ours.
func rank(id string) int {
	switch id {
	case "q":
		return 0
	case "f", wholePicture:
		return 2
	}
	return 1 // "h" among them, and what says nothing
}

// Prefer has the viewer get the smallest layer that is at least of a size, as long as the way carries it; the zero size leaves it to the way. A
// publisher that takes over is asked for as much.
func (w *Watcher) Prefer(size media.Size) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.picture != nil {
		w.picture.SetSize(size.Width, size.Height)
	}
}
