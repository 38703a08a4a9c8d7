package webhook

import (
	"crypto/rand"
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/lkinfo"
)

// eventOf translates what happened, nil where applications are not told.
func eventOf(in func() studio.RoomInfo, e room.Event, now time.Time) *pb.WebhookEvent {
	event := &pb.WebhookEvent{}
	switch e := e.(type) {
	case room.RoomOpened:
		event.Event = "room_started"
	case room.RoomClosed:
		event.Event = "room_finished"
	case room.ParticipantConnected:
		event.Event = "participant_joined"
		event.Participant = lkinfo.Participant(e.Participant)
	case room.ParticipantLeft:
		event.Event = "participant_left"
		if !e.Participant.Connected {
			event.Event = "participant_connection_aborted"
		}
		event.Participant = lkinfo.Participant(e.Participant)
		event.Participant.State = pb.ParticipantInfo_DISCONNECTED
		event.Participant.DisconnectReason = lkinfo.Reason(e.Reason)
	case room.PublicationAdded:
		event.Event = "track_published"
		event.Participant, event.Track = publisher(e.Participant), lkinfo.Track(e.Publication)
	case room.PublicationRemoved:
		event.Event = "track_unpublished"
		event.Participant, event.Track = publisher(e.Participant), lkinfo.Track(e.Publication)
	default:
		return nil
	}
	event.Id, event.CreatedAt, event.Room = "EV_"+rand.Text()[:12], now.Unix(), lkinfo.Room(in())
	return event
}

// publisher names a participant whose track is the matter.
func publisher(p room.Participant) *pb.ParticipantInfo {
	return &pb.ParticipantInfo{Sid: p.SID, Identity: p.Identity, Name: p.Name}
}
