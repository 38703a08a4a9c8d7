package livekit

import (
	"fmt"
	"math"
	"strings"
	"testing"

	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
)

// listener is somebody in the room who keeps the messages that come.
type listener chan room.Data

func (l listener) RoomEvent(e room.Event) {
	if d, ok := e.(room.DataReceived); ok {
		l <- d.Data
	}
}

// passedOn has each kind of data packet that the protocol knows, and whether people's are passed on to others. Metrics are meant for the server, and only
// agents write down what others say.
var passedOn = map[string]bool{
	"user": true, "speaker": true, "sip_dtmf": true, "transcription": false, "metrics": false, "chat_message": true,
	"rpc_request": true, "rpc_ack": true, "rpc_response": true, "stream_header": true, "stream_chunk": true, "stream_trailer": true, "encrypted_packet": true,
}

// Each kind of data packet in each way in which it can be wrong: what others get of it says whose it is, or it does not come.
func TestEveryDataPacketMisused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	heard := make(listener, 100)
	bob, err := w.house.Enter("hall", room.Join{Identity: "bob", Permission: room.Permission{Subscribe: true}}, heard)
	if err != nil {
		t.Fatal(err)
	}
	enter := func(identity string, change func(*auth.Claims)) (*incomingData, string) {
		w.enterAs(t, token(t, identity, "hall", change), false)
		s := w.server.find(place{"hall", identity})
		return &s.data, s.sid
	}
	no := false
	mallory, sid := enter("mallory", nil)
	silent, _ := enter("silent", func(c *auth.Claims) { c.Video.CanPublishData = &no })
	ghost, _ := enter("ghost", func(c *auth.Claims) { c.Video.Hidden = true })
	sequence := uint32(10)
	described := limitsPage(t)
	kinds := (&pb.DataPacket{}).ProtoReflect().Descriptor().Oneofs().ByName("value").Fields()
	for i := range kinds.Len() {
		kind := kinds.Get(i)
		goesOn, known := passedOn[string(kind.Name())]
		if !known || !strings.Contains(described, fmt.Sprintf("`%s`", kind.Name())) {
			t.Errorf("nobody knows whether a %s is passed on", kind.Name())
			continue
		}
		t.Run(string(kind.Name()), func(t *testing.T) {
			// take is what bob gets of it.
			take := func(what string, from *incomingData, packet *pb.DataPacket, reliable, want bool) *pb.DataPacket {
				t.Helper()
				data, err := proto.Marshal(packet)
				if err != nil {
					t.Fatal(err)
				}
				from.receive(data, reliable)
				select {
				case d := <-heard: // it comes within the call
					got := &pb.DataPacket{}
					if err := proto.Unmarshal(d.Payload, got); err != nil || !want || d.Reliable != reliable {
						t.Errorf("%s: passed on (reliable: %v): %v", what, d.Reliable, err)
					}
					return got
				default:
					if want {
						t.Errorf("%s: lost (reliable: %v, %d bytes)", what, reliable, len(data))
					}
					return nil
				}
			}
			empty, full := &pb.DataPacket{}, &pb.DataPacket{}
			empty.ProtoReflect().Mutable(kind)
			stuff(full.ProtoReflect().Mutable(kind).Message(), 0)
			for _, packet := range []*pb.DataPacket{empty, full} {
				for _, reliable := range []bool{false, true} {
					lie := proto.CloneOf(packet)
					lie.ParticipantIdentity, lie.ParticipantSid, lie.Kind = "alice", "PA_alice", math.MaxInt32
					if u := lie.GetUser(); u != nil {
						u.ParticipantIdentity, u.ParticipantSid, u.DestinationIdentities, u.DestinationSids = "alice", "PA_alice", nil, nil
					}
					sequence++
					lie.Sequence = sequence
					got := take("in alice's name", mallory, lie, reliable, goesOn)
					if u := got.GetUser(); got != nil && (got.ParticipantIdentity != "mallory" || got.ParticipantSid != sid || u != nil && u.ParticipantIdentity != "mallory") {
						t.Errorf("it says that it comes from %v", got)
					}
					take("without the permission", silent, lie, reliable, false)
					if got := take("of somebody hidden", ghost, lie, reliable, goesOn); got.GetParticipantIdentity() != "" || got.GetParticipantSid() != "" {
						t.Errorf("it names who is hidden: %v", got)
					}
					elsewhere := proto.CloneOf(lie)
					sequence++
					elsewhere.Sequence, elsewhere.DestinationIdentities = sequence, []string{"nobody"}
					take("to nobody", mallory, elsewhere, reliable, false)
					if u := elsewhere.GetUser(); u != nil { // as older clients address somebody
						sequence += 2
						elsewhere.Sequence, elsewhere.DestinationIdentities, u.DestinationSids = sequence-1, nil, []string{"PA_nobody"}
						take("to a SID that nobody has", mallory, elsewhere, reliable, false)
						elsewhere.Sequence, u.DestinationSids = sequence, []string{"PA_nobody", bob.Self().SID}
						take("to bob's SID", mallory, elsewhere, reliable, true)
					}
				}
			}
			late := proto.CloneOf(full)
			late.Sequence, late.DestinationIdentities = sequence-1, nil
			if u := late.GetUser(); u != nil {
				u.DestinationIdentities = nil
			}
			take("again", mallory, late, true, false)
			mallory.receive(protowire.AppendBytes(protowire.AppendTag(nil, kind.Number(), protowire.BytesType), []byte("\xff\xff\xff\xff")), true)
			if len(heard) > 0 {
				t.Error("garbage is passed on")
			}
			large, _ := proto.Marshal(full)
			mallory.receive(append(large, make([]byte, MaxDataBytes)...), true)
			if len(heard) > 0 {
				t.Error("what is too large is passed on")
			}
		})
	}
}
