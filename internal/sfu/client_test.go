package sfu

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

var loopback = []netip.Addr{netip.MustParseAddr("127.0.0.1")}

func listen(t testing.TB) *rtc.Endpoint {
	t.Helper()
	e, err := rtc.Listen(rtc.Config{Listen: "127.0.0.1:0", Shards: 2, Addresses: loopback})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// client is a WebRTC client with a link that loses packets, and the server's peer for it.
type client struct {
	t        testing.TB
	pc       *webrtc.PeerConnection
	peer     *rtc.Peer
	loss     *lossyLink
	inbounds chan *rtc.Inbound
	up       chan struct{}
}

func (c *client) PeerConnected()                  { close(c.up) }
func (c *client) PeerClosed(error)                {}
func (c *client) InboundAdded(in *rtc.Inbound)    { c.inbounds <- in }
func (c *client) InboundRemoved(*rtc.Inbound)     {}
func (c *client) DataChannel(dc *rtc.DataChannel) {}

func newClient(t testing.TB, e *rtc.Endpoint) *client {
	t.Helper()
	return newClientWith(t, e, circumstances{})
}

// circumstances are what a client may have of its own: a socket instead of any, and a downlink on the server's side, whose
// reports it then sends.
type circumstances struct {
	conn     net.PacketConn
	downlink *Downlink
}

func newClientWith(t testing.TB, e *rtc.Endpoint, with circumstances) *client {
	t.Helper()
	c := &client{t: t, loss: new(lossyLink), inbounds: make(chan *rtc.Inbound, 4), up: make(chan struct{})}
	engine := new(webrtc.MediaEngine)
	if err := engine.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	if err := webrtc.ConfigureSimulcastExtensionHeaders(engine); err != nil {
		t.Fatal(err)
	}
	registry := new(interceptor.Registry)
	registry.Add(c.loss) // next to the network, below what repairs
	if err := webrtc.ConfigureNack(engine, registry); err != nil {
		t.Fatal(err)
	}
	if err := webrtc.ConfigureRTCPReports(registry); err != nil {
		t.Fatal(err)
	}
	cfg := rtc.PeerConfig{Label: t.Name(), Handler: c}
	if with.downlink != nil {
		must(t, webrtc.ConfigureTWCCSender(engine, registry))
		cfg.Congestion = with.downlink
	}
	settings := webrtc.SettingEngine{LoggerFactory: &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled, Writer: io.Discard}}
	settings.SetIncludeLoopbackCandidate(true)
	if with.conn != nil {
		settings.SetICEUDPMux(webrtc.NewICEUDPMux(settings.LoggerFactory.NewLogger("mux"), with.conn))
	}
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings))
	var err error
	if c.pc, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.pc.Close() })
	if c.peer, err = e.NewPeer(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.peer.Close)
	return c
}

// connect negotiates and waits for the connection; what is to be sent and received must have been added.
func (c *client) connect() {
	c.t.Helper()
	c.negotiate()
	wait(c.t, c.up, "the connection")
}

// negotiate has the client offer and the server answer.
func (c *client) negotiate() {
	c.t.Helper()
	offer, err := c.pc.CreateOffer(nil)
	must(c.t, err)
	must(c.t, c.pc.SetLocalDescription(offer))
	must(c.t, c.peer.SetOffer(offer.SDP))
	answer, err := c.peer.CreateAnswer()
	must(c.t, err)
	must(c.t, c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
}

// receives adds a section in which the client receives.
func (c *client) receives(kind webrtc.RTPCodecType) {
	c.t.Helper()
	_, err := c.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
	must(c.t, err)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wait[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s did not come", what)
		panic("unreachable")
	}
}

// lossyLink loses RTP packets at random, in both directions, while it is told to. It counts RTCP too.
type lossyLink struct {
	interceptor.NoOp
	percent atomic.Int32
	lost    atomic.Int32
	plis    atomic.Int32
}

func (l *lossyLink) NewInterceptor(string) (interceptor.Interceptor, error) { return l, nil }

func (l *lossyLink) loses() bool {
	if rand.Int32N(100) >= l.percent.Load() {
		return false
	}
	l.lost.Add(1)
	return true
}

func (l *lossyLink) BindLocalStream(_ *interceptor.StreamInfo, w interceptor.RTPWriter) interceptor.RTPWriter {
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		if l.loses() {
			return len(payload), nil
		}
		return w.Write(h, payload, a)
	})
}

func (l *lossyLink) BindRemoteStream(_ *interceptor.StreamInfo, r interceptor.RTPReader) interceptor.RTPReader {
	return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		for {
			n, attributes, err := r.Read(b, a)
			if err != nil || !l.loses() {
				return n, attributes, err
			}
		}
	})
}

// camera sends numbered VP8 frames in one layer. The number of frame and packet is in each payload.
type camera struct {
	c         *client
	out       *webrtc.TrackLocalStaticRTP
	sender    *webrtc.RTPSender
	rid       string
	ssrc      uint32
	mid       string
	midID     uint8
	ridID     uint8
	seq       uint16
	timestamp uint32
	frames    int
	packets   int
	width     int
	pictureID uint16
	wanted    atomic.Bool // a keyframe
	plis      atomic.Int32
}

// publishes adds a section in which the client sends a picture with the given layers ("" alone is no simulcast).
func (c *client) publishes(rids ...string) []*camera {
	c.t.Helper()
	capability := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}
	var cameras []*camera
	var sender *webrtc.RTPSender
	for i, rid := range rids {
		var options []func(*webrtc.TrackLocalStaticRTP)
		if rid != "" {
			options = append(options, webrtc.WithRTPStreamID(rid))
		}
		out, err := webrtc.NewTrackLocalStaticRTP(capability, "camera", "stream", options...)
		must(c.t, err)
		if i == 0 {
			sender, err = c.pc.AddTrack(out)
		} else {
			err = sender.AddEncoding(out)
		}
		must(c.t, err)
		cameras = append(cameras, &camera{
			c: c, out: out, sender: sender, rid: rid, width: 320 << i,
			seq: uint16(65500 + 1000*i), timestamp: 0xffff0000 + uint32(i)*777777, pictureID: uint16(i) * 500,
		})
	}
	return cameras
}

// start begins to listen for keyframe requests, after connect.
func (cam *camera) start() {
	parameters := cam.sender.GetParameters()
	for _, h := range parameters.HeaderExtensions {
		switch h.URI {
		case "urn:ietf:params:rtp-hdrext:sdes:mid":
			cam.midID = uint8(h.ID)
		case "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id":
			cam.ridID = uint8(h.ID)
		}
	}
	for _, t := range cam.c.pc.GetTransceivers() {
		if t.Sender() == cam.sender {
			cam.mid = t.Mid()
		}
	}
	for _, e := range parameters.Encodings {
		if e.RID == cam.rid {
			cam.ssrc = uint32(e.SSRC)
		}
	}
	go func() {
		for {
			var packets []rtcp.Packet
			var err error
			if cam.rid == "" {
				packets, _, err = cam.sender.ReadRTCP()
			} else {
				packets, _, err = cam.sender.ReadSimulcastRTCP(cam.rid)
			}
			if err != nil {
				return
			}
			for _, p := range packets {
				if pli, ok := p.(*rtcp.PictureLossIndication); ok && pli.MediaSSRC == cam.ssrc {
					cam.plis.Add(1)
					cam.wanted.Store(true)
				}
			}
		}
	}()
}

// frame sends the next frame, a keyframe if one is wanted.
func (cam *camera) frame(packets int, passed time.Duration) (key bool) {
	key = cam.wanted.Swap(false) || cam.frames == 0
	cam.timestamp += uint32(ticks(passed, 90000))
	cam.pictureID++
	picture := mediatest.VP8(key, cam.width, cam.width*9/16, 1000)
	for i := range packets {
		header := []byte{0x80, 0x80, 0x80 | byte(cam.pictureID>>8), byte(cam.pictureID)}
		if i == 0 {
			header[0] |= 0x10
		}
		p := &rtp.Packet{
			Header:  rtp.Header{Version: 2, SequenceNumber: cam.seq, Timestamp: cam.timestamp, Marker: i == packets-1},
			Payload: append(header, picture...),
		}
		stampPayload(p.Payload, cam.rid, cam.frames, i)
		if cam.rid != "" {
			must(cam.c.t, p.Header.SetExtension(cam.midID, []byte(cam.mid)))
			must(cam.c.t, p.Header.SetExtension(cam.ridID, []byte(cam.rid)))
		}
		must(cam.c.t, cam.out.WriteRTP(p))
		cam.seq++
		cam.packets++
	}
	cam.frames++
	return key
}

// run sends frames at a rate until the context ends.
func (cam *camera) run(ctx context.Context, packets int, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			cam.frame(packets, every)
		}
	}
}

// stampPayload writes who a packet is behind the picture's first bytes.
func stampPayload(payload []byte, rid string, frame, packet int) {
	b := payload[len(payload)-16:]
	b[0] = 0
	copy(b[:1], rid)
	binary.BigEndian.PutUint32(b[4:], uint32(frame))
	binary.BigEndian.PutUint32(b[8:], uint32(packet))
}

// viewed is a packet that a viewer got.
type viewed struct {
	rid           string
	frame, packet int
	key           bool
	seq           uint16
	timestamp     uint32
	picture       uint16
}

// view collects what comes in a client's tracks.
type view struct {
	mu      sync.Mutex
	packets []viewed
	changed chan struct{}
	track   *webrtc.TrackRemote
	// patience is longer than usual for what a busy machine makes slow.
	patience time.Duration
}

func (c *client) views() *view {
	v := &view{changed: make(chan struct{}, 1)}
	c.pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		v.mu.Lock()
		v.track = tr
		v.mu.Unlock()
		for {
			p, _, err := tr.ReadRTP()
			if err != nil {
				return
			}
			v.add(p)
		}
	})
	return v
}

func (v *view) add(p *rtp.Packet) {
	if len(p.Payload) < 32 {
		return
	}
	b := p.Payload[len(p.Payload)-16:]
	got := viewed{
		frame: int(binary.BigEndian.Uint32(b[4:])), packet: int(binary.BigEndian.Uint32(b[8:])),
		seq: p.SequenceNumber, timestamp: p.Timestamp,
		key:     p.Payload[4]&1 == 0 && p.Payload[0]&0x10 != 0,
		picture: uint16(p.Payload[2]&0x7f)<<8 | uint16(p.Payload[3]),
	}
	if b[0] != 0 {
		got.rid = string(b[:1])
	}
	v.mu.Lock()
	v.packets = append(v.packets, got)
	v.mu.Unlock()
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// until waits until what was viewed satisfies.
func (v *view) until(t testing.TB, what string, satisfied func([]viewed) bool) []viewed {
	t.Helper()
	deadline := time.After(max(patience, v.patience))
	for {
		v.mu.Lock()
		packets := v.packets
		v.mu.Unlock()
		if satisfied(packets) {
			return packets
		}
		select {
		case <-v.changed:
		case <-deadline:
			last := ""
			if n := len(packets); n > 0 {
				last = fmt.Sprintf("; the last of %d packets was %+v", n, packets[n-1])
			}
			t.Fatalf("waited in vain for %s%s", what, last)
		}
	}
}

// whole is what has come by now, as soon as nothing of it is missing any more: what a busy machine reads too late is lost, and repaired.
func (v *view) whole(t testing.TB) []viewed {
	t.Helper()
	var last uint16
	for i, p := range v.until(t, "anything", func(p []viewed) bool { return len(p) > 0 }) {
		if i == 0 || int16(p.seq-last) > 0 { // a repair may be the latest to come
			last = p.seq
		}
	}
	packets := v.until(t, "all repairs", func(p []viewed) bool {
		have := map[uint16]bool{}
		for _, x := range p {
			have[x.seq] = true
		}
		for seq := p[0].seq; seq != last; seq++ {
			if !have[seq] {
				return false
			}
		}
		return true
	})
	return slices.DeleteFunc(slices.Clone(packets), func(p viewed) bool { return int16(p.seq-last) > 0 })
}

// received makes a receiver of what a client publishes next.
func (c *client) received(codec media.Codec) *Receiver {
	c.t.Helper()
	in := wait(c.t, c.inbounds, "the section")
	r := NewReceiver(in, track.Info{ID: "TR_" + in.Mid, Kind: in.Kind, Codec: codec})
	c.t.Cleanup(r.Close)
	return r
}

// sends makes a sender of a track to the client.
func (c *client) sends(tr *track.Track) *Sender {
	c.t.Helper()
	s, err := NewSender(c.peer, tr, SenderConfig{StreamID: "stream", TrackID: "track"})
	must(c.t, err)
	c.t.Cleanup(s.Close)
	return s
}
