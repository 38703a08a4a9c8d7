package metrics

import (
	"cmp"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/server/livekit"
	"github.com/tuttilive/tutti/internal/studio"
)

var (
	metricRooms        = gauge("tutti_rooms", "Rooms that are open.")
	metricParticipants = gauge("tutti_participants", "Participants in all rooms, hidden ones too, by what they are and the door that they came in by.", "kind", "door")
	metricTracks       = gauge("tutti_tracks", "Tracks that are published.", "source")
	metricLive         = gauge("tutti_live_rooms", "Rooms that are on the air.")
	metricViewers      = gauge("tutti_viewers", "Viewers of programs.", "protocol")
	metricSkipped      = gauge("tutti_viewer_skips", "How often viewers of running shows lost something.", "reason")

	metricSessions    = gauge("tutti_sessions", "Sessions of LiveKit's protocol: connected, or away while their client has no signal connection.", "state")
	metricJoins       = counter("tutti_joins_total", "Requests to join: connected, unconnected (let in, but media never flowed), or why they were refused.", "result")
	metricJoin        = histogram("tutti_join_seconds", "From the request to join until media could flow.")
	metricResumed     = counter("tutti_sessions_resumed_total", "Clients that came back to their session after their signal connection broke.")
	metricUnresumable = counter("tutti_sessions_unresumable_total", "Clients that came back when their session was gone.")
	metricEnded       = counter("tutti_sessions_ended_total", "Sessions that ended, by why: left, duplicate, timeout, removed, room_closed, room_deleted, shutdown.", "reason")
	metricNegotiation = counter("tutti_negotiations_failed_total", "Sessions that ended because descriptions did not fit.")
)

// house puts what is in all rooms.
func (s sink) house(h *studio.House) {
	type place struct{ kind, door string }
	participants := map[place]int{}
	live, tracks, viewers, skips := 0, map[string]int{}, map[string]int{}, map[string]int{}
	studios := h.Studios()
	for _, st := range studios {
		for _, p := range st.Participants() {
			participants[place{p.Kind.String(), cmp.Or(p.Program.Door, "other")}]++
			for _, pub := range p.Publications {
				tracks[pub.Source.String()]++
			}
		}
		status, err := st.LiveStatus()
		if err != nil {
			continue
		}
		live++
		for protocol, n := range status.Viewers {
			viewers[protocol] += n
		}
		for reason, n := range status.Skips {
			skips[reason] += n
		}
	}
	participants[place{room.Person.String(), "livekit"}] += 0 // also where there is nobody
	s.put(metricRooms, float64(len(studios)))
	s.put(metricLive, float64(live))
	for at, n := range participants {
		s.put(metricParticipants, float64(n), at.kind, at.door)
	}
	for source := room.OtherSource; source <= room.ScreenShareAudio; source++ {
		s.put(metricTracks, float64(tracks[source.String()]), source.String())
	}
	for protocol, n := range viewers {
		s.put(metricViewers, float64(n), protocol)
	}
	for reason, n := range skips {
		s.put(metricSkipped, float64(n), reason)
	}
}

// rooms puts the figures of the door that people come into rooms by.
func (s sink) rooms(r livekit.Stats) {
	s.put(metricSessions, float64(r.Sessions-r.Away), "connected")
	s.put(metricSessions, float64(r.Away), "away")
	s.each(metricJoins, r.Joins)
	s.distribution(metricJoin, r.Join)
	s.count(metricResumed, r.Resumed)
	s.count(metricUnresumable, r.Unresumable)
	s.each(metricEnded, r.Ended)
	s.count(metricNegotiation, r.NegotiationFailed)
}
