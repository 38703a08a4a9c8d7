package rtpfmt

import (
	"encoding/binary"
	"math/bits"

	"github.com/tuttilive/tutti/internal/media"
)

// DependencyReader reads the dependency descriptors of one stream (AV1 RTP payload format, appendix A): which layer of a picture a
// frame is, and what it depends on. A keyframe brings templates for the frames that follow it. It belongs to one goroutine.
type DependencyReader struct {
	structure *dependencyStructure
	number    uint16 // of the frame that brought it
}

// Limits of the descriptor's own fields.
const (
	maxTemplates     = 64
	maxDecodeTargets = 32
	maxFrameDiffs    = 8 // more than any encoder has reference frames
	dependencyHeader = 3
)

// indication is what a frame is for a decode target (appendix A.2).
type indication uint8

const (
	notPresent indication = iota
	discardable
	switching
	required
)

// dependencyStructure is what the frames of a coded video sequence have in common.
type dependencyStructure struct {
	offset    uint8 // template_id_offset
	targets   int
	chains    int
	templates []frameTemplate
	// layers are the highest spatial and temporal layer of each decode target.
	layers [maxDecodeTargets]struct{ spatial, temporal uint8 }
	sizes  []LayerSize // of the spatial layers, where they are signalled
}

// frameTemplate is what a frame looks like.
type frameTemplate struct {
	spatial, temporal uint8
	indications       [maxDecodeTargets]indication
	diffs             [maxFrameDiffs]uint16 // how many frames back those are that it depends on
	depends           int                   // how many there are
}

// Read fills in Temporal, Spatial, Start, Keyframe, Up and Last from p.Dependency, and tells whether it could: a descriptor may
// refer to templates that have not come. Then nothing is changed.
func (r *DependencyReader) Read(p *media.Packet) bool {
	b := bitReader{b: p.Dependency}
	begins, ends := b.flag(), b.flag()
	id := uint8(b.read(6))
	number := uint16(b.read(16))
	var custom struct{ indications, diffs bool }
	structure := r.structure
	fresh := false
	if len(p.Dependency) > dependencyHeader {
		fresh = b.flag()
		active := b.flag()
		custom.indications, custom.diffs = b.flag(), b.flag()
		b.flag() // custom_chains_flag: chains are not looked at
		if fresh {
			structure = readStructure(&b)
		}
		if structure == nil || b.failed {
			return false
		}
		if active {
			b.read(structure.targets)
		}
	}
	if structure == nil || b.failed {
		return false
	}
	i := int(id-structure.offset) & (maxTemplates - 1)
	if i >= len(structure.templates) {
		return false
	}
	frame := &structure.templates[i]
	if custom.indications || custom.diffs {
		changed := *frame
		frame = &changed
		if custom.indications {
			for t := range structure.targets {
				frame.indications[t] = indication(b.read(2))
			}
		}
		if custom.diffs {
			frame.depends = 0
			for size := b.read(2); size > 0; size = b.read(2) {
				frame.add(uint16(b.read(4*int(size))) + 1)
			}
		}
		if b.failed {
			return false
		}
	}
	if fresh && (r.structure == nil || int16(number-r.number) >= 0) { // else it is late, and newer templates are in use
		r.structure, r.number = structure, number
	}
	p.Spatial, p.Temporal, p.Last = frame.spatial, frame.temporal, ends
	p.Start = begins && frame.spatial == 0
	p.Keyframe = p.Start && fresh
	p.Up = begins && frame.up(structure)
	return true
}

// Layers are the sizes of the spatial layers, from small to large, where they are signalled. The slice is replaced, never changed.
func (r *DependencyReader) Layers() []LayerSize {
	if r.structure == nil {
		return nil
	}
	return r.structure.sizes
}

// up tells that a reader of lower layers may go up at this frame: to its temporal layer when it says so for the decode target
// that it is the top of, to its spatial layer when it depends on nothing but the same picture.
func (f *frameTemplate) up(s *dependencyStructure) bool {
	if f.spatial > 0 {
		for _, diff := range f.diffs[:f.depends] {
			if diff > uint16(f.spatial) {
				return false
			}
		}
		return true
	}
	for t := range s.targets {
		if top := s.layers[t]; top.spatial == f.spatial && top.temporal == f.temporal {
			return f.indications[t] == switching
		}
	}
	return false
}

func (f *frameTemplate) add(diff uint16) {
	if f.depends < maxFrameDiffs {
		f.diffs[f.depends] = diff
		f.depends++
	}
}

// readStructure reads template_dependency_structure; nil when it is cut short or more than can be.
func readStructure(b *bitReader) *dependencyStructure {
	s := &dependencyStructure{offset: uint8(b.read(6)), targets: int(b.read(5)) + 1}
	var spatial, temporal uint8
	for next := uint32(0); next != 3; {
		if b.failed || len(s.templates) == maxTemplates {
			return nil
		}
		s.templates = append(s.templates, frameTemplate{spatial: spatial, temporal: temporal})
		switch next = b.read(2); next {
		case 1:
			temporal++
		case 2:
			temporal = 0
			spatial++
		}
		if spatial > 3 || temporal > 7 {
			return nil // more than AV1 has
		}
	}
	for i := range s.templates {
		for t := range s.targets {
			s.templates[i].indications[t] = indication(b.read(2))
		}
	}
	for i := range s.templates {
		for b.flag() {
			s.templates[i].add(uint16(b.read(4)) + 1)
		}
	}
	if s.chains = int(b.nonSymmetric(uint32(s.targets) + 1)); s.chains > 0 {
		for range s.targets {
			b.nonSymmetric(uint32(s.chains))
		}
		for range s.templates {
			for range s.chains {
				b.read(4)
			}
		}
	}
	for _, f := range s.templates {
		for t := range s.targets {
			if f.indications[t] != notPresent {
				s.layers[t].spatial = max(s.layers[t].spatial, f.spatial)
				s.layers[t].temporal = max(s.layers[t].temporal, f.temporal)
			}
		}
	}
	if b.flag() {
		for range spatial + 1 {
			s.sizes = append(s.sizes, LayerSize{int(b.read(16)) + 1, int(b.read(16)) + 1})
		}
	}
	if b.failed {
		return nil
	}
	return s
}

// RenumberDependency appends to dst a descriptor whose frame is moved by some numbers.
func RenumberDependency(dst, descriptor []byte, by uint16) []byte {
	at := len(dst)
	dst = append(dst, descriptor...)
	number := dst[at+1 : at+dependencyHeader]
	binary.BigEndian.PutUint16(number, binary.BigEndian.Uint16(number)+by)
	return dst
}

// DependencyNumber is a descriptor's frame number; false when there is none.
func DependencyNumber(descriptor []byte) (uint16, bool) {
	if len(descriptor) < dependencyHeader {
		return 0, false
	}
	return binary.BigEndian.Uint16(descriptor[1:]), true
}

// bitReader reads a descriptor from its most significant bit on. Beyond its end it reads zeros and has failed.
type bitReader struct {
	b      []byte
	at     int // in bits
	failed bool
}

func (r *bitReader) flag() bool { return r.read(1) == 1 }

// read reads up to 32 bits.
func (r *bitReader) read(n int) uint32 {
	if r.at+n > 8*len(r.b) {
		r.failed = true
		return 0
	}
	var v uint32
	for ; n > 0; n-- {
		v = v<<1 | uint32(r.b[r.at/8]>>(7-r.at%8)&1)
		r.at++
	}
	return v
}

// nonSymmetric reads ns(n): a number below n in as few bits as that takes (AV1 specification, section 4.10.7).
func (r *bitReader) nonSymmetric(n uint32) uint32 {
	w := bits.Len32(n)
	m := uint32(1)<<w - n
	v := r.read(w - 1)
	if v < m {
		return v
	}
	return v<<1 - m + r.read(1)
}
