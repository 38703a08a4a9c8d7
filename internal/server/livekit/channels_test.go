package livekit

import (
	"strconv"
	"testing"

	pb "github.com/livekit/protocol/livekit"
	"github.com/pion/webrtc/v4"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/room"
)

// TestMessagesComeOverOneConnection opens a client's own channel after ours, as who speaks for the first time does while a file comes: what would go over that
// from then on overtook what is still on its way.
func TestMessagesComeOverOneConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	heard := make(listener, 100)
	bob, err := w.house.Enter("hall", room.Join{Identity: "bob", Permission: room.Permission{Subscribe: true, PublishData: true}}, heard)
	if err != nil {
		t.Fatal(err)
	}
	v := w.enterViewer(t, false, true)
	came := make(chan string, 100)
	v.peer.OnDataChannel(func(dc *webrtc.DataChannel) {
		if dc.Label() == reliableLabel {
			dc.OnMessage(func(m webrtc.DataChannelMessage) { came <- string(m.Data) })
		}
	})
	v.hears()()
	tell := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			if err := bob.Send(room.Data{Reliable: true, Payload: []byte(strconv.Itoa(i))}); err != nil {
				t.Fatal(err)
			}
		}
		for i := from; i < to; i++ {
			if got := <-came; got != strconv.Itoa(i) {
				t.Fatalf("%s came, not %d", got, i)
			}
		}
	}
	tell(0, 10)

	own, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Close() })
	dc, err := own.CreateDataChannel(reliableLabel, nil)
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan struct{})
	dc.OnOpen(func() { close(opened) })
	dc.OnMessage(func(m webrtc.DataChannelMessage) { t.Errorf("%s came over the client's own channel", m.Data) })
	receiving := v.peer
	v.peer = own
	v.offer()
	v.peer = receiving
	<-opened
	hello, err := proto.Marshal(&pb.DataPacket{Value: &pb.DataPacket_User{User: &pb.UserPacket{Payload: []byte("hello")}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := dc.Send(hello); err != nil {
		t.Fatal(err)
	}
	<-heard // so the channel is known
	tell(10, 50)
}
