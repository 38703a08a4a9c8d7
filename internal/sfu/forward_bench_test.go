package sfu

import (
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

// nowhere is a shard whose work is done at once and whose packets go nowhere.
type nowhere struct {
	now     time.Duration
	packets int
}

func (n *nowhere) Post(w rtc.Work)                                { w.(interface{ run(exit) }).run(n) }
func (n *nowhere) PostLater(w rtc.Work)                           { n.Post(w) }
func (n *nowhere) Now() time.Duration                             { return n.now }
func (n *nowhere) Send(_ *rtc.Outbound, packets []rtc.Packet)     { n.packets += len(packets) }
func (n *nowhere) SendReport(_ *rtc.Outbound, _ uint64, _ uint32) {}

// BenchmarkForwardPaced is BenchmarkForward with a downlink for each subscriber, whose pace is asked for each batch.
func BenchmarkForwardPaced(b *testing.B) { benchmarkForward(b, true) }

// BenchmarkForward is the whole way of a packet but for encryption and the socket: 200 subscribers to one layer, frames
// of 7 packets, VP8 descriptors rewritten.
func BenchmarkForward(b *testing.B) { benchmarkForward(b, false) }

func benchmarkForward(b *testing.B, paced bool) {
	const (
		subscribers = 200
		perFrame    = 7
	)
	exit := new(nowhere)
	f := newForwarder(exit)
	tr := track.NewFromPackets(track.Info{Kind: media.Video, Codec: media.VP8}, nil)
	defer tr.Close()
	layer := tr.AddLayer("")
	feed, err := openFeed(tr, media.VP8)
	if err != nil {
		b.Fatal(err)
	}
	defer feed.close()
	for range subscribers {
		s := &Sender{codec: media.VP8, out: new(rtc.Outbound), rewriter: newRewriter(1, 0), forwarder: f, want: want{feed: feed}}
		s.rewriter.picture = 7
		s.rewriter.begin(layer, new(media.Packet), new(media.Packet), 0, 90000) // so that picture ids are moved
		if paced {
			s.downlink = NewDownlink()
		}
		s.post()
	}
	payload := append([]byte{0x90, 0xc0, 0x80, 1, 1, 0}, make([]byte, 1170)...)
	seq := uint64(1 << 16)
	frame := func(key bool) {
		exit.now += 33 * time.Millisecond
		packets := make([]media.Packet, perFrame)
		for i := range packets {
			p := &packets[i]
			*p = media.Packet{Seq: seq, Timestamp: uint32(seq), Arrival: exit.now, Payload: payload, SSRC: 1}
			rtpfmt.Parse(media.VP8, p)
			p.Start, p.Keyframe = i == 0, i == 0 && key
			seq++
			layer.Write(p)
		}
		layer.Flush()
	}
	frame(true)
	b.ReportAllocs()
	for b.Loop() {
		frame(false)
	}
	if want := (b.N + 1) * perFrame * subscribers; exit.packets != want {
		b.Fatalf("%d packets were forwarded, want %d", exit.packets, want)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*perFrame*subscribers), "ns/packet")
}
