package livekit

import (
	"errors"
	"fmt"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/rtc/sdp"
)

const (
	// maxMessageBytes bounds one signal message from a client besides the descriptions of connections in it: those of rooms with hundreds of
	// tracks are larger, and read by what can tell more of them.
	maxMessageBytes = 256 << 10
	// maxFrameBytes bounds all. A sync state has two descriptions.
	maxFrameBytes = maxMessageBytes + 2*sdp.MaxSize
)

var (
	errTooLarge  = errors.New("signal message is too large")
	errMalformed = errors.New("signal message is malformed")
)

// decodeRequest reads a signal request: protobuf in a binary frame, protojson in a text frame. A request of a kind that
// we do not know has no message.
func decodeRequest(frame websocket.MessageType, data []byte) (*pb.SignalRequest, error) {
	if len(data) > maxFrameBytes {
		return nil, errTooLarge
	}
	req := &pb.SignalRequest{}
	var err error
	if frame == websocket.MessageText {
		err = protojson.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: 32}.Unmarshal(data, req)
	} else {
		err = proto.UnmarshalOptions{RecursionLimit: 32}.Unmarshal(data, req)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	if len(data) > maxMessageBytes && proto.Size(req)-described(req) > maxMessageBytes {
		return nil, errTooLarge
	}
	return req, nil
}

// described is how long the descriptions in a request are.
func described(req *pb.SignalRequest) int {
	switch m := req.Message.(type) {
	case *pb.SignalRequest_Offer:
		return len(m.Offer.GetSdp())
	case *pb.SignalRequest_Answer:
		return len(m.Answer.GetSdp())
	case *pb.SignalRequest_SyncState:
		return len(m.SyncState.GetOffer().GetSdp()) + len(m.SyncState.GetAnswer().GetSdp())
	}
	return 0
}

// encodeResponse writes a signal response in the encoding that the client uses.
func encodeResponse(frame websocket.MessageType, res *pb.SignalResponse) ([]byte, error) {
	if frame == websocket.MessageText {
		return protojson.Marshal(res)
	}
	return proto.Marshal(res)
}
