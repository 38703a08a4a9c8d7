package track

import (
	"errors"
	"slices"
	"sync/atomic"

	"github.com/tuttilive/tutti/internal/media"
)

// Rendition is a smaller picture of a track that is born as frames, made beside it: to such a track what its other layers are to
// one that is born as packets. Whoever writes the track adds it, writes it and removes it.
type Rendition struct {
	track  *Track
	rid    string
	size   media.Size
	writer *frameWriter
	format atomic.Pointer[media.Format]

	// Guarded by the track's lock.
	direct int     // leases of the ring
	packer *packer // while the track's packet face is wanted
}

// AddRendition adds a smaller picture; rid names its layer in the packet face ("q", "h").
func (t *Track) AddRendition(rid string, size media.Size) (*Rendition, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.writer == nil:
		return nil, errors.New("track: a track born as packets has the layers that its publisher sends")
	case t.closed:
		return nil, ErrClosed
	}
	r := &Rendition{track: t, rid: rid, size: size}
	r.writer = newFrameWriter(t.info.Kind, &r.format)
	t.renditions = append(slices.Clone(t.renditions), r)
	if t.pack != nil {
		t.pack.begin(r)
	}
	return r, nil
}

// WriteFrame is Track.WriteFrame for the rendition.
func (r *Rendition) WriteFrame(f *media.Frame) error { return r.writer.write(r.track, f) }

// Remove ends the rendition: its readers get what its ring holds, then ErrClosed, and may read again what takes its place.
func (r *Rendition) Remove() {
	t := r.track
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.renditions, r); i >= 0 {
		t.renditions = slices.Delete(slices.Clone(t.renditions), i, i+1)
		r.end()
	}
}

// end closes what there is of a rendition. The caller holds the track's lock.
func (r *Rendition) end() {
	r.writer.ring.Close(ErrClosed)
	if r.packer != nil {
		r.track.pack.cease(r)
	}
}

// Wanted is Track.Wanted for the rendition. Packets are read of all layers or none.
func (r *Rendition) Wanted() bool {
	t := r.track
	t.mu.Lock()
	defer t.mu.Unlock()
	return r.direct > 0 || t.pack != nil && t.pack.readers > 0
}

// renditionFor is the smallest rendition that is at least of a size, nil for the track's own picture. The caller holds the lock.
func (t *Track) renditionFor(at media.Size) (best *Rendition) {
	if at == (media.Size{}) {
		return nil
	}
	for _, r := range t.renditions {
		if r.size.AtLeast(at) && (best == nil || r.size.Area() < best.size.Area()) {
			best = r
		}
	}
	return best
}

// Sizes are those in which the picture can be had as frames now, from small to large: of layers that are sent, or of renditions.
// The last is the track's own. There is none before the first picture.
func (t *Track) Sizes() (sizes []media.Size) {
	add := func(s media.Size) {
		if s.Area() > 0 && !slices.Contains(sizes, s) {
			sizes = append(sizes, s)
		}
	}
	if !t.BornAsFrames() {
		now := media.Now()
		layers, _ := t.layers.get()
		for _, l := range layers {
			if l.meter.within(now, layerGone) {
				w, h := l.Size()
				add(media.Size{Width: w, Height: h})
			}
		}
		return sizes
	}
	t.mu.Lock()
	for _, r := range t.renditions {
		add(r.size)
	}
	t.mu.Unlock()
	slices.SortFunc(sizes, func(a, b media.Size) int { return a.Area() - b.Area() })
	if f := t.format.Load(); f != nil {
		add(media.Size{Width: f.Width, Height: f.Height})
	}
	return sizes
}
