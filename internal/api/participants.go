package api

import (
	"math"
	"net/http"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/sfu"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// participantSummary is one participant at a glance.
type participantSummary struct {
	SID      string     `json:"sid"`
	Identity string     `json:"identity"`
	Name     string     `json:"name"`
	Kind     string     `json:"kind"`
	Hidden   bool       `json:"hidden,omitempty"`
	JoinedAt time.Time  `json:"joinedAt"`
	LeftAt   *time.Time `json:"leftAt,omitempty"`
	// LeftFor says why somebody is not there any more.
	LeftFor string        `json:"leftFor,omitempty"`
	Client  clientProgram `json:"client"`
	// Health is "good", "fair" or "poor", empty while there is nothing to judge by.
	Health string `json:"health,omitempty"`
	// Quality is "excellent", "good", "poor" or "lost", empty before it was judged.
	Quality string      `json:"quality,omitempty"`
	Path    string      `json:"path,omitempty"`
	RTT     float64     `json:"rtt,omitempty"`
	In      trafficRate `json:"in"`
	Out     trafficRate `json:"out"`
	Freezes uint64      `json:"freezes"`
	// Suspended and Limited count pictures that do not come to the participant, or only smaller than they are wanted.
	Suspended int `json:"suspended"`
	Limited   int `json:"limited"`
}

type clientProgram struct {
	Door    string `json:"door,omitempty"`
	SDK     string `json:"sdk,omitempty"`
	Version string `json:"version,omitempty"`
	OS      string `json:"os,omitempty"`
	Browser string `json:"browser,omitempty"`
	Device  string `json:"device,omitempty"`
}

// trafficRate is what comes from a participant, or goes to it.
type trafficRate struct {
	Tracks int `json:"tracks"`
	// Bitrate is in bit/s; Loss is the share of packets that is lost, of the worst track.
	Bitrate int     `json:"bitrate"`
	Loss    float64 `json:"loss"`
}

// participantDetail is all that is known of one participant.
type participantDetail struct {
	participantSummary
	Connections   []connectionDetail   `json:"connections"`
	Tracks        []trackDetail        `json:"tracks"`
	Subscriptions []subscriptionDetail `json:"subscriptions"`
	Timeline      []happening          `json:"timeline"`
}

type connectionDetail struct {
	Name      string `json:"name"`
	Connected bool   `json:"connected"`
	Transport string `json:"transport,omitempty"`
	Candidate string `json:"candidate,omitempty"`
	// Remote is shown to operators only.
	Remote string  `json:"remote,omitempty"`
	RTT    float64 `json:"rtt,omitempty"`
	// Downlink is nil where nothing goes out.
	Downlink *downlinkDetail `json:"downlink,omitempty"`
}

type downlinkDetail struct {
	Estimate int     `json:"estimate"`
	Full     bool    `json:"full"`
	Loss     float64 `json:"loss"`
}

type trackDetail struct {
	SID    string        `json:"sid"`
	Name   string        `json:"name,omitempty"`
	Kind   string        `json:"kind"`
	Source string        `json:"source"`
	Codec  string        `json:"codec"`
	Muted  bool          `json:"muted"`
	Layers []layerDetail `json:"layers"`
}

type layerDetail struct {
	RID      string  `json:"rid,omitempty"`
	Codec    string  `json:"codec"`
	Width    int     `json:"width,omitempty"`
	Height   int     `json:"height,omitempty"`
	FPS      int     `json:"fps"`
	Bitrate  int     `json:"bitrate"`
	Active   bool    `json:"active"`
	Loss     float64 `json:"loss"`
	Jitter   float64 `json:"jitter"`
	Packets  uint64  `json:"packets"`
	Lost     uint64  `json:"lost"`
	Repaired uint64  `json:"repaired"`
	NACKs    uint64  `json:"nacks"`
	PLIs     uint64  `json:"plis"`
	// Keyframes, Freezes and Frozen (in seconds) are of pictures.
	Keyframes uint64  `json:"keyframes"`
	Freezes   uint64  `json:"freezes"`
	Frozen    float64 `json:"frozen"`
}

type subscriptionDetail struct {
	SID       string `json:"sid"`
	Publisher string `json:"publisher"`
	Kind      string `json:"kind"`
	Source    string `json:"source"`
	Codec     string `json:"codec"`
	// State is "active", "limited", "suspended" or "paused".
	State    string  `json:"state"`
	RID      string  `json:"rid,omitempty"`
	Width    int     `json:"width,omitempty"`
	Height   int     `json:"height,omitempty"`
	Bitrate  int     `json:"bitrate"`
	Loss     float64 `json:"loss"`
	Packets  uint64  `json:"packets"`
	NACKs    uint64  `json:"nacks"`
	Repaired uint64  `json:"repaired"`
	PLIs     uint64  `json:"plis"`
}

type happening struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"`
	Track  string    `json:"track,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

// getParticipants lists who is in a room and how they fare, and who left some minutes ago.
func (a *API) getParticipants(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("room")
	out := struct {
		Participants []participantSummary `json:"participants"`
		Departed     []participantSummary `json:"departed"`
	}{[]participantSummary{}, []participantSummary{}}
	s, err := a.house.Studio(name)
	if err == nil {
		for _, d := range s.Diagnose("") {
			out.Participants = append(out.Participants, summaryOf(d))
		}
	}
	for _, d := range a.house.Departed(name) {
		out.Departed = append(out.Departed, summaryOf(d))
	}
	if err != nil && len(out.Departed) == 0 {
		refusal.Write(w, err)
		return
	}
	answer(w, http.StatusOK, out)
}

// getParticipant tells all of one participant, also of one who left some minutes ago.
func (a *API) getParticipant(w http.ResponseWriter, r *http.Request) {
	d, ok := a.house.Diagnose(r.PathValue("room"), r.PathValue("identity"))
	if !ok {
		refusal.Write(w, room.ErrNoParticipant)
		return
	}
	answer(w, http.StatusOK, detailOf(d, a.isOperator(r)))
}

func summaryOf(d studio.Diagnosis) participantSummary {
	p := d.Program
	s := participantSummary{
		SID: d.SID, Identity: d.Identity, Name: d.Name, Kind: d.Kind.String(), Hidden: d.Permission.Hidden, JoinedAt: d.JoinedAt,
		Client: clientProgram{Door: p.Door, SDK: p.SDK, Version: p.Version, OS: p.OS, Browser: p.Browser, Device: p.Device},
	}
	if !d.Left.IsZero() {
		s.LeftAt, s.LeftFor = &d.Left, d.Reason.String()
	}
	for _, c := range d.Connections {
		s.RTT = max(s.RTT, seconds(c.RTT))
		if c.Transport != "" && (s.Path == "" || c.Receives) {
			s.Path = pathName(c)
		}
		s.Out.Loss = max(s.Out.Loss, round(c.Loss, 4))
	}
	for _, t := range d.Tracks {
		s.In.Tracks++
		if len(t.Layers) == 0 {
			s.In.Bitrate += t.Stats.Bitrate
		}
		for _, l := range t.Layers {
			s.In.Bitrate += l.Bitrate
			s.Freezes += l.Freezes
			if l.Active {
				s.In.Loss = max(s.In.Loss, round(l.LossShare, 4))
			}
		}
	}
	for _, sub := range d.Subscriptions {
		s.Out.Tracks++
		s.Out.Bitrate += sub.Bitrate
		s.Out.Loss = max(s.Out.Loss, round(float64(sub.Lost), 4))
		switch {
		case sub.Paused:
		case sub.Suspended:
			s.Suspended++
		case sub.Limited:
			s.Limited++
		}
	}
	if d.Left.IsZero() {
		if d.Quality.SID != "" {
			s.Quality = d.Quality.String()
		}
		s.Health = healthOf(s)
	}
	return s
}

// pathName is a way in one word: "relay" where the client's address is that of a relay.
func pathName(c studio.Connection) string {
	if c.Candidate == "relay" {
		return "relay"
	}
	return c.Transport
}

// healthOf judges what an operator sees first.
func healthOf(s participantSummary) string {
	loss := max(s.In.Loss, s.Out.Loss)
	switch {
	case s.Path == "" && s.Kind != room.Ingest.String():
		return ""
	case loss > 0.1 || s.RTT > 0.5 || s.Suspended > 0 || s.Quality == "poor" || s.Quality == "lost":
		return "poor"
	case loss > 0.03 || s.RTT > 0.25 || s.Limited > 0:
		return "fair"
	}
	return "good"
}

func detailOf(d studio.Diagnosis, operator bool) participantDetail {
	out := participantDetail{
		participantSummary: summaryOf(d), Connections: []connectionDetail{}, Tracks: []trackDetail{},
		Subscriptions: []subscriptionDetail{}, Timeline: []happening{},
	}
	for _, c := range d.Connections {
		detail := connectionDetail{Name: c.Name, Connected: c.Connected, Transport: c.Transport, Candidate: c.Candidate, RTT: seconds(c.RTT)}
		if operator && c.Remote.IsValid() {
			detail.Remote = c.Remote.String()
		}
		if c.Receives {
			detail.Downlink = &downlinkDetail{Estimate: c.Estimate, Full: c.Full, Loss: round(c.Loss, 4)}
		}
		out.Connections = append(out.Connections, detail)
	}
	for _, t := range d.Tracks {
		out.Tracks = append(out.Tracks, trackOf(t))
	}
	for _, s := range d.Subscriptions {
		out.Subscriptions = append(out.Subscriptions, subscriptionOf(s))
	}
	for _, h := range d.Happenings {
		out.Timeline = append(out.Timeline, happening{At: h.At, What: string(h.What), Track: h.Track, Detail: h.Detail})
	}
	return out
}

func trackOf(t studio.TrackDiagnosis) trackDetail {
	d := trackDetail{
		SID: t.SID, Name: t.Name, Kind: t.Kind.String(), Source: t.Source.String(), Codec: t.Codec.String(), Muted: t.Muted, Layers: []layerDetail{},
	}
	for _, l := range t.Layers {
		d.Layers = append(d.Layers, layerOf(l))
	}
	if len(t.Layers) == 0 && t.Stats.Bitrate > 0 {
		d.Layers = append(d.Layers, layerDetail{
			Codec: t.Codec.String(), Width: t.Stats.Width, Height: t.Stats.Height, FPS: int(math.Round(t.Stats.FPS)), Bitrate: t.Stats.Bitrate, Active: true,
		})
	}
	return d
}

func layerOf(l sfu.LayerStats) layerDetail {
	return layerDetail{
		RID: l.RID, Codec: l.Codec.String(), Width: l.Width, Height: l.Height, FPS: l.FPS, Bitrate: l.Bitrate, Active: l.Active,
		Loss: round(l.LossShare, 4), Jitter: seconds(l.Jitter), Packets: l.Packets, Lost: l.Lost, Repaired: l.Repaired, NACKs: l.Nacked,
		PLIs: l.KeyframesWanted, Keyframes: l.Keyframes, Freezes: l.Freezes, Frozen: seconds(l.Frozen),
	}
}

func subscriptionOf(s studio.SubscriptionDiagnosis) subscriptionDetail {
	d := subscriptionDetail{
		SID: s.Publication.SID, Publisher: s.Publisher, Kind: s.Publication.Kind.String(), Source: s.Publication.Source.String(),
		State: "active", RID: s.RID, Width: s.Width, Height: s.Height, Bitrate: s.Bitrate, Loss: round(float64(s.Lost), 4),
		Packets: s.Packets, NACKs: s.Nacked, Repaired: s.Repaired, PLIs: s.KeyframesWanted,
	}
	if s.Codec != media.NoCodec {
		d.Codec = s.Codec.String()
	}
	switch {
	case s.Paused:
		d.State = "paused"
	case s.Suspended:
		d.State = "suspended"
	case s.Limited:
		d.State = "limited"
	}
	return d
}

// seconds is a duration as the API tells them, to a tenth of a millisecond.
func seconds(d time.Duration) float64 { return round(d.Seconds(), 4) }

func round(v float64, digits int) float64 {
	scale := math.Pow(10, float64(digits))
	return math.Round(v*scale) / scale
}
