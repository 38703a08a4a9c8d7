package call

import (
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/limit"
)

func note() message { return &plainMessage{head{Type: "note"}} }

func TestSessionReplays(t *testing.T) {
	var s session
	for range 5 {
		if _, ok := s.number(note()); !ok {
			t.Fatal("not kept")
		}
	}
	if r := s.acknowledge(2); r != nil {
		t.Fatal(r)
	}
	if r := s.acknowledge(1); r != nil || len(s.kept) != 3 {
		t.Fatalf("%v, %d kept", r, len(s.kept))
	}
	if r := s.acknowledge(6); r == nil {
		t.Error("a number that was never sent is acknowledged")
	}
	if _, r := s.replay(1); r != errSessionExpired {
		t.Errorf("what was acknowledged is asked for: %v", r)
	}
	if _, r := s.replay(6); r == nil || r.code != codeMalformed {
		t.Errorf("a number that was never sent: %v", r)
	}
	for range 2 { // resuming twice from the same number gives the same
		if missed, r := s.replay(3); r != nil || len(missed) != 2 || !strings.Contains(string(missed[0]), `"seq":4`) {
			t.Errorf("%q, %v", missed, r)
		}
	}
	if _, r := s.replay(5); r != nil || s.bytes != 0 {
		t.Errorf("%v, %d bytes", r, s.bytes)
	}
}

func TestSessionIsBounded(t *testing.T) {
	var s session
	n := 0
	for ; n < 2*maxKeptMessages; n++ {
		if _, ok := s.number(note()); !ok {
			break
		}
	}
	if n != maxKeptMessages || s.sent != maxKeptMessages {
		t.Errorf("%d messages kept", n)
	}
	var large session
	big := &signalMessage{head: head{Type: "signal"}, Description: &description{Type: "offer", SDP: strings.Repeat("v", maxSDPBytes)}}
	for n = 0; n < 1000; n++ {
		if _, ok := large.number(big); !ok {
			break
		}
	}
	if large.bytes > maxKeptBytes || n < maxKeptBytes/(maxSDPBytes+1000) {
		t.Errorf("%d messages of %d bytes kept", n, large.bytes)
	}
}

func TestSessionReceives(t *testing.T) {
	var s session
	for i, c := range []struct {
		seq   uint64
		fresh bool
		wrong bool
	}{{1, true, false}, {1, false, false}, {2, true, false}, {4, false, true}, {1, false, false}, {3, true, false}, {1 << 60, false, true}} {
		if fresh, r := s.receive(c.seq); fresh != c.fresh || (r != nil) != c.wrong {
			t.Errorf("step %d: %v %v", i, fresh, r)
		}
	}
	if s.owes() != 3 || s.confirm().header().Seq != 3 || s.owes() != 0 {
		t.Error("what was received is not confirmed")
	}
}

func TestFlow(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for name, c := range map[string]struct {
		size, perSecond int
		seconds         int
		broken          bool
	}{
		"as many as allowed":      {100, messagesPerSecond, 60, false},
		"a burst":                 {100, messageBurst, 1, false},
		"too many":                {100, messagesPerSecond * 2, 10, true},
		"as much as allowed":      {maxMessageBytes, 4, 60, false},
		"too much":                {maxMessageBytes, 8, 20, true},
		"a burst of large ones":   {maxMessageBytes, 16, 1, false},
		"too much of large ones":  {maxMessageBytes, 17, 1, true},
		"what is larger than all": {byteBurst + 1, 1, 1, true},
	} {
		in, broken := newFlow(), false
		for s := range c.seconds {
			for range c.perSecond {
				broken = broken || !in.allow(now.Add(time.Duration(s)*time.Second), c.size)
			}
		}
		if broken != c.broken {
			t.Errorf("%s: broken %v", name, broken)
		}
	}
}

func TestAddresses(t *testing.T) {
	a := newAddresses()
	a.most, a.often.Burst = 3, 5
	now := time.Unix(1_000_000, 0)
	one, other := limit.Network("192.0.2.1:5"), limit.Network("192.0.2.2:5")
	for range 3 {
		if !a.enter(now, one) {
			t.Fatal("refused")
		}
	}
	if a.enter(now, one) {
		t.Error("one connection too many")
	}
	if !a.enter(now, other) {
		t.Error("another is refused")
	}
	a.leave(one)
	if !a.enter(now, one) {
		t.Error("a place was free")
	}
	a.leave(one)
	if a.enter(now, one) {
		t.Error("too many in too short a time")
	}
	if !a.enter(now.Add(time.Second), one) {
		t.Error("it had waited")
	}
	for range 3 {
		a.leave(one)
	}
	if a.leave(other); len(a.open) != 0 {
		t.Errorf("%v are left", a.open)
	}
}

func TestPasses(t *testing.T) {
	p := newPasses()
	pass := p.issue("tea")
	if !p.ours("tea", pass) || p.ours("cake", pass) || newPasses().ours("tea", pass) || p.issue("tea") == pass {
		t.Error("a pass is not known rightly")
	}
	for _, no := range []string{"", "x", pass + "AAAA", strings.ToLower(pass)} {
		if p.ours("tea", no) {
			t.Errorf("%q is known", no)
		}
	}
}
