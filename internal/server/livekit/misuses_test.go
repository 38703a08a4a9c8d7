package livekit

import (
	pb "github.com/livekit/protocol/livekit"
)

// misuse is what one kind of request leads to. Outcomes that are the same for nearly all kinds are left empty; v1 says what is otherwise where
// there is one connection.
type misuse struct {
	// proper is a request as a client sends it, about a track: its own where it has one, else somebody else's.
	proper                          func(track string) *pb.SignalRequest
	own, theirs, forbidden, v1Empty string
	// empty is the request with nothing in it, stuffed with each field as large as it can be.
	empty, stuffed string
	// garbage is what is no message of the kind.
	garbage string
}

const dataOffer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\n" +
	"a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F\r\n" +
	"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sctp-port:5000\r\n"

// misuses has each kind of request that the protocol knows, by its name there.
var misuses = map[string]misuse{
	"offer": {
		proper: func(string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_Offer{Offer: &pb.SessionDescription{Type: "offer", Sdp: dataOffer, Id: 7}}}
		},
		own: answered, theirs: answered, forbidden: answered, empty: sentAnew, v1Empty: sentAnew, stuffed: sentAnew, garbage: sentAway,
	},
	"answer": { // a proper one to no offer of ours
		proper: func(string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_Answer{Answer: &pb.SessionDescription{Type: "answer", Sdp: dataOffer, Id: 4711}}}
		},
		empty: sentAnew, garbage: sentAway,
	},
	"trickle": {
		proper: func(string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_Trickle{Trickle: &pb.TrickleRequest{
				CandidateInit: `{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host"}`, Target: pb.SignalTarget_SUBSCRIBER}}}
		},
		garbage: sentAway,
	},
	"add_track": {
		proper: func(string) *pb.SignalRequest { return addVoice("another") },
		own:    published, theirs: published, forbidden: "NOT_ALLOWED",
		empty: "INVALID_REQUEST", v1Empty: "INVALID_REQUEST", stuffed: "INVALID_REQUEST", garbage: sentAway,
	},
	"mute": {
		proper: func(track string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_Mute{Mute: &pb.MuteTrackRequest{Sid: track, Muted: true}}}
		},
		theirs: notFound, forbidden: notFound, empty: notFound, v1Empty: notFound, stuffed: notFound, garbage: sentAway,
	},
	"subscription": {
		proper: func(track string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_Subscription{Subscription: &pb.UpdateSubscription{TrackSids: []string{track}, Subscribe: true}}}
		},
		own: "SE_TRACK_NOTFOUND", stuffed: "SE_TRACK_NOTFOUND", garbage: sentAway,
	},
	"track_setting": {
		proper: func(track string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_TrackSetting{TrackSetting: &pb.UpdateTrackSettings{TrackSids: []string{track}, Disabled: true}}}
		},
		garbage: sentAway,
	},
	"leave": {
		proper: func(string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_Leave{Leave: &pb.LeaveRequest{}}}
		},
		own: goes, theirs: goes, forbidden: goes, empty: goes, v1Empty: goes, stuffed: goes, garbage: sentAway,
	},
	"update_layers": {
		proper: func(track string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_UpdateLayers{UpdateLayers: &pb.UpdateVideoLayers{TrackSid: track, Layers: []*pb.VideoLayer{{Width: 320, Height: 180}}}}}
		},
		garbage: sentAway,
	},
	"subscription_permission": {
		proper: func(track string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_SubscriptionPermission{SubscriptionPermission: &pb.SubscriptionPermission{
				TrackPermissions: []*pb.TrackPermission{{ParticipantIdentity: "alice", TrackSids: []string{track}}}}}}
		},
		garbage: sentAway,
	},
	"sync_state": {
		proper: func(track string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_SyncState{SyncState: &pb.SyncState{
				Subscription: &pb.UpdateSubscription{TrackSids: []string{track}, Subscribe: true}, TrackSidsDisabled: []string{track}}}}
		},
		garbage: sentAway,
	},
	"simulate": {
		proper: func(string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_Simulate{Simulate: &pb.SimulateScenario{
				Scenario: &pb.SimulateScenario_LeaveRequestFullReconnect{LeaveRequestFullReconnect: true}}}}
		},
		own: sentAnew, theirs: sentAnew, forbidden: sentAnew, stuffed: sentAnew, garbage: sentAway,
	},
	"ping": {
		proper: func(string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_Ping{Ping: 1}}
		},
		own: "pong", theirs: "pong", forbidden: "pong", empty: "pong", v1Empty: "pong", stuffed: "pong",
	},
	"update_metadata": {
		proper: func(string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_UpdateMetadata{UpdateMetadata: &pb.UpdateParticipantMetadata{Metadata: "x", RequestId: 5}}}
		},
		own: "OK", theirs: "OK", forbidden: "NOT_ALLOWED", stuffed: "LIMIT_EXCEEDED", garbage: sentAway,
	},
	"ping_req": {
		proper: func(string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_PingReq{PingReq: &pb.Ping{Timestamp: 1}}}
		},
		own: "pong", theirs: "pong", forbidden: "pong", empty: "pong", v1Empty: "pong", stuffed: "pong", garbage: sentAway,
	},
	"update_audio_track": {
		proper: func(track string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_UpdateAudioTrack{UpdateAudioTrack: &pb.UpdateLocalAudioTrack{TrackSid: track,
				Features: []pb.AudioTrackFeature{pb.AudioTrackFeature_TF_STEREO}}}}
		},
		theirs: notFound, forbidden: notFound, empty: notFound, v1Empty: notFound, stuffed: notFound, garbage: sentAway,
	},
	"update_video_track": { // one's own is sound
		proper: func(track string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_UpdateVideoTrack{UpdateVideoTrack: &pb.UpdateLocalVideoTrack{TrackSid: track, Width: 1}}}
		},
		own: notFound, theirs: notFound, forbidden: notFound, empty: notFound, v1Empty: notFound, stuffed: notFound, garbage: sentAway,
	},
	"publish_data_track_request": {
		proper: func(string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_PublishDataTrackRequest{PublishDataTrackRequest: &pb.PublishDataTrackRequest{PubHandle: 1, Name: "d"}}}
		},
		own: published, theirs: published, forbidden: "NOT_ALLOWED",
		empty: "INVALID_HANDLE", v1Empty: "INVALID_HANDLE", stuffed: "INVALID_HANDLE", garbage: sentAway,
	},
	"unpublish_data_track_request": {
		proper: func(string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_UnpublishDataTrackRequest{UnpublishDataTrackRequest: &pb.UnpublishDataTrackRequest{PubHandle: 1}}}
		},
		own: notFound, theirs: notFound, forbidden: notFound, empty: notFound, v1Empty: notFound, stuffed: notFound, garbage: sentAway,
	},
	"update_data_subscription": {
		proper: func(track string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_UpdateDataSubscription{UpdateDataSubscription: &pb.UpdateDataSubscription{
				Updates: []*pb.UpdateDataSubscription_Update{{TrackSid: track, Subscribe: true}}}}}
		},
		garbage: sentAway,
	},
	"store_data_blob_request": {
		proper: func(string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_StoreDataBlobRequest{StoreDataBlobRequest: &pb.StoreDataBlobRequest{RequestId: 4}}}
		},
		own: "UNSUPPORTED_TYPE", theirs: "UNSUPPORTED_TYPE", forbidden: "UNSUPPORTED_TYPE",
		empty: "UNSUPPORTED_TYPE", v1Empty: "UNSUPPORTED_TYPE", stuffed: "UNSUPPORTED_TYPE", garbage: sentAway,
	},
	"get_data_blob_request": {
		proper: func(string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_GetDataBlobRequest{GetDataBlobRequest: &pb.GetDataBlobRequest{RequestId: 5}}}
		},
		own: notFound, theirs: notFound, forbidden: notFound, empty: notFound, v1Empty: notFound, stuffed: notFound, garbage: sentAway,
	},
}

func addVoice(cid string) *pb.SignalRequest {
	return &pb.SignalRequest{Message: &pb.SignalRequest_AddTrack{AddTrack: &pb.AddTrackRequest{
		Cid: cid, Type: pb.TrackType_AUDIO, Source: pb.TrackSource_MICROPHONE}}}
}
