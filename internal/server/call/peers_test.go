package call

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// talker is a client as docs/call-protocol.md describes it, with a real peer connection: perfect negotiation, trickle ICE.
type talker struct {
	*client
	polite bool
	peer   string

	mu         sync.Mutex // guards what follows, and numbering
	pc         *webrtc.PeerConnection
	generation uint64
	making     bool
	ignoring   bool
	waiting    []webrtc.ICECandidateInit
	channel    *webrtc.DataChannel
	heard      chan string
	open       chan struct{}
}

func newTalker(t *testing.T, c *client) *talker {
	return &talker{client: c, heard: make(chan string, 16), open: make(chan struct{}, 16)}
}

// take follows a path: each generation is a new connection.
func (k *talker) take(path msg) {
	p := path["path"].(map[string]any)
	if p["kind"] != "direct" {
		return
	}
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetInterfaceFilter(func(name string) bool { return strings.HasPrefix(name, "lo") })
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		k.t.Error(err)
		return
	}
	k.t.Cleanup(func() { pc.Close() })
	k.mu.Lock()
	k.pc, k.generation, k.peer, k.polite = pc, path.generation(), p["peer"].(string), p["polite"].(bool)
	k.mu.Unlock()
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c == nil {
			k.signal(msg{"candidate": nil})
			return
		}
		k.signal(msg{"candidate": c.ToJSON()})
	})
	id := uint16(0)
	agreed := true
	channel, err := pc.CreateDataChannel("talk", &webrtc.DataChannelInit{Negotiated: &agreed, ID: &id})
	if err != nil {
		k.t.Error(err)
		return
	}
	k.channel = channel
	channel.OnOpen(func() { k.open <- struct{}{} })
	channel.OnMessage(func(m webrtc.DataChannelMessage) { k.heard <- string(m.Data) })
}

func (k *talker) signal(m msg) {
	k.mu.Lock()
	defer k.mu.Unlock()
	m["type"], m["to"], m["generation"] = "signal", k.peer, k.generation
	k.say(m)
}

// offer begins a negotiation, with new ICE credentials on a restart.
func (k *talker) offer(restart bool) {
	k.mu.Lock()
	k.making = true
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		k.making = false
		k.mu.Unlock()
	}()
	offer, err := k.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err == nil {
		err = k.pc.SetLocalDescription(offer)
	}
	if err != nil {
		k.t.Errorf("offering: %v", err)
		return
	}
	k.signal(msg{"description": k.pc.LocalDescription()})
}

// listen handles what comes until the connection to the server ends.
func (k *talker) listen() {
	for {
		m, err := k.read()
		if err != nil {
			return
		}
		switch m.kind() {
		case "ping":
			k.send(msg{"type": "pong"})
		case "path":
			k.take(m)
		case "signal":
			if err := k.hear(m); err != nil {
				k.t.Errorf("%v: %v", m, err)
			}
		}
	}
}

// hear is perfect negotiation's receiving side (W3C WebRTC, section 10.7).
func (k *talker) hear(m msg) error {
	if raw, ok := m["description"]; ok {
		var d webrtc.SessionDescription
		if err := reshape(raw, &d); err != nil {
			return err
		}
		k.mu.Lock()
		collision := d.Type == webrtc.SDPTypeOffer && (k.making || k.pc.SignalingState() != webrtc.SignalingStateStable)
		k.ignoring = collision && !k.polite
		ignoring := k.ignoring
		k.mu.Unlock()
		if ignoring {
			return nil
		}
		if collision {
			if err := k.pc.SetLocalDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeRollback}); err != nil {
				return err
			}
		}
		if err := k.pc.SetRemoteDescription(d); err != nil {
			return err
		}
		for _, c := range k.waiting {
			if err := k.pc.AddICECandidate(c); err != nil {
				return err
			}
		}
		k.waiting = nil
		if d.Type != webrtc.SDPTypeOffer {
			return nil
		}
		answer, err := k.pc.CreateAnswer(nil)
		if err == nil {
			err = k.pc.SetLocalDescription(answer)
		}
		if err != nil {
			return err
		}
		k.signal(msg{"description": k.pc.LocalDescription()})
		return nil
	}
	if m["candidate"] == nil {
		return nil
	}
	var c webrtc.ICECandidateInit
	if err := reshape(m["candidate"], &c); err != nil {
		return err
	}
	switch {
	case k.ignoring:
		return nil
	case k.pc.RemoteDescription() == nil:
		k.waiting = append(k.waiting, c)
		return nil
	}
	return k.pc.AddICECandidate(c)
}

func reshape(from, to any) error {
	data, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, to)
}

func (k *talker) hears(text string) {
	k.t.Helper()
	select {
	case got := <-k.heard:
		if got != text {
			k.t.Fatalf("heard %q instead of %q", got, text)
		}
	case <-time.After(patience):
		k.t.Fatalf("never heard %q", text)
	}
}

// TestPeersTalk connects two real peers through the door, breaks one's WebSocket, and restarts ICE.
func TestPeersTalk(t *testing.T) {
	w := newWorld(t, nil)
	ca, _ := w.join("tea", "Ada")
	cb, joined := w.join("tea", "Bob")
	a, b := newTalker(t, ca), newTalker(t, cb)
	b.take(joined)
	a.take(a.until("path"))
	ended := make(chan struct{}, 3)
	run := func(k *talker) {
		go func() { k.listen(); ended <- struct{}{} }()
	}
	run(a)
	run(b)
	a.offer(false)
	for _, k := range []*talker{a, b} {
		select {
		case <-k.open:
		case <-time.After(patience):
			t.Fatal("the channel does not open")
		}
	}
	say := func(from, to *talker, text string) {
		t.Helper()
		if err := from.channel.SendText(text); err != nil {
			t.Fatal(err)
		}
		to.hears(text)
	}
	say(a, b, "hello")
	say(b, a, "hello yourself")

	b.mu.Lock()
	b.cut()
	b.mu.Unlock()
	<-ended
	say(a, b, "can you still hear me?")

	again, _ := w.again(b.client, "tea")
	b.mu.Lock()
	b.client = again
	b.mu.Unlock()
	run(b)
	credentials := func(k *talker) string {
		_, rest, _ := strings.Cut(k.pc.CurrentRemoteDescription().SDP, "a=ice-ufrag:")
		return strings.Fields(rest)[0]
	}
	before := credentials(a)
	b.offer(true)
	for deadline := time.After(patience); credentials(a) == before || a.pc.SignalingState() != webrtc.SignalingStateStable || b.pc.SignalingState() != webrtc.SignalingStateStable; {
		select {
		case <-deadline:
			t.Fatal("ICE was not restarted")
		case <-time.After(20 * time.Millisecond):
		}
	}
	say(a, b, "and now?")
	say(b, a, "perfectly")

	a.cut()
	b.cut()
	<-ended
	<-ended
}
