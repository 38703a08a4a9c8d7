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

	vps, sps, pps []byte
	format        *media.Format
	changed       bool
	outdated      bool // the PPS is from before the SPS
}

// Add takes a unit if it is a parameter set that the format holds, and copies it. A format holds one PPS, the first that comes with its SPS: one
// with another id is not taken and must stay among the pictures.
func (s *ParameterSets) Add(unit []byte) (taken bool) {
	if len(unit) > MaxParameterSet {
		return false
	}
	if s.Codec == media.H265 {
		switch H265Type(unit) {
		case H265VPS:
			s.replace(&s.vps, unit)
		case H265SPS:
			s.outdated = s.replace(&s.sps, unit) || s.outdated
		case H265PPS:
			return s.addPPS(unit)
		default:
			return false
		}
		return true
	}
	switch H264Type(unit) {
	case H264SPS:
		s.outdated = s.replace(&s.sps, unit) || s.outdated
	case H264PPS:
		return s.addPPS(unit)
	default:
		return false
	}
	return true
}

func (s *ParameterSets) addPPS(unit []byte) (taken bool) {
	if s.pps != nil && !s.outdated && s.id(unit) != s.id(s.pps) {
		return false
	}
	s.outdated = false
	s.replace(&s.pps, unit)
	return true
}

// replace tells whether a set has changed.
func (s *ParameterSets) replace(set *[]byte, unit []byte) bool {
	if bytes.Equal(*set, unit) {
		return false
	}
	*set, s.changed = bytes.Clone(unit), true
	return true
}

// id is that of a PPS: the first number in it (ITU-T H.264, 7.3.2.2; H.265, 7.3.2.3.1).
func (s *ParameterSets) id(pps []byte) uint32 {
	header := 1
	if s.Codec == media.H265 {
		header = 2
	}
	bits := bitReader{b: pps[header:min(len(pps), 8)]}
	return bits.golomb()
}

// Take puts the units of a picture together as a payload, and takes the parameter sets out of them. size is what the payload takes at most, key tells
// whether decoding can begin with it, and picture whether there is any.
func (s *ParameterSets) Take(codec media.Codec, units iter.Seq[[]byte], size int) (payload []byte, key, picture bool) {
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
	if !s.changed || s.sps == nil || s.pps == nil || s.Codec == media.H265 && s.vps == nil {
		return s.format
	}
	s.changed = false
	var f *media.Format
	var err error
	if s.Codec == media.H265 {
		f, err = H265Format(s.vps, s.sps, s.pps)
	} else {
		f, err = H264Format(s.sps, s.pps)
	}
	if err == nil {
		s.format = f
	}
	return s.format
}
