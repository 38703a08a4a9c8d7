package sfu

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

// world is one shard in virtual time, without a network: it is the queue, the way out and the subscriber's peer, and
// keeps what was sent.
type world struct {
	t   *testing.T
	now time.Duration
	f   *forwarder
	rtt time.Duration

	mu    sync.Mutex
	queue []rtc.Work

	// wire takes what is sent; without it sent does.
	wire    func(o *rtc.Outbound, p rtc.Packet)
	sent    map[*rtc.Outbound][]rtc.Packet
	reports map[*rtc.Outbound][]sentReport
	asked   map[string]int // keyframe requests by rid
}

type sentReport struct {
	ntp       uint64
	timestamp uint32
}

// inWorld runs a test in a bubble, so that it can wait for the goroutines of feeds.
func inWorld(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			t: t, now: time.Minute, rtt: 50 * ms,
			sent:    make(map[*rtc.Outbound][]rtc.Packet),
			reports: make(map[*rtc.Outbound][]sentReport),
			asked:   make(map[string]int),
		}
		w.f = newForwarder(w)
		defer close(w.f.stop) // what is paced may be under way
		test(w)
	})
}

func (w *world) Post(work rtc.Work) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, work)
}

func (w *world) PostLater(work rtc.Work) { w.Post(work) }

func (w *world) Now() time.Duration             { return w.now }
func (w *world) Home() *rtc.Shard               { return nil }
func (w *world) RTT() time.Duration             { return w.rtt }
func (w *world) RemoveOutbound(o *rtc.Outbound) {}

func (w *world) Send(o *rtc.Outbound, packets []rtc.Packet) {
	for _, p := range packets {
		payload := append(append([]byte{}, p.Prefix...), p.Payload...)
		p.Prefix, p.Payload = nil, payload
		if w.wire != nil {
			w.wire(o, p)
			continue
		}
		w.sent[o] = append(w.sent[o], p)
	}
}

func (w *world) SendReport(o *rtc.Outbound, ntp uint64, timestamp uint32) {
	w.reports[o] = append(w.reports[o], sentReport{ntp, timestamp})
}

func (w *world) RequestKeyframe(l *track.Layer) { w.asked[l.RID()]++ }

// work does what was posted, and what that posts.
func (w *world) work() {
	for {
		synctest.Wait()
		w.mu.Lock()
		queue := w.queue
		w.queue = nil
		w.mu.Unlock()
		if len(queue) == 0 {
			return
		}
		for _, work := range queue {
			work.(interface{ run(exit) }).run(w)
		}
	}
}

// pass lets time pass, with a tick at its end.
func (w *world) pass(d time.Duration) {
	w.now += d
	w.f.run(w)
	w.work()
}

// sender makes a sender whose outbound is ready.
func (w *world) sender(t *track.Track, codec media.Codec) *Sender {
	w.t.Helper()
	return w.senderTo(nil, t, codec)
}

// senderTo makes one that shares a way.
func (w *world) senderTo(d *Downlink, t *track.Track, codec media.Codec) *Sender {
	w.t.Helper()
	s := &Sender{peer: w, downlink: d, codec: codec, limit: unlimited, out: new(rtc.Outbound), canRepair: func() bool { return true }, rewriter: newRewriter(1000, 0), forwarder: w.f}
	if t != nil {
		feed, err := openFeed(t, codec)
		if err != nil {
			w.t.Fatal(err)
		}
		s.want.feed = feed
	}
	w.f.users++ // as forwarderOf does; never the last to be released
	w.f.users++
	w.t.Cleanup(s.Close)
	s.post()
	w.work()
	return s
}

// source publishes one layer.
type source struct {
	w         *world
	layer     *track.Layer
	codec     media.Codec
	seq       uint64
	timestamp uint32
	epoch     time.Duration // when timestamp was 0
	picture   uint16
}

func (w *world) track(codec media.Codec) *track.Track {
	t := track.NewFromPackets(track.Info{ID: "TR_test", Kind: codec.Kind(), Codec: codec}, w)
	w.t.Cleanup(t.Close)
	return t
}

func (w *world) source(t *track.Track, rid string, seq uint64, timestamp uint32) *source {
	codec := t.Info().Codec
	return &source{
		w: w, layer: t.AddLayer(rid), codec: codec, seq: 1<<16 + seq, timestamp: timestamp,
		epoch: w.now - time.Duration(timestamp)*time.Second/time.Duration(codec.ClockRate()),
	}
}

// frame makes the packets of the next frame, captured now.
func (s *source) frame(key bool, packets int) []*media.Packet {
	s.timestamp = uint32(ticks(s.w.now-s.epoch, s.codec.ClockRate()))
	s.picture++
	var frame []*media.Packet
	for i := range packets {
		p := &media.Packet{
			Seq: s.seq, Timestamp: s.timestamp, Arrival: s.w.now, Marker: i == packets-1, SSRC: 1,
		}
		s.seq++
		label := fmt.Sprintf("%s%d.%d", s.layer.RID(), s.picture, i)
		switch s.codec {
		case media.VP8:
			header := []byte{0x80, 0xc0, 0x80 | byte(s.picture>>8), byte(s.picture), byte(s.picture)}
			if i == 0 {
				header[0] |= 0x10
			}
			inverse := byte(1)
			if key {
				inverse = 0
			}
			p.Payload = append(append(header, inverse), label...)
		default:
			p.Payload = []byte(label)
		}
		if !rtpfmt.Parse(s.codec, p) {
			s.w.t.Fatalf("cannot parse % x", p.Payload)
		}
		frame = append(frame, p)
	}
	return frame
}

// write writes packets in one batch and lets the shard work.
func (s *source) write(packets ...*media.Packet) {
	for _, p := range packets {
		s.layer.Write(p)
	}
	s.layer.Flush()
	s.w.work()
}

// deltas writes frames of two packets, 40 ms apart, each after its time.
func (s *source) deltas(n int) {
	for range n {
		s.w.pass(40 * ms)
		s.write(s.frame(false, 2)...)
	}
}

func (s *source) key(packets int) {
	s.w.pass(40 * ms)
	s.write(s.frame(true, packets)...)
}

// labels are the frames that were sent to a sender's outbound, in order, as layer, frame and number of packets. It checks
// what must hold for a stream of which nothing is lost: numbers without a hole, timestamps that go on with each frame.
func (w *world) labels(s *Sender) string {
	w.t.Helper()
	var list []string
	sent := w.sent[s.out]
	var frame string
	count := 0
	flush := func() {
		if count > 0 {
			list = append(list, fmt.Sprintf("%sx%d", frame, count))
		}
		count = 0
	}
	for i, p := range sent {
		if p.Repair {
			continue
		}
		label := string(p.Payload)
		if at := strings.LastIndexAny(label, "\x00\x01"); at >= 0 {
			label = label[at+1:]
		}
		name, _, _ := strings.Cut(label, ".")
		if name != frame {
			flush()
		}
		frame = name
		count++
		if i > 0 {
			before := sent[i-1]
			if p.Seq != before.Seq+1 {
				w.t.Errorf("packet %d (%s) has number %d after %d", i, label, p.Seq, before.Seq)
			}
			if step := int32(p.Timestamp - before.Timestamp); step < 0 || step == 0 != (count > 1) {
				w.t.Errorf("packet %d (%s) has timestamp %d after %d", i, label, p.Timestamp, before.Timestamp)
			}
		}
	}
	flush()
	return strings.Join(list, " ")
}
