package studio

import (
	"maps"
	"slices"
	"strings"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/track"
)

// LiveStatus describes a room on the air.
type LiveStatus struct {
	room.Live
	// Viewers are those who play, by protocol. Total counts also those who are in the audience's channel and do not play, each once.
	Viewers map[string]int
	Total   int
	Peak    int
	// Sent is in bytes, to all viewers since the start.
	Sent uint64
	// Skips counts by protocol and reason how often viewers lost something.
	Skips map[string]int
	// Pinned is the SID of the track that the host chose to show, empty while the program chooses.
	Pinned string
	// Composed tells that the picture is composed; then Picture is what comes out, else zero.
	Composed bool
	Picture  program.Source
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

// WarningAttribute begins the names of attributes in which a door tells what is wrong with what a participant sends: the
// rest of the name is a stable code, the value an English sentence.
const WarningAttribute = "tutti.warning."

// warnNoPublisher is the code of the warning that nobody publishes any more.
const warnNoPublisher = "no_publisher"

// warnSlate is the code of the warning that the slate cannot be made.
const warnSlate = "slate_failed"

// warnRecording is the code of the warning that the show should be recorded and is not.
const warnRecording = "recording_failed"

// maxWarnings bounds what is told of the sources: attributes may come from their publishers too.
const maxWarnings = 16

// warnings are what the program says and what doors noted of ingests, each code once. People set their attributes by
// themselves, so theirs do not count.
func warnings(p *program.Program, sources []Source) []program.Warning {
	all := p.Warnings()
	for _, src := range sources {
		if src.Participant.Kind != room.Ingest {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(src.Participant.Attributes)) {
			code, ok := strings.CutPrefix(name, WarningAttribute)
			if len(all) >= maxWarnings {
				return all
			}
			if ok && !slices.ContainsFunc(all, func(w program.Warning) bool { return w.Code == code }) {
				all = append(all, program.Warning{Code: code, Text: src.Participant.Attributes[name]})
			}
		}
	}
	return all
}

// LiveStatus fails with ErrNotLive while the room is not on the air.
func (s *Studio) LiveStatus() (LiveStatus, error) {
	s.mu.Lock()
	a := s.air
	if a == nil {
		s.mu.Unlock()
		return LiveStatus{}, ErrNotLive
	}
	st := LiveStatus{Live: s.room.Live(), Sent: a.sent.Load(), Total: s.viewers()}
	people := s.room.Participants()
	tracks := make(map[string]*track.Track, len(s.tracks))
	for sid, entry := range s.tracks {
		if entry.track == nil {
			continue
		}
		tracks[sid] = entry.track
		if a.pinned.names(entry) {
			st.Pinned = sid
		}
	}
	unrecorded := a.unrecorded
	absent, held := a.absence.since, "viewers see the last picture"
	var noSlate error
	if sl := a.absence.slate; sl != nil {
		noSlate = sl.wrong
		if sl.shown {
			held = "viewers see the slate"
		}
	}
	s.mu.Unlock()
	// The rest asks tracks and the program, which the room need not wait for.
	st.Sources = sources(people, tracks, a.program)
	st.Warnings = warnings(a.program, st.Sources)
	if !absent.IsZero() {
		st.Warnings = append([]program.Warning{{Code: warnNoPublisher, Text: "Nothing comes of anybody who publishes: " + held + "."}}, st.Warnings...)
	}
	if noSlate != nil {
		st.Warnings = append(st.Warnings, program.Warning{Code: warnSlate, Text: "The slate cannot be made, which is tried again."})
	}
	if unrecorded != "" {
		st.Warnings = append([]program.Warning{{Code: warnRecording, Text: unrecorded}}, st.Warnings...)
	}
	if _, st.Composed = a.program.Composed(); st.Composed {
		st.Picture = a.program.Stats().Picture
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	st.Viewers, st.Skips = maps.Clone(a.viewers), maps.Clone(a.skips)
	st.Peak = a.peak
	return st, nil
}

// sources lists who publishes what, but for those who are hidden.
func sources(people []room.Participant, tracks map[string]*track.Track, on *program.Program) []Source {
	var all []Source
	picture, _ := on.Picture()
	composed := on.Shows()
	for _, p := range people {
		if len(p.Publications) == 0 || p.Permission.Hidden || p.Kind == room.Composed {
			continue
		}
		src := Source{Participant: p}
		for _, pub := range p.Publications {
			t := SourceTrack{Publication: pub}
			if incoming := tracks[pub.SID]; incoming != nil {
				stats := incoming.Stats()
				t.Bitrate, t.FPS = stats.Bitrate, stats.FPS
				if stats.Width > 0 {
					t.Width, t.Height = stats.Width, stats.Height
				}
				t.Shown = pub.Kind == media.Video && (picture == incoming || composed[incoming])
			}
			src.Tracks = append(src.Tracks, t)
		}
		all = append(all, src)
	}
	return all
}

// Changed is closed when the room goes on or off the air, or somebody in it comes, leaves or changes.
func (s *Studio) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}
