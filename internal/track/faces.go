package track

import (
	"fmt"

	"github.com/tuttilive/tutti/internal/media/rtpfmt"
)

// unpackFace is the frame face of a track born as packets, while it is wanted or lingers.
type unpackFace struct {
	demand
	*unpacker
}

// takeUnpackFace counts one more reader and starts the unpacker for the first. The caller holds t.mu.
func (t *Track) takeUnpackFace() (*unpackFace, error) {
	if t.unpack == nil {
		u, err := newUnpacker(t)
		if err != nil {
			return nil, fmt.Errorf("track: frames of %s: %w", t.info.Label, err)
		}
		face := &unpackFace{unpacker: u}
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
			t.unpack = nil
		}
		t.unpack = face
		t.unpack.take()
		go u.run()
		return face, nil
	}
	t.unpack.take()
	return t.unpack, nil
}

// packFace is the packet face of a track born as frames, while it is wanted or lingers.
type packFace struct {
	demand
	*packer
}

// takePackFace counts one more reader and starts the packer for the first. The caller holds t.mu.
func (t *Track) takePackFace() (*packFace, error) {
	if t.pack == nil {
		k, err := rtpfmt.NewPacketizer(t.info.Codec)
		if err != nil {
			return nil, fmt.Errorf("track: packets of %s: %w", t.info.Label, err)
		}
		p := newPacker(t, k)
		face := &packFace{packer: p}
		face.finish = func() {
			close(p.stop)
			t.layers.remove(p.layer)
			t.pack = nil
		}
		t.pack = face
		t.layers.add(p.layer)
		go p.run()
	}
	t.pack.take()
	return t.pack, nil
}
