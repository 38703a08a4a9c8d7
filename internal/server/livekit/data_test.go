package livekit

import (
	"bytes"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/livekit/protocol/livekit"
	"github.com/pion/webrtc/v4"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/room"
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

func TestWhoSpeaksForOthers(t *testing.T) {
	transcript := func() *pb.DataPacket {
		return &pb.DataPacket{ParticipantIdentity: "bob", Value: &pb.DataPacket_StreamHeader{StreamHeader: &pb.DataStream_Header{
			ContentHeader: &pb.DataStream_Header_TextHeader{TextHeader: &pb.DataStream_TextHeader{}}}}}
	}
	for name, tt := range map[string]struct {
		packet     *pb.DataPacket
		agent      bool
		on         bool
		identity   string
		autonomous bool
	}{
		"measurements":              {packet: &pb.DataPacket{Value: &pb.DataPacket_Metrics{}}},
		"a person's transcript":     {packet: &pb.DataPacket{Value: &pb.DataPacket_Transcription{}}},
		"an agent's transcript":     {packet: &pb.DataPacket{Value: &pb.DataPacket_Transcription{}}, agent: true, on: true, identity: "eve"},
		"a person for somebody":     {packet: transcript(), on: true, identity: "eve"},
		"an agent for somebody":     {packet: transcript(), agent: true, on: true, identity: "bob", autonomous: true},
		"an agent's call":           {packet: &pb.DataPacket{ParticipantIdentity: "bob", Value: &pb.DataPacket_RpcRequest{}}, agent: true, on: true, identity: "eve"},
		"an agent for nobody":       {packet: &pb.DataPacket{Value: transcript().Value}, agent: true, on: true, identity: "eve"},
		"something from the future": {packet: &pb.DataPacket{}, on: true, identity: "eve"},
	} {
		t.Run(name, func(t *testing.T) {
			if on := forOthers(tt.packet, tt.agent); on != tt.on {
				t.Fatalf("passed on: %v", on)
			} else if !on {
				return
			}
			sign(tt.packet, "eve", "PA_eve", true, tt.agent)
			if got := tt.packet; got.ParticipantIdentity != tt.identity || got.ParticipantSid != "PA_eve" ||
				got.GetStreamHeader().GetTextHeader().GetGenerated() != tt.autonomous {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestEncodeData(t *testing.T) {
	topic := "chat"
	user := &pb.UserPacket{Payload: []byte("hello"), Topic: &topic}
	data, err := EncodeData(&pb.DataPacket{Value: &pb.DataPacket_User{User: user}}, "", []string{"bob"}, false)
	if err != nil {
		t.Fatal(err)
	}
	packet := &pb.DataPacket{}
	if err := proto.Unmarshal(data.Payload, packet); err != nil {
		t.Fatal(err)
	}
	if string(packet.GetUser().GetPayload()) != "hello" || packet.GetUser().GetTopic() != "chat" || packet.ParticipantIdentity != "" ||
		packet.Kind != pb.DataPacket_LOSSY || data.Topic != "chat" || data.To[0] != "bob" || packet.DestinationIdentities[0] != "bob" {
		t.Errorf("got %v", packet)
	}
}

func TestReliableMessagesWaitAndLossyOnesAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d incomingData
		d.open(&session{done: make(chan struct{})})
		begin, lost := time.Now(), 0
		for range dataBurst + 1 {
			if !d.admit(1, false) {
				lost++
			}
		}
		if lost != 1 || time.Since(begin) != 0 {
			t.Errorf("%d lossy messages lost after %v", lost, time.Since(begin))
		}
		for range dataPerSecond {
			if !d.admit(1, true) {
				t.Fatal("a reliable message is lost")
			}
		}
		if took := time.Since(begin); took < 900*time.Millisecond || took > 1100*time.Millisecond {
			t.Errorf("a second's worth of messages took %v", took)
		}
		if d.admit(MaxDataBytes+1, true) {
			t.Error("the size limit is not kept")
		}
		close(d.session.done)
		begin = time.Now()
		for d.admit(MaxDataBytes, true) {
		}
		if time.Since(begin) > time.Millisecond {
			t.Error("it waits for a session that has ended")
		}
	})
}

// What one sender makes the server send stays the same however many receive it.
func TestSenderPaysForCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, seconds = 100 << 10, 10
		for _, receivers := range []int{1, 8, 300, 5000} {
			var d incomingData
			d.open(&session{done: make(chan struct{})})
			d.copies.AllowN(time.Now(), dataCopiesBurst) // the burst is gone
			begin, sent := time.Now(), 0
			for time.Since(begin) < seconds*time.Second {
				if !d.admit(size, true) || !d.pay(size, receivers, true) {
					t.Fatal("a reliable message is lost")
				}
				sent += size
			}
			if rate := sent / seconds * min(receivers, dataCopiesBurst/size); rate > dataCopiesPerSecond*5/4 {
				t.Errorf("to %d: %d bytes a second", receivers, rate)
			}
			if limit := min(dataBytesPerSecond, dataCopiesPerSecond/receivers); sent < seconds*limit*4/5 {
				t.Errorf("to %d: only %d bytes a second are taken", receivers, sent/seconds)
			}
			if d.pay(size, 2*dataCopiesBurst/size, false) {
				t.Errorf("to %d: a lossy message goes beyond the budget", receivers)
			}
		}
	})
}

// Messages of a few bytes are packets too: however small they are, and however many receive them, one sender has the server send no more than so many.
func TestSmallMessagesCostAPacket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, seconds, packets = 60, 10, dataCopiesPerSecond / leastCopy
		for _, receivers := range []int{1, 30, 300, 5000} {
			var d incomingData
			d.open(&session{done: make(chan struct{})})
			d.messages.AllowN(time.Now(), dataBurst) // the bursts are gone
			d.copies.AllowN(time.Now(), dataCopiesBurst)
			sent := 0
			for range seconds * 1000 { // lossy ones, as many as one likes
				<-time.After(time.Millisecond)
				for range 4 {
					if d.admit(size, false) && d.pay(size, receivers, false) {
						sent++
					}
				}
			}
			if copies := sent * receivers / seconds; copies > packets {
				t.Errorf("to %d: %d packets a second", receivers, copies)
			}
			if want := min(dataPerSecond, packets/receivers); sent/seconds < want*9/10 {
				t.Errorf("to %d: only %d messages a second, of %d", receivers, sent/seconds, want)
			}
		}
	})
}

// A client that reads nothing costs a bounded number of bytes, and what it is sent later is lost rather than out of order.
func TestBacklogIsBounded(t *testing.T) {
	s := &session{log: slog.New(slog.DiscardHandler), inbox: newInbox(nil)}
	message := room.Data{Reliable: true, Payload: make([]byte, 14_000)}
	fit := maxBacklogBytes / len(message.Payload)
	for range 3 * fit {
		s.deliver(message)
	}
	if o := &s.outgoing; len(o.backlog) != fit || o.backlogBytes != fit*len(message.Payload) || !o.lost {
		t.Errorf("%d messages, %d bytes are kept, lost: %v; %d fit", len(o.backlog), o.backlogBytes, o.lost, fit)
	}
}

func TestSequence(t *testing.T) {
	var d incomingData
	for i, tt := range []struct {
		sequence uint32
		want     bool
	}{{1, true}, {2, true}, {2, false}, {1, false}, {0, true}, {5, true}, {3, false}} {
		if got := d.isNew(tt.sequence); got != tt.want {
			t.Errorf("step %d: %d is new: %v", i, tt.sequence, got)
		}
	}
	if d.lastSequence() != 5 {
		t.Errorf("last is %d", d.lastSequence())
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

// TestLossyMessagesThatComeTooLateAreNotSent: while the way to a client carries nothing, what is said is lost to it. It is not told later.
func TestLossyMessagesThatComeTooLateAreNotSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.enter(t, "alice", "hall", "")
	const early, late, last = 'e', 'l', '.'
	came := make(chan byte, 1000)
	bob, conn := w.enterDeaf(t, "bob", func(dc *webrtc.DataChannel) {
		if dc.Label() == lossyLabel {
			dc.OnMessage(func(m webrtc.DataChannelMessage) { came <- m.Data[0] })
		}
	})
	alice := w.server.find(place{"hall", "alice"}).part
	say := func(what byte, size int) {
		if err := alice.Send(room.Data{Payload: bytes.Repeat([]byte{what}, size)}); err != nil {
			t.Fatal(err)
		}
	}
	// sayUntilHeard says something again and again until it has come, and tells how much of something else has before.
	sayUntilHeard := func(what, other byte) (others int) {
		t.Helper()
		for deadline := time.After(patience); ; {
			select {
			case heard := <-came:
				if heard == what {
					return others
				}
				if heard == other {
					others++
				}
			case <-time.After(10 * time.Millisecond):
				say(what, 1)
			case <-deadline:
				t.Fatal("nothing comes")
			}
		}
	}
	sayUntilHeard(early, 0)
	conn.deaf.Store(true)
	for range 200 {
		say(late, 1000)
	}
	bob.heard() // the session has taken them
	<-time.After(2 * lossyLifetime)
	conn.deaf.Store(false)
	if n := sayUntilHeard(last, late); n > 0 {
		t.Errorf("%d messages come late", n)
	}
}
