package track

import (
	"fmt"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
)

// unpackFace is the frame face of a track born as packets, while it is wanted or lingers.
type unpackFace struct {
	demand
	*unpacker
}

// takeUnpackFace counts one more reader of pictures of a size and starts the unpacker for the first. The caller holds t.mu.
func (t *Track) takeUnpackFace(at media.Size) (*unpackFace, error) {
	face := t.unpacks[at]
	if face == nil {
		u, err := newUnpacker(t, at)
		if err != nil {
			return nil, fmt.Errorf("track: frames of %s: %w", t.info.Label, err)
		}
		face = &unpackFace{unpacker: u}
		face.changed = func(wanted bool) {
			u.wanted.Store(wanted)
			u.kick()
			if heard := t.onDemand.Load(); heard != nil {
				(*heard)()
			}
		}
		face.finish = func() {
			close(u.stop)
			u.ring.Close(ErrClosed)
			delete(t.unpacks, at)
		}
		if t.unpacks == nil {
			t.unpacks = map[media.Size]*unpackFace{}
		}
		t.unpacks[at] = face
		face.take()
		go u.run()
		return face, nil
	}
	face.take()
	return face, nil
}

// packFace is the packet face of a track born as frames, while it is wanted or lingers.
type packFace struct {
	demand
	*packer // of the track's own picture; renditions have theirs
	track   *Track
}

// takePackFace counts one more reader and starts the packer for the first. The caller holds t.mu.
func (t *Track) takePackFace() (*packFace, error) {
	if t.pack == nil {
		k, err := rtpfmt.NewPacketizer(t.info.Codec)
		if err != nil {
			return nil, fmt.Errorf("track: packets of %s: %w", t.info.Label, err)
		}
		p := newPacker(t, t.writer, "", k)
		face := &packFace{packer: p, track: t}
		face.finish = func() {
			p.halt()
			for _, r := range t.renditions {
				face.cease(r)
			}
			t.pack = nil
		}
		t.pack = face
		p.start()
		for _, r := range t.renditions {
			face.begin(r)
		}
	}
	t.pack.take()
	return t.pack, nil
}

// begin has a rendition's packets made, too. The caller holds the track's lock.
func (f *packFace) begin(r *Rendition) {
	k, err := rtpfmt.NewPacketizer(f.track.info.Codec)
	if err != nil {
		return // which it was not for the track's own picture
	}
	r.packer = newPacker(f.track, r.writer, r.rid, k)
	r.packer.layer.setSize(&media.Format{Width: r.size.Width, Height: r.size.Height})
	r.packer.start()
}

// cease ends that. The caller holds the track's lock.
func (f *packFace) cease(r *Rendition) {
	if r.packer != nil {
		r.packer.halt()
		r.packer = nil
	}
}
