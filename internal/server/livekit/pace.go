package livekit

import (
	pb "github.com/livekit/protocol/livekit"
	"golang.org/x/time/rate"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/studio/lkinfo"
)

// A client whose requests cost more is read more slowly, nothing else: its own socket fills up. The burst lets a client
// with many tracks come in, and come back, at once.
const (
	costPerSecond = 100
	costBurst     = 500
	// bytesOfOne are read, whatever they are, for 1. No frame is so large that it costs more than the burst.
	bytesOfOne = 8 << 10
)

func newPace() *rate.Limiter { return rate.NewLimiter(costPerSecond, costBurst) }

// cost is what a request takes of its client's pace, besides what its bytes took before it was decoded: 1 for what concerns
// nobody else, more for what everybody in the room is told of, or what takes the server as long.
func cost(req *pb.SignalRequest) int {
	const negotiation, announcement = 8, 4
	const toldOfOne = 1 << 10 // no message is so large that it costs more than the burst
	switch m := req.Message.(type) {
	case *pb.SignalRequest_Offer, *pb.SignalRequest_Answer:
		return negotiation
	case *pb.SignalRequest_UpdateMetadata: // up to 64 KiB, for each of the others
		return 2*announcement + proto.Size(m.UpdateMetadata)/toldOfOne
	case *pb.SignalRequest_SubscriptionPermission: // which all others look through for each track
		return 2*announcement + proto.Size(m.SubscriptionPermission)/toldOfOne
	case *pb.SignalRequest_Simulate:
		return 2 * announcement
	case *pb.SignalRequest_AddTrack, *pb.SignalRequest_Mute, *pb.SignalRequest_UpdateAudioTrack,
		*pb.SignalRequest_UpdateVideoTrack, *pb.SignalRequest_UpdateLayers:
		return announcement
	case *pb.SignalRequest_PublishDataTrackRequest, *pb.SignalRequest_UnpublishDataTrackRequest:
		return announcement
	case *pb.SignalRequest_UpdateDataSubscription: // all who are there are looked through, once
		return max(2, ofTracks(len(m.UpdateDataSubscription.GetUpdates())))
	case *pb.SignalRequest_Subscription:
		return ofTracks(len(lkinfo.TrackSIDs(m.Subscription)))
	case *pb.SignalRequest_SyncState:
		return ofTracks(len(m.SyncState.GetSubscription().GetTrackSids()) + len(m.SyncState.GetTrackSidsDisabled()) + len(m.SyncState.GetPublishDataTracks()))
	case *pb.SignalRequest_TrackSetting:
		return ofTracks(len(m.TrackSetting.GetTrackSids()))
	}
	return 1
}

func ofTracks(n int) int { return min(1+n/8, costBurst) }
