package bitstream

import (
	"bytes"
	"iter"

	"github.com/tuttilive/tutti/internal/media"
)

// ParameterSets collects the parameter sets of a stream of H.264 or H.265 units and makes a new Format when they change.
// It belongs to one goroutine.
type ParameterSets struct {
	// Codec is media.H264 or media.H265.
	Codec media.Codec

	vps, sps, pps parameterSet
	format        *media.Format
	changed       bool
	outdated      bool // the PPS is from before the SPS
}

// parameterSet is one that a format holds.
type parameterSet struct {
	unit []byte
	id   uint32
	// came tells that it came with the picture whose units are added.
	came bool
}

// Picture tells that units of another picture follow.
func (s *ParameterSets) Picture() { s.vps.came, s.sps.came = false, false }

// Add takes a unit if it is a parameter set that the format holds, and copies it. A format holds one of each kind: the first that comes with a picture,
// and the first PPS that comes for its SPS. One with another id is not taken and must stay among the pictures.
func (s *ParameterSets) Add(unit []byte) (taken bool) {
	if len(unit) > MaxParameterSet {
		return false
	}
	if s.Codec == media.H265 {
		switch H265Type(unit) {
		case H265VPS:
			return s.add(&s.vps, unit, h265VPSID(unit))
		case H265SPS:
			return s.addSPS(unit, h265SPSID(unit))
		case H265PPS:
			return s.addPPS(unit, 2)
		}
		return false
	}
	switch H264Type(unit) {
	case H264SPS:
		return s.addSPS(unit, h264SPSID(unit))
	case H264PPS:
		return s.addPPS(unit, 1)
	}
	return false
}

func (s *ParameterSets) add(set *parameterSet, unit []byte, id uint32) (taken bool) {
	if set.came && set.id != id {
		return false
	}
	set.id, set.came = id, true
	s.replace(set, unit)
	return true
}

func (s *ParameterSets) addSPS(unit []byte, id uint32) (taken bool) {
	before := s.sps.unit
	if !s.add(&s.sps, unit, id) {
		return false
	}
	s.outdated = s.outdated || !bytes.Equal(before, unit)
	return true
}

// addPPS reads the first two numbers of a PPS: its id and that of its SPS (ITU-T H.264, 7.3.2.2; H.265, 7.3.2.3.1).
func (s *ParameterSets) addPPS(unit []byte, header int) (taken bool) {
	bits := bitReader{b: unit[min(header, len(unit)):min(len(unit), 8)]}
	id, of := bits.golomb(), bits.golomb()
	if s.sps.unit != nil && of != s.sps.id || s.pps.unit != nil && !s.outdated && id != s.pps.id {
		return false
	}
	s.outdated, s.pps.id = false, id
	s.replace(&s.pps, unit)
	return true
}

func (s *ParameterSets) replace(set *parameterSet, unit []byte) {
	if !bytes.Equal(set.unit, unit) {
		set.unit, s.changed = bytes.Clone(unit), true
	}
}

// Take puts the units of a picture together as a payload, and takes the parameter sets out of them. size is what the payload takes at most, key tells
// whether decoding can begin with it, and picture whether there is any.
func (s *ParameterSets) Take(codec media.Codec, units iter.Seq[[]byte], size int) (payload []byte, key, picture bool) {
	s.Picture()
	payload = make([]byte, 0, size)
	for unit := range units {
		if s.Add(unit) {
			continue
		}
		keep, shows, random := Classify(codec, unit)
		if keep {
			payload = AppendUnit(payload, unit)
		}
		key, picture = key || random, picture || shows
	}
	return payload, key, picture
}

// Format is that of the sets added so far: the same pointer as long as they stay the same, nil before all are there. A
// malformed set changes nothing.
func (s *ParameterSets) Format() *media.Format {
	vps, sps, pps := s.vps.unit, s.sps.unit, s.pps.unit
	if !s.changed || sps == nil || pps == nil || s.Codec == media.H265 && vps == nil {
		return s.format
	}
	s.changed = false
	if f := s.format; f != nil && bytes.Equal(f.VPS, vps) && bytes.Equal(f.SPS, sps) && bytes.Equal(f.PPS, pps) {
		return f // back from one that was malformed
	}
	var f *media.Format
	var err error
	if s.Codec == media.H265 {
		f, err = H265Format(vps, sps, pps)
	} else {
		f, err = H264Format(sps, pps)
	}
	if err == nil {
		s.format = f
	}
	return s.format
}
