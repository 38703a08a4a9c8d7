package livekit

import (
	"errors"
	"fmt"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
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
	if len(data) > maxMessageBytes && !describes(frame, data) {
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

// describes tells whether descriptions make a frame as large as it is. It is asked before the frame is decoded: what is decoded can be a
// hundred times as large. Text is what old clients and tools speak, which do not have that many tracks.
func describes(frame websocket.MessageType, data []byte) bool {
	return frame == websocket.MessageBinary && len(data) <= maxFrameBytes && len(data)-descriptions.size(data) <= maxMessageBytes
}

// fields are those of a message on the way to descriptions, by number, each with those of the message in it; nil for an SDP itself.
type fields map[protowire.Number]fields

var (
	sessionDescription = fields{2: nil}
	syncState          = fields{1: sessionDescription, 5: sessionDescription}
	descriptions       = fields{1: sessionDescription, 2: sessionDescription, 12: syncState} // offer, answer, sync_state
)

// size is how long the descriptions in an encoded message are, up to where it is malformed or has a group, which no message of ours has.
func (f fields) size(data []byte) int {
	total := 0
	for {
		number, kind, tag := protowire.ConsumeTag(data)
		if tag < 0 || kind == protowire.StartGroupType {
			return total
		}
		data = data[tag:]
		length := protowire.ConsumeFieldValue(number, kind, data)
		if length < 0 {
			return total
		}
		if inner, ok := f[number]; ok && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(data)
			if inner == nil {
				total += len(value)
			} else {
				total += inner.size(value)
			}
		}
		data = data[length:]
	}
}

// encodeResponse writes a signal response in the encoding that the client uses.
func encodeResponse(frame websocket.MessageType, res *pb.SignalResponse) ([]byte, error) {
	if frame == websocket.MessageText {
		return protojson.Marshal(res)
	}
	return proto.Marshal(res)
}
