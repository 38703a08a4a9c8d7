package studio

import (
	"maps"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/room"
)

// LiveStatus describes a room on the air.
type LiveStatus struct {
	room.Live
	// Viewers are counted by protocol.
	Viewers map[string]int
	Total   int
	Peak    int
	// Sent is in bytes, to all viewers since the start.
	Sent uint64
	// Skips counts by protocol and reason how often viewers lost something.
	Skips    map[string]int
	Sources  []Source
	Warnings []program.Warning
}

// Source is a participant who publishes.
type Source struct {
	Participant room.Participant
	Tracks      []SourceTrack
}

// SourceTrack is a publication as it comes in right now.
type SourceTrack struct {
	room.Publication
	// Bitrate is in bit/s, FPS in pictures per second, both over the last second or so.
	Bitrate int
	FPS     float64
	// Shown tells that viewers see this picture.
	Shown bool
}

// LiveStatus fails with ErrNotLive while the room is not on the air.
func (s *Studio) LiveStatus() (LiveStatus, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.air
	if a == nil {
		return LiveStatus{}, ErrNotLive
	}
	st := LiveStatus{Live: s.room.Live(), Sources: s.sources(), Warnings: a.program.Warnings(), Sent: a.sent.Load()}
	a.mu.Lock()
	defer a.mu.Unlock()
	st.Viewers, st.Skips = maps.Clone(a.viewers), maps.Clone(a.skips)
	st.Total, st.Peak = a.total, a.peak
	return st, nil
}

// sources lists who publishes what. The caller holds the lock.
func (s *Studio) sources() []Source {
	var all []Source
	for _, p := range s.room.Participants() {
		if len(p.Publications) == 0 {
			continue
		}
		src := Source{Participant: p}
		for _, pub := range p.Publications {
			t := SourceTrack{Publication: pub}
			if entry := s.tracks[pub.SID]; entry != nil && entry.track != nil {
				stats := entry.track.Stats()
				t.Bitrate, t.FPS = stats.Bitrate, stats.FPS
				if stats.Width > 0 {
					t.Width, t.Height = stats.Width, stats.Height
				}
				if s.air != nil && pub.Kind == media.Video {
					picture, _ := s.air.program.Picture()
					t.Shown = picture == entry.track
				}
			}
			src.Tracks = append(src.Tracks, t)
		}
		all = append(all, src)
	}
	return all
}

// Changed is closed when the room goes on or off the air, or somebody comes or leaves.
func (s *Studio) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}
