package rtc

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/stun/v4"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/srtp"
	"github.com/tuttilive/tutti/internal/rtc/twcc"
)

// victim is a peer with keys and a path, whose remote publishes a picture and watches another, run by the test itself.
type victim struct {
	t       *testing.T
	r       *reader
	peer    *Peer
	remote  *srtp.Sealer
	from    netip.AddrPort
	out     uint32 // SSRC of what it watches
	heard   []string
	good    *count
	seq     uint16
	sources int
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	e := idleEndpoint(t)
	v := &victim{t: t, r: strayReader(e), from: netip.MustParseAddrPort("10.0.0.1:5000"), good: new(count)}
	var err error
	if v.peer, err = e.NewPeer(PeerConfig{Handler: ignore{}, Congestion: hears{v}}); err != nil {
		t.Fatal(err)
	}
	out, err := v.peer.AddOutbound(OutboundConfig{Codec: media.VP8, Feedback: hears{v}})
	if err != nil {
		t.Fatal(err)
	}
	answer(t, v.peer, exampleOffer+"m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n")
	material := make([]byte, srtp.AEADAES128GCM.MaterialSize())
	_, open, err := srtp.Split(srtp.AEADAES128GCM, material, false)
	if err == nil {
		v.remote, _, err = srtp.Split(srtp.AEADAES128GCM, material, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	v.peer.open.Store(open)
	v.peer.secure.phase = ended // handshakes have goroutines of their own
	at := &path{peer: v.peer, addr: v.from, to: e.shards[0].socket.destination(v.from), shard: e.shards[0]}
	v.r.paths[keyOf(v.from)] = at
	v.peer.home.Store(e.shards[0])
	v.peer.Inbounds()[0].Receive(func(*Stream) Sink { v.sources++; return countSink{v.good} })
	v.out = out.ssrc
	v.goesOn("at the beginning")
	return v
}

// hears is what a peer's remote says, by a word for each.
type hears struct{ *victim }

func (h hears) say(what string)                                  { h.heard = append(h.heard, what) }
func (h hears) Ready()                                           {}
func (h hears) Nack([]uint16)                                    { h.say("nack") }
func (h hears) KeyframeWanted()                                  { h.say("keyframe") }
func (h hears) Report(rtcp.ReceptionReport)                      { h.say("report") }
func (h hears) Sent(uint16, int, time.Duration)                  {}
func (h hears) TransportFeedback(_ twcc.Report, _ time.Duration) { h.say("arrivals") }
func (h hears) RemoteEstimate(uint64, time.Duration)             { h.say("estimate") }

func (v *victim) takes(b []byte) {
	v.r.datagram(bytes.Clone(b), v.from)
	v.r.flush()
}

// goesOn fails unless what the peer publishes still comes, in the stream that there was.
func (v *victim) goesOn(after string) {
	v.t.Helper()
	v.seq++
	before := v.good.packets
	v.takes(sealed(v.t, v.remote, 1, 96, v.seq, "q", []byte("good")))
	if v.good.packets != before+1 || v.good.closed || v.sources != 1 || len(v.r.paths) != 1 {
		v.t.Fatalf("%s: %d packets more, closed: %v; %d streams, %d paths", after, v.good.packets-before, v.good.closed, v.sources, len(v.r.paths))
	}
}

// says is what was heard since the last time.
func (v *victim) says() []string {
	heard := v.heard
	v.heard = nil
	return heard
}

// controls has each kind of RTCP packet that means something to us, by type and format, as it should be, and what is heard of it.
func (v *victim) controls() map[[2]uint8]struct {
	packet rtcp.Packet
	heard  []string
} {
	type kind = struct {
		packet rtcp.Packet
		heard  []string
	}
	report := []rtcp.ReceptionReport{{SSRC: v.out, FractionLost: 1}}
	var r twcc.Recorder
	for n := range 20 {
		r.Note(uint16(n), time.Duration(n)*time.Millisecond)
	}
	arrivals := rtcp.RawPacket(r.Append(nil, 1, v.out))
	return map[[2]uint8]kind{
		{200, 1}:  {&rtcp.SenderReport{SSRC: 1, NTPTime: 1, RTPTime: 1, Reports: report}, []string{"report"}},
		{201, 1}:  {&rtcp.ReceiverReport{SSRC: 1, Reports: report}, []string{"report"}},
		{202, 1}:  {rtcp.NewCNAMESourceDescription(1, "x"), nil},
		{203, 1}:  {&rtcp.Goodbye{Sources: []uint32{77}}, nil},
		{204, 1}:  {&rtcp.ApplicationDefined{SubType: 1, SSRC: 1, Name: "abcd", Data: []byte("data")}, nil},
		{205, 1}:  {&rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: v.out, Nacks: []rtcp.NackPair{{PacketID: 1}}}, []string{"nack"}},
		{205, 5}:  {&rtcp.RapidResynchronizationRequest{SenderSSRC: 1, MediaSSRC: v.out}, nil},
		{205, 11}: {&rtcp.CCFeedbackReport{SenderSSRC: 1, ReportBlocks: []rtcp.CCFeedbackReportBlock{{MediaSSRC: v.out, MetricBlocks: make([]rtcp.CCFeedbackMetricBlock, 2)}}}, nil},
		{205, 15}: {&arrivals, []string{"arrivals"}},
		{206, 1}:  {&rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: v.out}, []string{"keyframe"}},
		{205, 2}:  {&rtcp.SliceLossIndication{SenderSSRC: 1, MediaSSRC: v.out, SLI: []rtcp.SLIEntry{{First: 1}}}, nil},
		{206, 4}:  {&rtcp.FullIntraRequest{SenderSSRC: 1, MediaSSRC: v.out, FIR: []rtcp.FIREntry{{SSRC: v.out}}}, []string{"keyframe"}},
		{206, 15}: {&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 1, Bitrate: 1e6, SSRCs: []uint32{v.out}}, []string{"estimate"}},
		{207, 0}:  {&rtcp.ExtendedReport{SenderSSRC: 1, Reports: []rtcp.ReportBlock{&rtcp.ReceiverReferenceTimeReportBlock{NTPTimestamp: 1}}}, nil},
	}
}

// Each kind of RTCP there is, as it should be and in each way in which it should not.
func TestEveryKindOfControlPacketMisused(t *testing.T) {
	v := newVictim(t)
	kinds := v.controls()
	for pt := uint8(192); pt <= 223; pt++ {
		for format := range uint8(32) {
			kind, meant := kinds[[2]uint8{pt, format}]
			var whole []byte
			if meant {
				var err error
				if whole, err = kind.packet.Marshal(); err != nil {
					t.Fatal(pt, format, err)
				}
				if whole[1] != pt || whole[0]&0x1f != format && pt != 207 {
					t.Fatalf("%d/%d is written as %d/%d", pt, format, whole[1], whole[0]&0x1f)
				}
			}
			if meant {
				protected := v.remote.SealRTCP(nil, whole)
				for i := range protected {
					forged := bytes.Clone(protected)
					forged[i] ^= 0x40
					v.takes(forged)
				}
				for size := range protected {
					v.takes(protected[:size])
				}
				if heard := v.says(); heard != nil {
					t.Errorf("%d/%d: of what is forged %q is heard", pt, format, heard)
				}
				v.takes(protected)
				if heard := v.says(); !slices.Equal(heard, kind.heard) {
					t.Errorf("%d/%d: %q is heard, want %q", pt, format, heard, kind.heard)
				}
				v.takes(protected)
				if heard := v.says(); heard != nil {
					t.Errorf("%d/%d: again %q is heard", pt, format, heard)
				}
				for size := 4; size < len(whole); size++ { // authentic, but it ends too soon: nothing of it, and nothing before it, is believed
					pli, _ := (&rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: v.out}).Marshal()
					v.takes(v.remote.SealRTCP(nil, append(pli, whole[:size]...)))
					if heard := v.says(); heard != nil {
						t.Errorf("%d/%d: of %d bytes of %d %q is heard", pt, format, size, len(whole), heard)
					}
				}
				elsewhere := bytes.ReplaceAll(whole, binary.BigEndian.AppendUint32(nil, v.out), binary.BigEndian.AppendUint32(nil, v.out+1))
				v.takes(v.remote.SealRTCP(nil, elsewhere))
				if heard := v.says(); len(heard) > 0 && heard[0] != "estimate" && heard[0] != "arrivals" { // which are of the way, not of a stream
					t.Errorf("%d/%d: for another stream %q is heard", pt, format, heard)
				}
			}
			for words := range 12 { // with nonsense in it
				for _, fill := range []byte{0, 0x55, 0xff} {
					b := append([]byte{0x80 | format, pt, 0, byte(words + 1), 0, 0, 0, 99}, bytes.Repeat([]byte{fill}, 4*words)...)
					v.takes(v.remote.SealRTCP(nil, b))
					b[3] = 0xff // it claims to be longer than it is
					v.takes(v.remote.SealRTCP(nil, b))
					b[0] |= 0x20 // and to be padded
					v.takes(v.remote.SealRTCP(nil, b))
				}
			}
			for _, heard := range v.says() {
				if heard != "estimate" && heard != "arrivals" {
					t.Errorf("%d/%d: of nonsense %q is heard", pt, format, heard)
				}
			}
		}
		v.goesOn("after RTCP")
	}
}

// A packet of media that was damaged, cut, sent again, comes very late or lies about itself.
func TestEveryDamageToMedia(t *testing.T) {
	v := newVictim(t)
	for range 10 {
		v.goesOn("before")
	}
	packets := v.good.packets
	v.seq++
	good := sealed(t, v.remote, 1, 96, v.seq, "q", []byte("one"))
	for i := range good {
		for _, flip := range []byte{1, 0x10, 0x80} {
			bad := bytes.Clone(good)
			bad[i] ^= flip
			v.takes(bad)
		}
	}
	for size := range good {
		v.takes(good[:size])
	}
	v.takes(append(bytes.Clone(good), 0))
	if v.good.packets != packets {
		t.Errorf("%d damaged packets are taken", v.good.packets-packets)
	}
	v.takes(good)
	v.takes(good)
	if v.good.packets != packets+1 {
		t.Errorf("a packet is taken %d times", v.good.packets-packets)
	}
	for range 2000 {
		v.goesOn("meanwhile")
	}
	packets = v.good.packets
	v.takes(sealed(t, v.remote, 1, 96, 5, "q", []byte("too late to tell")))
	v.takes(sealed(t, v.remote, 1, 96, v.seq, "q", nil)) // the number again, with other content
	if v.good.packets != packets {
		t.Error("what is too old to tell whether it is new is taken")
	}
	v.takes(sealed(t, v.remote, 1, 127, v.seq+1, "q", []byte("of a type that was not agreed on")))
	v.takes(sealed(t, v.remote, 9, 96, 1, "never heard of", []byte("of a layer that was not agreed on")))
	v.goesOn("after what was not agreed on")
	// Authentic, and whatever it is: what a codec makes of it is the receiver's business.
	for _, payload := range [][]byte{nil, {0}, {0xff}, bytes.Repeat([]byte{0xff}, 1200), make([]byte, 1400)} {
		v.seq++
		v.takes(sealed(t, v.remote, 1, 96, v.seq, "q", payload))
		v.seq++
		v.takes(sealed(t, v.remote, 3, 97, v.seq, "q", payload)) // as a repair
	}
	v.goesOn("after nonsense")
	v.seq += 20000
	v.goesOn("after a jump")
}

// Whatever a datagram begins with, from whoever: only a check that knows the password brings an address in, and nothing disturbs who is there.
func TestEveryKindOfDatagramMisused(t *testing.T) {
	v := newVictim(t)
	stranger := netip.MustParseAddrPort("10.9.9.9:9")
	for first := range 256 {
		for second := 0; second < 256; second += 5 {
			for _, size := range []int{1, 2, 11, 12, 13, 20, 40, 1500, 2047} {
				for _, fill := range []byte{0, 0xff} {
					b := bytes.Repeat([]byte{fill}, size)
					b[0] = byte(first)
					if size > 1 {
						b[1] = byte(second)
					}
					v.r.datagram(b, stranger)
					v.r.datagram(b, v.from)
				}
			}
		}
	}
	if heard := v.says(); heard != nil {
		t.Errorf("%q is heard", heard)
	}
	v.goesOn("after datagrams of all kinds")

	// Each method and class of STUN, authentic: only a request to bind means something (RFC 8489, section 5).
	l := v.peer.connectivity.current
	for method := range stun.Method(0x1000) {
		for _, class := range []stun.MessageClass{stun.ClassRequest, stun.ClassIndication, stun.ClassSuccessResponse, stun.ClassErrorResponse} {
			if method == stun.MethodBinding && class == stun.ClassRequest {
				continue
			}
			if method > 16 && method%61 != 0 { // each takes two hashes
				continue
			}
			m, err := stun.Build(stun.TransactionID, stun.NewType(method, class), stun.NewUsername(l.Ufrag+":abcd"), stun.RawAttribute{Type: stun.AttrUseCandidate},
				stun.NewShortTermIntegrity(l.Pwd), stun.Fingerprint)
			if err != nil {
				t.Fatal(err)
			}
			v.r.datagram(m.Raw, stranger)
			if v.r.paths[keyOf(stranger)] != nil {
				t.Fatalf("method %d, class %d brings an address in", method, class)
			}
		}
	}
	v.goesOn("after STUN of all kinds")
}
