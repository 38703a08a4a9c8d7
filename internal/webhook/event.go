package webhook

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/pk"
	"github.com/tuttilive/tutti/internal/room/scenes"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/lkinfo"
)

// event is what applications are told: LiveKit's, with a further field for what LiveKit has no word for. It is shared by receivers
// and not to be changed.
type event struct {
	*pb.WebhookEvent
	// detail goes into the JSON under detailKey; nil for none. It is encoded when it happens, since its size counts while it waits.
	detailKey string
	detail    json.RawMessage
	failed    error // of encoding the detail
	// minor events leave room to the others where many wait: an audience may write as fast as it can.
	minor bool
}

// newEvent is something that happened in a room; a nil detail is none.
func newEvent(in studio.RoomInfo, name, key string, detail any, now time.Time) *event {
	e := &event{
		WebhookEvent: &pb.WebhookEvent{Event: name, Id: "EV_" + rand.Text()[:12], CreatedAt: now.Unix(), Room: lkinfo.Room(in)},
		detailKey:    key,
	}
	if detail != nil {
		e.detail, e.failed = json.Marshal(detail)
	}
	return e
}

// body is the event as it is sent; dropped is how many went missing before it.
func (e *event) body(dropped int32) ([]byte, error) {
	if e.failed != nil {
		return nil, e.failed
	}
	message := e.WebhookEvent
	if dropped > 0 {
		message = proto.CloneOf(message)
		message.NumDropped = dropped // receivers of older SDKs read it
	}
	body, err := protojson.Marshal(message)
	if err != nil || e.detail == nil {
		return body, err
	}
	// LiveKit's receivers pass over fields that they do not know.
	return fmt.Appendf(body[:len(body)-1], ",%q:%s}", e.detailKey, e.detail), nil
}

// size is about how much memory an event takes, in bytes.
func (e *event) size() int { return proto.Size(e.WebhookEvent) + len(e.detail) + 256 }

// eventsOf translates what happened, to nothing where applications are not told.
func eventsOf(in func() studio.RoomInfo, e room.Event, now time.Time) []*event {
	var all []*event
	add := func(name, key string, detail any, change func(*pb.WebhookEvent)) {
		event := newEvent(in(), name, key, detail, now)
		if change != nil {
			change(event.WebhookEvent)
		}
		all = append(all, event)
	}
	switch e := e.(type) {
	case room.RoomOpened:
		add("room_started", "", nil, nil)
	case room.RoomClosed:
		add("room_finished", "", nil, nil)
	case room.ParticipantConnected:
		add("participant_joined", "", nil, func(m *pb.WebhookEvent) { m.Participant = lkinfo.Participant(e.Participant) })
	case room.ParticipantLeft:
		name := "participant_left"
		if !e.Participant.Connected {
			name = "participant_connection_aborted"
		}
		add(name, "", nil, func(m *pb.WebhookEvent) {
			m.Participant = lkinfo.Participant(e.Participant)
			m.Participant.State = pb.ParticipantInfo_DISCONNECTED
			m.Participant.DisconnectReason = lkinfo.Reason(e.Reason)
		})
	case room.PublicationAdded:
		add("track_published", "", nil, func(m *pb.WebhookEvent) {
			m.Participant, m.Track = publisher(e.Participant), lkinfo.Track(e.Publication)
		})
	case room.PublicationRemoved:
		add("track_unpublished", "", nil, func(m *pb.WebhookEvent) {
			m.Participant, m.Track = publisher(e.Participant), lkinfo.Track(e.Publication)
		})
	case room.StageChanged:
		for _, h := range e.Happened {
			if told[h.What] && h.Reason != stage.Adopted && (in().Scene != scenes.Default || h.What != stage.RoleChanged) {
				add(string(h.What), "stage", h, func(m *pb.WebhookEvent) {
					m.Participant = &pb.ParticipantInfo{Identity: h.Person.Identity, Name: h.Person.Name}
				})
			}
		}
	case room.GroupsChanged:
		name := "groups_opened"
		if e.Groups.State == "" {
			name = "groups_closed"
		}
		add(name, "groups", e.Groups, nil)
	case room.ChatPosted:
		m := e.Message
		add("chat_message", "chat", m, func(message *pb.WebhookEvent) {
			if !m.System {
				message.Participant = &pb.ParticipantInfo{Identity: m.From.Identity, Name: m.From.Name}
			}
		})
		all[0].minor = true
	case room.GiftGiven:
		add("gift_given", "gift", gift{e.ID, e.Gift.Name, e.Gift.Count, e.Gift.Value, e.Gift.To, e.Total}, func(message *pb.WebhookEvent) {
			if e.By != "" {
				message.Participant = &pb.ParticipantInfo{Identity: e.By, Name: e.ByName}
			}
		})
		all[0].minor = true
	case room.PollChanged:
		name := "poll_closed"
		if e.Poll.Open {
			name = "poll_opened"
		}
		add(name, "poll", e.Poll, nil)
	case room.SongChanged:
		name := "song_turn"
		if e.Now == nil {
			name = "songs_over"
		}
		add(name, "song", e.Now, nil)
	case room.IngestChanged:
		add("ingest_"+string(e.What), "ingest", ingestChange{e.From, e.To, e.Why, e.Shows}, nil)
	case room.PKChanged:
		if name := contestEvent(e); name != "" {
			add(name, "pk", e.PK, nil)
		}
	}
	return all
}

// gift is what applications are told of one.
type gift struct {
	ID    string `json:"id"`
	Gift  string `json:"gift"`
	Count int    `json:"count"`
	Value int    `json:"value,omitempty"`
	To    string `json:"to,omitempty"`
	Total int    `json:"total"`
}

// ingestChange is what applications are told of who publishes a show.
type ingestChange struct {
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
	Why   string `json:"why,omitempty"`
	Shows string `json:"shows,omitempty"`
}

// contestEvent names what applications are told of a contest: its start, and its result or that it was called off.
func contestEvent(e room.PKChanged) string {
	switch {
	case e.GoesOn:
	case e.PK.State == pk.Running:
		return "pk_started"
	case e.PK.State == pk.Over, e.PK.State == pk.Ended && e.PK.Result == pk.CalledOff && !e.PK.Started.IsZero():
		return "pk_ended"
	}
	return ""
}

// told is what applications hear of a stage: not whose camera is on.
var told = map[stage.What]bool{
	stage.RoleChanged: true, stage.HandRaised: true, stage.HandLowered: true, stage.InvitationMade: true, stage.InvitationEnded: true,
	stage.SeatTaken: true, stage.SeatLeft: true, stage.SeatMoved: true, stage.Muted: true, stage.Unmuted: true,
	stage.Silenced: true, stage.Unsilenced: true, stage.Banned: true, stage.Unbanned: true,
	stage.Waits: true, stage.LetIn: true, stage.TurnedAway: true, stage.RoomLocked: true, stage.RoomUnlocked: true,
}

// liveEvent tells that a room went on or off the air.
func liveEvent(in func() studio.RoomInfo, name string, live room.Live, now time.Time) *event {
	type show struct {
		Title string    `json:"title,omitempty"`
		By    string    `json:"by,omitempty"`
		Since time.Time `json:"since,omitzero"`
	}
	return newEvent(in(), name, "live", show{live.Title, live.By, live.Since}, now)
}

// Tell tells applications of something that a room's own events say nothing of: what goes into the field key. A nil notifier tells nobody.
func (n *Notifier) Tell(in studio.RoomInfo, name, key string, detail any) {
	if n == nil {
		return
	}
	n.put(newEvent(in, name, key, detail, time.Now()))
}

// publisher names a participant whose track is the matter.
func publisher(p room.Participant) *pb.ParticipantInfo {
	return &pb.ParticipantInfo{Sid: p.SID, Identity: p.Identity, Name: p.Name}
}
