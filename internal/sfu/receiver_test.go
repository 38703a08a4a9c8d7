package sfu

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

// feedbackLog is a publisher's end of a stream: it writes down what it is told.
type feedbackLog struct {
	mu   sync.Mutex
	told []rtcp.Packet
}

func (l *feedbackLog) RTT() time.Duration { return 50 * ms }

func (l *feedbackLog) SendRTCP(packets ...rtcp.Packet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, packets...)
}

// take is what was told since the last take, in short.
func (l *feedbackLog) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []string
	for _, p := range l.told {
		switch p := p.(type) {
		case *rtcp.TransportLayerNack:
			for _, pair := range p.Nacks {
				for _, seq := range pair.PacketList() {
					list = append(list, fmt.Sprintf("nack:%d", seq))
				}
			}
		case *rtcp.PictureLossIndication:
			list = append(list, fmt.Sprintf("pli:%d", p.MediaSSRC))
		case *rtcp.ReceiverReport:
			r := p.Reports[0]
			list = append(list, fmt.Sprintf("report:%d,lost %d", r.SSRC, r.TotalLost))
		}
	}
	l.told = nil
	return strings.Join(list, " ")
}

func newReceiver(t *testing.T, info track.Info) *Receiver {
	r := makeReceiver(new(rtc.Inbound), info)
	t.Cleanup(r.Close)
	return r
}

// give gives a stream a batch that arrives now.
func give(st *stream, packets ...*media.Packet) {
	for _, p := range packets {
		p.SSRC = st.ssrc
		st.Packet(p)
	}
	st.Flush()
}

func TestReceiverTakesALayerFromOneSourceToTheNext(t *testing.T) {
	r := newReceiver(t, track.Info{Kind: media.Video, Codec: media.NoCodec})
	var told *track.Track
	r.OnTrack(func(tr *track.Track) { told = tr })
	if r.Track() != nil || told != nil {
		t.Fatal("a track before the first packet")
	}
	log := new(feedbackLog)
	one := r.take(&rtc.Stream{RID: "h", SSRC: 1, Codec: media.H264, CanNack: true}, log)
	if told == nil || r.Track() != told || told.Info().Codec != media.H264 {
		t.Fatal("no track with the first stream")
	}
	const start = time.Hour
	give(one, h264Packet(10, 1000, 7, start), h264Packet(11, 1000, 1, start))
	give(one, h264Packet(14, 4000, 1, start+33*ms))
	if got := log.take(); got != "" {
		t.Errorf("told %q at once", got)
	}
	one.look(start + 45*ms)
	if got := log.take(); got != "nack:12 nack:13 report:1,lost 2" {
		t.Errorf("told %q", got)
	}

	two := r.take(&rtc.Stream{RID: "h", SSRC: 2, Codec: media.H264, CanNack: true}, log)
	give(two, h264Packet(60000, 777, 1, start+100*ms))
	if got := log.take(); got != "pli:2" {
		t.Errorf("told %q after a change of source without a keyframe", got)
	}
	give(one, h264Packet(15, 7000, 1, start+110*ms)) // too late
	one.Closed()
	give(two, h264Packet(60001, 3777, 7, start+133*ms))
	if got := log.take(); got != "" {
		t.Errorf("told %q", got)
	}
	lease, err := r.Track().ReadPackets(media.H264)
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	layers, _ := lease.Layers()
	if len(layers) != 1 || layers[0].RID() != "h" {
		t.Fatalf("%d layers", len(layers))
	}
	var got []string
	for i := range layers[0].Ring().Head() {
		p := layers[0].Ring().At(i)
		got = append(got, fmt.Sprintf("%d/%d", p.Seq-1<<16, p.Timestamp))
	}
	if s := strings.Join(got, " "); s != "10/1000 11/1000 14/4000 15/10030 16/13030" {
		t.Errorf("the layer has %s", s)
	}
}

// A publisher that chose its codec may choose another: the track ends, and who takes the section next gets what follows.
func TestReceiverIsLeftForAnotherCodec(t *testing.T) {
	r := newReceiver(t, track.Info{Kind: media.Video})
	log := new(feedbackLog)
	one := r.take(&rtc.Stream{SSRC: 1, Codec: media.H264}, log)
	give(one, h264Packet(10, 1000, 7, time.Hour))
	if r.Moved() {
		t.Error("moved before anything changed")
	}
	if r.take(&rtc.Stream{SSRC: 1, Codec: media.VP8}, log) != nil {
		t.Error("takes another codec into the track")
	}
	if !r.Moved() {
		t.Error("does not tell that the codec is another one")
	}
	select {
	case <-r.Track().Done():
	default:
		t.Error("the track goes on")
	}
	r.Close()
	if !r.Moved() {
		t.Error("forgets why it ended")
	}

	fixed := newReceiver(t, track.Info{Kind: media.Video, Codec: media.H264})
	fixed.take(&rtc.Stream{SSRC: 2, Codec: media.VP8}, log)
	select {
	case <-fixed.Track().Done():
		t.Error("a track whose codec is given ends for another one")
	default:
	}
	if fixed.Moved() {
		t.Error("a track whose codec is given moves")
	}

	closed := newReceiver(t, track.Info{Kind: media.Video})
	closed.take(&rtc.Stream{SSRC: 3, Codec: media.H264}, log)
	closed.Close()
	if closed.take(&rtc.Stream{SSRC: 3, Codec: media.VP8}, log); closed.Moved() {
		t.Error("a track that was closed moves")
	}
}

func TestReceiverAsksForKeyframes(t *testing.T) {
	r := newReceiver(t, track.Info{Kind: media.Video, Codec: media.H264})
	logs := map[string]*feedbackLog{"q": new(feedbackLog), "h": new(feedbackLog)}
	streams := map[string]*stream{}
	for rid, log := range logs {
		streams[rid] = r.take(&rtc.Stream{RID: rid, SSRC: uint32(rid[0]), Codec: media.H264, CanNack: true}, log)
	}
	h := streams["h"].intake.layer
	for range 10 {
		h.RequestKeyframe()
	}
	if q, h := logs["q"].take(), logs["h"].take(); q != "" || h != "pli:104" {
		t.Errorf("layer q was told %q, h %q", q, h)
	}
	now := media.Now()
	streams["h"].look(now + 100*ms)
	if got := logs["h"].take(); got != "" {
		t.Errorf("told %q after 100 ms", got)
	}
	streams["h"].look(now + 500*ms)
	if got := logs["h"].take(); got != "pli:104" {
		t.Errorf("told %q without an answer after 500 ms", got)
	}
	give(streams["h"], h264Packet(1, 0, 7, now+600*ms))
	streams["h"].look(now + 10*time.Second)
	if got := logs["h"].take(); got != "report:104,lost 0" {
		t.Errorf("told %q after the keyframe came", got)
	}
}

// TestReceiverMissesAFirstKeyframe: a layer whose first packets were lost has no size by which anybody could want it, so no reader asks for it.
func TestReceiverMissesAFirstKeyframe(t *testing.T) {
	for name, c := range map[string]struct {
		codec media.Codec
		unit  byte // of the first packet
		asks  string
	}{
		"lost": {media.H264, 1, "pli:7"}, "there": {media.H264, 7, ""}, "sound": {media.Opus, 1, ""},
		"without its parameter sets": {media.H264, 5, "pli:7"}, "in part": {media.H264, 28, "pli:7"},
		"H.265, there": {media.H265, 32 << 1, ""}, "H.265, without its parameter sets": {media.H265, 19 << 1, "pli:7"},
	} {
		log := new(feedbackLog)
		st := newReceiver(t, track.Info{Kind: c.codec.Kind(), Codec: c.codec}).take(&rtc.Stream{SSRC: 7, Codec: c.codec, CanNack: true}, log)
		now := media.Now()
		first := h264Packet(10, 0, c.unit, now)
		first.Payload[1], first.Payload[2] = 0x85, 0x88 // the first slice, in a fragment that of an IDR picture
		give(st, first, h264Packet(11, 3000, 1, now))
		if got := log.take(); got != c.asks {
			t.Errorf("%s: told %q", name, got)
		}
	}
}

func TestReceiverRefuses(t *testing.T) {
	r := newReceiver(t, track.Info{Kind: media.Video, Codec: media.VP8})
	log := new(feedbackLog)
	if r.take(&rtc.Stream{SSRC: 1, Codec: media.H264}, log) != nil {
		t.Error("takes another codec")
	}
	for i := range maxLayers {
		if r.take(&rtc.Stream{RID: fmt.Sprint(i), SSRC: uint32(i), Codec: media.VP8}, log) == nil {
			t.Errorf("refuses layer %d", i)
		}
	}
	if r.take(&rtc.Stream{RID: "x", SSRC: 9, Codec: media.VP8}, log) != nil {
		t.Error("takes too many layers")
	}
	r.Close()
	select {
	case <-r.Track().Done():
	default:
		t.Error("the track goes on after Close")
	}
	if r.take(&rtc.Stream{RID: "0", SSRC: 10, Codec: media.VP8}, log) != nil {
		t.Error("takes a stream after Close")
	}
}

func TestReceiverTellsTheLoudnessOfEachPacketOnce(t *testing.T) {
	r := newReceiver(t, track.Info{Kind: media.Audio, Codec: media.Opus})
	st := r.take(&rtc.Stream{SSRC: 1, Codec: media.Opus}, new(feedbackLog))
	speak := func(from, to int) {
		for i := from; i < to; i++ {
			give(st, &media.Packet{Seq: uint64(i), Payload: []byte{0xfc, 1}, HasLevel: true, AudioLevel: uint8(i), Arrival: time.Duration(i) * 20 * ms})
		}
	}
	speak(0, 10)
	if got := r.Loudness(nil); len(got) != 10 || got[9] != (Loudness{At: 180 * ms, Level: 9}) {
		t.Errorf("%v", got)
	}
	if got := r.Loudness(nil); len(got) != 0 {
		t.Errorf("again %v", got)
	}
	speak(10, 100)
	if got := r.Loudness(nil); len(got) != 32 || got[0].Level != 68 || got[31].Level != 99 {
		t.Errorf("of many packets %v", got)
	}
	speak(100, 300) // round the counters
	if got := r.Loudness(nil); len(got) != 32 {
		t.Errorf("later %d", len(got))
	}
}

func FuzzReceiver(f *testing.F) {
	f.Add([]byte{0x90, 0x80, 0x85, 1, 0, 0, 0}, []byte{0, 1, 2, 200, 9})
	f.Fuzz(func(t *testing.T, payload, program []byte) {
		for codec := media.Opus; codec <= media.AV1; codec++ {
			r := newReceiver(t, track.Info{Kind: codec.Kind(), Codec: codec})
			log := new(feedbackLog)
			st := r.take(&rtc.Stream{SSRC: 1, Codec: codec, CanNack: true}, log)
			now := time.Hour
			for i, op := range program {
				now += time.Duration(op) * ms
				switch {
				case op%16 == 15:
					st = r.take(&rtc.Stream{SSRC: uint32(i) + 2, Codec: codec, CanNack: true}, log)
				case op%16 == 14:
					st.SenderReport(uint64(now), uint32(op)<<24, now)
				case op%16 == 13:
					st.look(now)
				default:
					give(st, &media.Packet{
						Seq: uint64(uint16(i) + uint16(op)<<4), Timestamp: uint32(op) << 20, Arrival: now,
						Payload: payload[:min(len(payload), int(op))], HasLevel: op&1 != 0, AudioLevel: op, Marker: op&2 != 0,
					})
				}
			}
			r.Close()
		}
	})
}
