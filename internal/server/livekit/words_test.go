package livekit

import (
	"fmt"
	"testing"

	pb "github.com/livekit/protocol/livekit"
)

// TestWordsAreToldFromAllElse that applications say to each other; what may be either counts as words.
func TestWordsAreToldFromAllElse(t *testing.T) {
	user := func(topic string) *pb.DataPacket {
		return &pb.DataPacket{Value: &pb.DataPacket_User{User: &pb.UserPacket{Topic: &topic}}}
	}
	header := func(topic, id string) *pb.DataPacket {
		return &pb.DataPacket{Value: &pb.DataPacket_StreamHeader{StreamHeader: &pb.DataStream_Header{Topic: topic, StreamId: id}}}
	}
	chunk := func(id string) *pb.DataPacket {
		return &pb.DataPacket{Value: &pb.DataPacket_StreamChunk{StreamChunk: &pb.DataStream_Chunk{StreamId: id}}}
	}
	trailer := func(id string) *pb.DataPacket {
		return &pb.DataPacket{Value: &pb.DataPacket_StreamTrailer{StreamTrailer: &pb.DataStream_Trailer{StreamId: id}}}
	}
	w := &words{}
	for i, c := range []struct {
		packet *pb.DataPacket
		want   bool
	}{
		{&pb.DataPacket{}, false},
		{user(""), false},
		{user("pointer"), false},
		{user("lk-chat-topic"), true},
		{user("lk.chat"), true},
		{&pb.DataPacket{Value: &pb.DataPacket_ChatMessage{}}, true},
		{&pb.DataPacket{Value: &pb.DataPacket_EncryptedPacket{}}, true},
		{&pb.DataPacket{Value: &pb.DataPacket_RpcRequest{}}, false},
		{&pb.DataPacket{Value: &pb.DataPacket_RpcResponse{}}, false},
		{header("lk.chat", "spoken"), true},
		{chunk("spoken"), true},
		{trailer("spoken"), true},
		{header("files", "photo"), false},
		{chunk("photo"), false},
		{trailer("photo"), false},
		{chunk("never begun"), true},
	} {
		if got := w.in(c.packet); got != c.want {
			t.Errorf("%d: %v: %v", i, c.packet, got)
		}
	}
	for i := range 2 * maxWithoutWords {
		w.in(header("files", fmt.Sprint(i)))
	}
	if w.in(chunk(fmt.Sprint(2*maxWithoutWords-1))) || !w.in(chunk("photo")) || len(w.without) > maxWithoutWords {
		t.Errorf("%d streams are remembered: %v", len(w.without), w.without)
	}
}
