package livekit

import (
	"testing"

	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"
)

func TestStampOverwritesWhoTheSenderSaysItIs(t *testing.T) {
	packet := &pb.DataPacket{
		ParticipantIdentity: "somebody else", ParticipantSid: "PA_else", Sequence: 5,
		Value: &pb.DataPacket_User{User: &pb.UserPacket{
			ParticipantIdentity: "somebody else", ParticipantSid: "PA_else", DestinationIdentities: []string{"bob"}, Payload: []byte("x"),
		}},
	}
	stamp(packet, "alice", "PA_alice", true)
	want := &pb.DataPacket{
		Kind: pb.DataPacket_RELIABLE, ParticipantIdentity: "alice", ParticipantSid: "PA_alice", Sequence: 5, DestinationIdentities: []string{"bob"},
		Value: &pb.DataPacket_User{User: &pb.UserPacket{
			ParticipantIdentity: "alice", ParticipantSid: "PA_alice", DestinationIdentities: []string{"bob"}, Payload: []byte("x"),
		}},
	}
	if !proto.Equal(packet, want) {
		t.Errorf("got %v", packet)
	}
}

func TestStampKeepsWhatItDoesNotKnow(t *testing.T) {
	raw, _ := proto.Marshal(&pb.DataPacket{Value: &pb.DataPacket_RpcRequest{RpcRequest: &pb.RpcRequest{Id: "1", Method: "m"}}})
	raw = append(raw, 0xfa, 0x3e, 0x01, 'z') // a field from the future
	packet := &pb.DataPacket{}
	if err := proto.Unmarshal(raw, packet); err != nil {
		t.Fatal(err)
	}
	stamp(packet, "alice", "PA_alice", true)
	out, _ := proto.Marshal(packet)
	again := &pb.DataPacket{}
	if err := proto.Unmarshal(out, again); err != nil {
		t.Fatal(err)
	}
	if again.GetRpcRequest().GetMethod() != "m" || len(again.ProtoReflect().GetUnknown()) == 0 || again.ParticipantIdentity != "alice" {
		t.Errorf("got %v", again)
	}
}

func TestEncodeData(t *testing.T) {
	raw, err := EncodeData([]byte("hello"), "chat", []string{"bob"}, false)
	if err != nil {
		t.Fatal(err)
	}
	packet := &pb.DataPacket{}
	if err := proto.Unmarshal(raw, packet); err != nil {
		t.Fatal(err)
	}
	if string(packet.GetUser().GetPayload()) != "hello" || packet.GetUser().GetTopic() != "chat" || packet.ParticipantIdentity != "" ||
		packet.Kind != pb.DataPacket_LOSSY || packet.DestinationIdentities[0] != "bob" {
		t.Errorf("got %v", packet)
	}
}

func BenchmarkStamp(b *testing.B) {
	raw, _ := proto.Marshal(&pb.DataPacket{Value: &pb.DataPacket_User{User: &pb.UserPacket{Payload: make([]byte, 1000)}}})
	b.ReportAllocs()
	for b.Loop() {
		packet := &pb.DataPacket{}
		if err := proto.Unmarshal(raw, packet); err != nil {
			b.Fatal(err)
		}
		stamp(packet, "alice", "PA_alice", true)
		if _, err := proto.Marshal(packet); err != nil {
			b.Fatal(err)
		}
	}
}
