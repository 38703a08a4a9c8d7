package livekit

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
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
		"a large text":          {websocket.MessageText, fmt.Appendf(nil, `{"answer":{"sdp":%q}}`, strings.Repeat("x", maxMessageBytes)), errTooLarge, false},
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

// A description may be in each of its places, and comes out as it is.
func TestLargeDescriptionsAreRead(t *testing.T) {
	sdp := &pb.SessionDescription{Type: "offer", Sdp: strings.Repeat("a=x\r\n", 600<<10/5), Id: 3, MidToTrackId: map[string]string{"0": "TR_a"}}
	for _, want := range []*pb.SignalRequest{
		{Message: &pb.SignalRequest_Offer{Offer: sdp}},
		{Message: &pb.SignalRequest_Answer{Answer: sdp}},
		{Message: &pb.SignalRequest_SyncState{SyncState: &pb.SyncState{Offer: sdp, Answer: sdp, TrackSidsDisabled: []string{"TR_b"}}}},
	} {
		data, err := proto.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodeRequest(websocket.MessageBinary, data); err != nil || !proto.Equal(got, want) {
			t.Errorf("%T of %d bytes: %v", want.Message, len(data), err)
		}
	}
}

// What is not to be decoded costs no memory: two bytes can stand for a message of a hundred.
func TestLargeFramesOfLittleAreNotDecoded(t *testing.T) {
	inside := func(number protowire.Number, content []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
	}
	empty := func(number protowire.Number) []byte { return bytes.Repeat(inside(number, nil), maxFrameBytes/2-16) }
	frames := map[string]struct {
		kind websocket.MessageType
		data []byte
	}{
		"names of tracks":        {websocket.MessageBinary, inside(10, empty(2))},
		"permissions":            {websocket.MessageBinary, inside(11, empty(2))},
		"published tracks":       {websocket.MessageBinary, inside(12, empty(3))},
		"sections of an offer":   {websocket.MessageBinary, inside(1, empty(4))},
		"descriptions of nobody": {websocket.MessageBinary, inside(12, empty(1))},
		"offers":                 {websocket.MessageBinary, empty(1)},
		"groups":                 {websocket.MessageBinary, bytes.Repeat([]byte{1<<3 | 3}, maxFrameBytes)},
		"text":                   {websocket.MessageText, fmt.Appendf(nil, `{"subscriptionPermission":{"trackPermissions":[{}%s]}}`, strings.Repeat(",{}", maxFrameBytes/3-32))},
	}
	for name, f := range frames {
		if len(f.data) > maxFrameBytes {
			t.Fatalf("%s: %d bytes", name, len(f.data))
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := decodeRequest(f.kind, f.data)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, errTooLarge) || took > 1<<20 {
			t.Errorf("%s: %v, %d bytes were allocated", name, err, took)
		}
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
	f.Add(true, answerOf(10, 10))
	f.Add(true, bytes.Repeat([]byte{0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f}, 4))
	f.Fuzz(func(t *testing.T, isBinary bool, data []byte) {
		kind := websocket.MessageText
		if isBinary {
			kind = websocket.MessageBinary
		}
		if n := descriptions.size(data); n < 0 || n > len(data) { // which is asked only of large frames
			t.Errorf("%d bytes of descriptions in %d", n, len(data))
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
