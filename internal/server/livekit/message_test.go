package livekit

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/studio/lkinfo"
)

func ping() *pb.SignalRequest {
	return &pb.SignalRequest{Message: &pb.SignalRequest_PingReq{PingReq: &pb.Ping{Timestamp: 7, Rtt: 3}}}
}

// answerOf makes a request with an answer of so many bytes, and so many that mean nothing.
func answerOf(described, other int) []byte {
	req := &pb.SignalRequest{Message: &pb.SignalRequest_Answer{Answer: &pb.SessionDescription{Sdp: strings.Repeat("x", described)}}}
	req.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, 1000, protowire.BytesType), make([]byte, other)))
	data, _ := proto.Marshal(req)
	return data
}

func TestDecodeRequest(t *testing.T) {
	binary, _ := proto.Marshal(ping())
	text, _ := protojson.Marshal(ping())
	tests := map[string]struct {
		kind websocket.MessageType
		data []byte
		err  error
		ping bool
	}{
		"protobuf":              {websocket.MessageBinary, binary, nil, true},
		"protojson":             {websocket.MessageText, text, nil, true},
		"unknown JSON field":    {websocket.MessageText, []byte(`{"pingReq":{"timestamp":"7"},"new":1}`), nil, true},
		"unknown kind":          {websocket.MessageBinary, []byte{0xfa, 0x3e, 0x00}, nil, false},
		"empty":                 {websocket.MessageBinary, nil, nil, false},
		"garbage":               {websocket.MessageBinary, []byte{0xff, 0xff, 0xff}, errMalformed, false},
		"truncated":             {websocket.MessageBinary, binary[:len(binary)-1], errMalformed, false},
		"not JSON":              {websocket.MessageText, []byte("hello"), errMalformed, false},
		"protobuf as text":      {websocket.MessageText, binary, errMalformed, false},
		"more than the maximum": {websocket.MessageBinary, make([]byte, maxFrameBytes+1), errTooLarge, false},
		"a large description":   {websocket.MessageBinary, answerOf(maxMessageBytes+1, 0), nil, false},
		"large besides it":      {websocket.MessageBinary, answerOf(1, maxMessageBytes+1), errTooLarge, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req, err := decodeRequest(tt.kind, tt.data)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if got := req.GetPingReq().GetTimestamp() == 7; got != tt.ping {
				t.Errorf("ping: %v, want %v", got, tt.ping)
			}
		})
	}
}

func TestEncodeResponseInTheClientsEncoding(t *testing.T) {
	res := leave(pb.DisconnectReason_ROOM_DELETED, pb.LeaveRequest_DISCONNECT)
	for _, kind := range []websocket.MessageType{websocket.MessageBinary, websocket.MessageText} {
		data, err := encodeResponse(kind, res)
		if err != nil {
			t.Fatal(err)
		}
		got := &pb.SignalResponse{}
		if kind == websocket.MessageText {
			err = protojson.Unmarshal(data, got)
		} else {
			err = proto.Unmarshal(data, got)
		}
		if err != nil || !proto.Equal(got, res) {
			t.Errorf("%v: got %v, error %v", kind, got, err)
		}
	}
}

func FuzzDecodeRequest(f *testing.F) {
	binary, _ := proto.Marshal(ping())
	text, _ := protojson.Marshal(ping())
	f.Add(true, binary)
	f.Add(false, text)
	f.Add(true, bytes.Repeat([]byte{0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f}, 4))
	f.Fuzz(func(t *testing.T, isBinary bool, data []byte) {
		kind := websocket.MessageText
		if isBinary {
			kind = websocket.MessageBinary
		}
		req, err := decodeRequest(kind, data)
		if err != nil {
			return
		}
		if add := req.GetAddTrack(); add != nil {
			s := &session{}
			own := s.newOwnTrack(add, lkinfo.SourceOf(add.GetSource()))
			if len(own.pub.Layers) > maxLayers || own.pub.Width > maxPixels || len(own.pub.Name) > maxTextBytes {
				t.Errorf("unbounded: %+v", own.pub)
			}
		}
		if p := req.GetSubscriptionPermission(); p != nil {
			var r subscriptionRules
			r.set(p)
			r.allow("a", "PA_a", "TR_a")
		}
	})
}
