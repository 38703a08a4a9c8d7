package livekit

import (
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/room"
)

// answer handles one request of the client. Kinds that we do not know are passed over, as the protocol grows that way.
func (s *session) answer(req *pb.SignalRequest) {
	switch m := req.Message.(type) {
	case *pb.SignalRequest_Ping:
		s.send(&pb.SignalResponse{Message: &pb.SignalResponse_Pong{Pong: time.Now().UnixMilli()}})
	case *pb.SignalRequest_PingReq:
		s.send(&pb.SignalResponse{Message: &pb.SignalResponse_PongResp{PongResp: &pb.Pong{
			LastPingTimestamp: m.PingReq.GetTimestamp(), Timestamp: time.Now().UnixMilli(),
		}}})
	case *pb.SignalRequest_Offer:
		s.takeOffer(m.Offer)
	case *pb.SignalRequest_Answer:
		s.takeAnswer(m.Answer)
	case *pb.SignalRequest_Trickle:
		s.hearCandidate(m.Trickle)
	case *pb.SignalRequest_AddTrack:
		s.addTrack(m.AddTrack)
	case *pb.SignalRequest_Mute:
		s.muteOwn(m.Mute)
	case *pb.SignalRequest_UpdateAudioTrack:
		s.updateAudio(m.UpdateAudioTrack)
	case *pb.SignalRequest_UpdateVideoTrack:
		s.updateVideo(m.UpdateVideoTrack)
	case *pb.SignalRequest_UpdateLayers:
		s.updateLayers(m.UpdateLayers)
	case *pb.SignalRequest_Subscription:
		s.updateSubscription(m.Subscription)
	case *pb.SignalRequest_TrackSetting:
		s.updateSettings(m.TrackSetting)
	case *pb.SignalRequest_SubscriptionPermission:
		s.setRules(m.SubscriptionPermission)
	case *pb.SignalRequest_SyncState:
		s.syncState(m.SyncState)
	case *pb.SignalRequest_UpdateMetadata:
		s.updateMetadata(m.UpdateMetadata)
	case *pb.SignalRequest_Simulate:
		s.simulate(m.Simulate)
	case *pb.SignalRequest_Leave:
		s.saidGoodbye = true
		s.end(nil, room.LeftByItself)
	case *pb.SignalRequest_PublishDataTrackRequest:
		s.publishData(m.PublishDataTrackRequest)
	case *pb.SignalRequest_UnpublishDataTrackRequest:
		s.unpublishData(m.UnpublishDataTrackRequest)
	case *pb.SignalRequest_UpdateDataSubscription:
		s.subscribeData(m.UpdateDataSubscription)
	case *pb.SignalRequest_StoreDataBlobRequest:
		s.answerLater(&pb.RequestResponse{RequestId: m.StoreDataBlobRequest.GetRequestId(), Reason: pb.RequestResponse_UNSUPPORTED_TYPE,
			Message: "data blobs are not supported"})
	case *pb.SignalRequest_GetDataBlobRequest:
		s.answerLater(&pb.RequestResponse{RequestId: m.GetDataBlobRequest.GetRequestId(), Reason: pb.RequestResponse_NOT_FOUND})
	}
}

// respond tells the client how a request went.
func (s *session) respond(r *pb.RequestResponse) {
	if !s.client.unknownMessages() || r.Reason == pb.RequestResponse_OK && !s.client.protocol.positiveResponses() {
		return
	}
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_RequestResponse{RequestResponse: r}})
}
