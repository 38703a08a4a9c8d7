package hls

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Snapshot is what can be served of a stream at one moment. It is immutable.
type Snapshot struct {
	changed   chan struct{}
	index     *Resource
	pictures  int // in it
	target    int
	ended     bool
	playlists []*Playlist
}

// Ready tells whether there is enough to play.
func (s *Snapshot) Ready() bool { return s.index != nil }

// Ended tells that the playlists are complete.
func (s *Snapshot) Ended() bool { return s.ended }

// Changed is closed when there is a snapshot with another multivariant playlist, or the stream has ended.
func (s *Snapshot) Changed() <-chan struct{} { return s.changed }

// Target is EXT-X-TARGETDURATION, 0 while it is not known.
func (s *Snapshot) Target() time.Duration { return time.Duration(s.target) * time.Second }

// Index is the multivariant playlist, nil while not ready.
func (s *Snapshot) Index() *Resource { return s.index }

// Pictures is how many sizes of the picture the multivariant playlist names.
func (s *Snapshot) Pictures() int { return s.pictures }

// Short gives a playlist that names fewer segments than the players need that do not know low latency: they begin three from the end. It is nil
// where there is none.
func (s *Snapshot) Short() *Playlist {
	for _, p := range s.playlists {
		if !s.ended && len(p.segments) < leastSegments {
			return p
		}
	}
	return nil
}

// Playlist gives a media playlist by its name below the stream's folder; nil when there is none.
func (s *Snapshot) Playlist(name string) *Playlist {
	rendition, ok := strings.CutSuffix(name, ".m3u8")
	if !ok {
		return nil
	}
	if p := s.rendition(rendition); p != nil && len(p.segments) > 0 {
		return p
	}
	return nil
}

func (s *Snapshot) rendition(name string) *Playlist {
	for _, p := range s.playlists {
		if p.name == name {
			return p
		}
	}
	return nil
}

// Find gives an init segment, segment or part by its name below the stream's folder. Where it is the next part, which a playlist hints at,
// it gives the playlist whose change brings it.
func (s *Snapshot) Find(name string) (found *Resource, coming *Playlist) {
	rendition, item, ok := strings.Cut(name, "-")
	p := s.rendition(rendition)
	if !ok || p == nil {
		return nil, nil
	}
	item, extension, _ := strings.Cut(item, ".")
	if digits, ok := strings.CutPrefix(item, "init"); ok {
		if n, ok := parseNumber(digits); ok && extension == "mp4" {
			return p.init(n), nil
		}
		return nil, nil
	}
	n, ok := parseNumber(item)
	if !ok {
		return nil, nil
	}
	if extension == "m4s" {
		return p.segment(n), nil
	}
	digits, ok := strings.CutSuffix(extension, ".m4s")
	if !ok || p.part == 0 {
		return nil, nil
	}
	i, ok := parseNumber(digits)
	if !ok || i > 1<<20 {
		return nil, nil
	}
	return p.partOf(n, int(i))
}

func (p *Playlist) find(n uint64) *Segment {
	for _, list := range [][]*Segment{p.segments, p.retired} {
		if len(list) > 0 && n >= list[0].Number && n-list[0].Number < uint64(len(list)) {
			return list[n-list[0].Number]
		}
	}
	return nil
}

func (p *Playlist) segment(n uint64) *Resource {
	if s := p.find(n); s != nil {
		return s.resource
	}
	return nil
}

func (p *Playlist) partOf(n uint64, i int) (*Resource, *Playlist) {
	parts := p.opening.parts
	if n != p.opening.number {
		s := p.find(n)
		if s == nil {
			return nil, nil
		}
		parts = s.Parts
	}
	switch {
	case i < len(parts):
		return parts[i].resource, nil
	case i == len(parts) && n == p.opening.number && !p.ended:
		return nil, p
	}
	return nil, nil
}

func (p *Playlist) init(n uint64) *Resource {
	if p.opening.init != nil && p.opening.init.number == n && (len(p.segments) > 0 || len(p.opening.parts) > 0) {
		return p.opening.init.resource
	}
	for _, list := range [][]*Segment{p.segments, p.retired} {
		for _, s := range slices.Backward(list) {
			if s.init.number == n {
				return s.init.resource
			}
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
