package sfu

import (
	"context"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/twcc"
)

// floods are what a hostile subscriber says without end about the stream that it gets, of which it has packets up to a number. What has its way
// taken for a narrow one comes last: little is sent again over such a way.
var floods = []struct {
	name string
	say  func(ssrc uint32, last uint16, n int) []rtcp.Packet
}{
	{"keyframe requests", func(ssrc uint32, _ uint16, _ int) []rtcp.Packet {
		return []rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}, &rtcp.FullIntraRequest{MediaSSRC: ssrc, FIR: []rtcp.FIREntry{{SSRC: ssrc}}}}
	}},
	{"requests for everything", func(ssrc uint32, last uint16, _ int) []rtcp.Packet {
		var pairs []rtcp.NackPair
		for i := range 60 {
			pairs = append(pairs, rtcp.NackPair{PacketID: last - 17*uint16(i+1), LostPackets: 0xffff})
		}
		return []rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: pairs}}
	}},
	{"reports of what was never sent", func(ssrc uint32, _ uint16, n int) []rtcp.Packet {
		var r twcc.Recorder
		for i := range 100 {
			r.Note(uint16(n*100+30000+i), time.Duration(i)*ms)
		}
		raw := rtcp.RawPacket(r.Append(nil, 1, ssrc))
		return []rtcp.Packet{&raw}
	}},
	{"a farewell", func(ssrc uint32, _ uint16, n int) []rtcp.Packet {
		return []rtcp.Packet{&rtcp.Goodbye{Sources: []uint32{ssrc, uint32(n)}}}
	}},
	{"nonsense", func(_ uint32, _ uint16, n int) []rtcp.Packet {
		raw := rtcp.RawPacket{0x80 | byte(n&31), byte(192 + n%32), 0, 3, 1, 2, 3, 4, byte(n), byte(n >> 8), 0xff, 0xff, 0xff, 0xff, 0, 1}
		return []rtcp.Packet{&raw}
	}},
	{"impossible reports", func(ssrc uint32, _ uint16, n int) []rtcp.Packet {
		return []rtcp.Packet{
			&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: ssrc, FractionLost: 255, TotalLost: 1 << 23, LastSenderReport: uint32(n), Delay: 1 << 31}, {SSRC: ssrc + 1}}},
			&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: float32(n % 3), SSRCs: []uint32{ssrc}},
		}
	}},
}

// Somebody who watches says all kinds of things as fast as it can. The other gets each packet, the publisher is hardly asked for
// anything, and little is sent again.
func TestFloodsOfFeedback(t *testing.T) {
	e := listen(t)
	publisher := newClient(t, e)
	camera := publisher.publishes("")[0]
	publisher.connect()
	camera.start()
	receiver := publisher.received(media.VP8)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go camera.run(ctx, 3, 20*ms)

	innocent := newClientWith(t, e, circumstances{downlink: NewDownlink()})
	innocent.receives(webrtc.RTPCodecTypeVideo)
	shown := innocent.views()
	innocent.sends(receiver.Track())
	innocent.connect()
	hostile := newClientWith(t, e, circumstances{downlink: NewDownlink()})
	hostile.receives(webrtc.RTPCodecTypeVideo)
	seen := hostile.views()
	sender := hostile.sends(receiver.Track())
	hostile.connect()
	seen.until(t, "the picture", func(p []viewed) bool { return len(p) > 10 })
	ssrc := uint32(seen.track.SSRC())
	more := func(v *view, n int) {
		t.Helper()
		v.mu.Lock()
		before := len(v.packets)
		v.mu.Unlock()
		v.until(t, "more of the picture", func(p []viewed) bool { return len(p) > before+n })
	}
	more(shown, 10)

	for _, flood := range floods {
		asked, before, begun := camera.plis.Load(), sender.Stats(), time.Now()
		const said = 1500
		seen.mu.Lock()
		last := seen.packets[len(seen.packets)-1].seq
		seen.mu.Unlock()
		for n := range said {
			must(t, hostile.pc.WriteRTCP(flood.say(ssrc, last, n)))
			if n%75 == 74 {
				more(shown, 1) // the server keeps up: what is lost before it proves nothing
			}
		}
		more(shown, 30)
		took := time.Since(begun)
		now := sender.Stats()
		t.Logf("%s: in %v %d keyframes asked for, %d packets sent again", flood.name, took.Round(ms), camera.plis.Load()-asked, now.Repaired-before.Repaired)
		if n, most := int(camera.plis.Load()-asked), 2*wishBurst+int(took/keyframeInterval); n > min(most, said/4) {
			t.Errorf("%s: the publisher is asked for %d keyframes in %v", flood.name, n, took)
		}
		if n, most := int(now.Repaired-before.Repaired), repairBurst+int(took.Seconds()*repairRate); n > most {
			t.Errorf("%s: %d packets are sent again in %v", flood.name, n, took)
		}
	}
	checkStream(t, shown.whole(t))
	if plis := sender.Stats().KeyframesWanted; plis < 1000 {
		t.Errorf("%d of the requests for a keyframe came: nothing is proven", plis)
	}
	if now := sender.Stats(); now.Nacked < 10_000 || now.Repaired == 0 {
		t.Errorf("%d numbers were asked for and %d packets sent again: nothing is proven", now.Nacked, now.Repaired)
	}
	// What it said of its own way it can take back.
	must(t, hostile.pc.WriteRTCP([]rtcp.Packet{&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 10e6, SSRCs: []uint32{ssrc}}}))
	more(seen, 30)
}
