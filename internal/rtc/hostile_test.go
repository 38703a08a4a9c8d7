package rtc

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/stun/v4"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/srtp"
)

// ignore is a handler and feedback that does nothing.
type ignore struct{}

func (ignore) PeerConnected()             {}
func (ignore) PeerClosed(error)           {}
func (ignore) InboundAdded(*Inbound)      {}
func (ignore) InboundRemoved(*Inbound)    {}
func (ignore) DataChannel(d *DataChannel) { d.OnMessage(func([]byte, bool) {}) }
func (ignore) Nack([]uint16)              {}
func (ignore) KeyframeWanted()            {}
func (ignore) Ready()                     {}

func testEndpoint(t testing.TB) *Endpoint {
	t.Helper()
	e, err := Listen(Config{Listen: "127.0.0.1:0", Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// idleEndpoint is one without goroutines, whose own coverage would mislead a fuzzer.
func idleEndpoint(t testing.TB) *Endpoint {
	t.Helper()
	e, err := open(Config{Listen: "127.0.0.1:0", Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.shards[0].socket.close() })
	return e
}

func testPeer(t testing.TB, e *Endpoint) *Peer {
	t.Helper()
	p, err := e.NewPeer(PeerConfig{Handler: ignore{}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// strayReader is a reader that no goroutine runs, so that a test can.
func strayReader(e *Endpoint) *reader {
	r := newReader(e.shards[0])
	r.now = media.Now()
	return r
}

const exampleOffer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n" +
	"a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\n" +
	"a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97 98\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\n" +
	"a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:98 VP9/90000\r\n" +
	"a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n" +
	"a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n" +
	"a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n" +
	"a=msid:s t\r\na=rid:q send\r\na=rid:h send\r\na=simulcast:send q;h\r\na=ssrc-group:FID 11 12\r\na=ssrc:11 cname:c\r\n" +
	"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sctp-port:5000\r\n"

// receivingPeer is a peer with keys, as after a handshake, and the sealer of its remote.
func receivingPeer(t testing.TB, e *Endpoint) (*Peer, *srtp.Sealer) {
	t.Helper()
	p := testPeer(t, e)
	if err := p.SetOffer(exampleOffer); err != nil {
		t.Fatal(err)
	}
	if _, err := p.CreateAnswer(); err != nil {
		t.Fatal(err)
	}
	material := make([]byte, srtp.AEADAES128GCM.MaterialSize())
	_, open, err := srtp.Split(srtp.AEADAES128GCM, material, false)
	if err != nil {
		t.Fatal(err)
	}
	remote, _, err := srtp.Split(srtp.AEADAES128GCM, material, true)
	if err != nil {
		t.Fatal(err)
	}
	p.open.Store(open)
	return p, remote
}

// sealed makes a protected packet with the extensions of exampleOffer, or, without a rid, with none.
func sealed(t testing.TB, remote *srtp.Sealer, ssrc uint32, pt uint8, seq uint16, rid string, payload []byte) []byte {
	t.Helper()
	h := rtp.Header{Version: 2, PayloadType: pt, SequenceNumber: seq, SSRC: ssrc}
	if rid != "" {
		if err := h.SetExtension(1, []byte("0")); err != nil {
			t.Fatal(err)
		}
		id := uint8(2)
		if pt == 97 {
			id = 3
		}
		if err := h.SetExtension(id, []byte(rid)); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, 1500)
	n, err := h.MarshalTo(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:remote.SealRTP(b, n, payload, ssrc, uint64(seq))]
}

// count is a sink that counts.
type count struct {
	ignore
	packets int
	last    *media.Packet
	closed  bool
}

func (c *count) Packet(p *media.Packet) { c.packets++; c.last = p }
func (c *count) Flush()                 {}
func (c *count) Closed()                { c.closed = true }

func TestStreamsOfOnePeer(t *testing.T) {
	e := testEndpoint(t)
	p, remote := receivingPeer(t, e)
	r := strayReader(e)
	sinks := make(map[*Stream]*count)
	p.Inbounds()[0].Receive(func(s *Stream) Sink {
		sinks[s] = new(count)
		return countSink{sinks[s]}
	})
	sink := func(ssrc uint32) *count {
		for s, c := range sinks {
			if s.SSRC == ssrc {
				return c
			}
		}
		t.Fatalf("no stream %d", ssrc)
		return nil
	}
	r.rtp(p, sealed(t, remote, 1, 96, 10, "q", []byte("one")))
	r.rtp(p, sealed(t, remote, 2, 96, 20, "h", []byte("two")))
	if sink(1).packets != 1 || sink(2).packets != 1 || string(sink(2).last.Payload) != "two" {
		t.Errorf("streams are %v", sinks)
	}
	r.rtp(p, sealed(t, remote, 1, 96, 10, "q", []byte("one")))
	if sink(1).packets != 1 {
		t.Error("a packet was taken twice")
	}
	r.rtp(p, sealed(t, remote, 3, 97, 1, "h", []byte{0, 19, 'x'}))
	if c := sink(2); c.packets != 2 || !c.last.Repaired || c.last.Seq != 19 || c.last.SSRC != 2 || string(c.last.Payload) != "x" {
		t.Errorf("repaired packet is %+v", c.last)
	}
	r.rtp(p, sealed(t, remote, 3, 97, 2, "h", nil)) // probing
	r.rtp(p, sealed(t, remote, 9, 96, 1, "f", []byte("unknown layer")))
	r.rtp(p, sealed(t, remote, 9, 100, 1, "q", []byte("unknown payload type")))
	if len(sinks) != 2 || sink(2).packets != 2 {
		t.Errorf("streams are %v", sinks)
	}
	first := sink(1)
	r.rtp(p, sealed(t, remote, 4, 96, 5, "q", []byte("new source")))
	if !first.closed || sink(4).packets != 1 {
		t.Error("a new source did not take over its layer")
	}
	r.rtp(p, sealed(t, remote, 1, 96, 11, "q", []byte("late")))
	if len(sinks) != 3 {
		t.Error("a late packet of an old source opened a stream")
	}
	p.rx.end()
	if !sink(2).closed || !sink(4).closed {
		t.Error("streams are not closed at the end")
	}
}

// One who sends counts once in a restTime among those who do, in however many layers.
func TestLayersOfOnePeerAreOneWhoSends(t *testing.T) {
	e := testEndpoint(t)
	r := strayReader(e)
	r.now = time.Second
	a, remoteA := receivingPeer(t, e)
	b, remoteB := receivingPeer(t, e)
	for _, p := range []*Peer{a, b} {
		p.Inbounds()[0].Receive(func(*Stream) Sink { return countSink{new(count)} })
	}
	seq := uint16(0)
	layers := func(p *Peer, remote *srtp.Sealer) {
		seq++
		r.rtp(p, sealed(t, remote, 1, 96, seq, "q", []byte("one")))
		r.rtp(p, sealed(t, remote, 2, 96, seq, "h", []byte("two")))
	}
	for _, step := range []struct {
		after   time.Duration
		a, b    bool
		senders int
	}{
		{0, true, false, 1},
		{time.Millisecond, true, false, 0},
		{time.Millisecond, true, true, 1},
		{restTime - 2*time.Millisecond, true, true, 1},
		{restTime, true, true, 2},
		{restTime, false, false, 0},
	} {
		r.now += step.after
		if step.a {
			layers(a, remoteA)
		}
		if step.b {
			layers(b, remoteB)
		}
		if n := r.senders(); n != step.senders {
			t.Errorf("%d send at %v, want %d", n, r.now, step.senders)
		}
		r.flush()
	}
}

// countSink fits count into Sink: both ignore and Sink name methods alike.
type countSink struct{ *count }

func (countSink) SenderReport(uint64, uint32, time.Duration) {}

func TestSourcesAreBounded(t *testing.T) {
	e := testEndpoint(t)
	p, remote := receivingPeer(t, e)
	r := strayReader(e)
	for ssrc := range uint32(10_000) {
		r.rtp(p, sealed(t, remote, ssrc+1, 96, 1, "q", []byte("x")))
		if len(p.rx.sources) > maxSources {
			t.Fatalf("%d sources", len(p.rx.sources))
		}
	}
}

// A browser says goodbye of a layer that it stops for a while. Acknowledged sources go on without mid and rid, repairs of them too.
func TestASourceGoesOnAfterItsGoodbye(t *testing.T) {
	p, remote := receivingPeer(t, testEndpoint(t))
	r := strayReader(p.endpoint)
	layers := map[string]*count{}
	p.Inbounds()[0].Receive(func(s *Stream) Sink {
		if layers[s.RID] != nil {
			t.Errorf("layer %s is opened again", s.RID)
		}
		layers[s.RID] = new(count)
		return countSink{layers[s.RID]}
	})
	seq := uint16(0)
	send := func(q, h string) {
		seq++
		r.rtp(p, sealed(t, remote, 1, 96, seq, q, []byte("small")))
		r.rtp(p, sealed(t, remote, 2, 96, seq, h, []byte("large")))
		r.rtp(p, sealed(t, remote, 3, 97, seq, h, []byte{0, byte(100 + seq), 'l'}))
	}
	send("q", "h")
	r.controlPacket(p, &rtcp.Goodbye{Sources: []uint32{1, 2, 3, 4}})
	send("", "")
	for rid, packets := range map[string]int{"q": 2, "h": 4} {
		if l := layers[rid]; l == nil || l.packets != packets || l.closed {
			t.Errorf("layer %s: %+v, want %d packets", rid, l, packets)
		}
	}
}

// Each of 32 pictures may have four layers with repairs. Of what is more, media push repairs out, and nothing pushes media out.
func TestManyPicturesAtOnce(t *testing.T) {
	p, remote := receivingPeer(t, testEndpoint(t))
	r := strayReader(p.endpoint)
	p.Inbounds()[0].Receive(func(*Stream) Sink { return countSink{new(count)} })
	rx := &p.rx
	ssrc := uint32(1000)
	add := func(repairs bool) bool {
		ssrc++
		src := &source{ssrc: ssrc, stream: &Stream{Inbound: p.Inbounds()[0], SSRC: ssrc}, format: new(receiveFormat)}
		if repairs {
			src.stream.SSRC--
		}
		return rx.keep(src, repairs)
	}
	for range 32 * 4 {
		if !add(false) || !add(true) {
			t.Fatalf("%d sources are too many", len(rx.sources))
		}
	}
	if add(true) {
		t.Error("a repair more finds room")
	}
	for range 32 * 4 {
		if !add(false) {
			t.Fatal("media find no room where repairs are")
		}
	}
	r.rtp(p, sealed(t, remote, 1, 96, 1, "q", []byte("x")))
	if n := r.shard.counts.read().Dropped["crowded"]; n != 1 || len(rx.sources) != maxSources || rx.sources[1] != nil {
		t.Errorf("%d packets were dropped, %d sources are kept", n, len(rx.sources))
	}
}

// Who receives may refuse a stream in a new codec and let another one take it from there.
func TestARefusedStreamIsOfferedToTheNext(t *testing.T) {
	p, remote := receivingPeer(t, testEndpoint(t))
	r := strayReader(p.endpoint)
	in := p.Inbounds()[0]
	first, second, asked := new(count), new(count), 0
	in.Receive(func(s *Stream) Sink {
		asked++
		if s.Codec != in.Codecs[0] {
			return nil
		}
		return countSink{first}
	})
	seq := uint16(0)
	send := func(pt uint8) {
		seq++
		r.rtp(p, sealed(t, remote, 1, pt, seq, "q", []byte("x")))
	}
	send(96)
	send(98)
	send(98)
	if first.packets != 1 || !first.closed || asked != 2 {
		t.Fatalf("%d packets, closed: %v, %d questions", first.packets, first.closed, asked)
	}
	in.Receive(func(s *Stream) Sink { return countSink{second} })
	send(98)
	if second.packets != 1 || first.packets != 1 {
		t.Errorf("the next has %d packets, the first %d", second.packets, first.packets)
	}
}

// A packet that comes late, of the codec that its source has left, does not bring that codec back.
func TestALatePacketOfTheCodecBefore(t *testing.T) {
	p, remote := receivingPeer(t, testEndpoint(t))
	r := strayReader(p.endpoint)
	var opened []media.Codec
	p.Inbounds()[0].Receive(func(s *Stream) Sink {
		opened = append(opened, s.Codec)
		return countSink{new(count)}
	})
	for _, packet := range []struct {
		pt  uint8
		seq uint16
	}{{96, 10}, {98, 12}, {96, 11}, {98, 13}, {96, 14}} {
		r.rtp(p, sealed(t, remote, 1, packet.pt, packet.seq, "q", []byte("x")))
	}
	if want := []media.Codec{media.VP8, media.VP9, media.VP8}; !slices.Equal(opened, want) {
		t.Errorf("streams were opened in %v, want %v", opened, want)
	}
}

// Authentic packets of sources that nobody knows cost next to nothing, keep nothing, and take nothing from the stream that is there.
func TestAFloodOfUnknownSources(t *testing.T) {
	e := idleEndpoint(t)
	p, remote := receivingPeer(t, e)
	r := strayReader(e)
	good := new(count)
	opened := 0
	p.Inbounds()[0].Receive(func(*Stream) Sink { opened++; return countSink{good} })
	seq := uint16(0)
	next := func() {
		seq++
		r.rtp(p, sealed(t, remote, 1, 96, seq, "q", []byte("good")))
	}
	next()
	const flood = 5000
	for name, packet := range map[string]func(ssrc uint32) []byte{
		"of an unknown layer":        func(ssrc uint32) []byte { return sealed(t, remote, ssrc, 96, 1, "z", []byte("x")) },
		"of an unknown payload type": func(ssrc uint32) []byte { return sealed(t, remote, ssrc, 111, 1, "q", []byte("x")) },
		"repairs of nothing":         func(ssrc uint32) []byte { return sealed(t, remote, ssrc, 97, 1, "z", []byte{0, 1, 'x'}) },
		"repairs of what is there":   func(ssrc uint32) []byte { return sealed(t, remote, ssrc, 97, 1, "q", []byte{0, 1, 'x'}) },
	} {
		packets := make([][]byte, flood)
		for i := range packets {
			packets[i] = packet(uint32(100 + i))
		}
		i := 0
		allocations := testing.AllocsPerRun(flood-2, func() { i++; r.rtp(p, packets[i]) })
		if allocations > 2 {
			t.Errorf("%s: %v allocations for a packet", name, allocations)
		}
		if len(p.rx.sources) > maxSources {
			t.Errorf("%s: %d sources", name, len(p.rx.sources))
		}
		before := good.packets
		next()
		if good.packets != before+1 || good.closed || opened != 1 {
			t.Errorf("%s: the stream that was there has %d packets more, closed: %v; %d streams were opened", name, good.packets-before, good.closed, opened)
		}
	}
}

// What anybody can send to the port, without having been let in by ICE, must not allocate anything that stays.
func TestStrangersLeaveNoTrace(t *testing.T) {
	e := testEndpoint(t)
	p := testPeer(t, e)
	if err := p.SetOffer(exampleOffer); err != nil {
		t.Fatal(err)
	}
	if _, err := p.CreateAnswer(); err != nil {
		t.Fatal(err)
	}
	r := strayReader(e)
	check := func(ufrag, pwd string) []byte {
		m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(ufrag+":x"), stun.NewShortTermIntegrity(pwd), stun.Fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		return m.Raw
	}
	good := p.connectivity.current
	valid := check(good.Ufrag, good.Pwd)
	hostile := map[string][]byte{
		"wrong password": check(good.Ufrag, strings.Repeat("x", 24)),
		"wrong name":     check("nobody", good.Pwd),
		"client hello":   append([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4}, 1, 2, 3, 4),
		"RTP":            make([]byte, 1200),
		"lying length":   binary.BigEndian.AppendUint16([]byte{0, 1}, 0xffff),
	}
	hostile["RTP"][0] = 0x80
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for name, b := range hostile {
		for i := range 2000 {
			r.datagram(b, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 5000))
		}
		for size := range len(b) {
			r.datagram(b[:size], netip.MustParseAddrPort("10.0.0.1:5000"))
		}
		if len(r.paths) > 0 || p.remote.Load() != nil || p.secure.phase != idle {
			t.Fatalf("%s was let in", name)
		}
	}
	for size := range len(valid) {
		r.datagram(valid[:size], netip.MustParseAddrPort("10.0.0.1:5000"))
	}
	for i := range valid {
		bad := append([]byte(nil), valid...)
		bad[i] ^= 0x55
		r.datagram(bad, netip.MustParseAddrPort("10.0.0.1:5000"))
	}
	if len(r.paths) > 0 {
		t.Fatal("a damaged check was let in")
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	r.datagram(valid, netip.MustParseAddrPort("10.0.0.1:5000"))
	if len(r.paths) != 1 || p.remote.Load() == nil {
		t.Error("a valid check was not let in")
	}
}

func TestPathsAreBounded(t *testing.T) {
	e := testEndpoint(t)
	p := testPeer(t, e)
	if err := p.SetOffer(exampleOffer); err != nil {
		t.Fatal(err)
	}
	if _, err := p.CreateAnswer(); err != nil {
		t.Fatal(err)
	}
	r := strayReader(e)
	l := p.connectivity.current
	for i := range 200 {
		m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(l.Ufrag+":x"), stun.NewShortTermIntegrity(l.Pwd), stun.Fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		r.datagram(m.Raw, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 5000))
	}
	if n := len(p.connectivity.paths); n > maxPaths {
		t.Errorf("%d paths", n)
	}
}

func TestHandshakesAreLimited(t *testing.T) {
	var h handshakes
	one, two := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	for i := range maxHandshakesPerAddress {
		if !h.begin(one) {
			t.Fatalf("handshake %d is refused", i)
		}
	}
	if h.begin(one) || !h.begin(two) {
		t.Error("the limit is not for one address")
	}
	h.end(one)
	if !h.begin(one) {
		t.Error("an ended handshake counts")
	}
	for i := 0; h.begin(netip.AddrFrom4([4]byte{11, 0, byte(i >> 8), byte(i)})); i++ {
		if i > maxHandshakes {
			t.Fatal("no limit in all")
		}
	}
}

// FuzzDatagram gives a connected peer's reader whatever bytes there are, as protected payload too.
func FuzzDatagram(f *testing.F) {
	f.Add([]byte{0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, false)
	f.Add([]byte{0x81, 200, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, true)
	f.Add([]byte{0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 11, 0, 1, 0, 9, 0, 0, 0, 0, 0xff, 0xff, 0, 0}, true)
	f.Add([]byte{0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 11, 0, 1, 0xff, 0xff}, true)
	f.Add([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0}, false)
	f.Add([]byte{0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 6, 0, 4, 'a', ':', 'b', 'c'}, false)
	e := idleEndpoint(f)
	p, remote := receivingPeer(f, e)
	p.Inbounds()[0].Receive(func(*Stream) Sink { return countSink{new(count)} })
	if _, err := p.AddOutbound(OutboundConfig{Codec: media.VP8, Feedback: fuzzFeedback{}}); err != nil {
		f.Fatal(err)
	}
	p.secure.phase = ended // handshakes have goroutines of their own; pion fuzzes those
	r := strayReader(e)
	from := netip.MustParseAddrPort("10.0.0.1:5000")
	at := &path{peer: p, addr: from, to: e.shards[0].socket.destination(from), shard: e.shards[0]}
	r.paths[keyOf(from)] = at
	p.home.Store(e.shards[0])
	seq := uint16(0)
	f.Fuzz(func(t *testing.T, b []byte, authentic bool) {
		if len(b) > 1000 {
			return
		}
		e.shards[0].queue, e.shards[0].reader.posted = nil, nil
		if !authentic {
			r.datagram(b, from)
			return
		}
		if len(b) >= 8 && classify(b) == rtcpProtocol {
			r.datagram(remote.SealRTCP(nil, b), from)
			return
		}
		seq++
		pt := uint8(96 + seq%2)
		r.datagram(sealed(t, remote, uint32(seq/1000)*2+uint32(pt), pt, seq, "q", b), from)
		r.flush()
	})
}

type fuzzFeedback struct{ ignore }

func (fuzzFeedback) Report(rtcp.ReceptionReport) {}
