package rtc_test

import (
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/rtc/rtctest"
)

var profiles = map[string][]dtls.SRTPProtectionProfile{
	"GCM": {dtls.SRTP_AES128_CM_HMAC_SHA1_80, dtls.SRTP_AEAD_AES_128_GCM}, // the order in which libwebrtc lists them
	"CM":  {dtls.SRTP_AES128_CM_HMAC_SHA1_80},
}

// sink hands a stream to channels.
type sink struct {
	stream  *rtc.Stream
	packets chan *media.Packet
	reports chan uint32
	closed  chan struct{}
}

func (s *sink) Packet(p *media.Packet) {
	select {
	case s.packets <- p:
	default:
	}
}
func (s *sink) Flush() {}
func (s *sink) SenderReport(_ uint64, timestamp uint32, _ time.Duration) {
	select {
	case s.reports <- timestamp:
	default:
	}
}
func (s *sink) Closed() { close(s.closed) }

// receive opens every stream of a section into a channel of sinks.
func receive(in *rtc.Inbound) <-chan *sink {
	sinks := make(chan *sink, 64)
	in.Receive(func(s *rtc.Stream) rtc.Sink {
		k := &sink{stream: s, packets: make(chan *media.Packet, 4096), reports: make(chan uint32, 16), closed: make(chan struct{})}
		sinks <- k
		return k
	})
	return sinks
}

// feedback hands what a remote says of an outbound to channels.
type feedback struct {
	ready     chan struct{}
	nacks     chan []uint16
	keyframes chan struct{}
	reports   chan rtcp.ReceptionReport
}

func newFeedback() *feedback {
	return &feedback{make(chan struct{}, 4), make(chan []uint16, 64), make(chan struct{}, 64), make(chan rtcp.ReceptionReport, 64)}
}

func (f *feedback) Nack(seqs []uint16) {
	select {
	case f.nacks <- seqs:
	default:
	}
}
func (f *feedback) KeyframeWanted() {
	select {
	case f.keyframes <- struct{}{}:
	default:
	}
}
func (f *feedback) Report(r rtcp.ReceptionReport) {
	select {
	case f.reports <- r:
	default:
	}
}
func (f *feedback) Ready() { f.ready <- struct{}{} }

// work runs a function on a shard's sender and waits for it.
type work struct {
	f    func(tx *rtc.Tx)
	done chan struct{}
}

func (w *work) Run(tx *rtc.Tx) { w.f(tx); close(w.done) }

func run(t testing.TB, p *rtc.Peer, f func(tx *rtc.Tx)) {
	t.Helper()
	w := &work{f, make(chan struct{})}
	p.Home().Post(w)
	rtctest.Wait(t, w.done, "sender goroutine")
}

func localTrack(t testing.TB, codec, id string) *webrtc.TrackLocalStaticRTP {
	t.Helper()
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: codec}, id, "stream")
	if err != nil {
		t.Fatal(err)
	}
	return track
}

// publish writes packets until stop is closed, a few in each millisecond.
func publish(track *webrtc.TrackLocalStaticRTP, payload []byte, stop <-chan struct{}) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for seq := uint16(65500); ; seq++ {
		_ = track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq) * 90}, Payload: payload})
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

func TestPeerReceivesFromClient(t *testing.T) {
	t.Parallel()
	for name, profile := range profiles {
		t.Run(name, func(t *testing.T) {
			e := rtctest.Endpoint(t)
			peer, events := rtctest.Peer(t, e, rtc.PeerConfig{Label: t.Name()})
			client := rtctest.Client(t, rtctest.ClientConfig{Profiles: profile})
			track := localTrack(t, webrtc.MimeTypeVP8, "camera")
			if _, err := client.AddTrack(track); err != nil {
				t.Fatal(err)
			}
			rtctest.Offer(t, client, peer)
			in := rtctest.Wait(t, events.Added, "inbound")
			if in.Kind != media.Video || in.TrackID != "camera" || in.StreamID != "stream" {
				t.Errorf("inbound is %+v", in)
			}
			sinks := receive(in)
			rtctest.Wait(t, events.Connected, "connection")
			stop := make(chan struct{})
			defer close(stop)
			go publish(track, []byte{1, 2, 3, 4}, stop)
			s := rtctest.Wait(t, sinks, "stream")
			if s.stream.Codec != media.VP8 || !s.stream.CanNack {
				t.Errorf("stream is %+v", s.stream)
			}
			last := rtctest.Wait(t, s.packets, "packet")
			for range 200 { // over the wrap of the sequence number
				p := rtctest.Wait(t, s.packets, "packet")
				if uint16(p.Seq) != uint16(last.Seq)+1 || string(p.Payload) != "\x01\x02\x03\x04" {
					t.Fatalf("packet %+v after %+v", p, last)
				}
				last = p
			}
			client.Close()
			if err := rtctest.Wait(t, events.Closed, "end"); err == nil {
				t.Error("closed without a reason")
			}
			rtctest.Wait(t, s.closed, "end of the stream")
		})
	}
}

// frame makes packets of the sizes that libwebrtc makes: runs that differ by a byte, and a shorter last one. The payload
// begins with the sequence number.
func frame(first uint16) []rtc.Packet {
	packets := make([]rtc.Packet, 20)
	for i := range packets {
		seq, size := first+uint16(i), 1000-i/8
		if i == len(packets)-1 {
			size = 77
		}
		packets[i] = rtc.Packet{
			Seq: seq, Timestamp: uint32(first), Marker: i == len(packets)-1, Prefix: []byte{byte(seq >> 8), byte(seq)},
			Payload: make([]byte, size),
		}
	}
	return packets
}

func TestPeerSendsToClient(t *testing.T) {
	t.Parallel()
	for name, profile := range profiles {
		for _, role := range []string{"offers", "answers"} {
			t.Run(name+" "+role, func(t *testing.T) {
				e := rtctest.Endpoint(t)
				peer, events := rtctest.Peer(t, e, rtc.PeerConfig{Label: t.Name()})
				client := rtctest.Client(t, rtctest.ClientConfig{Profiles: profile})
				fb := newFeedback()
				out, err := peer.AddOutbound(rtc.OutboundConfig{Codec: media.H264, StreamID: "PA_1", TrackID: "TR_1", Feedback: fb})
				if err != nil {
					t.Fatal(err)
				}
				tracks := make(chan *webrtc.TrackRemote, 1)
				client.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { tracks <- track })
				if role == "offers" {
					if _, video := peer.Unplaced(); video != 1 {
						t.Errorf("%d unplaced", video)
					}
					rtctest.Answer(t, client, peer)
				} else {
					if _, err := client.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
						t.Fatal(err)
					}
					rtctest.Offer(t, client, peer)
				}
				if out.Mid() == "" {
					t.Error("outbound has no mid")
				}
				rtctest.Wait(t, events.Connected, "connection")
				rtctest.Wait(t, fb.ready, "ready")
				if out.Codec() != media.H264 {
					t.Errorf("codec is %v", out.Codec())
				}
				var track *webrtc.TrackRemote
				for f := range 100 {
					packets := frame(uint16(65000 + 20*f))
					run(t, peer, func(tx *rtc.Tx) {
						tx.Send(out, packets)
						if f == 0 {
							tx.SendReport(out, media.NTP(tx.Now()), 0)
						}
					})
					if track == nil {
						track = rtctest.Wait(t, tracks, "track")
					}
					for _, want := range packets {
						got, _, err := track.ReadRTP()
						if err != nil {
							t.Fatal(err)
						}
						if got.SequenceNumber != want.Seq || got.Marker != want.Marker || len(got.Payload) != len(want.Payload)+2 ||
							got.Payload[0] != byte(want.Seq>>8) || got.Payload[1] != byte(want.Seq) {
							t.Fatalf("got %v with %d bytes, want %d", got.Header, len(got.Payload), want.Seq)
						}
					}
				}
				if track.ID() != "TR_1" || track.StreamID() != "PA_1" || track.Codec().MimeType != webrtc.MimeTypeH264 {
					t.Errorf("track %q of %q, %v", track.ID(), track.StreamID(), track.Codec())
				}
				if err := client.WriteRTCP([]rtcp.Packet{
					&rtcp.PictureLossIndication{MediaSSRC: out.SSRC()},
					&rtcp.TransportLayerNack{MediaSSRC: out.SSRC(), Nacks: []rtcp.NackPair{{PacketID: 65535, LostPackets: 0b11}}},
				}); err != nil {
					t.Fatal(err)
				}
				rtctest.Wait(t, fb.keyframes, "PLI")
				if seqs := rtctest.Wait(t, fb.nacks, "NACK"); len(seqs) != 3 || seqs[0] != 65535 || seqs[2] != 1 {
					t.Errorf("NACK for %v", seqs)
				}
				peer.Close()
				if err := rtctest.Wait(t, events.Closed, "end"); err != rtc.ErrClosed {
					t.Errorf("closed because of %v", err)
				}
			})
		}
	}
}
