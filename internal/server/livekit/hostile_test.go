package livekit

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/room"
)

// innocents are two people who talk to each other while somebody in their room misbehaves.
type innocents struct{ alice, bob *guest }

func converse(t *testing.T, w *world) innocents {
	p := innocents{w.visit(t, "alice", "hall", nil), w.visit(t, "bob", "hall", nil)}
	p.alice.publishVoice()
	p.bob.expect("subscribed voice")
	p.notice(t)
	return p
}

// notice fails when they noticed anything but that somebody came and went.
func (p innocents) notice(t *testing.T) {
	t.Helper()
	p.bob.receives("voice", webrtc.MimeTypeOpus)
	text := fmt.Sprint("at ", time.Now().UnixNano())
	if err := p.alice.LocalParticipant.PublishDataPacket(lksdk.UserData([]byte(text)), lksdk.WithDataPublishReliable(true)); err != nil {
		t.Fatal(err)
	}
	p.bob.expect("data " + text + " about  from alice")
	for _, g := range []*guest{p.alice, p.bob} {
		g.never("reconnecting")
	}
	p.alice.never("left bob")
	p.bob.never("left alice")
}

// write sends a frame of any content.
func (c *wire) write(kind websocket.MessageType, data []byte) {
	if err := c.ws.Write(c.ctx, kind, data); err != nil {
		c.t.Log(err) // it has been cut off already
	}
}

// drain takes what comes until the connection ends or the server has read all that was sent.
func (c *wire) drain() {
	go func() {
		data, _ := proto.Marshal(ping())
		c.write(websocket.MessageBinary, data)
	}()
	for {
		res, err := c.read()
		if err != nil || res.GetPongResp() != nil {
			return
		}
	}
}

func times(n int, data []byte) (frames [][]byte) {
	for range n {
		frames = append(frames, data)
	}
	return frames
}

func TestWhatOthersNoticeOfAHostileClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	people := converse(t, w)
	voice := people.alice.LocalParticipant.TrackPublications()[0].SID()
	request := func(m *pb.SignalRequest) []byte {
		data, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	many := make([]string, 10_000)
	for i := range many {
		many[i] = fmt.Sprint("TR_", i)
	}
	const binary, text = websocket.MessageBinary, websocket.MessageText
	for name, tt := range map[string]struct {
		kind   websocket.MessageType
		frames [][]byte
	}{
		"no protobuf":        {binary, [][]byte{bytes.Repeat([]byte{0xff}, 1000)}},
		"no JSON":            {text, [][]byte{[]byte("{")}},
		"deep JSON":          {text, [][]byte{[]byte(strings.Repeat(`{"offer":`, 20_000))}},
		"a large frame":      {binary, [][]byte{make([]byte, 4<<20)}},
		"empty frames":       {binary, times(200, nil)},
		"kinds of tomorrow":  {binary, times(100, []byte{0xfa, 0x3e, 0x01, 'z'})},
		"many pings":         {binary, times(400, request(ping()))},
		"impossible offers":  {binary, times(5, request(&pb.SignalRequest{Message: &pb.SignalRequest_Offer{Offer: &pb.SessionDescription{Sdp: "v=0\r\n" + strings.Repeat("m=video 9 X 0\r\n", 9000)}}}))},
		"answers to nothing": {binary, times(20, request(&pb.SignalRequest{Message: &pb.SignalRequest_Answer{Answer: &pb.SessionDescription{Id: 99, Sdp: "x"}}}))},
		"an empty answer":    {binary, [][]byte{request(&pb.SignalRequest{Message: &pb.SignalRequest_Answer{}})}},
		"candidates": {binary, times(100, request(&pb.SignalRequest{Message: &pb.SignalRequest_Trickle{Trickle: &pb.TrickleRequest{
			CandidateInit: strings.Repeat("{", 5000), Target: 7}}}))},
		"somebody else's track": {binary, [][]byte{
			request(&pb.SignalRequest{Message: &pb.SignalRequest_Mute{Mute: &pb.MuteTrackRequest{Sid: voice, Muted: true}}}),
			request(&pb.SignalRequest{Message: &pb.SignalRequest_UpdateAudioTrack{UpdateAudioTrack: &pb.UpdateLocalAudioTrack{TrackSid: voice}}}),
			request(&pb.SignalRequest{Message: &pb.SignalRequest_UpdateLayers{UpdateLayers: &pb.UpdateVideoLayers{TrackSid: voice}}}),
			request(&pb.SignalRequest{Message: &pb.SignalRequest_AddTrack{AddTrack: &pb.AddTrackRequest{Cid: "c", Sid: voice, Type: pb.TrackType_AUDIO}}}),
		}},
		"many subscriptions": {binary, times(5, request(&pb.SignalRequest{Message: &pb.SignalRequest_Subscription{Subscription: &pb.UpdateSubscription{
			TrackSids: many, Subscribe: true}}}))},
		"many settings": {binary, times(5, request(&pb.SignalRequest{Message: &pb.SignalRequest_TrackSetting{TrackSetting: &pb.UpdateTrackSettings{
			TrackSids: many, Width: 1 << 31, Height: 1 << 31, Fps: 1 << 31, Priority: 1 << 31, Quality: 77}}}))},
		"a new name again and again": {binary, times(50, request(&pb.SignalRequest{Message: &pb.SignalRequest_UpdateMetadata{UpdateMetadata: &pb.UpdateParticipantMetadata{
			Name: "mallory again", RequestId: 1}}}))},
		"a state that never was": {binary, [][]byte{request(&pb.SignalRequest{Message: &pb.SignalRequest_SyncState{SyncState: &pb.SyncState{
			Subscription: &pb.UpdateSubscription{TrackSids: many, Subscribe: true}, TrackSidsDisabled: append(many[:100:100], voice),
			Answer: &pb.SessionDescription{Sdp: "x"}, DatachannelReceiveStates: []*pb.DataChannelReceiveState{{PublisherSid: "x", LastSeq: 1 << 31}}}}})}},
		"a scenario without content": {binary, [][]byte{request(&pb.SignalRequest{Message: &pb.SignalRequest_Simulate{}})}},
		"a node that fails": {binary, [][]byte{request(&pb.SignalRequest{Message: &pb.SignalRequest_Simulate{Simulate: &pb.SimulateScenario{
			Scenario: &pb.SimulateScenario_NodeFailure{NodeFailure: true}}}})}},
	} {
		t.Run(name, func(t *testing.T) {
			mallory, _ := w.enter(t, "mallory", "hall", "")
			go func() {
				for _, f := range tt.frames {
					mallory.write(tt.kind, f)
				}
				mallory.drain()
			}()
			people.notice(t)
		})
	}
	people.alice.never("muted voice")
	people.bob.never("muted voice")
}

func TestWhatOthersNoticeOfHostileData(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	people := converse(t, w)
	w.visit(t, "mallory", "hall", nil)
	mallory := &w.server.find(place{"hall", "mallory"}).data
	packet := func(size int) []byte {
		data, err := proto.Marshal(&pb.DataPacket{
			ParticipantIdentity: "alice", DestinationIdentities: []string{"carol"},
			Value: &pb.DataPacket_User{User: &pb.UserPacket{Payload: make([]byte, size)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for _, reliable := range []bool{true, false} {
			mallory.receive(nil, reliable)
			mallory.receive(bytes.Repeat([]byte{0xff}, 100), reliable)
			mallory.receive(packet(MaxDataBytes), reliable)
			for range dataBurst / 2 {
				mallory.receive(packet(100), reliable)
			}
		}
	}()
	people.notice(t)
	<-sent
	people.notice(t)
}

// A flood that comes faster than a session takes it is lost, and the session stays.
func TestFloodOfDataEndsNoSession(t *testing.T) {
	s := &session{inbox: newInbox(nil), log: testLog()}
	flood := room.DataReceived{Data: room.Data{Payload: make([]byte, 1<<10), Reliable: true}}
	for range 2 * maxInboxItems {
		s.RoomEvent(flood)
	}
	s.RoomEvent(room.RoomChanged{})
	items, full := s.inbox.take(nil)
	if full || len(items) == 0 || items[len(items)-1] != (room.RoomChanged{}) {
		t.Errorf("%d items, full: %v", len(items), full)
	}
}

// Others are told of no more changes than the one who makes them may make.
func TestAFloodOfChangesIsToldAsSlowlyAsItIsRead(t *testing.T) {
	w := newWorld(t, nil)
	alice, _ := w.enter(t, "alice", "hall", "")
	mallory, _ := w.enter(t, "mallory", "hall", "")
	const changes = costBurst/8 + 20
	begun := time.Now()
	go func() {
		for i := range changes {
			data, err := proto.Marshal(&pb.SignalRequest{Message: &pb.SignalRequest_UpdateMetadata{UpdateMetadata: &pb.UpdateParticipantMetadata{
				Name: fmt.Sprint("mallory ", i), RequestId: uint32(i + 1)}}})
			if err != nil {
				t.Error(err)
				return
			}
			mallory.write(websocket.MessageBinary, data)
		}
		mallory.drain()
	}()
	last := fmt.Sprint("mallory ", changes-1)
	for told := 0; ; {
		res := alice.next()
		for _, p := range res.GetUpdate().GetParticipants() {
			if p.Identity != "mallory" {
				continue
			}
			told++
			if most := costBurst/8 + int(time.Since(begun).Seconds()*costPerSecond/8) + 2; told > most {
				t.Fatalf("%d changes are told, %d may be made", told, most)
			}
			if p.Name == last {
				return
			}
		}
	}
}

// What everybody in the room is told of costs what it is long.
func TestLargeAnnouncementsArePaced(t *testing.T) {
	large := strings.Repeat("x", maxMessageBytes-1<<10)
	for _, req := range []*pb.SignalRequest{
		{Message: &pb.SignalRequest_UpdateMetadata{UpdateMetadata: &pb.UpdateParticipantMetadata{Metadata: large}}},
		{Message: &pb.SignalRequest_SubscriptionPermission{SubscriptionPermission: &pb.SubscriptionPermission{
			TrackPermissions: []*pb.TrackPermission{{ParticipantIdentity: large}},
		}}},
	} {
		if got := cost(req); got < costPerSecond || got > costBurst {
			t.Errorf("%T costs %d", req.Message, got)
		}
	}
}

func TestRequestsArePaced(t *testing.T) {
	sids := make([]string, 1<<16)
	for name, tt := range map[string]struct {
		req  *pb.SignalRequest
		most int
	}{
		"ping":          {ping(), 1},
		"nothing":       {&pb.SignalRequest{}, 1},
		"offer":         {&pb.SignalRequest{Message: &pb.SignalRequest_Offer{}}, 8},
		"one track":     {&pb.SignalRequest{Message: &pb.SignalRequest_Subscription{Subscription: &pb.UpdateSubscription{TrackSids: sids[:1]}}}, 1},
		"many tracks":   {&pb.SignalRequest{Message: &pb.SignalRequest_Subscription{Subscription: &pb.UpdateSubscription{TrackSids: sids}}}, costBurst},
		"many settings": {&pb.SignalRequest{Message: &pb.SignalRequest_TrackSetting{TrackSetting: &pb.UpdateTrackSettings{TrackSids: sids}}}, costBurst},
	} {
		if got := cost(tt.req); got < 1 || got > tt.most {
			t.Errorf("%s costs %d", name, got)
		}
	}
}
