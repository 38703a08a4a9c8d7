package rtmp

import (
	"errors"
	"testing"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/studio/fanout"
)

func TestPlayersOfOneAddressAreBounded(t *testing.T) {
	s := &Server{sessions: map[*session]struct{}{}, perAddress: map[string]int{}, players: map[string]int{}, maxPlayers: 2}
	player := func(host string) *session { return &session{server: s, host: host} }
	a, b, c := player("a"), player("a"), player("a")
	if err := errors.Join(s.watches(a), s.watches(b), s.watches(player("b"))); err != nil {
		t.Fatal(err)
	}
	if err := s.watches(c); !errors.Is(err, errManyPlayers) {
		t.Errorf("the third: %v", err)
	}
	if code, _ := playStatusOf(errManyPlayers); code != playFailed {
		t.Errorf("told %s", code)
	}
	s.end(c) // takes nobody's place
	if err := s.watches(player("a")); !errors.Is(err, errManyPlayers) {
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
