package rtc

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// A client with two ways to the server, as somebody with Wi-Fi and a relay has them.
type twoWays struct {
	t    *testing.T
	r    *reader
	peer *Peer
}

var (
	direct = netip.MustParseAddrPort("10.0.0.1:5000")
	relay  = netip.MustParseAddrPort("10.0.0.2:6000")
)

func newTwoWays(t *testing.T) *twoWays {
	e := testEndpoint(t)
	w := &twoWays{t: t, r: strayReader(e), peer: testPeer(t, e)}
	w.r.now = time.Minute
	answer(t, w.peer, exampleOffer)
	return w
}

func (w *twoWays) check(from netip.AddrPort, nominate bool) {
	w.t.Helper()
	l := w.peer.connectivity.current
	attributes := []stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(l.Ufrag + ":x")}
	if nominate {
		attributes = append(attributes, stun.RawAttribute{Type: stun.AttrUseCandidate})
	}
	m, err := stun.Build(append(attributes, stun.NewShortTermIntegrity(l.Pwd), stun.Fingerprint)...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.r.datagram(m.Raw, from)
}

// media is something that is no check; whether it can be decrypted makes no difference here.
func (w *twoWays) media(from netip.AddrPort) {
	w.r.datagram(append([]byte{0x80, 96}, make([]byte, 60)...), from)
}

func (w *twoWays) after(d time.Duration) { w.r.now += d }

func (w *twoWays) expect(want netip.AddrPort, when string) {
	w.t.Helper()
	if got := w.peer.connectivity.selected.addr; got != want {
		w.t.Errorf("%s we send to %v", when, got)
	}
	if w.peer.remote.Load() != w.peer.connectivity.selected.to {
		w.t.Errorf("%s senders know another address", when)
	}
}

// Firefox nominates all that works and sends on the path with the highest priority; later it checks that one alone, and
// does not nominate again.
func TestAggressiveNomination(t *testing.T) {
	w := newTwoWays(t)
	w.check(direct, true)
	w.expect(direct, "at first")
	w.after(300 * time.Millisecond)
	w.check(relay, true) // comes later because it takes longer
	w.expect(relay, "after the last nomination")
	for range 60 { // media on the path that it means
		w.after(20 * time.Millisecond)
		w.media(direct)
	}
	w.expect(direct, "after a second of traffic")

	w.after(100 * time.Millisecond)
	w.media(relay) // a straggler
	w.expect(direct, "after a straggler")

	w.after(5 * time.Second)
	w.check(direct, false)
	w.expect(direct, "while consent is asked for")
}

// Where the client sends nothing but checks, the path that it goes on checking wins.
func TestAggressiveNominationWithoutTraffic(t *testing.T) {
	w := newTwoWays(t)
	w.check(direct, true)
	w.check(relay, true)
	for range 2 {
		w.after(3 * time.Second)
		w.check(direct, false)
	}
	w.expect(direct, "after two checks for consent")
}

// A path dies and the client goes over to another one that it nominated at the beginning, without nominating it again.
func TestPathDies(t *testing.T) {
	w := newTwoWays(t)
	w.check(relay, true)
	w.check(direct, true)
	for range 100 {
		w.after(20 * time.Millisecond)
		w.media(direct)
	}
	w.expect(direct, "at first")
	for range 60 {
		w.after(20 * time.Millisecond)
		w.media(relay)
	}
	w.expect(relay, "after a second without the direct way")
}

// Traffic from a path that was never nominated, which anybody could have whom the client has told of it, moves nothing.
func TestTrafficDoesNotNominate(t *testing.T) {
	w := newTwoWays(t)
	w.check(direct, true)
	w.check(relay, false)
	for range 100 {
		w.after(20 * time.Millisecond)
		w.media(relay)
		if w.r.now%time.Second == 0 {
			w.check(direct, false)
		}
	}
	w.expect(direct, "after traffic from elsewhere")
}
