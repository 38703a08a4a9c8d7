package rtc_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/rtc/rtctest"
)

type message struct {
	data string
	text bool
}

func TestDataChannelFromClient(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	peer, events := rtctest.Peer(t, e, rtc.PeerConfig{})
	client := rtctest.Client(t, rtctest.ClientConfig{})
	unordered := false
	theirs, err := client.CreateDataChannel("lossy", &webrtc.DataChannelInit{Ordered: &unordered})
	if err != nil {
		t.Fatal(err)
	}
	opened, replies := make(chan struct{}), make(chan message, 8)
	theirs.OnOpen(func() { close(opened) })
	theirs.OnMessage(func(m webrtc.DataChannelMessage) { replies <- message{string(m.Data), m.IsString} })
	rtctest.Offer(t, client, peer)
	rtctest.Wait(t, opened, "open channel")
	ours := rtctest.Wait(t, events.Channels, "channel")
	if ours.Label() != "lossy" || ours.Ordered() {
		t.Errorf("channel %q, ordered %v", ours.Label(), ours.Ordered())
	}
	big := bytes.Repeat([]byte("x"), 60_000)
	if err := theirs.SendText("hello"); err != nil {
		t.Fatal(err)
	}
	if err := theirs.Send(big); err != nil {
		t.Fatal(err)
	}
	messages := make(chan message, 8)
	ours.OnMessage(func(data []byte, text bool) { messages <- message{string(data), text} })
	got := map[message]bool{rtctest.Wait(t, messages, "message"): true, rtctest.Wait(t, messages, "message"): true}
	if !got[message{"hello", true}] || !got[message{string(big), false}] {
		t.Errorf("got %d messages", len(got))
	}
	if err := ours.Send([]byte("world"), false); err != nil {
		t.Fatal(err)
	}
	if m := rtctest.Wait(t, replies, "reply"); m != (message{"world", false}) {
		t.Errorf("reply %+v", m)
	}
	closed := make(chan struct{})
	ours.OnClose(func() { close(closed) })
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	rtctest.Wait(t, closed, "end of the channel")
}

func TestDataChannelFromUs(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	peer, events := rtctest.Peer(t, e, rtc.PeerConfig{DataChannels: true})
	client := rtctest.Client(t, rtctest.ClientConfig{})
	none := uint16(0)
	for label, retransmits := range map[string]*uint16{"_reliable": nil, "_lossy": &none} {
		if err := peer.OpenDataChannel(label, retransmits == nil, retransmits); err != nil {
			t.Fatal(err)
		}
	}
	type opened struct {
		channel *webrtc.DataChannel
		first   message
	}
	theirs := make(chan opened, 2)
	client.OnDataChannel(func(dc *webrtc.DataChannel) {
		dc.OnMessage(func(m webrtc.DataChannelMessage) { theirs <- opened{dc, message{string(m.Data), m.IsString}} })
	})
	rtctest.Answer(t, client, peer)
	for range 2 {
		dc := rtctest.Wait(t, events.Channels, "channel")
		if err := dc.Send([]byte(dc.Label()), true); err != nil {
			t.Fatal(err)
		}
		got := rtctest.Wait(t, theirs, "message")
		if got.channel.Label() != dc.Label() || got.channel.Ordered() != dc.Ordered() || got.first != (message{dc.Label(), true}) {
			t.Errorf("client has %q with %+v, we have %q", got.channel.Label(), got.first, dc.Label())
		}
		if lossy := got.channel.MaxRetransmits() != nil; lossy != (dc.Label() == "_lossy") {
			t.Errorf("%q: lossy is %v", dc.Label(), lossy)
		}
	}
	client.Close()
	if err := rtctest.Wait(t, events.Closed, "end"); err == nil {
		t.Error("closed without a reason")
	}
}

func TestDataChannelAddedLater(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	peer, events := rtctest.Peer(t, e, rtc.PeerConfig{})
	client := rtctest.Client(t, rtctest.ClientConfig{})
	if _, err := client.AddTrack(localTrack(t, webrtc.MimeTypeVP8, "camera")); err != nil {
		t.Fatal(err)
	}
	rtctest.Offer(t, client, peer)
	rtctest.Wait(t, events.Connected, "connection")
	theirs, err := client.CreateDataChannel("late", nil)
	if err != nil {
		t.Fatal(err)
	}
	rtctest.Offer(t, client, peer)
	ours := rtctest.Wait(t, events.Channels, "channel")
	messages := make(chan message, 1)
	theirs.OnMessage(func(m webrtc.DataChannelMessage) { messages <- message{string(m.Data), m.IsString} })
	if err := ours.Send([]byte("hello"), true); err != nil {
		t.Fatal(err)
	}
	rtctest.Wait(t, messages, "message")
}

// A remote that sends more at once than we have said that we take loses its channel, and no other.
func TestDataChannelEndsAtAMessageThatIsTooLong(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	peer, events := rtctest.Peer(t, e, rtc.PeerConfig{})
	client := rtctest.Client(t, rtctest.ClientConfig{Setup: func(s *webrtc.SettingEngine, _ *webrtc.MediaEngine, _ *interceptor.Registry) {
		s.SetSCTPMaxMessageSize(1 << 20)
	}})
	channels := map[string]*webrtc.DataChannel{}
	for _, label := range []string{"rude", "polite"} {
		c, err := client.CreateDataChannel(label, nil)
		if err != nil {
			t.Fatal(err)
		}
		channels[label] = c
	}
	offer, err := client.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	if err := peer.SetOffer(client.LocalDescription().SDP); err != nil {
		t.Fatal(err)
	}
	answer, err := peer.CreateAnswer()
	if err != nil {
		t.Fatal(err)
	}
	unbounded := strings.Replace(answer, "a=max-message-size:262144", "a=max-message-size:1048576", 1)
	if unbounded == answer {
		t.Fatal("the answer bounds messages otherwise")
	}
	if err := client.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: unbounded}); err != nil {
		t.Fatal(err)
	}
	ended, messages := make(chan string, 2), make(chan message, 2)
	for range channels {
		ours := rtctest.Wait(t, events.Channels, "channel")
		label := ours.Label()
		ours.OnClose(func() { ended <- label })
		ours.OnMessage(func(data []byte, text bool) { messages <- message{string(data), text} })
	}
	if err := channels["rude"].Send(make([]byte, 300<<10)); err != nil {
		t.Fatal(err)
	}
	if label := rtctest.Wait(t, ended, "the end of the channel"); label != "rude" {
		t.Errorf("channel %q has ended", label)
	}
	if err := channels["polite"].SendText("hello"); err != nil {
		t.Fatal(err)
	}
	if got := rtctest.Wait(t, messages, "message"); got.data != "hello" {
		t.Errorf("got a message of %d bytes", len(got.data))
	}
}

func TestDataChannelRefusesWhatTheRemoteDoesNotTake(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	peer, events := rtctest.Peer(t, e, rtc.PeerConfig{})
	client := rtctest.Client(t, rtctest.ClientConfig{})
	theirs, err := client.CreateDataChannel("slow", nil)
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	theirs.OnMessage(func(webrtc.DataChannelMessage) { <-release })
	defer close(release)
	rtctest.Offer(t, client, peer)
	ours := rtctest.Wait(t, events.Channels, "channel")
	block := make([]byte, 64<<10)
	deadline := time.Now().Add(rtctest.Timeout)
	for err == nil && time.Now().Before(deadline) {
		err = ours.Send(block, false)
	}
	if err != rtc.ErrBuffered {
		t.Errorf("sending without end gives %v", err)
	}
	if n := ours.Buffered(); n > 1<<20 {
		t.Errorf("%d bytes wait", n)
	}
	if err := ours.Send(make([]byte, 1<<20), false); err == nil {
		t.Error("a message of 1 MiB was taken")
	}
}

// Who does not take messages holds up the remote, and loses none.
func TestDataChannelHoldsUpTheRemote(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	peer, events := rtctest.Peer(t, e, rtc.PeerConfig{})
	client := rtctest.Client(t, rtctest.ClientConfig{})
	theirs, err := client.CreateDataChannel("fast", nil)
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan struct{})
	theirs.OnOpen(func() { close(opened) })
	rtctest.Offer(t, client, peer)
	rtctest.Wait(t, opened, "open channel")
	ours := rtctest.Wait(t, events.Channels, "channel")
	const n, size = 64, 64 << 10
	for i := range n {
		if err := theirs.Send(bytes.Repeat([]byte{byte(i)}, size)); err != nil {
			t.Fatal(err)
		}
	}
	turn, got := make(chan struct{}), make(chan byte, n)
	ours.OnMessage(func(data []byte, _ bool) {
		<-turn
		got <- data[size-1]
	})
	for i := range n {
		// What was heard, what we keep, and a message that is under way.
		if left := (n-i)*size - 512<<10 - 2*size; left > 0 && theirs.BufferedAmount() < uint64(left) {
			t.Fatalf("%d bytes wait after %d messages: nothing holds the remote up", theirs.BufferedAmount(), i)
		}
		turn <- struct{}{}
		if b := rtctest.Wait(t, got, "message"); b != byte(i) {
			t.Fatalf("message %d instead of %d", b, i)
		}
	}
}

func TestDataChannelsOfAllKinds(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	peer, events := rtctest.Peer(t, e, rtc.PeerConfig{})
	client := rtctest.Client(t, rtctest.ClientConfig{})
	no, twice, soon := false, uint16(2), uint16(500)
	kinds := map[string]*webrtc.DataChannelInit{
		"": nil, "unordered": {Ordered: &no}, "limited": {MaxRetransmits: &twice}, "soon": {Ordered: &no, MaxPacketLifeTime: &soon},
	}
	replies := make(chan message, 8)
	for label, kind := range kinds {
		theirs, err := client.CreateDataChannel(label, kind)
		if err != nil {
			t.Fatal(err)
		}
		theirs.OnMessage(func(m webrtc.DataChannelMessage) { replies <- message{string(m.Data), m.IsString} })
		theirs.OnOpen(func() {
			for _, text := range []string{label, ""} {
				if err := theirs.SendText(text); err != nil {
					t.Error(err)
				}
			}
		})
	}
	rtctest.Offer(t, client, peer)
	for range kinds {
		ours := rtctest.Wait(t, events.Channels, "channel")
		if want := kinds[ours.Label()]; ours.Ordered() != (want == nil || want.Ordered == nil) {
			t.Errorf("%q: ordered is %v", ours.Label(), ours.Ordered())
		}
		ours.OnMessage(func(data []byte, text bool) {
			if err := ours.Send(data, text); err != nil {
				t.Error(err)
			}
		})
	}
	want := map[message]int{{"", true}: 5, {"unordered", true}: 1, {"limited", true}: 1, {"soon", true}: 1}
	for range 8 {
		want[rtctest.Wait(t, replies, "reply")]--
	}
	for m, n := range want {
		if n != 0 {
			t.Errorf("%+v came %d times too few", m, n)
		}
	}
}

// Streams of channels that have ended are used again.
func TestDataChannelsComeAndGo(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	peer, events := rtctest.Peer(t, e, rtc.PeerConfig{DataChannels: true})
	client := rtctest.Client(t, rtctest.ClientConfig{})
	ended := make(chan string, 8)
	client.OnDataChannel(func(dc *webrtc.DataChannel) {
		dc.OnClose(func() { ended <- dc.Label() })
		dc.OnMessage(func(m webrtc.DataChannelMessage) {
			if err := dc.Send(m.Data); err != nil {
				t.Error(err)
			}
		})
	})
	if err := peer.OpenDataChannel("stays", true, nil); err != nil {
		t.Fatal(err)
	}
	rtctest.Answer(t, client, peer)
	stays := rtctest.Wait(t, events.Channels, "channel")
	back := make(chan string, 8)
	stays.OnMessage(func(data []byte, _ bool) { back <- string(data) })
	for range 3 {
		if err := peer.OpenDataChannel("goes", true, nil); err != nil {
			t.Fatal(err)
		}
		goes := rtctest.Wait(t, events.Channels, "channel")
		goes.OnMessage(func(data []byte, _ bool) { back <- string(data) })
		if err := goes.Send([]byte("one"), false); err != nil {
			t.Fatal(err)
		}
		rtctest.Wait(t, back, "reply")
		if err := goes.Close(); err != nil {
			t.Fatal(err)
		}
		if err := goes.Send([]byte("two"), false); err == nil {
			t.Error("sent on a channel that has ended")
		}
		if label := rtctest.Wait(t, ended, "end"); label != "goes" {
			t.Errorf("%q has ended", label)
		}
	}
	if err := stays.Send([]byte("three"), false); err != nil {
		t.Fatal(err)
	}
	if got := rtctest.Wait(t, back, "reply"); got != "three" {
		t.Errorf("got %q", got)
	}
}
