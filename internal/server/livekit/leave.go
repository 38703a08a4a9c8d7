package livekit

import (
	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio/lkinfo"
)

// leave is the message that ends a session from our side.
func leave(reason pb.DisconnectReason, action pb.LeaveRequest_Action) *pb.SignalResponse {
	return &pb.SignalResponse{Message: &pb.SignalResponse_Leave{Leave: &pb.LeaveRequest{
		Reason: reason, Action: action, CanReconnect: action == pb.LeaveRequest_RECONNECT,
	}}}
}

// farewell is the message for somebody whom the room has let go, for a reason that is the room's.
func farewell(why room.LeaveReason) *pb.SignalResponse {
	action := pb.LeaveRequest_DISCONNECT
	if why == room.LeftServerShutdown {
		action = pb.LeaveRequest_RECONNECT
	}
	return leave(lkinfo.Reason(why), action)
}
