package livekit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	pb "github.com/livekit/protocol/livekit"
	"github.com/pion/webrtc/v4"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/room"
)

// dataChannel opens the client's own channel for data tracks.
func (v *viewer) dataChannel() *webrtc.DataChannel {
	v.t.Helper()
	ordered, none := false, uint16(0)
	dc, err := v.peer.CreateDataChannel(dataTrackLabel, &webrtc.DataChannelInit{Ordered: &ordered, MaxRetransmits: &none})
	if err != nil {
		v.t.Fatal(err)
	}
	return dc
}

func publishData(handle uint32, name string) *pb.SignalRequest {
	return &pb.SignalRequest{Message: &pb.SignalRequest_PublishDataTrackRequest{PublishDataTrackRequest: &pb.PublishDataTrackRequest{PubHandle: handle, Name: name}}}
}

// subscribe has the client get a data track, or not any more, and gives the handle by which it knows it, 0 for none.
func (v *viewer) subscribe(sid string, subscribe bool) uint16 {
	v.t.Helper()
	v.send(&pb.SignalRequest{Message: &pb.SignalRequest_UpdateDataSubscription{UpdateDataSubscription: &pb.UpdateDataSubscription{
		Updates: []*pb.UpdateDataSubscription_Update{{TrackSid: sid, Subscribe: subscribe}}}}})
	return v.handleOf(sid)
}

// handleOf reads on until the client is told of its handles, and gives that of a track, 0 for none.
func (v *viewer) handleOf(sid string) uint16 {
	v.t.Helper()
	told := v.until(func(r *pb.SignalResponse) bool { return r.GetDataTrackSubscriberHandles() != nil }).GetDataTrackSubscriberHandles()
	for handle, t := range told.SubHandles {
		if t.TrackSid == sid && t.PublisherIdentity == "alice" && strings.HasPrefix(t.PublisherSid, "PA_") {
			return uint16(handle)
		}
	}
	return 0
}

// heard waits until what was sent before has been taken.
func (v *viewer) heard() {
	v.t.Helper()
	v.send(ping())
	v.until(func(r *pb.SignalResponse) bool { return r.GetPongResp() != nil })
}

// TestDataTracks has somebody publish a data track and somebody else get it, on either path, for as long as both want that.
func TestDataTracks(t *testing.T) {
	t.Parallel()
	for _, v1 := range []bool{false, true} {
		t.Run(fmt.Sprintf("v1=%v", v1), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			alice := &viewer{wire: w.enterAs(t, token(t, "alice", "hall", nil), true), v1: true}
			var err error
			if alice.peer, err = webrtc.NewPeerConnection(webrtc.Configuration{}); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { alice.peer.Close() })
			out := alice.dataChannel()
			opened := make(chan struct{})
			out.OnOpen(func() { close(opened) })
			alice.offer()
			<-opened

			bob := w.enterViewer(t, v1, true)
			came := make(chan []byte, 1000)
			take := func(dc *webrtc.DataChannel) {
				dc.OnMessage(func(m webrtc.DataChannelMessage) { came <- m.Data })
			}
			if v1 {
				take(bob.dataChannel())
				bob.offer()
			} else {
				bob.peer.OnDataChannel(func(dc *webrtc.DataChannel) {
					if dc.Label() == dataTrackLabel {
						take(dc)
					}
				})
				bob.hears()()
			}

			publish := func(handle uint32, name string) string {
				t.Helper()
				alice.send(publishData(handle, name))
				info := alice.until(func(r *pb.SignalResponse) bool { return r.GetPublishDataTrackResponse() != nil }).GetPublishDataTrackResponse().Info
				if !strings.HasPrefix(info.Sid, "DTR_") || info.PubHandle != handle || info.Name != name {
					t.Fatalf("published is %v", info)
				}
				return info.Sid
			}
			place, mark := publish(7, "place"), publish(8, "mark")
			bob.untilUpdate(func(p *pb.ParticipantInfo) bool {
				return p.Identity == "alice" && len(p.DataTracks) == 2 && p.DataTracks[0].Sid == place
			})
			if handle := bob.subscribe("DTR_unknown", true); handle != 0 {
				t.Errorf("what is not there has the handle %d", handle)
			}

			var number uint16
			send := func(handle byte) {
				t.Helper()
				number++
				packet := append([]byte{0x18, 0, 0, handle}, bytes.Repeat([]byte("x"), 100)...)
				binary.BigEndian.PutUint16(packet[4:], number)
				if err := out.Send(packet); err != nil {
					t.Fatal(err)
				}
			}
			var late uint16 // the newest that came under another handle than was waited for
			// first sends over one of alice's tracks until something comes under a handle of bob's, and gives the number of that.
			first := func(over byte, handle uint16) uint16 {
				t.Helper()
				for deadline := time.Now().Add(patience); ; {
					send(over)
					select {
					case packet := <-came:
						if len(packet) != 104 || packet[0] != 0x18 || packet[103] != 'x' {
							t.Fatalf("%x comes", packet)
						}
						n := binary.BigEndian.Uint16(packet[4:])
						if binary.BigEndian.Uint16(packet[dataTrackHandle:]) == handle {
							return n
						}
						late = max(late, n)
					case <-time.After(20 * time.Millisecond):
						if time.Now().After(deadline) {
							t.Fatal("nothing comes")
						}
					}
				}
			}
			marks := bob.subscribe(mark, true)
			handle := bob.subscribe(place, true)
			if handle == 0 || marks == 0 || handle == marks {
				t.Fatalf("the handles are %d and %d", handle, marks)
			}
			first(7, handle)

			// without sees that nothing comes of what is sent until it is for bob again. What is sent over the other track meanwhile comes, and behind it.
			without := func(what string, back func() uint16) {
				t.Helper()
				first(8, marks)
				before := number
				late = 0
				for range 20 {
					send(7)
				}
				last := number
				for first(8, marks) <= last {
				}
				handle := back()
				if got := first(7, handle); got <= last || late > before && late <= last {
					t.Errorf("%s: %d came, and until then %d, of %d to %d", what, got, late, before, last)
				}
			}
			bob.subscribe(place, false)
			without("not subscribed", func() uint16 {
				handle = bob.subscribe(place, true)
				return handle
			})
			rules := func(p *pb.SubscriptionPermission) {
				alice.send(&pb.SignalRequest{Message: &pb.SignalRequest_SubscriptionPermission{SubscriptionPermission: p}})
				alice.heard()
				bob.heard()
			}
			narrow := &pb.SubscriptionPermission{TrackPermissions: []*pb.TrackPermission{{ParticipantIdentity: "viewer", TrackSids: []string{mark}}}}
			wide := &pb.SubscriptionPermission{AllParticipants: true}
			rules(narrow)
			// Nobody asks again for what comes back, and its handle is the same.
			without("not allowed", func() uint16 {
				rules(wide)
				return handle
			})
			allow := func(may bool) {
				w.allow(t, "viewer", room.Permission{Subscribe: may})
				bob.heard()
			}
			allow(false)
			allow(true)
			first(7, handle)
			// What is asked for too early comes as soon as it may.
			bob.subscribe(place, false)
			rules(narrow)
			if handle := bob.subscribe(place, true); handle != 0 {
				t.Error("what is not for bob has a handle")
			}
			without("asked for too early", func() uint16 {
				alice.send(&pb.SignalRequest{Message: &pb.SignalRequest_SubscriptionPermission{SubscriptionPermission: wide}})
				return bob.handleOf(place)
			})

			alice.send(&pb.SignalRequest{Message: &pb.SignalRequest_UnpublishDataTrackRequest{UnpublishDataTrackRequest: &pb.UnpublishDataTrackRequest{PubHandle: 7}}})
			alice.until(func(r *pb.SignalResponse) bool {
				return r.GetUnpublishDataTrackResponse().GetInfo().GetSid() == place
			})
			bob.untilUpdate(func(p *pb.ParticipantInfo) bool { return p.Identity == "alice" && len(p.DataTracks) == 1 })
			if handle := bob.subscribe(place, true); handle != 0 {
				t.Error("what was given up has a handle")
			}
		})
	}
}

// TestFramesAreLostWhole: of a frame that a receiver lacks something of it gets nothing more.
func TestFramesAreLostWhole(t *testing.T) {
	const first, middle, last, single = dataTrackFirst, 0, 0x08, 0x18
	r := &dataReceiver{}
	for i, p := range []struct {
		frame  uint16
		kind   byte
		could  bool
		passes bool
	}{
		{1, first, true, true}, {1, middle, false, false}, {1, middle, true, false}, {1, last, true, false},
		{2, first, false, false}, {2, middle, true, false}, {2, last, true, false},
		{3, first, true, true}, {3, last, true, true},
		{4, single, false, false}, {5, single, true, true},
		{6, first, true, true}, {6, last, false, false}, {6, first, true, true}, // another of this number, much later
		{7, single, false, false}, {7, single, true, true}, // who does not number them
	} {
		packet := make([]byte, dataTrackHeader)
		packet[0] = p.kind
		binary.BigEndian.PutUint16(packet[dataTrackFrame:], p.frame)
		if got := r.passes(packet, p.could); got != p.passes {
			t.Errorf("packet %d, of frame %d: %t", i, p.frame, got)
		}
	}
}

// TestASubscriberThatAcknowledgesNothing has 512 KiB on their way to it, and no more.
func TestASubscriberThatAcknowledgesNothing(t *testing.T) {
	w := newWorld(t, nil)
	alice, _ := w.enter(t, "alice", "hall", "")
	alice.send(publishData(7, "film"))
	sid := alice.until(func(r *pb.SignalResponse) bool { return r.GetPublishDataTrackResponse() != nil }).GetPublishDataTrackResponse().Info.Sid

	came := make(chan struct{}, 1)
	bob, conn := w.enterDeaf(t, "bob", func(dc *webrtc.DataChannel) {
		dc.OnMessage(func(webrtc.DataChannelMessage) {
			select {
			case came <- struct{}{}:
			default:
			}
		})
	})
	if bob.subscribe(sid, true) == 0 {
		t.Fatal("bob does not get the track")
	}
	s, packet := w.server.find(place{"hall", "alice"}), make([]byte, 16<<10)
	packet[0], packet[dataTrackHandle+1] = dataTrackFirst|0x08, 7
	for deadline, heard := time.Now().Add(patience), false; !heard; {
		s.forward(packet[:dataTrackHeader+1])
		select {
		case <-came:
			heard = true
		case <-time.After(10 * time.Millisecond):
			if time.Now().After(deadline) {
				t.Fatal("nothing comes")
			}
		}
	}
	conn.deaf.Store(true)

	const limit = 512 << 10
	out, most := w.server.find(place{"hall", "bob"}).dataTracks.out.Load(), 0
	for range 4 * limit / len(packet) {
		s.forward(packet)
		most = max(most, out.Buffered())
	}
	if most > limit || most <= limit-len(packet) {
		t.Errorf("%d bytes are on their way, want nearly %d", most, limit)
	}
}

func TestPacketsOfDataTracksMisused(t *testing.T) {
	w := newWorld(t, nil)
	w.enter(t, "alice", "hall", "")
	s := w.server.find(place{"hall", "alice"})
	for _, packet := range [][]byte{nil, make([]byte, dataTrackHeader-1), make([]byte, dataTrackHeader), bytes.Repeat([]byte{0xff}, 100), make([]byte, MaxDataBytes+1)} {
		s.forward(packet)
	}
}

// TestResumeWithDataTracks: who resumes hears of what it gets, and of what it publishes where the answer to that was lost, but not of what it knows.
func TestResumeWithDataTracks(t *testing.T) {
	w := newWorld(t, nil)
	alice, join := w.enter(t, "alice", "hall", "")
	publish := func(c *wire, handle uint32, name string) string {
		c.send(publishData(handle, name))
		return c.until(func(r *pb.SignalResponse) bool { return r.GetPublishDataTrackResponse() != nil }).GetPublishDataTrackResponse().Info.Sid
	}
	known, unheard := publish(alice, 1, "known"), publish(alice, 2, "unheard")
	bob, _ := w.enter(t, "bob", "hall", "")
	theirs := publish(bob, 1, "bob's")
	alice.send(&pb.SignalRequest{Message: &pb.SignalRequest_UpdateDataSubscription{UpdateDataSubscription: &pb.UpdateDataSubscription{
		Updates: []*pb.UpdateDataSubscription_Update{{TrackSid: theirs, Subscribe: true}}}}})
	handles := func(r *pb.SignalResponse) bool { return r.GetDataTrackSubscriberHandles() != nil }
	before := alice.until(handles).GetDataTrackSubscriberHandles()
	alice.ws.CloseNow()

	back, _, err := w.dial(t, token(t, "alice", "hall", nil), "protocol=17&reconnect=1&sid="+join.Participant.Sid)
	if err != nil {
		t.Fatal(err)
	}
	if again := back.until(handles).GetDataTrackSubscriberHandles(); len(again.SubHandles) != 1 || !proto.Equal(again, before) {
		t.Errorf("the handles are %v, and were %v", again, before)
	}
	back.send(&pb.SignalRequest{Message: &pb.SignalRequest_SyncState{SyncState: &pb.SyncState{
		PublishDataTracks: []*pb.PublishDataTrackResponse{{Info: &pb.DataTrackInfo{Sid: known}}}}}})
	back.send(&pb.SignalRequest{Message: &pb.SignalRequest_PingReq{PingReq: &pb.Ping{}}})
	var told []string
	back.until(func(r *pb.SignalResponse) bool {
		if p := r.GetPublishDataTrackResponse(); p != nil {
			told = append(told, p.Info.Sid)
		}
		return r.GetPongResp() != nil
	})
	if len(told) != 1 || told[0] != unheard {
		t.Errorf("told of %v, want %s alone", told, unheard)
	}
}

// TestManyDataSubscriptionsAtATime: however many tracks a request names, those who are there are looked through once.
func TestManyDataSubscriptionsAtATime(t *testing.T) {
	w := newWorld(t, nil)
	part, err := w.house.Enter("hall", room.Join{Identity: "mallory"}, deaf{})
	if err != nil {
		t.Fatal(err)
	}
	defer part.Leave(room.LeftByItself)
	w.publisher(t, "alice")
	s := &session{server: w.server, part: part, place: place{"hall", "mallory"}}
	req := &pb.UpdateDataSubscription{}
	for i := range maxDataSubscriptions {
		req.Updates = append(req.Updates, &pb.UpdateDataSubscription_Update{TrackSid: fmt.Sprint("DTR_", i), Subscribe: true})
	}
	if n := testing.AllocsPerRun(10, func() { s.subscribeData(req) }); n > maxDataSubscriptions/4 {
		t.Errorf("%d unknown tracks take %v allocations", maxDataSubscriptions, n)
	}
}
