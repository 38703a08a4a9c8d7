package rtcload

import (
	"context"
	"fmt"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/bench"
)

// fragment is how many bytes of a NAL unit go into one packet.
const fragment = 1150

// publisher sends one picture and one sound over WHIP, as a browser or OBS would.
type publisher struct {
	pc      *webrtc.PeerConnection
	picture *webrtc.TrackLocalStaticRTP
	sound   *webrtc.TrackLocalStaticRTP
	source  *bench.Picture

	videoSeq, audioSeq uint16
	videoTS, audioTS   uint32
}

func publish(ctx context.Context, address, room string, bitrate int) (*publisher, error) {
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	p := &publisher{pc: pc, source: bench.NewPicture(bitrate)}
	if err := p.open(ctx, address, room); err != nil {
		pc.Close()
		return nil, fmt.Errorf("publishing: %w", err)
	}
	return p, nil
}

func (p *publisher) open(ctx context.Context, address, room string) (err error) {
	h264 := webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: 90000,
		SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
	}
	if p.picture, err = webrtc.NewTrackLocalStaticRTP(h264, "picture", "bench"); err != nil {
		return err
	}
	opus := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	if p.sound, err = webrtc.NewTrackLocalStaticRTP(opus, "sound", "bench"); err != nil {
		return err
	}
	for _, t := range []webrtc.TrackLocal{p.sound, p.picture} {
		tr, err := p.pc.AddTransceiverFromTrack(t, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			return err
		}
		go func() {
			buf := make([]byte, 1500)
			for {
				if _, _, err := tr.Sender().Read(buf); err != nil {
					return
				}
			}
		}()
	}
	connected := make(chan struct{}, 1)
	p.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			select {
			case connected <- struct{}{}:
			default:
			}
		}
	})
	offer, err := p.pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(offer); err != nil {
		return err
	}
	<-gathered
	answer, _, err := post(ctx, "http://"+address+"/whip/"+room, p.pc.LocalDescription().SDP)
	if err != nil {
		return err
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return err
	}
	select {
	case <-connected:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run sends until ctx ends: 30 pictures and 50 pieces of sound a second.
func (p *publisher) run(ctx context.Context) {
	defer p.pc.Close()
	pictures := time.NewTicker(time.Second / bench.FPS)
	defer pictures.Stop()
	sounds := time.NewTicker(20 * time.Millisecond)
	defer sounds.Stop()
	silence := make([]byte, 160)
	silence[0] = 0xfc // a full-band stereo frame of 20 ms (RFC 6716, section 3.1)
	for {
		select {
		case <-ctx.Done():
			return
		case <-sounds.C:
			p.audioSeq++
			p.audioTS += 960
			_ = p.sound.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: p.audioSeq, Timestamp: p.audioTS}, Payload: silence})
		case now := <-pictures.C:
			p.videoTS += 90000 / bench.FPS
			p.send(now)
		}
	}
}

// send packs one picture: what is small in one aggregate, the slice in fragments of equal size (RFC 6184).
func (p *publisher) send(now time.Time) {
	nalus, keyframe := p.source.Next(now)
	sei, slice := nalus[0], nalus[1]
	aggregate := []byte{0x78}
	small := [][]byte{sei}
	if keyframe {
		small = [][]byte{sei, bench.SPS, bench.PPS}
	}
	for _, n := range small {
		aggregate = append(aggregate, byte(len(n)>>8), byte(len(n)))
		aggregate = append(aggregate, n...)
	}
	p.write(aggregate, false)
	header, body := slice[0], slice[1:]
	count := (len(body) + fragment - 1) / fragment
	size := (len(body) + count - 1) / count
	for i := range count {
		piece := body[i*size : min((i+1)*size, len(body))]
		fu := header & 0x1f
		if i == 0 {
			fu |= 0x80
		}
		if i == count-1 {
			fu |= 0x40
		}
		p.write(append([]byte{header&0xe0 | 28, fu}, piece...), i == count-1)
	}
}

func (p *publisher) write(payload []byte, marker bool) {
	p.videoSeq++
	_ = p.picture.WriteRTP(&rtp.Packet{
		Header:  rtp.Header{Version: 2, SequenceNumber: p.videoSeq, Timestamp: p.videoTS, Marker: marker},
		Payload: payload,
	})
}
