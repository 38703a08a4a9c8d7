package livekit

import (
	"errors"
	"fmt"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// maxMessageBytes bounds one signal message from a client. The largest are offers and sync states of rooms with hundreds
// of tracks.
const maxMessageBytes = 256 << 10

var (
	errTooLarge  = errors.New("signal message is too large")
	errMalformed = errors.New("signal message is malformed")
)

// decodeRequest reads a signal request: protobuf in a binary frame, protojson in a text frame. A request of a kind that
// we do not know has no message.
func decodeRequest(frame websocket.MessageType, data []byte) (*pb.SignalRequest, error) {
	if len(data) > maxMessageBytes {
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
	return req, nil
}

// encodeResponse writes a signal response in the encoding that the client uses.
func encodeResponse(frame websocket.MessageType, res *pb.SignalResponse) ([]byte, error) {
	if frame == websocket.MessageText {
		return protojson.Marshal(res)
	}
	return proto.Marshal(res)
}
