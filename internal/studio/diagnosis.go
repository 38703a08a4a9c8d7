package studio

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/sfu"
	"github.com/tuttilive/tutti/internal/studio/chronicle"
	"github.com/tuttilive/tutti/internal/track"
)

// Diagnosis is all that the server knows of how somebody fares.
type Diagnosis struct {
	room.Participant
	// Left is zero while the participant is in the room; Reason says why it is not.
	Left   time.Time
	Reason room.LeaveReason
	// Quality is how well media get through, without a SID before it was judged.
	Quality       room.Quality
	Connections   []Connection
	Tracks        []TrackDiagnosis
	Subscriptions []SubscriptionDiagnosis
	// Happenings are those of this visit and of earlier ones of the same identity that are not forgotten yet.
	Happenings []chronicle.Happening
}

// Connection is one WebRTC connection of a participant.
type Connection struct {
	// Name tells the connections of one participant apart.
	Name      string
	Connected bool
	// Transport is "udp" or "tcp", empty while the participant is not reached, and Candidate what its address is (rtc.Way).
	Transport, Candidate string
	// Remote must only be shown to operators.
	Remote netip.AddrPort
	RTT    time.Duration
	// Receives tells that media goes out here. Then Estimate is what the way is thought to carry, in bit/s, and Loss the share
	// that does not arrive. While the way is not Full the estimate says only that this much got through.
	Receives bool
	Estimate int
	Full     bool
	Loss     float64
}

// TrackDiagnosis is a publication as it comes in.
type TrackDiagnosis struct {
	room.Publication
	// Layers are those of all codecs that it comes in, empty for what a door writes frames to; the bit rate and FPS of those are in Stats.
	Layers []sfu.LayerStats
	Stats  track.Stats
}

// SubscriptionDiagnosis is a publication as it goes out to the participant.
type SubscriptionDiagnosis struct {
	Publication room.Publication
	Publisher   string // its identity
	Codec       media.Codec
	sfu.SenderStats
}

// connection is a peer over which a participant's media goes.
type connection struct {
	name string
	peer *rtc.Peer
}

// Over tells over which connection media goes to and from the participant; a name that was there before is replaced.
func (p *Participant) Over(name string, peer *rtc.Peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connections = slices.DeleteFunc(p.connections, func(c connection) bool { return c.name == name })
	p.connections = append(p.connections, connection{name, peer})
}

// overIfNone takes the connection that a participant publishes over for its only one where the door did not say more.
func (p *Participant) overIfNone(peer *rtc.Peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.connections) == 0 {
		p.connections = append(p.connections, connection{"publisher", peer})
	}
}

// Note writes down what happened to the participant. It does not block.
func (p *Participant) Note(what chronicle.What, track, detail string) {
	p.studio.house.chronicle.Note(p.sid, what, track, detail, time.Now())
	if log := p.studio.log; log.Enabled(context.Background(), slog.LevelDebug) {
		log.Debug(string(what), "participant", p.identity, "track", track, "detail", detail)
	}
}

// NoteWay writes down how a connection is reached now.
func (p *Participant) NoteWay(what chronicle.What, name string, peer *rtc.Peer) {
	if w, ok := peer.Way(); ok {
		p.Note(what, "", fmt.Sprintf("%s %s %s", name, w.Transport, w.Candidate))
	}
}

func (p *Participant) noteSuspended(trackSID string, suspended bool) {
	what := chronicle.Continued
	if suspended {
		what = chronicle.Suspended
	}
	p.Note(what, trackSID, "")
}

func (p *Participant) noteLayer(trackSID string) func(was, is *track.Layer) {
	return func(was, is *track.Layer) {
		if text := layerName(is); text != layerName(was) {
			p.Note(chronicle.Layer, trackSID, layerName(was)+" → "+text)
		}
	}
}

// layerName is how a layer is called where people read it: by its size, else by its rid.
func layerName(l *track.Layer) string {
	if width, height := l.Size(); width > 0 {
		return fmt.Sprintf("%dx%d", width, height)
	}
	return cmp.Or(l.RID(), "?")
}

// Diagnose looks at everybody in the room, or only at one identity where it is not empty.
func (s *Studio) Diagnose(identity string) []Diagnosis {
	s.mu.Lock()
	people := s.room.Participants()
	members := make(map[string]*Participant, len(s.members))
	qualities := make(map[string]room.Quality, len(s.members))
	for id, m := range s.members {
		members[id], qualities[id] = m, m.quality
	}
	tracks := make(map[string]*published, len(s.tracks))
	for sid, entry := range s.tracks {
		is := *entry // its publication may change
		is.backups = slices.Clone(entry.backups)
		tracks[sid] = &is
	}
	s.mu.Unlock()
	// The rest asks tracks, peers and senders, which the room need not wait for.
	names := make(map[string]room.Publication)
	for _, p := range people {
		for _, pub := range p.Publications {
			names[pub.SID] = pub
		}
	}
	var all []Diagnosis
	for _, p := range people {
		if identity != "" && p.Identity != identity {
			continue
		}
		d := Diagnosis{Participant: p, Quality: qualities[p.Identity]}
		for _, pub := range p.Publications {
			d.Tracks = append(d.Tracks, tracks[pub.SID].diagnose(pub))
		}
		if m := members[p.Identity]; m != nil {
			d.Connections, d.Subscriptions = m.diagnose(tracks, names)
		}
		all = append(all, d)
	}
	return all
}

func (entry *published) diagnose(pub room.Publication) TrackDiagnosis {
	d := TrackDiagnosis{Publication: pub}
	if entry == nil {
		return d
	}
	if entry.receiver != nil {
		d.Layers = entry.receiver.Stats()
	}
	for _, b := range entry.backups {
		d.Layers = append(d.Layers, b.receiver.Stats()...)
	}
	if entry.track != nil {
		d.Stats = entry.track.Stats()
	}
	return d
}

func (p *Participant) diagnose(tracks map[string]*published, names map[string]room.Publication) ([]Connection, []SubscriptionDiagnosis) {
	p.mu.Lock()
	connections := slices.Clone(p.connections)
	subs := make([]*Subscription, 0, len(p.subscriptions))
	for sub := range p.subscriptions {
		subs = append(subs, sub)
	}
	p.mu.Unlock()
	var ways []Connection
	for _, c := range connections {
		ways = append(ways, c.diagnose())
	}
	var going []SubscriptionDiagnosis
	for _, sub := range subs {
		d := SubscriptionDiagnosis{Publication: names[sub.trackSID], Codec: sub.sender.Outbound().Codec(), SenderStats: sub.sender.Stats()}
		d.Publication.SID = sub.trackSID
		if entry := tracks[sub.trackSID]; entry != nil {
			d.Publisher = entry.identity
		}
		going = append(going, d)
	}
	slices.SortFunc(going, func(a, b SubscriptionDiagnosis) int {
		return cmp.Or(cmp.Compare(a.Publisher, b.Publisher), cmp.Compare(a.Publication.SID, b.Publication.SID))
	})
	return ways, going
}

func (c connection) diagnose() Connection {
	d := Connection{Name: c.name, Connected: c.peer.Connected(), RTT: c.peer.RTT()}
	if w, ok := c.peer.Way(); ok {
		d.Transport, d.Candidate, d.Remote = w.Transport.String(), w.Candidate, w.Remote
	}
	if link, ok := c.peer.Congestion().(*sfu.Downlink); ok {
		d.Receives, d.Estimate, d.Full, d.Loss = true, link.Estimate(), link.Full(), link.Loss()
	}
	return d
}

// Diagnose looks at one identity in a room, also at one that has left some minutes ago; false when nothing is known of it.
func (h *House) Diagnose(roomName, identity string) (Diagnosis, bool) {
	var d Diagnosis
	found := false
	if s, err := h.Studio(roomName); err == nil {
		if all := s.Diagnose(identity); len(all) > 0 {
			d, found = all[0], true
		}
	}
	visits := h.chronicle.Visits(roomName, identity, time.Now())
	for _, v := range visits {
		d.Happenings = append(d.Happenings, v.Happenings...)
	}
	if !found && len(visits) > 0 {
		last := visits[len(visits)-1]
		d.Participant, d.Left, d.Reason, found = participantOf(last), last.Left, last.Reason, true
	}
	return d, found
}

// Departed are those who left a room some minutes ago and are not back, without their happenings.
func (h *House) Departed(roomName string) []Diagnosis {
	there := map[string]bool{}
	if s, err := h.Studio(roomName); err == nil {
		for _, p := range s.Participants() {
			there[p.Identity] = true
		}
	}
	var list []Diagnosis
	for _, v := range slices.Backward(h.chronicle.Departed(roomName, time.Now())) {
		if !there[v.Identity] {
			there[v.Identity] = true
			list = append(list, Diagnosis{Participant: participantOf(v), Left: v.Left, Reason: v.Reason})
		}
	}
	return list
}

func participantOf(v chronicle.Visit) room.Participant {
	return room.Participant{
		SID: v.SID, Identity: v.Identity, Name: v.Name, Kind: v.Kind, Program: v.Program, JoinedAt: v.Joined,
	}
}
