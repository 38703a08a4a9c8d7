package livekit

import (
	"maps"
	"reflect"
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio/lkinfo"
)

// roomUpdateDelay is how long joining and leaving is collected before the client is told how many are in the room.
const roomUpdateDelay = time.Second

// hear handles what happened in the room.
func (s *session) hear(e room.Event) {
	switch e := e.(type) {
	case room.ParticipantJoined:
		if e.Participant.SID != s.sid {
			s.company.Add(1)
			s.see(e.Participant)
			s.countLater()
		}
	case room.ParticipantChanged:
		before := s.self
		s.see(e.Participant)
		if e.Participant.SID == s.sid {
			s.data.hidden.Store(e.Participant.Permission.Hidden)
			s.selfChanged(before)
		}
	case room.ParticipantShown:
		s.company.Add(1)
		s.see(e.Participant)
		for _, pub := range e.Participant.Publications {
			s.remoteCame(e.Participant, pub)
		}
		s.countLater()
	case room.ParticipantHidden:
		s.lost(e.Participant, room.LeftByItself)
	case room.ParticipantLeft:
		if e.Participant.SID == s.sid {
			s.end(farewell(e.Reason), e.Reason)
			return
		}
		s.lost(e.Participant, e.Reason)
	case room.SubscriptionsSet:
		s.setSubscribed(e.TrackSIDs, e.Subscribed)
	case room.PublicationAdded:
		s.see(e.Participant)
		if e.Participant.SID == s.sid {
			s.ownTrackShown(e.Publication)
		} else {
			s.remoteCame(e.Participant, e.Publication)
		}
	case room.PublicationChanged:
		s.see(e.Participant)
		if e.Participant.SID == s.sid {
			s.ownTrackChanged(e.Publication)
		}
	case room.PublicationRemoved:
		if e.Participant.SID == s.sid {
			s.ownTrackGone(e)
			return
		}
		s.see(e.Participant)
		if e.Returns {
			s.remoteMoves(e.Publication.SID)
		} else {
			s.remoteWent(e.Publication.SID)
		}
	case room.PublicationLapsed:
		s.remoteWent(e.SID)
	case room.PublicationDemand:
		s.tellDemand(e)
	case room.RoomChanged:
		s.send(&pb.SignalResponse{Message: &pb.SignalResponse_RoomUpdate{RoomUpdate: &pb.RoomUpdate{Room: lkinfo.Room(s.part.Room())}}})
	case room.SpeakersChanged:
		s.sendSpeakers(e.Speakers)
	case room.QualitiesChanged:
		s.sendQualities(e.Qualities)
	case room.DataReceived:
		s.tellBefore(e.Data.From.SID)
		s.deliver(e.Data)
	case room.RoomClosed:
		s.end(farewell(e.Reason), e.Reason)
	}
}

// see notes the newest that is known of a participant and will tell the client.
func (s *session) see(p room.Participant) {
	if p.SID == s.sid {
		s.self = p
		s.dataTracks.keep(s.part.Self().DataTracks) // p may be of before the client's latest request
		s.checkData()
	}
	s.reviewData(p)
	s.tell(notice{participant: p})
}

// selfChanged follows what somebody else may have changed of the client: what it subscribes to and publishes, and the token
// with which it would come back.
func (s *session) selfChanged(before room.Participant) {
	s.reviewSubscriptions()
	s.reviewPublishing()
	now := s.self
	same := before.Name == now.Name && before.Metadata == now.Metadata && maps.Equal(before.Attributes, now.Attributes)
	if !s.token.expires.IsZero() && !(same && reflect.DeepEqual(before.Permission, now.Permission)) {
		s.refreshToken()
	}
}

// lost handles that somebody else is not in the room any more, or not for the client.
func (s *session) lost(p room.Participant, why room.LeaveReason) {
	for sid, t := range s.remote.tracks {
		if t.publisherSID == p.SID {
			s.remoteWent(sid)
		}
	}
	s.reviewData(room.Participant{SID: p.SID})
	s.company.Add(-1)
	s.tell(notice{participant: p, left: true, why: why})
	s.countLater()
}

// countLater tells the client soon how many are in the room.
func (s *session) countLater() {
	if !s.roomDue {
		s.roomDue = true
		delay := roomUpdateDelay
		if s.company.Load() >= largeRoom {
			delay = listenerDelay
		}
		s.after(delay, roomUpdateDue{})
	}
}

// sendQualities tells how the client fares and, of the others, those whom it sees or hears.
func (s *session) sendQualities(all []room.Quality) {
	update := &pb.ConnectionQualityUpdate{}
	for _, q := range all {
		if q.SID == s.sid || !q.Hidden && (s.company.Load() < largeRoom || s.receivesFrom(q.SID)) {
			update.Updates = append(update.Updates, &pb.ConnectionQualityInfo{
				ParticipantSid: q.SID, Score: q.Score, Quality: connectionQualities[q.Level&3],
			})
		}
	}
	if len(update.Updates) > 0 {
		s.send(&pb.SignalResponse{Message: &pb.SignalResponse_ConnectionQuality{ConnectionQuality: update}})
	}
}

var connectionQualities = [4]pb.ConnectionQuality{
	pb.ConnectionQuality_LOST, pb.ConnectionQuality_POOR, pb.ConnectionQuality_GOOD, pb.ConnectionQuality_EXCELLENT,
}

// receivesFrom tells whether the client is subscribed to something of somebody.
func (s *session) receivesFrom(sid string) bool {
	for _, t := range s.remote.tracks {
		if t.publisherSID == sid && t.sub != nil {
			return true
		}
	}
	return false
}

func (s *session) sendSpeakers(speakers []room.Speaker) {
	changed := &pb.SpeakersChanged{}
	for _, sp := range speakers {
		changed.Speakers = append(changed.Speakers, &pb.SpeakerInfo{Sid: sp.SID, Level: sp.Level, Active: sp.Level > 0})
	}
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_SpeakersChanged{SpeakersChanged: changed}})
}
