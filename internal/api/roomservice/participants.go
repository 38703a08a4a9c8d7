package roomservice

import (
	"context"
	"fmt"
	"slices"
	"time"

	pb "github.com/livekit/protocol/livekit"
	"github.com/twitchtv/twirp"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/server/livekit"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/lkinfo"
)

// ListParticipants lists everybody in a room, hidden ones too; nobody is in a room that does not run.
func (s *service) ListParticipants(ctx context.Context, req *pb.ListParticipantsRequest) (*pb.ListParticipantsResponse, error) {
	if err := mayAdmin(ctx, req.Room); err != nil {
		return nil, err
	}
	res := &pb.ListParticipantsResponse{}
	if st, err := s.house.Studio(req.Room); err == nil {
		for _, p := range st.Participants() {
			res.Participants = append(res.Participants, lkinfo.Participant(p))
		}
	}
	return res, nil
}

// GetParticipant describes one.
func (s *service) GetParticipant(ctx context.Context, req *pb.RoomParticipantIdentity) (*pb.ParticipantInfo, error) {
	_, p, err := s.participant(ctx, req.Room, req.Identity)
	if err != nil {
		return nil, err
	}
	return lkinfo.Participant(p), nil
}

// RemoveParticipant sends somebody away, out of a call too. Where the request says so, their tokens that were made before a
// moment are good for nothing from then on; without that they stay good.
func (s *service) RemoveParticipant(ctx context.Context, req *pb.RoomParticipantIdentity) (*pb.RemoveParticipantResponse, error) {
	if err := mayAdmin(ctx, req.Room); err != nil {
		return nil, err
	}
	watched := false
	if req.RevokeTokenTs > 0 {
		// Also of somebody who is not there, or has just left.
		var err error
		if watched, err = s.house.Revoke(req.Room, req.Identity, time.Unix(req.RevokeTokenTs, 0)); err != nil {
			return nil, s.refusal(err)
		}
	}
	if err := s.house.Remove(req.Room, req.Identity); err != nil && !watched {
		return nil, s.refusal(err)
	}
	return &pb.RemoveParticipantResponse{}, nil
}

// MutePublishedTrack mutes a track.
func (s *service) MutePublishedTrack(ctx context.Context, req *pb.MuteRoomTrackRequest) (*pb.MuteRoomTrackResponse, error) {
	st, err := s.studio(ctx, req.Room)
	if err != nil {
		return nil, err
	}
	if err := st.Mute(req.Identity, req.TrackSid, req.Muted); err != nil {
		return nil, s.refusal(err)
	}
	p, err := st.Participant(req.Identity)
	if err != nil {
		return nil, s.refusal(err)
	}
	i := slices.IndexFunc(p.Publications, func(pub room.Publication) bool { return pub.SID == req.TrackSid })
	if i < 0 {
		return nil, s.refusal(room.ErrNoPublication) // it has just ended
	}
	return &pb.MuteRoomTrackResponse{Track: lkinfo.Track(p.Publications[i])}, nil
}

// UpdateParticipant changes what somebody is called and may do. What is empty is left alone.
func (s *service) UpdateParticipant(ctx context.Context, req *pb.UpdateParticipantRequest) (*pb.ParticipantInfo, error) {
	st, p, err := s.participant(ctx, req.Room, req.Identity)
	if err != nil {
		return nil, err
	}
	given := func(text string) *string {
		if text == "" {
			return nil
		}
		return &text
	}
	if req.Name != "" || req.Metadata != "" || len(req.Attributes) > 0 {
		if err := st.Update(req.Identity, given(req.Name), given(req.Metadata), req.Attributes); err != nil {
			return nil, s.refusal(err)
		}
	}
	if req.Permission != nil {
		if err := st.SetPermission(req.Identity, lkinfo.PermissionOf(req.Permission, p.Permission)); err != nil {
			return nil, s.refusal(err)
		}
	}
	if p, err = st.Participant(req.Identity); err != nil {
		return nil, s.refusal(err)
	}
	return lkinfo.Participant(p), nil
}

// UpdateSubscriptions changes which tracks somebody gets.
func (s *service) UpdateSubscriptions(ctx context.Context, req *pb.UpdateSubscriptionsRequest) (*pb.UpdateSubscriptionsResponse, error) {
	st, err := s.studio(ctx, req.Room)
	if err != nil {
		return nil, err
	}
	if err := st.SetSubscribed(req.Identity, lkinfo.TrackSIDs(req), req.Subscribe); err != nil {
		return nil, s.refusal(err)
	}
	return &pb.UpdateSubscriptionsResponse{}, nil
}

// SendData sends a message to some or all.
func (s *service) SendData(ctx context.Context, req *pb.SendDataRequest) (*pb.SendDataResponse, error) {
	st, err := s.studio(ctx, req.Room)
	switch {
	case err != nil:
		return nil, err
	case len(req.Nonce) != 0 && len(req.Nonce) != 16:
		return nil, twirp.InvalidArgument.Error(fmt.Sprintf("nonce should be 16-bytes or not present, got: %d bytes", len(req.Nonce)))
	case len(req.Data) > livekit.MaxDataBytes:
		return nil, twirp.InvalidArgument.Error(fmt.Sprintf("data exceeds %d bytes", livekit.MaxDataBytes))
	}
	to := req.DestinationIdentities
	if len(to) == 0 && len(req.DestinationSids) > 0 { // older applications
		if to = identities(st, req.DestinationSids); len(to) == 0 {
			return &pb.SendDataResponse{}, nil
		}
	}
	user := &pb.UserPacket{Payload: req.Data, Topic: req.Topic, Nonce: req.Nonce}
	data, err := livekit.EncodeData(&pb.DataPacket{Value: &pb.DataPacket_User{User: user}}, "", to, req.Kind == pb.DataPacket_RELIABLE)
	if err != nil {
		return nil, s.refusal(err)
	}
	if err := st.Send(data); err != nil {
		return nil, s.refusal(err)
	}
	return &pb.SendDataResponse{}, nil
}

// identities are those of the participants who have some SIDs.
func identities(st *studio.Studio, sids []string) []string {
	var found []string
	for _, p := range st.Participants() {
		if slices.Contains(sids, p.SID) {
			found = append(found, p.Identity)
		}
	}
	return found
}

// participant finds somebody for those who may administer the room.
func (s *service) participant(ctx context.Context, roomName, identity string) (*studio.Studio, room.Participant, error) {
	st, err := s.studio(ctx, roomName)
	if err != nil {
		return nil, room.Participant{}, err
	}
	p, err := st.Participant(identity)
	if err != nil {
		return nil, room.Participant{}, s.refusal(err)
	}
	return st, p, nil
}
