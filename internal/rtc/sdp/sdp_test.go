package sdp

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// head is the session part of a description, up to the first section.
const head = "v=0\r\no=- 5054 7 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"

func TestParseChromiumOffer(t *testing.T) {
	d, err := Parse(head + "a=group:BUNDLE 0 1 2\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS stream\r\n" +
		"m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:uuuu\r\na=ice-pwd:pppppppppppppppppppppppp\r\n" +
		"a=ice-options:trickle\r\na=fingerprint:sha-256 0a:0B\r\na=setup:actpass\r\na=mid:0\r\n" +
		"a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:4/sendonly urn:ietf:params:rtp-hdrext:sdes:mid\r\n" +
		"a=sendrecv\r\na=msid:stream microphone\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n" +
		"a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:9 G722/8000\r\na=ssrc:42 cname:c\r\na=ssrc:42 msid:stream microphone\r\n" +
		"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:uuuu\r\na=ice-pwd:pppppppppppppppppppppppp\r\na=fingerprint:sha-256 0a:0B\r\na=setup:actpass\r\na=mid:1\r\n" +
		"a=sendonly\r\na=msid:- camera\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:* ccm fir\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" +
		"a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\na=ssrc-group:FID 7 8\r\na=ssrc:7 cname:c\r\na=ssrc:8 cname:c\r\n" +
		"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if d.SessionID != 5054 || d.Version != 7 || !d.Bundled || !reflect.DeepEqual(d.Bundle, []string{"0", "1", "2"}) || len(d.Sections) != 3 {
		t.Fatalf("description is %+v", d)
	}
	a, v, data := &d.Sections[0], &d.Sections[1], &d.Sections[2]
	if a.Kind != "audio" || a.Mid != "0" || a.Direction != SendRecv || a.Ufrag != "uuuu" || a.Setup != ActPass || a.StreamID != "stream" || a.TrackID != "microphone" || !a.RTCPMux {
		t.Errorf("audio is %+v", a)
	}
	if !reflect.DeepEqual(a.Fingerprints, []Fingerprint{{"sha-256", "0A:0B"}}) {
		t.Errorf("fingerprints are %v", a.Fingerprints)
	}
	if want := (Format{PayloadType: 111, Name: "opus", ClockRate: 48000, Channels: 2, Parameters: "minptime=10;useinbandfec=1", Feedback: []string{"transport-cc"}}); !reflect.DeepEqual(a.Formats[0], want) {
		t.Errorf("opus is %+v", a.Formats[0])
	}
	if want := []Extension{{1, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"}, {4, "urn:ietf:params:rtp-hdrext:sdes:mid"}}; !reflect.DeepEqual(a.Extensions, want) {
		t.Errorf("extensions are %v", a.Extensions)
	}
	if !reflect.DeepEqual(v.SendRIDs, []string{"q", "h", "f"}) || !reflect.DeepEqual(v.Sources, []Source{{7, 0}, {8, 7}}) || v.Direction != SendOnly {
		t.Errorf("video is %+v", v)
	}
	if !v.Formats[0].HasFeedback("nack") || !v.Formats[0].HasFeedback("ccm fir") || v.Formats[0].HasFeedback("nack pli") {
		t.Errorf("feedback is %q", v.Formats[0].Feedback)
	}
	if apt, ok := v.Formats[1].Parameter("APT"); !ok || apt != "96" {
		t.Errorf("apt is %q", apt)
	}
	if data.SCTPPort != 5000 || data.MaxMessageSize != 262144 || data.Kind != "application" {
		t.Errorf("data is %+v", data)
	}
	if d.Section("1") != v || d.Section("x") != nil {
		t.Error("sections are not found by mid")
	}
}

func TestSessionLevelTransportIsInherited(t *testing.T) {
	d, err := Parse(head + "a=ice-lite\r\na=ice-ufrag:s\r\na=ice-pwd:p\r\na=fingerprint:sha-256 AA\r\na=setup:passive\r\na=recvonly\r\n" +
		"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\na=ice-ufrag:x\r\na=ice-pwd:y\r\na=setup:active\r\na=sendonly\r\n")
	if err != nil {
		t.Fatal(err)
	}
	one, two := d.Sections[0], d.Sections[1]
	if !d.ICELite || one.Ufrag != "s" || one.Setup != Passive || one.Direction != RecvOnly || len(one.Fingerprints) != 1 {
		t.Errorf("first is %+v", one)
	}
	if two.Ufrag != "x" || two.Pwd != "y" || two.Setup != Active || two.Direction != SendOnly {
		t.Errorf("second is %+v", two)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":              "",
		"no SDP":               "hello",
		"too long":             head + strings.Repeat("a=x\r\n", MaxSize/5),
		"too many sections":    head + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", MaxSections+2),
		"payload type 128":     head + "m=audio 9 UDP/TLS/RTP/SAVPF 128\r\n",
		"payload type of text": head + "m=video 9 UDP/TLS/RTP/SAVPF x\r\n",
		"mid twice":            head + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n",
		"mid with a space":     head + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0 1\r\n",
		"long ufrag":           head + "a=ice-ufrag:" + strings.Repeat("x", 300) + "\r\n",
		"bare carriage return": head + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\ra=x\r\n",
		"bare fingerprint":     head + "a=fingerprint:AA\r\n",
	} {
		if _, err := Parse(text); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseBounds(t *testing.T) {
	var b strings.Builder
	b.WriteString(head + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=rtpmap:96 VP8/90000\r\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "a=ssrc:%d cname:c\r\na=rid:r%d send\r\na=rtcp-fb:96 x%d\r\na=extmap:1 uri:%d\r\na=ssrc-group:FID %d %d\r\n", i, i, i, i, 2*i, 2*i+1)
	}
	d, err := Parse(b.String())
	if err != nil {
		t.Fatal(err)
	}
	s := d.Sections[0]
	if len(s.Sources) > maxSources || len(s.SendRIDs) > maxRIDs || len(s.Formats[0].Feedback) > 16 || len(s.Extensions) > maxFormats {
		t.Errorf("%d sources, %d rids, %d kinds of feedback, %d extensions", len(s.Sources), len(s.SendRIDs), len(s.Formats[0].Feedback), len(s.Extensions))
	}
}

// Feedback that is said again, for one format or for all, is known already.
func TestFeedbackIsListedOnce(t *testing.T) {
	d, err := Parse(head + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\n" +
		strings.Repeat("a=rtcp-fb:* nack\r\na=rtcp-fb:96 nack \r\n", 20) + "a=rtcp-fb:96 transport-cc\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := d.Sections[0].Formats[0].Feedback, []string{"nack pli", "nack", "transport-cc"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// full is a description with everything that can be written.
func full() *Description {
	transport := Transport{Ufrag: "u", Pwd: "p", Fingerprints: []Fingerprint{{"sha-256", "AA:BB"}}, Setup: Passive}
	return &Description{
		SessionID: 1, Version: 2, Bundled: true, Bundle: []string{"a", "b"}, ICELite: true,
		Sections: []Section{
			{
				Kind: "video", Port: 9, Protocol: "UDP/TLS/RTP/SAVPF", Mid: "a", Direction: SendRecv, Transport: transport,
				Formats: []Format{
					{PayloadType: 96, Name: "VP8", ClockRate: 90000, Channels: 1, Feedback: []string{"nack", "nack pli"}},
					{PayloadType: 97, Name: "rtx", ClockRate: 90000, Channels: 1, Parameters: "apt=96"},
				},
				Extensions: []Extension{{1, "urn:x"}}, RTCPMux: true, RTCPRsize: true, StreamID: "s", TrackID: "t",
				RecvRIDs: []string{"q", "h"}, Sources: []Source{{1, 0}, {2, 1}}, CNAME: "c",
			},
			{Kind: "audio", Protocol: "UDP/TLS/RTP/SAVPF", Mid: "r", Direction: Inactive, Formats: []Format{{PayloadType: 0}}},
			{Kind: "application", Port: 9, Protocol: "UDP/DTLS/SCTP", Mid: "b", Direction: SendRecv, Transport: transport, SCTPPort: 5000, MaxMessageSize: 1000},
		},
	}
}

func TestWriteReadsBack(t *testing.T) {
	want := full()
	got, err := Parse(want.String())
	if err != nil {
		t.Fatalf("%v\n%s", err, want)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v\n%s", got, want, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(full().String())
	f.Add(head + "m=audio 9 UDP/TLS/RTP/SAVPF 0 1 2\r\na=rtpmap:0\r\na=fmtp:1\r\na=rtcp-fb:*\r\na=extmap:\r\na=ssrc:\r\na=ssrc-group:FID 1 1\r\na=rid:\r\na=msid:\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse(text)
		if err != nil {
			return
		}
		if _, err := Parse(d.String()); err != nil && len(d.String()) <= MaxSize && wellNamed(d) {
			t.Errorf("what was written cannot be read: %v\n%s", err, d)
		}
	})
}

// wellNamed tells that a remote's own words for kind and protocol are such that pion/sdp would read them again.
func wellNamed(d *Description) bool {
	for _, s := range d.Sections {
		if s.Kind != "audio" && s.Kind != "video" && s.Kind != "application" {
			return false
		}
		for _, f := range s.Formats {
			if f.ClockRate == 0 || f.Name == "" {
				return false
			}
		}
	}
	return true
}
