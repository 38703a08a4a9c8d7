package livekit

import (
	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/room"
)

// leave is the message that ends a session from our side.
func leave(reason pb.DisconnectReason, action pb.LeaveRequest_Action) *pb.SignalResponse {
	return &pb.SignalResponse{Message: &pb.SignalResponse_Leave{Leave: &pb.LeaveRequest{
		Reason: reason, Action: action, CanReconnect: action == pb.LeaveRequest_RECONNECT,
	}}}
}

// disconnectReason is how the protocol calls a room's reason.
func disconnectReason(why room.LeaveReason) pb.DisconnectReason {
	switch why {
	case room.LeftByItself:
		return pb.DisconnectReason_CLIENT_INITIATED
	case room.LeftDuplicate:
		return pb.DisconnectReason_DUPLICATE_IDENTITY
	case room.LeftTimeout:
		return pb.DisconnectReason_CONNECTION_TIMEOUT
	case room.LeftRemoved:
		return pb.DisconnectReason_PARTICIPANT_REMOVED
	case room.LeftRoomClosed:
		return pb.DisconnectReason_ROOM_DELETED
	case room.LeftServerShutdown:
		return pb.DisconnectReason_SERVER_SHUTDOWN
	}
	return pb.DisconnectReason_UNKNOWN_REASON
}

// farewell is the message for somebody whom the room has let go, for a reason that is the room's.
func farewell(why room.LeaveReason) *pb.SignalResponse {
	action := pb.LeaveRequest_DISCONNECT
	if why == room.LeftServerShutdown {
		action = pb.LeaveRequest_RECONNECT
	}
	return leave(disconnectReason(why), action)
}
