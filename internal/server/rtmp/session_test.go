package rtmp

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/rtmp"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/ingest"
	"github.com/tuttilive/tutti/internal/track"
)

func TestAddresses(t *testing.T) {
	for _, test := range []struct {
		app, stream string
		room        string
		credential  studio.Credential
		bad         bool
	}{
		{"live", "demo", "demo", studio.Credential{}, false},
		{"live", "demo?key=k", "demo", studio.Credential{Key: "k"}, false},
		{"live/", "/demo?token=t", "demo", studio.Credential{Token: "t"}, false},
		{"live", "demo?token=t&key=k&x=1", "demo", studio.Credential{Token: "t", Key: "k"}, false},
		{"live?key=k", "demo", "demo", studio.Credential{Key: "k"}, false},
		{"live?key=old", "demo?key=k", "demo", studio.Credential{Key: "k"}, false},
		{"live/demo", "k", "demo", studio.Credential{Key: "k"}, false},
		{"live/demo", "?key=k", "demo", studio.Credential{Key: "k"}, false},
		{"live", "demo/k", "demo", studio.Credential{Key: "k"}, false},
		{"live", "%E6%88%BF%E9%97%B4?key=k", "房间", studio.Credential{Key: "k"}, false},
		{"live", "房间?key=k", "房间", studio.Credential{Key: "k"}, false},
		{"live", "100%?key=k", "100%", studio.Credential{Key: "k"}, false}, // the house refuses the name
		{"live", "", "", studio.Credential{}, true},
		{"live", "?key=k", "", studio.Credential{}, true},
		{"", "demo", "", studio.Credential{}, true},
		{"app", "demo", "", studio.Credential{}, true},
		{"live/a/b", "demo", "", studio.Credential{}, true},
	} {
		a, err := parseAddress(test.app, test.stream)
		if (err != nil) != test.bad || a.room != test.room || a.credential != test.credential {
			t.Errorf("%q and %q: %+v, %v", test.app, test.stream, a, err)
		}
	}
}

func TestNewConnectionReplacesTheOldOne(t *testing.T) {
	st := newFakeStage()
	s := open(t, st, Options{})
	old := dial(t, s)
	if code, _ := old.publish("live", "demo?key=secret"); code != publishStart {
		t.Fatal(code)
	}
	old.sound(0, 0)
	old.sound(0, 1)
	// From the same address: the encoder restarted, or lost its connection and does not know.
	again := dial(t, s)
	if code, _ := again.publish("live", "demo?key=secret"); code != publishStart {
		t.Fatal(code)
	}
	if code, description := old.answer("onStatus"); code != publishRejected || !strings.Contains(description, "took over") {
		t.Errorf("the old connection hears %s: %s", code, description)
	}
	old.ends()
	again.sound(0, 0)
	again.sound(0, 1)
	st.wait(t, "sound of the new connection", func() bool {
		return len(st.ingests) == 2 && st.ingests[0].left && !st.ingests[1].left && st.ingests[1].of(media.Audio) != nil
	})
	if st.ingests[0].join.Identity != st.ingests[1].join.Identity {
		t.Error("identities differ")
	}
}

func TestPublisherIsSentAway(t *testing.T) {
	tests := map[string]struct {
		event func(self room.Participant) room.Event
		code  string
	}{
		"removed by the host": {func(p room.Participant) room.Event {
			return room.ParticipantLeft{Participant: p, Reason: room.LeftRemoved}
		}, publishRejected},
		"room closed": {func(room.Participant) room.Event { return room.RoomClosed{} }, connectClosed},
		"shutdown":    {func(room.Participant) room.Event { return room.RoomClosed{Reason: room.LeftServerShutdown} }, connectClosed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			st := newFakeStage()
			s := open(t, st, Options{})
			c := dial(t, s)
			if code, _ := c.publish("live", "demo?key=secret"); code != publishStart {
				t.Fatal(code)
			}
			in := st.ingests[0]
			in.obs.RoomEvent(room.ParticipantLeft{Participant: room.Participant{SID: "PA_other"}, Reason: room.LeftRemoved})
			in.obs.RoomEvent(test.event(in.self))
			if code, description := c.answer("onStatus"); code != test.code || description == "" {
				t.Errorf("hears %s: %s", code, description)
			}
			c.ends()
		})
	}
}

func TestPublishingAgainOnOneConnection(t *testing.T) {
	st := newFakeStage()
	s := open(t, st, Options{})
	c := dial(t, s)
	c.publish("live", "demo?key=secret")
	c.sound(0, 0)
	c.sound(0, 1)
	c.command(1, "deleteStream", 6, nil, float64(1))
	if code, _ := c.answer("onStatus"); code != unpublishSuccess {
		t.Error(code)
	}
	c.command(0, "createStream", 7, nil)
	c.command(1, "publish", 8, nil, "other?token=token", "live")
	if code, _ := c.answer("onStatus"); code != publishStart {
		t.Error(code)
	}
	if st.ingests[1].join.Identity != "ada" || st.ingests[1].join.Name != "Ada" || !st.ingests[0].left {
		t.Errorf("joined as %+v", st.ingests[1].join)
	}
}

func TestFormatAndCodecChange(t *testing.T) {
	st := newFakeStage()
	s := open(t, st, Options{})
	c := dial(t, s)
	c.publish("live", "demo?key=secret")
	c.sound(0, 0)
	c.sound(0, 1)
	opus := func(body ...byte) {
		c.send(rtmp.Message{ChunkStream: 4, Type: rtmp.TypeAudio, Stream: 1, Timestamp: 40, Body: append([]byte{0x90 | body[0], 'O', 'p', 'u', 's'}, body[1:]...)})
	}
	opus(append([]byte{0}, "OpusHead\x01\x02\x00\x00\x80\xbb\x00\x00\x00\x00\x00"...)...)
	opus(1, 0xfc, 1, 2)
	st.wait(t, "Opus", func() bool {
		in := st.ingests[0]
		return len(in.tracks) == 2 && in.of(media.Audio) != nil && in.of(media.Audio).pub.Codec == media.Opus
	})
}

func TestSilentPublisherIsSentAway(t *testing.T) {
	st := newFakeStage()
	s := open(t, st, Options{Idle: 50 * time.Millisecond})
	c := dial(t, s)
	if code, _ := c.publish("live", "demo?key=secret"); code != publishStart {
		t.Fatal(code)
	}
	c.ends()
	st.wait(t, "leaving", func() bool { return st.ingests[0].left })
}

// TestWhoMayNotPublishIsSentAway: whose sound may not be heard, for one, is muted.
func TestWhoMayNotPublishIsSentAway(t *testing.T) {
	st := newFakeStage()
	st.refuse = room.ErrNotAllowed
	c := dial(t, open(t, st, Options{}))
	if code, _ := c.publish("live", "demo?key=secret"); code != publishStart {
		t.Fatal(code)
	}
	c.sound(0, 0)
	c.sound(0, 1)
	if code, description := c.answer("onStatus"); code != publishUnauthorized {
		t.Errorf("hears %s: %s", code, description)
	}
	c.ends()
	st.wait(t, "word to the hosts", func() bool {
		return len(st.turned) == 1 && strings.HasPrefix(st.turned[0], "demo rtmp forbidden ") && st.ingests[0].left
	})
}

// TestWhoseTrackEndsHearsWhy: what ends an encoder ends its tracks before.
func TestWhoseTrackEndsHearsWhy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		why          error
		status, code string
	}{"may not publish": {nil, publishUnauthorized, "forbidden"}, "replaced": {ingest.ErrReplaced, publishRejected, "replaced"}} {
		st := newFakeStage()
		st.refuse = track.ErrClosed
		s := open(t, st, Options{})
		x := dial(t, s)
		if code, _ := x.publish("live", "demo?key=secret"); code != publishStart {
			t.Fatal(code)
		}
		x.sound(0, 0)
		x.sound(0, 1)
		if c.why != nil {
			st.wait(t, "entering", func() bool { return len(st.ingests) == 1 })
			st.ingests[0].obs.(*ingest.Observer).Kick(c.why)
		}
		if code, description := x.answer("onStatus"); code != c.status {
			t.Errorf("%s: hears %s: %s", name, code, description)
		}
		if c.why == nil {
			st.wait(t, "word to the hosts", func() bool { return len(st.turned) == 1 && strings.Contains(st.turned[0], c.code) })
		}
	}
}

func TestConnectionLimits(t *testing.T) {
	s := open(t, newFakeStage(), Options{MaxPerAddress: 2})
	first, second := dial(t, s), dial(t, s)
	third, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	third.SetDeadline(time.Now().Add(time.Minute))
	if _, err := third.Read(make([]byte, 1)); err == nil {
		t.Error("a third connection is served")
	}
	if code, _ := first.publish("live", "demo?key=secret"); code != publishStart {
		t.Error(code)
	}
	second.Close()
}

// from is a connection that says that it comes from somewhere else.
type from struct {
	net.Conn
	address net.TCPAddr
}

func (f from) RemoteAddr() net.Addr { return &f.address }

// TestANetworkHasThePlacesOfAnAddress: one customer has a /64 of IPv6.
func TestANetworkHasThePlacesOfAnAddress(t *testing.T) {
	s := open(t, newFakeStage(), Options{MaxPerAddress: 2})
	come := func(network, host byte) {
		here, there := net.Pipe()
		t.Cleanup(func() { there.Close() })
		s.start(from{here, net.TCPAddr{IP: net.IP{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, network, 15: host}}})
	}
	counted := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.counted
	}
	for host := range byte(20) {
		come(1, host)
	}
	if n := counted(); n != 2 {
		t.Errorf("one network has %d connections", n)
	}
	if come(2, 1); counted() != 3 {
		t.Error("another one has none")
	}
}

// TestWhoDoesNotPublishSendsLittle: what is not whole yet is held, and anybody may send it.
func TestWhoDoesNotPublishSendsLittle(t *testing.T) {
	picture := rtmp.AppendMessage(nil, rtmp.Message{ChunkStream: 6, Type: rtmp.TypeVideo, Stream: 1, Body: append([]byte{0x17, 1}, make([]byte, 100_000)...)}, rtmp.InitialChunkSize)
	ping := rtmp.AppendMessage(nil, rtmp.Message{ChunkStream: 2, Type: rtmp.TypeUserControl, Body: []byte{0, 6, 1, 2, 3, 4}}, rtmp.InitialChunkSize)
	goesOn := func(c *client) bool {
		c.Write(picture) // which may fail
		c.Write(ping)
		for {
			m, err := c.reader.Read()
			if err != nil {
				return false
			}
			if m.Type == rtmp.TypeUserControl && bytes.HasPrefix(m.Body, []byte{0, 7}) {
				return true
			}
		}
	}
	s := open(t, newFakeStage(), Options{})
	if goesOn(dial(t, s)) {
		t.Error("a picture of 100 kB comes from somebody who only shook hands")
	}
	refused := dial(t, s)
	refused.publish("live", "demo?key=wrong")
	if goesOn(refused) {
		t.Error("a picture comes from somebody who was refused")
	}
	publisher := dial(t, s)
	if code, _ := publisher.publish("live", "demo?key=secret"); code != publishStart || !goesOn(publisher) {
		t.Errorf("%s, and the picture does not come", code)
	}
}

func TestHostileDialogue(t *testing.T) {
	connect := func(c *client) {
		c.command(0, "connect", 1, amf0.Object{{Key: "app", Value: "live"}})
		c.answer("_result")
	}
	tests := map[string]func(c *client){
		"command before connect": func(c *client) { c.command(0, "createStream", 1, nil) },
		"connect twice": func(c *client) {
			connect(c)
			c.command(0, "connect", 2, amf0.Object{{Key: "app", Value: "live"}})
		},
		"broken command": func(c *client) {
			c.send(rtmp.Message{ChunkStream: 3, Type: rtmp.TypeCommandAMF0, Body: []byte{2, 255}})
		},
		"command without name":   func(c *client) { c.send(rtmp.Message{ChunkStream: 3, Type: rtmp.TypeCommandAMF0, Body: []byte{5, 5}}) },
		"connect without object": func(c *client) { c.command(0, "connect", 1, nil) },
		"publish without name":   func(c *client) { connect(c); c.command(1, "publish", 2, nil) },
		"publish twice": func(c *client) {
			c.publish("live", "demo?key=secret")
			c.command(1, "publish", 2, nil, "demo?key=secret")
		},
		"broken media for long": func(c *client) {
			c.publish("live", "demo?key=secret")
			for range ingest.MostMalformed + 1 {
				c.send(rtmp.Message{ChunkStream: 6, Type: rtmp.TypeVideo, Stream: 1, Body: []byte{0x17, 1, 0, 0, 0, 9}})
			}
		},
		"chunk of nothing": func(c *client) { c.Write([]byte{0xc9}) },
	}
	for name, misbehave := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, newFakeStage(), Options{})
			c := dial(t, s)
			misbehave(c)
			io.Copy(io.Discard, c) // must come to an end
		})
	}
}

func TestPingIsAnsweredAndBytesAcknowledged(t *testing.T) {
	s := open(t, newFakeStage(), Options{})
	c := dial(t, s)
	c.publish("live", "demo?key=secret")
	c.send(rtmp.WindowAckSize(100_000))
	c.send(rtmp.Message{ChunkStream: 2, Type: rtmp.TypeUserControl, Body: []byte{0, 6, 1, 2, 3, 4}})
	for range 4 {
		c.send(rtmp.Message{ChunkStream: 6, Type: rtmp.TypeDataAMF0, Stream: 1, Body: make([]byte, 50_000)})
	}
	var pong, acknowledged bool
	for !pong || !acknowledged {
		m, err := c.reader.Read()
		if err != nil {
			t.Fatal(err)
		}
		pong = pong || m.Type == rtmp.TypeUserControl && bytes.Equal(m.Body, []byte{0, 7, 1, 2, 3, 4})
		acknowledged = acknowledged || m.Type == rtmp.TypeAcknowledge
	}
}

// TestMetadataWithoutEndMeansNothing: read as deep as it goes, it would need more stack than a program may have.
func TestMetadataWithoutEndMeansNothing(t *testing.T) {
	c := dial(t, open(t, newFakeStage(), Options{}))
	if code, _ := c.publish("live", "demo?key=secret"); code != publishStart {
		t.Fatal(code)
	}
	body := append([]byte("\x02\x00\x0aonMetaData"), bytes.Repeat([]byte{3, 0, 1, 'k'}, 2<<20-4)...)
	c.send(rtmp.Message{ChunkStream: 6, Type: rtmp.TypeDataAMF0, Stream: 1, Body: body})
	c.send(rtmp.Message{ChunkStream: 2, Type: rtmp.TypeUserControl, Body: []byte{0, 6, 1, 2, 3, 4}})
	for {
		m, err := c.reader.Read()
		if err != nil {
			t.Fatal(err)
		}
		if m.Type == rtmp.TypeUserControl && bytes.HasPrefix(m.Body, []byte{0, 7}) {
			return
		}
	}
}

func FuzzCommand(f *testing.F) {
	m, _ := command(0, "connect", 1, amf0.Object{{Key: "app", Value: "live/x"}}, amf0.ECMAArray{}, nil)
	f.Add(m.Body, "live", "demo?key=x")
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 5}, "live?%zz", "%e6%88%bf/a?b;c")
	f.Fuzz(func(t *testing.T, body []byte, app, stream string) {
		for _, kind := range []rtmp.Type{rtmp.TypeCommandAMF0, rtmp.TypeCommandAMF3} {
			_, _, arguments, _ := parseCommand(rtmp.Message{Type: kind, Body: body})
			property(arguments, 0, "app")
			text(arguments, 1)
		}
		if a, err := parseAddress(app, stream); err == nil && a.room == "" {
			t.Fatal("no room and no error")
		}
	})
}
