package rtmp

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/mux/rtmp"
	"github.com/tuttilive/tutti/internal/studio/fanout"
)

func TestPlayersOfOneAddressAreBounded(t *testing.T) {
	s := &Server{sessions: map[*session]struct{}{}, perAddress: map[netip.Prefix]int{}, players: map[netip.Prefix]int{}, maxPlayers: 2}
	player := func(from string) *session { return &session{server: s, network: limit.Network(from)} }
	a, b, c := player("2001:db8::1"), player("2001:db8::1"), player("2001:db8::2")
	if err := errors.Join(s.watches(a), s.watches(b), s.watches(player("192.0.2.1"))); err != nil {
		t.Fatal(err)
	}
	if err := s.watches(c); !errors.Is(err, errManyPlayers) {
		t.Errorf("the third: %v", err)
	}
	if code, _ := playStatusOf(errManyPlayers); code != playFailed {
		t.Errorf("told %s", code)
	}
	s.end(c) // takes nobody's place
	if err := s.watches(player("2001:db8::3")); !errors.Is(err, errManyPlayers) {
		t.Errorf("after one that never played: %v", err)
	}
	s.end(a)
	if err := s.watches(c); err != nil {
		t.Errorf("after one has gone: %v", err)
	}
	s.end(b)
	s.end(c)
	if len(s.players) != 1 {
		t.Errorf("still counted: %v", s.players)
	}
}

func TestPlayersSayWhatTheyTake(t *testing.T) {
	for name, c := range map[string]struct {
		connect amf0.Object
		stream  string
		want    string
	}{
		"nothing":                      {nil, "demo", ""},
		"a list of FourCCs":            {amf0.Object{{Key: "fourCcList", Value: amf0.StrictArray{"av01", "hvc1", 5.}}}, "demo", "av01,hvc1"},
		"everything":                   {amf0.Object{{Key: "fourCcList", Value: amf0.StrictArray{"*"}}}, "demo", "*"},
		"what is decoded or passed":    {amf0.Object{{Key: "videoFourCcInfoMap", Value: amf0.Object{{Key: "hvc1", Value: 1.}, {Key: "av01", Value: 2.}}}, {Key: "audioFourCcInfoMap", Value: amf0.ECMAArray{{Key: "Opus", Value: 4.}}}}, "demo", "hvc1,Opus"},
		"in the address, which counts": {amf0.Object{{Key: "fourCcList", Value: amf0.StrictArray{"*"}}}, "demo?codecs=hevc", "hevc"},
	} {
		t.Run(name, func(t *testing.T) {
			st := newFakeStage()
			p := dial(t, open(t, st, Options{}))
			p.command(0, "connect", 1, append(amf0.Object{{Key: "app", Value: "live"}}, c.connect...))
			p.answer("_result")
			p.command(0, "createStream", 2, nil)
			p.command(1, "play", 3, nil, c.stream)
			p.answer("onStatus") // that it is not live
			st.mu.Lock()
			defer st.mu.Unlock()
			if len(st.asked) != 1 || st.asked[0] != fanout.ParseCodecs(c.want) {
				t.Errorf("takes%s", st.asked)
			}
		})
	}
}

// playing are players of a stream, and what gives its frames.
func playing(t *testing.T, players int) (*Server, *fakeStage, fakeSource, []*client) {
	t.Helper()
	st, source := newFakeStage(), make(fakeSource)
	st.stream = fanout.New(source, func() flv.Tracks { return flv.Tracks{Audio: true} }, 0, fanout.RTMP, slog.New(slog.DiscardHandler))
	t.Cleanup(st.stream.Close)
	s := open(t, st, Options{})
	var clients []*client
	for range players {
		c := dial(t, s)
		c.command(0, "connect", 1, amf0.Object{{Key: "app", Value: "live"}})
		c.answer("_result")
		c.command(0, "createStream", 2, nil)
		c.command(1, "play", 3, nil, "demo")
		if code, why := c.answer("onStatus"); code != playReset {
			t.Fatal(code, why)
		}
		clients = append(clients, c)
	}
	return s, st, source, clients
}

// eventually waits for what other goroutines do.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for late := time.After(time.Minute); !holds(); {
		select {
		case <-time.After(time.Millisecond):
		case <-late:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// resting are the addresses of the players that rest.
func (s *Server) resting() (addresses []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for x := range s.sessions {
		x.listening.mu.Lock()
		if x.listening.rests {
			addresses = append(addresses, x.peer)
		}
		x.listening.mu.Unlock()
	}
	return addresses
}

func (s *Server) rests(c *client) bool { return slices.Contains(s.resting(), c.LocalAddr().String()) }

func (s *Server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

func TestPlayersThatSayNothingHaveNoGoroutine(t *testing.T) {
	s, st, source, clients := playing(t, 8)
	if s.poller == nil {
		t.Skip("players are listened to by a goroutine each here")
	}
	frame := func() {
		source <- &media.Frame{Format: &media.Format{Codec: media.AAC, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}, Payload: []byte{1, 2, 3}, Keyframe: true}
	}
	eventually(t, "they rest", func() bool { return len(s.resting()) == 8 })
	frame()
	for _, c := range clients {
		for {
			if m, err := c.reader.Read(); err != nil {
				t.Fatal(err)
			} else if m.Type == rtmp.TypeAudio {
				break
			}
		}
	}
	// One acknowledges, one says half of something first, one stops, one hangs up.
	clients[0].send(rtmp.Acknowledge(1000))
	for _, m := range []rtmp.Message{
		rtmp.Acknowledge(2000), rtmp.SetChunkSize(4096), {ChunkStream: 2, Type: rtmp.TypeAbort, Body: []byte{0, 0, 0, 3}},
		rtmp.WindowAckSize(1 << 20), {ChunkStream: 3, Type: rtmp.TypeDataAMF0, Stream: 1, Body: []byte{5}},
	} {
		whole := rtmp.AppendMessage(nil, m, rtmp.InitialChunkSize)
		clients[1].Write(whole[:5])
		eventually(t, "one is heard", func() bool { return !s.rests(clients[1]) })
		clients[1].Write(whole[5:])
		eventually(t, fmt.Sprintf("it rests again after a message of type %d", m.Type), func() bool { return s.rests(clients[1]) })
	}
	eventually(t, "all rest again", func() bool { return len(s.resting()) == 8 })
	clients[2].command(1, "closeStream", 0, nil)
	clients[3].Close()
	eventually(t, "two have gone", func() bool { return s.count() == 6 && len(s.resting()) == 6 })
	for st.watching.Load() > 6 {
		frame() // the stream sees that they are gone
	}
	// Who sends what it must not is sent away.
	clients[4].Write([]byte{0xff, 0xff, 0xff, 0xff, 0xff})
	eventually(t, "one is sent away", func() bool { return s.count() == 5 })
	// The end of the stream ends those who rest, and the server's waits for all.
	close(source)
	eventually(t, "all have gone", func() bool { return s.count() == 0 && st.watching.Load() == 0 })
}

func TestTheServerEndsPlayersThatSayNothing(t *testing.T) {
	var all []*client
	t.Run("they play", func(t *testing.T) {
		s, _, _, clients := playing(t, 3)
		all = clients
		if s.poller != nil {
			eventually(t, "they rest", func() bool { return len(s.resting()) == 3 })
		}
	}) // which closes the server
	for _, c := range all {
		if _, err := c.Read(make([]byte, 1<<10)); err == nil {
			t.Error("a player is still there")
		}
	}
}
