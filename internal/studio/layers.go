package studio

import (
	"cmp"
	"slices"

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
	slices.SortStableFunc(layers, func(a, b Layer) int { return a.Width*a.Height - b.Width*b.Height })
	return layers
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
