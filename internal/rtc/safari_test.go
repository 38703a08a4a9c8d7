package rtc

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/sdp"
)

// safari is the shape of the offers that one version of Safari makes; the values are made up.
type safari struct {
	groupLast bool     // a=group comes behind msid-semantic
	mids      []string // of sound, picture and data
	audio     string   // payload types and their lines
	video     string
	simulcast []string // rids in the order in which they are announced
	mdns      bool
}

// Sections that differ from version to version.
const (
	safariAudio12 = "111 103 9 102 0 8 105 13 110 113 126\r\n" +
		"a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n" +
		"a=rtpmap:103 ISAC/16000\r\na=rtpmap:9 G722/8000\r\na=rtpmap:102 ILBC/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n" +
		"a=rtpmap:105 CN/16000\r\na=rtpmap:13 CN/8000\r\na=rtpmap:110 telephone-event/48000\r\na=rtpmap:113 telephone-event/16000\r\na=rtpmap:126 telephone-event/8000\r\n"
	safariAudio17 = "111 63 9 0 8 13 110 126\r\n" +
		"a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n" +
		"a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n" +
		"a=rtpmap:13 CN/8000\r\na=rtpmap:110 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\n"
)

// safariVideo writes payload types, each followed by its RTX where there is one.
func safariVideo(formats ...string) string {
	var list, lines strings.Builder
	for _, f := range formats {
		pt, rest, _ := strings.Cut(f, " ")
		name, parameters, _ := strings.Cut(rest, " ")
		fmt.Fprintf(&list, " %s", pt)
		fmt.Fprintf(&lines, "a=rtpmap:%s %s/90000\r\n", pt, name)
		if parameters != "" {
			fmt.Fprintf(&lines, "a=fmtp:%s %s\r\n", pt, parameters)
		}
		if name == "rtx" || name == "red" || name == "ulpfec" {
			continue
		}
		for _, fb := range []string{"goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"} {
			fmt.Fprintf(&lines, "a=rtcp-fb:%s %s\r\n", pt, fb)
		}
	}
	return list.String()[1:] + "\r\n" + lines.String()
}

const h264Split = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id="

var (
	safariVideo12 = safariVideo("96 H264 "+h264Split+"640c1f", "97 rtx apt=96", "98 H264 "+h264Split+"42e01f", "99 rtx apt=98",
		"100 VP8", "101 rtx apt=100", "127 red", "125 rtx apt=127", "104 ulpfec")
	// Before it had RTX, and as apps on old iOS still have it.
	safariVideo11 = safariVideo("96 H264 "+h264Split+"640c1f", "98 H264 "+h264Split+"42e01f")
	safariVideo17 = safariVideo("96 H264 "+h264Split+"640c1f", "97 rtx apt=96", "98 H264 "+h264Split+"42e01f", "99 rtx apt=98",
		"100 H264 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=640c1f", "101 rtx apt=100",
		"102 H264 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f", "103 rtx apt=102",
		"104 H265", "105 rtx apt=104", "106 VP8", "107 rtx apt=106", "108 VP9 profile-id=0", "109 rtx apt=108",
		"127 VP9 profile-id=2", "125 rtx apt=127", "112 red", "113 rtx apt=112", "114 ulpfec")
	// With AV1, on machines that decode it.
	safariVideo18 = safariVideo("96 H264 "+h264Split+"640c1f", "97 rtx apt=96", "98 H264 "+h264Split+"42e01f", "99 rtx apt=98",
		"35 H265 level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST", "36 rtx apt=35", "100 VP8", "101 rtx apt=100",
		"45 AV1 level-idx=5;profile=0;tier=0", "46 rtx apt=45", "103 VP9 profile-id=0", "104 rtx apt=103", "123 red", "124 rtx apt=123", "125 ulpfec")
)

func (s safari) offer() string {
	var b strings.Builder
	group := "a=group:BUNDLE " + strings.Join(s.mids, " ") + "\r\n"
	b.WriteString("v=0\r\no=- 4611732988457732117 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n")
	if !s.groupLast {
		b.WriteString(group)
	}
	b.WriteString("a=extmap-allow-mixed\r\na=msid-semantic: WMS 0d8f9e1a-0000-4000-8000-4f2c1b7a9d10\r\n")
	if s.groupLast {
		b.WriteString(group)
	}
	transport := func(mid string) {
		b.WriteString("a=ice-ufrag:s/fI\r\na=ice-pwd:Lm3nOpQrStUvWxYz01234567\r\na=ice-options:trickle\r\n" +
			"a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F\r\na=setup:actpass\r\na=mid:" + mid + "\r\n")
	}
	kinds, payloads := []string{"audio", "video"}, []string{s.audio, s.video}
	for i, kind := range kinds {
		list, lines, _ := strings.Cut(payloads[i], "\r\n")
		fmt.Fprintf(&b, "m=%s 9 UDP/TLS/RTP/SAVPF %s\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n", kind, list)
		if s.mdns {
			b.WriteString("a=candidate:1980533554 1 udp 2113937151 6f1c9a52-0000-4000-8000-31d7c0a4e2b9.local 53171 typ host generation 0 network-cost 999\r\n")
		}
		transport(s.mids[i])
		if kind == "audio" {
			b.WriteString("a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n")
		} else {
			b.WriteString("a=extmap:14 urn:ietf:params:rtp-hdrext:toffset\r\na=extmap:13 urn:3gpp:video-orientation\r\n" +
				"a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\na=extmap:9 http://www.webrtc.org/experiments/rtp-hdrext/color-space\r\n" +
				"a=extmap:8 http://tools.ietf.org/html/draft-ietf-avtext-framemarking-07\r\n" +
				"a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n")
		}
		b.WriteString("a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n" +
			"a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n")
		fmt.Fprintf(&b, "a=sendonly\r\na=msid:0d8f9e1a-0000-4000-8000-4f2c1b7a9d10 %s-track\r\na=rtcp-mux\r\na=rtcp-rsize\r\n%s", kind, lines)
		if kind == "video" && len(s.simulcast) > 0 {
			for _, rid := range s.simulcast {
				fmt.Fprintf(&b, "a=rid:%s send\r\n", rid)
			}
			fmt.Fprintf(&b, "a=simulcast:send %s\r\n", strings.Join(s.simulcast, ";"))
			continue
		}
		fmt.Fprintf(&b, "a=ssrc:%d cname:RvmO6yqFvN4Hc1pB\r\na=ssrc:%[1]d msid:0d8f9e1a-0000-4000-8000-4f2c1b7a9d10 %[2]s-track\r\n", 1000+i, kind)
	}
	b.WriteString("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n")
	transport(s.mids[2])
	b.WriteString("a=sctp-port:5000\r\na=max-message-size:262144\r\n")
	return b.String()
}

func TestSafariOffers(t *testing.T) {
	numbers := []string{"0", "1", "2"}
	all := []media.Codec{media.Opus, media.H264, media.VP8, media.VP9, media.AV1}
	for name, tt := range map[string]struct {
		shape  safari
		codecs []media.Codec
		audio  []uint8
		video  []uint8
	}{
		"iOS 11, no RTX": {safari{mids: []string{"audio", "video", "data"}, audio: safariAudio12, video: safariVideo11}, all,
			[]uint8{111}, []uint8{96, 98}},
		"12": {safari{mids: []string{"audio", "video", "data"}, audio: safariAudio12, video: safariVideo12}, all,
			[]uint8{111}, []uint8{96, 97, 98, 99, 100, 101}},
		"17, mDNS": {safari{mids: numbers, audio: safariAudio17, video: safariVideo17, mdns: true}, all,
			[]uint8{63, 111}, []uint8{96, 97, 98, 99, 106, 107, 108, 109}},
		"17 where VP8 comes first": {safari{mids: numbers, audio: safariAudio17, video: safariVideo17}, []media.Codec{media.Opus, media.VP8, media.H264},
			[]uint8{63, 111}, []uint8{106, 107, 96, 97, 98, 99}},
		"18.6, group last, simulcast": {safari{groupLast: true, mids: numbers, audio: safariAudio17, video: safariVideo18, simulcast: []string{"q", "h", "f"}, mdns: true}, all,
			[]uint8{63, 111}, []uint8{96, 97, 98, 99, 100, 101, 103, 104, 45, 46}},
		"18.6, simulcast from large to small": {safari{groupLast: true, mids: numbers, audio: safariAudio17, video: safariVideo18, simulcast: []string{"f", "h", "q"}}, all,
			[]uint8{63, 111}, []uint8{96, 97, 98, 99, 100, 101, 103, 104, 45, 46}},
	} {
		t.Run(name, func(t *testing.T) {
			p := peerWith(t, testEndpoint(t), PeerConfig{Codecs: tt.codecs, DataChannels: true})
			d := answer(t, p, tt.shape.offer())
			if len(d.Sections) != 3 || !slices.Equal(d.Bundle, tt.shape.mids) {
				t.Fatalf("answered with %d sections, bundled %q", len(d.Sections), d.Bundle)
			}
			audio, video, data := &d.Sections[0], &d.Sections[1], &d.Sections[2]
			if got := types(audio); !slices.Equal(got, tt.audio) {
				t.Errorf("sound in %v, want %v", got, tt.audio)
			}
			if got := types(video); !slices.Equal(got, tt.video) {
				t.Errorf("picture in %v, want %v", got, tt.video)
			}
			for _, s := range []*sdp.Section{audio, video} {
				if s.Direction != sdp.RecvOnly || s.Setup != sdp.Passive || !s.RTCPMux || !s.RTCPRsize {
					t.Errorf("%s is answered with %+v", s.Kind, s)
				}
			}
			if !slices.Equal(video.RecvRIDs, tt.shape.simulcast) {
				t.Errorf("layers %q, want %q", video.RecvRIDs, tt.shape.simulcast)
			}
			for _, e := range video.Extensions { // those that we take keep the numbers that Safari gave them
				if !strings.Contains(tt.shape.offer(), fmt.Sprintf("a=extmap:%d %s\r\n", e.ID, e.URI)) {
					t.Errorf("extension %d is %s", e.ID, e.URI)
				}
			}
			for i := range video.Formats {
				if f := &video.Formats[i]; codecOf(f) != media.NoCodec && (!f.HasFeedback("nack pli") || !f.HasFeedback("transport-cc")) {
					t.Errorf("%s has the feedback %q", f.Name, f.Feedback)
				}
			}
			if data.SCTPPort != 5000 || data.Port == 0 {
				t.Errorf("data is answered with %+v", data)
			}
		})
	}
}

// What Safari receives, it takes in the profile that the publisher codes in.
func TestSafariReceivesH264(t *testing.T) {
	for name, tt := range map[string]struct {
		video   string
		profile byte
		want    uint8
	}{
		"baseline":    {safariVideo17, 66, 98},
		"high":        {safariVideo17, 100, 96},
		"without RTX": {safariVideo11, 66, 98},
		"main":        {safariVideo12, 77, 98},
	} {
		t.Run(name, func(t *testing.T) {
			offer := safari{mids: []string{"0", "1", "2"}, audio: safariAudio17, video: tt.video}.offer()
			d, err := sdp.Parse(offer)
			if err != nil {
				t.Fatal(err)
			}
			f := chooseFormat(d.Sections[1].Formats, media.H264, &media.Format{SPS: []byte{0x67, tt.profile, 0, 31}})
			if f == nil || f.PayloadType != tt.want {
				t.Errorf("chosen: %+v, want %d", f, tt.want)
			}
		})
	}
}
