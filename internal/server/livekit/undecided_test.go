package livekit

import (
	"slices"
	"testing"
	"time"

	pb "github.com/livekit/protocol/livekit"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/room"
)

// announced is somebody in the room who notes in which codecs tracks are published.
type announced chan media.Codec

func (a announced) RoomEvent(e room.Event) {
	if e, ok := e.(room.PublicationAdded); ok {
		a <- e.Publication.Codec
	}
}

// SDKs with the Rust core say nothing of the codec of a picture in one layer. When they publish something else at the same moment, their first
// offer names all codecs, and what is chosen from those is left with the second, which names the one that is meant.
func TestTrackIsPublishedInTheCodecThatIsMeant(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"another offer follows": true, "none follows": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.server.patience = time.Hour // who speaks by hand answers no offer
			if again {
				w.server.deciding = time.Hour
			}
			heard := make(announced, 100)
			if _, err := w.house.Enter("hall", room.Join{Identity: "bob", Permission: room.Permission{Subscribe: true}}, heard); err != nil {
				t.Fatal(err)
			}
			c, _ := w.enter(t, "alice", "hall", "sdk=node")
			peer, err := webrtc.NewPeerConnection(webrtc.Configuration{})
			if err != nil {
				t.Fatal(err)
			}
			defer peer.Close()
			connected := make(chan struct{})
			peer.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
				if s == webrtc.PeerConnectionStateConnected {
					close(connected)
				}
			})
			picture := func(mime string) *webrtc.TrackLocalStaticRTP {
				track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}, "cam", "camera")
				if err != nil {
					t.Fatal(err)
				}
				return track
			}
			first, meant := picture(webrtc.MimeTypeVP8), picture(webrtc.MimeTypeH264)
			transceiver, err := peer.AddTransceiverFromTrack(first, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
			if err != nil {
				t.Fatal(err)
			}
			negotiate := func() {
				t.Helper()
				offer, err := peer.CreateOffer(nil)
				if err == nil {
					err = peer.SetLocalDescription(offer)
				}
				if err != nil {
					t.Fatal(err)
				}
				c.send(&pb.SignalRequest{Message: &pb.SignalRequest_Offer{Offer: &pb.SessionDescription{Type: "offer", Sdp: offer.SDP}}})
				answer := c.until(func(r *pb.SignalResponse) bool { return r.GetAnswer() != nil }).GetAnswer()
				if err := peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.Sdp}); err != nil {
					t.Fatal(err)
				}
			}
			c.send(&pb.SignalRequest{Message: &pb.SignalRequest_AddTrack{AddTrack: &pb.AddTrackRequest{Cid: "cam", Type: pb.TrackType_VIDEO, Source: pb.TrackSource_CAMERA}}})
			negotiate()
			<-connected
			// film sends pictures, of these packets each, until some have been sent or somebody has heard of the track.
			packet := rtp.Header{Version: 2}
			film := func(track *webrtc.TrackLocalStaticRTP, most int, payloads ...[]byte) (codec media.Codec) {
				t.Helper()
				for range most {
					packet.Timestamp += 1800
					for i, payload := range payloads {
						packet.SequenceNumber++
						packet.Marker = i == len(payloads)-1
						if err := track.WriteRTP(&rtp.Packet{Header: packet, Payload: payload}); err != nil {
							t.Fatal(err)
						}
					}
					select {
					case codec = <-heard:
						return codec
					case <-time.After(20 * time.Millisecond):
					}
				}
				return media.NoCodec
			}
			vp8 := append([]byte{0x10}, mediatest.VP8(true, 320, 180, 600)...)
			if !again {
				if codec := film(first, int(patience/(20*time.Millisecond)), vp8); codec != media.VP8 {
					t.Errorf("published in %v", codec)
				}
				return
			}
			if codec := film(first, 20, vp8); codec != media.NoCodec {
				t.Errorf("published in %v, which nobody meant", codec)
			}
			all := transceiver.Sender().GetParameters().Codecs
			i := slices.IndexFunc(all, func(c webrtc.RTPCodecParameters) bool { return c.MimeType == webrtc.MimeTypeH264 })
			if err := transceiver.SetCodecPreferences(all[i : i+1]); err != nil {
				t.Fatal(err)
			}
			negotiate()
			if err := transceiver.Sender().ReplaceTrack(meant); err != nil {
				t.Fatal(err)
			}
			if codec := film(meant, int(patience/(20*time.Millisecond)), mediatest.SPS(320, 180, 0), mediatest.PPS(), mediatest.H264(true, 600)[4:]); codec != media.H264 {
				t.Errorf("published in %v", codec)
			}
		})
	}
}
