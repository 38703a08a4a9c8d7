package push

import (
	"fmt"

	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/media"
)

// What is offered: H.264 of any profile that is sent in several packets, and Opus.
var (
	h264 = webrtc.RTPCodecParameters{PayloadType: 102, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
		RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}},
	}}
	opus = webrtc.RTPCodecParameters{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
	}}
)

// whipAPI makes connections that answer what is lost, and tell the time by sender reports.
func whipAPI(settings webrtc.SettingEngine) (*webrtc.API, error) {
	codecs, around := &webrtc.MediaEngine{}, &interceptor.Registry{}
	for _, step := range []func() error{
		func() error { return codecs.RegisterCodec(h264, webrtc.RTPCodecTypeVideo) },
		func() error { return codecs.RegisterCodec(opus, webrtc.RTPCodecTypeAudio) },
		func() error { return webrtc.ConfigureNack(codecs, around) },
		func() error { return webrtc.ConfigureRTCPReports(around) },
		func() error { return webrtc.ConfigureTWCCHeaderExtensionSender(codecs, around) },
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("making a WebRTC client: %w", err)
		}
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(codecs), webrtc.WithInterceptorRegistry(around)), nil
}

// quiet has the library log nothing: its lines hold addresses, and what matters comes as errors.
func quiet(settings *webrtc.SettingEngine) {
	silent := logging.NewDefaultLoggerFactory()
	silent.DefaultLogLevel, silent.ScopeLevels = logging.LogLevelDisabled, map[string]logging.LogLevel{}
	settings.LoggerFactory = silent
}

func rtpOf(p *media.Packet, seq uint16) *rtp.Packet {
	return &rtp.Packet{Header: rtp.Header{Version: 2, Marker: p.Marker, SequenceNumber: seq, Timestamp: p.Timestamp}, Payload: p.Payload}
}

// hear reads what is reported of the picture until the connection ends, and passes on wishes for keyframes.
func (c *whipClient) hear(keyframe func()) {
	for {
		packets, _, err := c.sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			switch p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				keyframe()
			}
		}
	}
}

// drain reads what is reported, which the library acts on as it is read.
func drain(s *webrtc.RTPSender) {
	for b := make([]byte, 1500); ; {
		if _, _, err := s.Read(b); err != nil {
			return
		}
	}
}
