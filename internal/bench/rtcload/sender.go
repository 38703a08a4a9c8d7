package rtcload

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/tuttilive/tutti/internal/bench"
)

const (
	// remembered is how many packets of a stream can be sent again.
	remembered = 512
	// keyframeInterval is the shortest time between two keyframes that were asked for.
	keyframeInterval = 300 * time.Millisecond
	soundInterval    = 20 * time.Millisecond
)

// layer is one picture of a simulcast.
type layer struct {
	rid           string
	width, height int
	bitrate       int
}

// layersOf are the layers of a camera: one, or the three that browsers send of 720p, by LiveKit's presets.
func layersOf(simulcast bool, bitrate int) []layer {
	if !simulcast {
		return []layer{{"", 1280, 720, bitrate}}
	}
	return []layer{{"q", 320, 180, 160_000}, {"h", 640, 360, 450_000}, {"f", 1280, 720, bitrate}}
}

// sender publishes a camera and a microphone, or a microphone alone, on one transport: it sends, retransmits on request, and
// makes keyframes when they are asked for.
type sender struct {
	sizes   Sizes
	stamped bool // sound carries the time it was sent
	// late gathers how long after their time pictures left; nil where nobody wants to know. What is late leaves together, and so waits
	// in the server for what left with it.
	late *bench.Latencies

	mu       sync.Mutex
	sequence uint16 // transport-wide
	sound    *outgoing
	pictures []*outgoing
}

// outgoing is one stream that is sent, and the one of its repairs.
type outgoing struct {
	ssrc, repair uint32
	pt           uint8
	mid          string
	layer        layer
	source       *bench.Picture
	rate         uint32 // of its clock, in Hz

	seq, repairSeq uint16
	timestamp      uint32
	packets, bytes uint32
	history        [remembered]*rtp.Packet
	keyframeAt     time.Time
	wanted         bool // a keyframe
	paused         bool // nobody watches the layer
}

func newSender(camera bool, simulcast bool, bitrate int, sizes Sizes) *sender {
	s := &sender{sizes: sizes, stamped: !camera, sound: newOutgoing("0", soundType, 48000)}
	if camera {
		for _, l := range layersOf(simulcast, bitrate) {
			o := newOutgoing("1", videoType, 90000)
			o.layer, o.source = l, bench.NewPicture(l.bitrate)
			s.pictures = append(s.pictures, o)
		}
	}
	return s
}

func newOutgoing(mid string, pt uint8, rate uint32) *outgoing {
	return &outgoing{
		ssrc: rand.Uint32() | 1, repair: rand.Uint32() &^ 1, mid: mid, pt: pt, rate: rate,
		seq: uint16(rand.Uint32N(1 << 15)), timestamp: rand.Uint32(),
	}
}

// sections are what the sender offers.
func (s *sender) sections() []section {
	list := []section{{kind: "audio", direction: "sendonly", track: soundTrack, ssrc: s.sound.ssrc}}
	if len(s.pictures) == 0 {
		return list
	}
	picture := section{kind: "video", direction: "sendonly", track: pictureTrack, ssrc: s.pictures[0].ssrc, repair: s.pictures[0].repair}
	if len(s.pictures) > 1 {
		for _, o := range s.pictures {
			picture.rids = append(picture.rids, o.layer.rid)
		}
	}
	return append(list, picture)
}

// The tracks' names in descriptions.
const soundTrack, pictureTrack = "sound", "picture"

// run sends until ctx ends: 30 pictures of each layer and 50 pieces of sound a second, and reports each second.
func (s *sender) run(ctx context.Context, t *transport) {
	defer t.close()
	// Publishers do not begin at the same moment.
	if bench.Pause(ctx, rand.N(time.Second/bench.FPS)) != nil {
		return
	}
	begun := time.Now()
	pictures := time.NewTicker(time.Second / bench.FPS)
	defer pictures.Stop()
	sounds := time.NewTicker(soundInterval)
	defer sounds.Stop()
	reports := time.NewTicker(time.Second)
	defer reports.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-sounds.C:
			s.sendSound(t)
		case now := <-pictures.C:
			if s.late != nil {
				s.late.Add(lateness(time.Since(begun)))
			}
			for _, o := range s.pictures {
				s.sendPicture(t, o, now)
			}
		case now := <-reports.C:
			s.report(t, now)
		}
	}
}

// lateness is how long ago the last picture was due, so long after the first interval began.
func lateness(since time.Duration) time.Duration { return since % (time.Second / bench.FPS) }

func (s *sender) sendSound(t *transport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sound.timestamp += s.sound.rate * uint32(soundInterval/time.Millisecond) / 1000
	payload := []byte{0xfc} // a full-band stereo frame of 20 ms (RFC 6716, section 3.1)
	if s.stamped {
		payload = bench.AppendStamp(payload, time.Now())
	}
	s.send(t, s.sound, append(payload, make([]byte, 80-len(payload))...), false)
}

func (s *sender) sendPicture(t *transport, o *outgoing, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o.timestamp += o.rate / bench.FPS
	if o.paused {
		return
	}
	if o.wanted && now.Sub(o.keyframeAt) > keyframeInterval {
		o.source.Keyframe()
	}
	slice, keyframe := o.source.Next(time.Now())
	var parameters [][]byte
	if keyframe {
		o.wanted, o.keyframeAt = false, now
		parameters = [][]byte{bench.SPSOf(o.layer.width, o.layer.height), bench.PPS}
	}
	payloads, err := s.sizes.packetize(slice, parameters...)
	if err != nil {
		return // the plan was checked
	}
	for i, p := range payloads {
		s.send(t, o, p, i == len(payloads)-1)
	}
}

func (s *sender) send(t *transport, o *outgoing, payload []byte, marker bool) {
	o.seq++
	p := &rtp.Packet{
		Header:  rtp.Header{Version: 2, PayloadType: o.pt, SSRC: o.ssrc, SequenceNumber: o.seq, Timestamp: o.timestamp, Marker: marker},
		Payload: payload,
	}
	o.packets++
	o.bytes += uint32(len(payload))
	if o.source != nil {
		o.history[o.seq%remembered] = p
	}
	s.put(t, o, p, ridID)
}

// put fills in the header extensions and sends. rid is the number of the extension that names the layer.
func (s *sender) put(t *transport, o *outgoing, p *rtp.Packet, rid uint8) {
	s.sequence++
	sendTime := uint32(uint64(time.Now().UnixNano())<<18/uint64(time.Second)) & 0xffffff
	set := func(id uint8, value ...byte) { _ = p.SetExtension(id, value) } // ours are short enough
	set(midID, []byte(o.mid)...)
	set(sendTimeID, byte(sendTime>>16), byte(sendTime>>8), byte(sendTime))
	set(sequenceID, byte(s.sequence>>8), byte(s.sequence))
	if o.source == nil {
		set(levelID, 0x80|40)
	}
	if o.layer.rid != "" {
		set(rid, []byte(o.layer.rid)...)
	}
	if raw, err := p.Marshal(); err == nil {
		t.sendRTP(&p.Header, raw)
	}
}

func (s *sender) report(t *transport, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const epoch = 2208988800 // of NTP, in seconds before 1970
	ntp := uint64(now.Unix()+epoch)<<32 | uint64(now.Nanosecond())<<32/uint64(time.Second)
	for _, o := range append([]*outgoing{s.sound}, s.pictures...) {
		if o.packets > 0 {
			t.sendRTCP(&rtcp.SenderReport{SSRC: o.ssrc, NTPTime: ntp, RTPTime: o.timestamp, PacketCount: o.packets, OctetCount: o.bytes},
				&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: o.ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "bench"}}}}})
		}
	}
}

// packet takes what the server says of the streams. It is called on the reading goroutine.
func (s *sender) packet(t *transport, b []byte, _ time.Time) {
	if !isControl(b) {
		return
	}
	raw, err := t.in.DecryptRTCP(nil, b, nil)
	if err != nil {
		return
	}
	packets, err := rtcp.Unmarshal(raw)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.PictureLossIndication:
			s.wantKeyframe(p.MediaSSRC)
		case *rtcp.FullIntraRequest:
			for _, f := range p.FIR {
				s.wantKeyframe(f.SSRC)
			}
		case *rtcp.TransportLayerNack:
			s.repair(t, p)
		}
	}
}

func (s *sender) wantKeyframe(ssrc uint32) {
	for _, o := range s.pictures {
		if o.ssrc == ssrc {
			o.wanted = true
		}
	}
}

// watch sends the layers up to one, counted from small to large, and pauses the others, as encoders do for which nobody asks;
// a layer that goes on does so with a keyframe.
func (s *sender) watch(largest int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pictures) < 2 {
		return
	}
	for i, o := range s.pictures {
		if paused := i > largest; paused != o.paused {
			o.paused = paused
			o.source.Keyframe()
		}
	}
}

// repair sends again what the server misses (RFC 4588).
func (s *sender) repair(t *transport, n *rtcp.TransportLayerNack) {
	for _, o := range s.pictures {
		if o.ssrc != n.MediaSSRC {
			continue
		}
		for _, pair := range n.Nacks {
			for _, seq := range pair.PacketList() {
				p := o.history[seq%remembered]
				if p == nil || p.SequenceNumber != seq {
					continue
				}
				o.repairSeq++
				s.put(t, o, &rtp.Packet{
					Header: rtp.Header{
						Version: 2, PayloadType: repairType, SSRC: o.repair, SequenceNumber: o.repairSeq, Timestamp: p.Timestamp, Marker: p.Marker,
					},
					Payload: append([]byte{byte(seq >> 8), byte(seq)}, p.Payload...),
				}, repairedID)
			}
		}
	}
}
