package hls

import (
	"slices"
	"strconv"
	"strings"
)

// Snapshot is what can be served of a stream at one moment. It is immutable.
type Snapshot struct {
	changed chan struct{}
	index   *Resource
	target  int
	ended   bool
	picture view
	sound   view
}

// view is one rendition in a snapshot: segments in order of their numbers, without holes.
type view struct {
	playlist *Resource
	segments []*Segment
}

func (r *rendition) view() view {
	return view{r.playlist, slices.Concat(r.retired, r.segments)}
}

// Ready tells whether there is enough to play.
func (s *Snapshot) Ready() bool { return s.index != nil }

// Ended tells that the playlists are complete.
func (s *Snapshot) Ended() bool { return s.ended }

// Changed is closed when there is a newer snapshot.
func (s *Snapshot) Changed() <-chan struct{} { return s.changed }

// Target is EXT-X-TARGETDURATION in seconds, 0 while it is not known.
func (s *Snapshot) Target() int { return s.target }

// Index is the multivariant playlist, nil while not ready.
func (s *Snapshot) Index() *Resource { return s.index }

// Find gives a playlist, init segment or segment by its name below the stream's folder; nil when there is none.
func (s *Snapshot) Find(name string) *Resource {
	stem, extension, _ := strings.Cut(name, ".")
	rendition, id, numbered := strings.Cut(stem, "-")
	var v *view
	switch rendition {
	case pictureName:
		v = &s.picture
	case soundName:
		v = &s.sound
	default:
		return nil
	}
	switch {
	case !numbered && extension == "m3u8":
		return v.playlist
	case numbered && extension == "m4s":
		if n, ok := parseNumber(id); ok {
			return v.segment(n)
		}
	case numbered && extension == "mp4":
		if digits, ok := strings.CutPrefix(id, "init"); ok {
			if n, ok := parseNumber(digits); ok {
				return v.init(n)
			}
		}
	}
	return nil
}

func (v *view) segment(n uint64) *Resource {
	if len(v.segments) == 0 || n < v.segments[0].Number || n-v.segments[0].Number >= uint64(len(v.segments)) {
		return nil
	}
	return v.segments[n-v.segments[0].Number].resource
}

func (v *view) init(n uint64) *Resource {
	for _, s := range slices.Backward(v.segments) {
		if s.init.number == n {
			return s.init.resource
		}
	}
	return nil
}

// parseNumber reads a decimal number as we write it: without sign or leading zeros, so that a resource has one URI.
func parseNumber(digits string) (uint64, bool) {
	if digits == "" || len(digits) > 19 || len(digits) > 1 && digits[0] == '0' || digits[0] == '+' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}
