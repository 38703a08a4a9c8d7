package livekit

import (
	"fmt"
	"strings"
	"testing"

	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/room"
	wordlist "github.com/tuttilive/tutti/internal/room/words"
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

func TestWhatIsNotSaidInAChat(t *testing.T) {
	list, err := wordlist.Read(strings.NewReader("heck\n!forbidden"))
	if err != nil {
		t.Fatal(err)
	}
	chat := func(text string) *pb.DataPacket {
		return &pb.DataPacket{Value: &pb.DataPacket_ChatMessage{ChatMessage: &pb.ChatMessage{Message: text}}}
	}
	user := func(payload string) *pb.DataPacket {
		return &pb.DataPacket{Value: &pb.DataPacket_User{User: &pb.UserPacket{Payload: []byte(payload)}}}
	}
	chunk := func(content string) *pb.DataPacket {
		return &pb.DataPacket{Value: &pb.DataPacket_StreamChunk{StreamChunk: &pb.DataStream_Chunk{Content: []byte(content)}}}
	}
	for i, c := range []struct{ packet, want *pb.DataPacket }{
		{chat("oh heck"), chat("oh ****")},
		{chat("forbidden"), nil},
		{user("oh heck"), user("oh ****")},
		{user(`{"id":"1","message":"oh \u0068eck","timestamp":5}`), user(`{"id":"1","message":"oh ****","timestamp":5}`)},
		{user(`{"message":"heckle","id":"heck"}`), user(`{"message":"heckle","id":"heck"}`)},
		{user(`{"message":"forbidden"}`), nil},
		{chunk("good"), chunk("good")},
		{chunk("oh heck"), nil},
		{&pb.DataPacket{Value: &pb.DataPacket_StreamTrailer{}}, &pb.DataPacket{Value: &pb.DataPacket_StreamTrailer{}}},
	} {
		if ok := said(c.packet, list); ok != (c.want != nil) || ok && !proto.Equal(c.packet, c.want) {
			t.Errorf("%d: %v: %v", i, c.packet, ok)
		}
	}
}

// TestWhatIsNotSaidReachesNobody in a room: neither what a participant writes in LiveKit's chat nor, where words are masked, the words.
func TestWhatIsNotSaidReachesNobody(t *testing.T) {
	w := newWorld(t, nil)
	heard := make(listener, 10)
	if _, err := w.house.Enter("hall", room.Join{Identity: "bob", Permission: room.Permission{Subscribe: true}}, heard); err != nil {
		t.Fatal(err)
	}
	w.enterAs(t, token(t, "mallory", "hall", nil), false)
	data := &w.server.find(place{"hall", "mallory"}).data
	for i, text := range []string{"this is Forbidden", "this is said"} {
		packet, err := proto.Marshal(&pb.DataPacket{Sequence: uint32(i + 1), Value: &pb.DataPacket_ChatMessage{ChatMessage: &pb.ChatMessage{Message: text}}})
		if err != nil {
			t.Fatal(err)
		}
		data.receive(packet, true)
	}
	if got := <-heard; !strings.Contains(string(got.Payload), "this is said") {
		t.Errorf("passed on: %q", got.Payload)
	}
}
