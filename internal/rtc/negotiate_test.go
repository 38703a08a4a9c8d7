package rtc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/sdp"
)

const offerHead = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\n" +
	"a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F\r\n"

// offer makes an offer of sections, bundled by their place.
func offer(sections ...string) string {
	var b strings.Builder
	b.WriteString(offerHead + "a=group:BUNDLE")
	for i := range sections {
		fmt.Fprintf(&b, " %d", i)
	}
	b.WriteString("\r\n")
	for i, s := range sections {
		fmt.Fprintf(&b, "%sa=mid:%d\r\na=rtcp-mux\r\n", s, i)
	}
	return b.String()
}

func audioSection(direction string) string {
	return "m=audio 9 UDP/TLS/RTP/SAVPF 109 8\r\na=" + direction + "\r\na=rtpmap:109 opus/48000/2\r\na=fmtp:109 minptime=10;useinbandfec=1;stereo=1\r\na=rtpmap:8 PCMA/8000\r\n" +
		"a=extmap:7 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:8 urn:example:unknown\r\n"
}

func videoSection(direction string) string {
	return "m=video 9 UDP/TLS/RTP/SAVPF 120 121 126 127 100 101 97 98 110 35\r\na=" + direction + "\r\n" +
		"a=rtpmap:120 VP8/90000\r\na=rtpmap:121 rtx/90000\r\na=fmtp:121 apt=120\r\n" +
		"a=rtpmap:126 H264/90000\r\na=fmtp:126 profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1\r\na=rtpmap:127 rtx/90000\r\na=fmtp:127 apt=126\r\n" +
		"a=rtpmap:100 H264/90000\r\na=fmtp:100 profile-level-id=64001f;packetization-mode=1\r\na=rtpmap:101 rtx/90000\r\na=fmtp:101 apt=100\r\n" +
		"a=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f;packetization-mode=0\r\n" +
		"a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=2\r\na=rtpmap:110 ulpfec/90000\r\na=rtpmap:35 AV1/90000\r\n" +
		"a=rtcp-fb:120 nack\r\na=rtcp-fb:120 nack pli\r\na=rtcp-fb:120 goog-remb\r\na=rtcp-fb:120 transport-cc\r\na=rtcp-fb:126 nack\r\na=rtcp-fb:120 unknown\r\n" +
		"a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n" +
		"a=extmap:5 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=extmap:6 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"
}

const dataSection = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n"

// answer applies an offer and reads the answer.
func answer(t testing.TB, p *Peer, offer string) *sdp.Description {
	t.Helper()
	if err := p.SetOffer(offer); err != nil {
		t.Fatal(err)
	}
	text, err := p.CreateAnswer()
	if err != nil {
		t.Fatal(err)
	}
	d, err := sdp.Parse(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return d
}

func types(s *sdp.Section) []uint8 {
	var out []uint8
	for _, f := range s.Formats {
		out = append(out, f.PayloadType)
	}
	return out
}

func peerWith(t testing.TB, e *Endpoint, cfg PeerConfig) *Peer {
	t.Helper()
	cfg.Handler = ignore{}
	p, err := e.NewPeer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func addOutbound(t testing.TB, p *Peer, codec media.Codec, format *media.Format) *Outbound {
	t.Helper()
	o, err := p.AddOutbound(OutboundConfig{Codec: codec, Format: format, StreamID: "s", TrackID: "t", Feedback: fuzzFeedback{}})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestAnswerToAPublisher(t *testing.T) {
	e := testEndpoint(t)
	p := peerWith(t, e, PeerConfig{})
	d := answer(t, p, offer(audioSection("sendonly"), videoSection("sendonly"), dataSection))
	if !d.ICELite || !slices.Equal(d.Bundle, []string{"0", "1", "2"}) {
		t.Errorf("session is %+v", d)
	}
	a, v, data := &d.Sections[0], &d.Sections[1], &d.Sections[2]
	if a.Direction != sdp.RecvOnly || a.Setup != sdp.Passive {
		t.Errorf("audio is %+v", a)
	}
	if !slices.Equal(types(a), []uint8{109}) || a.Formats[0].Parameters != "minptime=10;useinbandfec=1;stereo=1" {
		t.Errorf("audio formats are %+v", a.Formats)
	}
	if !slices.Equal(a.Extensions, []sdp.Extension{{ID: 7, URI: extensionURIs[extLevel]}}) {
		t.Errorf("audio extensions are %v", a.Extensions)
	}
	// In the remote's order; without mode 0 of H.264, a VP9 profile that we cannot carry, and FEC.
	if !slices.Equal(types(v), []uint8{120, 121, 126, 127, 100, 101, 35}) {
		t.Errorf("video formats are %v", types(v))
	}
	if fb := v.Formats[0].Feedback; !slices.Equal(fb, []string{"nack", "nack pli", "transport-cc"}) {
		t.Errorf("feedback is %q", fb)
	}
	if len(v.Extensions) != 3 {
		t.Errorf("video extensions are %v", v.Extensions)
	}
	if data.SCTPPort != 5000 || data.Port == 0 {
		t.Errorf("data is %+v", data)
	}
}

// Chromium never offers an extension again, in any section of the bundle, that one answer left out. The first answer to
// livekit-client is about sections that only receive; later ones send simulcast.
func TestAnswerTakesExtensionsBeforeTheyAreNeeded(t *testing.T) {
	e := testEndpoint(t)
	for _, direction := range []string{"recvonly", "inactive", "sendonly"} {
		p := peerWith(t, e, PeerConfig{})
		o := addOutbound(t, p, media.VP8, nil)
		d := answer(t, p, offer(videoSection(direction), audioSection(direction)))
		for x, section := range map[extension]int{extMid: 0, extRID: 0, extSequence: 0, extLevel: 1} {
			if !slices.ContainsFunc(d.Sections[section].Extensions, func(e sdp.Extension) bool { return e.URI == extensionURIs[x] }) {
				t.Errorf("%s: %s is not taken", direction, extensionURIs[x])
			}
		}
		if f := o.format.Load(); f != nil && f.sequence != 0 {
			t.Errorf("%s: packets are stamped although nobody estimates", direction)
		}
	}
}

func TestCandidatesAreSaidOnce(t *testing.T) {
	e := testEndpoint(t)
	p := peerWith(t, e, PeerConfig{})
	if err := p.SetOffer(offer(strings.Replace(audioSection("sendonly"), "m=audio 9", "m=audio 0", 1), videoSection("sendonly"), dataSection)); err != nil {
		t.Fatal(err)
	}
	text, err := p.CreateAnswer()
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("a=candidate:101 1 udp 2130680831 127.0.0.1 %d typ host\r\n", e.Port())
	if parts := strings.Split(text, "m="); strings.Count(text, "a=candidate") != 1 || !strings.Contains(parts[2], want) {
		t.Errorf("want %q in the first section that is not rejected:\n%s", want, text)
	}
}

func TestAnswerPrefersOurCodecs(t *testing.T) {
	e := testEndpoint(t)
	p := peerWith(t, e, PeerConfig{Codecs: []media.Codec{media.H264, media.VP8, media.Opus}})
	d := answer(t, p, offer(videoSection("sendonly")))
	if got := types(&d.Sections[0]); !slices.Equal(got, []uint8{126, 127, 100, 101, 120, 121}) {
		t.Errorf("formats are %v", got)
	}
	if in := p.Inbounds(); len(in) != 1 || !slices.Equal(in[0].Codecs, []media.Codec{media.H264, media.VP8}) {
		t.Errorf("inbounds are %+v", in[0])
	}
}

func TestAnswerPrefersWhatIsSaidOfASection(t *testing.T) {
	e := testEndpoint(t)
	p := peerWith(t, e, PeerConfig{
		Codecs: []media.Codec{media.H264, media.VP8, media.Opus},
		Prefer: func(_, trackID string) media.Codec {
			if trackID == "backup" {
				return media.VP8
			}
			return media.NoCodec
		},
	})
	d := answer(t, p, offer(videoSection("sendonly")+"a=msid:s first\r\n", videoSection("sendonly")+"a=msid:- backup\r\n"))
	for i, want := range []uint8{126, 120} {
		if got := types(&d.Sections[i]); got[0] != want {
			t.Errorf("formats of section %d are %v", i, got)
		}
	}
}

func TestOutboundFallsBackToAnotherCodec(t *testing.T) {
	e := testEndpoint(t)
	without := strings.NewReplacer("H264/90000", "H263/90000").Replace(videoSection("recvonly"))
	for name, section := range map[string]string{"none": without, "all": videoSection("recvonly")} {
		t.Run(name, func(t *testing.T) {
			p := peerWith(t, e, PeerConfig{})
			o, err := p.AddOutbound(OutboundConfig{
				Codec: media.H264, Fallbacks: []media.Codec{media.H265, media.VP8}, StreamID: "s", TrackID: "t", Feedback: fuzzFeedback{},
			})
			if err != nil {
				t.Fatal(err)
			}
			d := answer(t, p, offer(section))
			want := media.H264
			if name == "none" {
				want = media.VP8
			}
			if o.Codec() != want || d.Sections[0].Direction != sdp.SendOnly {
				t.Errorf("sends %v in a section that is %v", o.Codec(), d.Sections[0].Direction)
			}
		})
	}
}

// TestOutboundIsRefused where the remote has a free section for it and none of its codecs there; where it has none, another one may come.
func TestOutboundIsRefused(t *testing.T) {
	e := testEndpoint(t)
	without := strings.NewReplacer("H264/90000", "H263/90000").Replace
	for name, c := range map[string]struct {
		sections []string
		refused  bool
		free     int // so many of the sections count as free for it
	}{
		"none":                     {nil, false, 0},
		"of the other kind":        {[]string{audioSection("recvonly")}, false, 0},
		"it may only send":         {[]string{without(videoSection("sendonly"))}, false, 0},
		"it sends too":             {[]string{without(videoSection("sendrecv"))}, false, 0},
		"it sends no more":         {[]string{videoSection("inactive")}, false, 0},
		"not carried":              {[]string{audioSection("recvonly"), strings.Replace(without(videoSection("recvonly")), "m=video 9", "m=video 0", 1)}, false, 0},
		"without the codec":        {[]string{without(videoSection("recvonly"))}, true, 1},
		"without any that we know": {[]string{"m=video 9 UDP/TLS/RTP/SAVPF 97\r\na=recvonly\r\na=rtpmap:97 H261/90000\r\n"}, true, 0},
		"both":                     {[]string{without(videoSection("recvonly")), videoSection("recvonly")}, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := peerWith(t, e, PeerConfig{})
			o := addOutbound(t, p, media.H264, nil)
			answer(t, p, offer(append([]string{dataSection}, c.sections...)...))
			if o.Refused() != c.refused {
				t.Errorf("refused: %v", o.Refused())
			}
			if _, video := p.Missing(); video != 1-c.free {
				t.Errorf("%d sections are missing", video)
			}
			answer(t, p, offer(append(append([]string{dataSection}, c.sections...), videoSection("recvonly"))...))
			if o.Refused() || o.Codec() != media.H264 {
				t.Errorf("refused: %v, sent in %v, though there is a place for it now", o.Refused(), o.Codec())
			}
		})
	}
}

func TestAnswerToASubscriber(t *testing.T) {
	e := testEndpoint(t)
	high := &media.Format{Codec: media.H264, SPS: []byte{0x67, 100, 0, 31}}
	tests := map[string]struct {
		codec  media.Codec
		format *media.Format
		want   []uint8
	}{
		"VP8":           {media.VP8, nil, []uint8{120, 121}},
		"H264":          {media.H264, nil, []uint8{126, 127}},
		"H264 high":     {media.H264, high, []uint8{100, 101}},
		"without RTX":   {media.AV1, nil, []uint8{35}},
		"not taken":     {media.H265, nil, nil},
		"not that kind": {media.Opus, nil, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := peerWith(t, e, PeerConfig{})
			o := addOutbound(t, p, test.codec, test.format)
			d := answer(t, p, offer(videoSection("recvonly")))
			s := &d.Sections[0]
			if test.want == nil {
				if s.Direction != sdp.Inactive || o.Codec() != media.NoCodec || o.Mid() != "" {
					t.Errorf("section is %+v", s)
				}
				return
			}
			if s.Direction != sdp.SendOnly || !slices.Equal(types(s), test.want) || o.Codec() != test.codec || o.Mid() != "0" {
				t.Errorf("section is %+v", s)
			}
			want := []sdp.Source{{SSRC: o.SSRC()}, {SSRC: o.rtx, Repairs: o.SSRC()}}[:min(len(test.want), 2)]
			if s.StreamID != "s" || s.TrackID != "t" || len(s.Sources) != len(want) || s.Sources[0].SSRC != o.SSRC() {
				t.Errorf("sources are %+v, want %+v", s.Sources, want)
			}
		})
	}
}

func TestAnswerRejects(t *testing.T) {
	e := testEndpoint(t)
	p := peerWith(t, e, PeerConfig{Codecs: []media.Codec{media.H265, media.Opus}})
	d := answer(t, p, offer("m=text 9 UDP/TLS/RTP/SAVPF 98\r\n", audioSection("sendrecv"), "m=audio 0 UDP/TLS/RTP/SAVPF 109\r\na=rtpmap:109 opus/48000/2\r\n",
		videoSection("sendonly"), "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"))
	for i, want := range []bool{true, false, true, true, true} {
		if rejected := d.Sections[i].Port == 0; rejected != want {
			t.Errorf("section %d is rejected: %v", i, rejected)
		}
	}
	if !slices.Equal(d.Bundle, []string{"1"}) {
		t.Errorf("bundle is %v", d.Bundle)
	}
	unbundled := strings.Replace(offer(audioSection("sendonly"), audioSection("sendonly")), "BUNDLE 0 1", "BUNDLE 0", 1)
	d = answer(t, peerWith(t, e, PeerConfig{}), unbundled)
	if d.Sections[0].Port == 0 || d.Sections[1].Port != 0 {
		t.Error("a section that is not bundled was taken")
	}
}

func TestImpossibleDescriptionsChangeNothing(t *testing.T) {
	e := testEndpoint(t)
	p := peerWith(t, e, PeerConfig{})
	answer(t, p, offer(audioSection("sendonly"), videoSection("sendonly")))
	before := p.Inbounds()
	other := strings.Replace(offerHead, "00:01:02", "FF:01:02", 1)
	for name, text := range map[string]string{
		"no SDP":              "v=0",
		"fewer sections":      offer(audioSection("sendonly")),
		"another kind":        offer(videoSection("sendonly"), videoSection("sendonly")),
		"another mid":         strings.Replace(offer(audioSection("sendonly"), videoSection("sendonly")), "a=mid:1", "a=mid:x", 1),
		"another certificate": strings.Replace(offer(audioSection("sendonly"), videoSection("sendonly")), offerHead, other, 1),
		"no credentials":      strings.Replace(offer(audioSection("sendonly"), videoSection("sendonly")), "a=ice-ufrag:abcd\r\n", "", 1),
		"a weak fingerprint":  strings.Replace(offer(audioSection("sendonly"), videoSection("sendonly")), "sha-256", "md5", 1),
	} {
		if err := p.SetOffer(text); err == nil {
			t.Errorf("%s was taken", name)
		}
		if _, err := p.CreateAnswer(); !errors.Is(err, ErrNoOffer) {
			t.Errorf("%s was answered: %v", name, err)
		}
	}
	if after := p.Inbounds(); !slices.Equal(after, before) {
		t.Errorf("inbounds were %v, are %v", before, after)
	}
	if err := p.SetAnswer(offer(audioSection("sendonly"), videoSection("sendonly"))); !errors.Is(err, ErrNoOffer) {
		t.Errorf("an answer without an offer: %v", err)
	}
}

func TestOffer(t *testing.T) {
	e := testEndpoint(t)
	p := peerWith(t, e, PeerConfig{DataChannels: true})
	stereo := &media.Format{Codec: media.Opus, Channels: 2}
	high := &media.Format{Codec: media.H264, SPS: []byte{0x67, 100, 0, 40}}
	sound, picture := addOutbound(t, p, media.Opus, stereo), addOutbound(t, p, media.H264, high)
	p.AddRecv(media.Video)
	text, err := p.CreateOffer()
	if err != nil {
		t.Fatal(err)
	}
	d, err := sdp.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	data, recv, a, v := &d.Sections[0], &d.Sections[1], &d.Sections[2], &d.Sections[3]
	if len(d.Sections) != 4 || data.Kind != "application" || data.Setup != sdp.ActPass || len(d.Bundle) != 4 {
		t.Fatalf("offer is\n%s", text)
	}
	if recv.Direction != sdp.RecvOnly || len(codecsOf(recv.Formats)) != 5 {
		t.Errorf("receiving section is %+v", recv)
	}
	if a.Direction != sdp.SendOnly || a.Mid != sound.Mid() || a.Formats[0].Parameters != "minptime=10;useinbandfec=1;sprop-stereo=1" || len(a.Formats) != 1 {
		t.Errorf("sound is %+v", a)
	}
	if v.Mid != picture.Mid() || len(v.Formats) != 4 || !strings.Contains(v.Formats[0].Parameters, "profile-level-id=640028") ||
		!strings.Contains(v.Formats[2].Parameters, "profile-level-id=42e028") || len(v.Sources) != 2 {
		t.Errorf("picture is %+v", v)
	}
	for i := range d.Sections { // one meaning for each payload type
		for _, f := range d.Sections[i].Formats {
			for _, g := range recv.Formats {
				if f.PayloadType == g.PayloadType && f.Name != g.Name {
					t.Errorf("payload type %d is %s and %s", f.PayloadType, f.Name, g.Name)
				}
			}
		}
	}
	if got := v.Formats[0].Feedback; !slices.Equal(got, []string{"ccm fir", "nack", "nack pli"}) {
		t.Errorf("feedback without an estimator is %q", got)
	}
}

// Each outbound has a section that none had before it, and the places of those that have gone are used again, once both sides agree that they
// have.
func TestOutboundsInFreshSections(t *testing.T) {
	e := testEndpoint(t)
	p := peerWith(t, e, PeerConfig{FreshSections: true})
	negotiate := func() *sdp.Description {
		t.Helper()
		text, d := makeOffer(t, p)
		setAnswer(t, p, accept(text))
		return d
	}
	stays := addOutbound(t, p, media.VP8, nil)
	used := map[string]bool{}
	for range 4 {
		o := addOutbound(t, p, media.VP8, nil)
		negotiate()
		if used[o.Mid()] || o.Codec() != media.VP8 {
			t.Errorf("section %q carries it in %v, after %v", o.Mid(), o.Codec(), used)
		}
		used[o.Mid()] = true
		p.RemoveOutbound(o)
		next := addOutbound(t, p, media.VP8, nil)
		if d := negotiate(); len(d.Sections) != 3 || d.Sections[1].Port != 0 || used[next.Mid()] {
			t.Errorf("in one offer with the end of another: %+v", d)
		}
		used[next.Mid()] = true
		p.RemoveOutbound(next)
		if d := negotiate(); len(d.Sections) != 3 || len(d.Bundle) != 1 {
			t.Errorf("with all but one gone: %+v", d)
		}
	}
	if stays.Mid() != "0" || stays.Codec() != media.VP8 {
		t.Errorf("what stays is in %q", stays.Mid())
	}
}

// The payload types and extension IDs that a remote has named first are used in our own offers, too.
func TestOfferKeepsTheRemotesNumbers(t *testing.T) {
	e := testEndpoint(t)
	p := peerWith(t, e, PeerConfig{})
	answer(t, p, offer(videoSection("sendonly")))
	addOutbound(t, p, media.VP8, nil)
	text, err := p.CreateOffer()
	if err != nil {
		t.Fatal(err)
	}
	d, err := sdp.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	v := &d.Sections[1]
	if !slices.Equal(types(v), []uint8{120, 121}) {
		t.Errorf("payload types are %v", types(v))
	}
	for x, id := range map[extension]uint8{extMid: 3, extSequence: 4, extRID: 5} {
		if want := (sdp.Extension{ID: id, URI: extensionURIs[x]}); !slices.Contains(v.Extensions, want) {
			t.Errorf("%v is not among %v", want, v.Extensions)
		}
	}
}

func TestRemoteOfferOvertakesOurs(t *testing.T) {
	e := testEndpoint(t)
	p := peerWith(t, e, PeerConfig{})
	o := addOutbound(t, p, media.VP8, nil)
	if _, err := p.CreateOffer(); err != nil {
		t.Fatal(err)
	}
	if o.Mid() == "" {
		t.Error("not placed in our offer")
	}
	d := answer(t, p, offer(videoSection("recvonly")))
	if o.Mid() != "0" || d.Sections[0].Direction != sdp.SendOnly {
		t.Errorf("placed in %q", o.Mid())
	}
	if err := p.SetAnswer(offer(videoSection("recvonly"))); !errors.Is(err, ErrNoOffer) {
		t.Errorf("our withdrawn offer was answered: %v", err)
	}
}

// reject is an answer to an offer that takes none of its media.
func reject(offer string) string {
	return strings.NewReplacer("m=video 9", "m=video 0", "m=audio 9", "m=audio 0", "a=sendonly", "a=recvonly", "a=setup:actpass", "a=setup:active").Replace(offer)
}

// accept is an answer to an offer that takes all.
func accept(offer string) string {
	return strings.NewReplacer("a=sendonly", "a=recvonly", "a=setup:actpass", "a=setup:active").Replace(offer)
}

// makeOffer gives an offer as it is, and what it says.
func makeOffer(t testing.TB, p *Peer) (text string, d *sdp.Description) {
	t.Helper()
	text, err := p.CreateOffer()
	if err != nil {
		t.Fatal(err)
	}
	if d, err = sdp.Parse(text); err != nil {
		t.Fatal(err)
	}
	return text, d
}

func setAnswer(t testing.TB, p *Peer, text string) {
	t.Helper()
	if err := p.SetAnswer(text); err != nil {
		t.Fatal(err)
	}
}

// TestRejectedOutboundWaits, and is offered again in the same place under another mid, however often: offers do not grow.
func TestRejectedOutboundWaits(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		p := peerWith(t, testEndpoint(t), PeerConfig{FreshSections: fresh})
		o := addOutbound(t, p, media.VP8, nil)
		used := map[string]bool{}
		for i := range 2 * sdp.MaxSections {
			text, d := makeOffer(t, p)
			if mid := o.Mid(); len(d.Sections) != 1 || d.Sections[0].Port == 0 || d.Sections[0].Mid != mid || used[mid] {
				t.Fatalf("offer %d, fresh %v: in %q of %+v", i, fresh, mid, d.Sections)
			}
			used[o.Mid()] = true
			setAnswer(t, p, reject(text))
			if _, video := p.Unplaced(); video != 1 || o.Mid() != "" || !o.Refused() {
				t.Errorf("%d unplaced, mid %q, refused %v", video, o.Mid(), o.Refused())
			}
		}
		text, _ := makeOffer(t, p)
		setAnswer(t, p, accept(text))
		if o.Codec() != media.VP8 || o.Refused() {
			t.Errorf("it is sent as %v, refused %v", o.Codec(), o.Refused())
		}
	}
}

// TestAFullConnectionTakesNoMore: as many outbounds as there are sections, of which data has one, and another once one has gone.
func TestAFullConnectionTakesNoMore(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		p := peerWith(t, testEndpoint(t), PeerConfig{FreshSections: fresh, DataChannels: true})
		add := func(codec media.Codec) (*Outbound, error) {
			return p.AddOutbound(OutboundConfig{Codec: codec, StreamID: "s", TrackID: "t", Feedback: fuzzFeedback{}})
		}
		negotiate := func() {
			t.Helper()
			text, d := makeOffer(t, p)
			if len(d.Sections) > sdp.MaxSections {
				t.Fatalf("%d sections", len(d.Sections))
			}
			setAnswer(t, p, accept(text))
		}
		full := func(when string) {
			t.Helper()
			used := len(p.negotiation.ssrcs)
			for i := range 100 {
				codec := []media.Codec{media.Opus, media.VP8}[i%2]
				if _, err := add(codec); !errors.Is(err, ErrFull) {
					t.Errorf("fresh %v, %s: another of %v gives %v", fresh, when, codec, err)
				}
			}
			if n := len(p.negotiation.ssrcs); n != used {
				t.Errorf("fresh %v, %s: what is refused takes %d SSRCs", fresh, when, n-used)
			}
			// To plan takes a section for each outbound.
			if n := testing.AllocsPerRun(10, func() { add(media.VP8) }); n > 50 {
				t.Errorf("fresh %v, %s: what is refused again makes %v allocations", fresh, when, n)
			}
		}
		var outs []*Outbound
		for i := range sdp.MaxSections - 1 {
			codec := media.VP8
			if i%2 == 0 {
				codec = media.Opus
			}
			o, err := add(codec)
			if err != nil {
				t.Fatalf("fresh %v, outbound %d: %v", fresh, i, err)
			}
			outs = append(outs, o)
			if i == 100 {
				negotiate()
			}
		}
		full("before it is negotiated")
		p.RemoveOutbound(outs[len(outs)-1])
		if _, err := add(media.VP8); err != nil {
			t.Errorf("fresh %v: in place of one that had no section: %v", fresh, err)
		}
		full("with another in place of that")
		negotiate()
		full("then")
		if audio, video := p.Unplaced(); audio+video > 0 {
			t.Errorf("%d and %d are not placed", audio, video)
		}
		p.RemoveOutbound(outs[7]) // a picture
		full("before its end is negotiated")
		text, _ := makeOffer(t, p)
		full("before its end is agreed on")
		setAnswer(t, p, accept(text))
		if _, err := add(media.VP8); err != nil {
			t.Errorf("fresh %v: after one has gone: %v", fresh, err)
		}
		negotiate()
		full("with that")
	}
}

// TestAnOfferThatWasNotAnsweredIsGoneOnFrom: the remote may have applied it, though its answer was lost.
func TestAnOfferThatWasNotAnsweredIsGoneOnFrom(t *testing.T) {
	for name, c := range map[string]struct{ fresh, recycled bool }{
		"new section": {false, false}, "fresh section": {true, false}, "place of a rejected one": {false, true}, "fresh section in the place of another": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := peerWith(t, testEndpoint(t), PeerConfig{FreshSections: c.fresh})
			stays := addOutbound(t, p, media.Opus, nil)
			if c.recycled {
				gone := addOutbound(t, p, media.VP8, nil)
				text, _ := makeOffer(t, p)
				setAnswer(t, p, strings.Replace(accept(text), "m=video 9", "m=video 0", 1))
				p.RemoveOutbound(gone)
			}
			text, _ := makeOffer(t, p)
			setAnswer(t, p, accept(text))

			lost := addOutbound(t, p, media.VP8, nil)
			p.AddRecv(media.Audio)
			_, first := makeOffer(t, p)
			was, mid := slices.IndexFunc(first.Sections, func(s sdp.Section) bool { return s.Mid == lost.Mid() }), lost.Mid()
			p.RestartICE()
			if _, again := makeOffer(t, p); len(again.Sections) != len(first.Sections) || lost.Mid() != mid || again.Sections[was].TrackID != first.Sections[was].TrackID {
				t.Errorf("the same is offered in %q of %+v, after %q of %+v", lost.Mid(), again.Sections, mid, first.Sections)
			}
			p.RemoveOutbound(lost)
			next := addOutbound(t, p, media.VP8, nil)
			_, second := makeOffer(t, p)
			if len(second.Sections) != len(first.Sections)+1 || second.Sections[was].Mid != mid || second.Sections[was].Direction != sdp.Inactive || second.Sections[was].Port == 0 || next.Mid() == mid {
				t.Errorf("another is in %q of %+v, where %q was sent in %+v", next.Mid(), second.Sections, mid, first.Sections)
			}
			p.RemoveOutbound(next) // nor is this one answered
			next = addOutbound(t, p, media.VP8, nil)
			text, third := makeOffer(t, p)
			if again := third.Sections[was]; again.Mid != mid || again.Direction != sdp.Inactive || again.Port == 0 || next.Mid() == mid {
				t.Errorf("yet another is in %q of %+v, where %q was sent in %+v", next.Mid(), third.Sections, mid, first.Sections)
			}
			setAnswer(t, p, accept(text))
			if stays.Codec() != media.Opus || next.Codec() != media.VP8 {
				t.Errorf("they are sent as %v and %v", stays.Codec(), next.Codec())
			}
			for range 3 { // what was in between is used again, and nothing grows any more
				p.RemoveOutbound(next)
				text, _ = makeOffer(t, p)
				setAnswer(t, p, accept(text))
				next = addOutbound(t, p, media.VP8, nil)
				text, last := makeOffer(t, p)
				setAnswer(t, p, accept(text))
				if len(last.Sections) != len(third.Sections) || next.Codec() != media.VP8 {
					t.Errorf("sent as %v, in %+v", next.Codec(), last.Sections)
				}
			}
		})
	}
}

func TestOutboundRefused(t *testing.T) {
	e := testEndpoint(t)
	p := peerWith(t, e, PeerConfig{})
	for name, cfg := range map[string]OutboundConfig{
		"AAC":             {Codec: media.AAC, Feedback: fuzzFeedback{}},
		"nobody listens":  {Codec: media.VP8},
		"a line of SDP":   {Codec: media.VP8, Feedback: fuzzFeedback{}, TrackID: "x\r\na=y"},
		"space in the id": {Codec: media.VP8, Feedback: fuzzFeedback{}, StreamID: "a b"},
	} {
		if _, err := p.AddOutbound(cfg); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func FuzzNegotiate(f *testing.F) {
	f.Add(exampleOffer)
	f.Add(offer(audioSection("sendrecv"), videoSection("recvonly"), dataSection))
	f.Add(strings.Replace(offer(videoSection("recvonly")), "m=video 9", "m=video 0", 1))
	f.Add(offer("m=text 9 UDP/TLS/RTP/SAVPF 98\r\n", "m=audio 9 UDP/TLS/RTP/SAVPF\r\n"))
	e := idleEndpoint(f)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := e.NewPeer(PeerConfig{Handler: ignore{}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			clear(e.peers)
			clear(e.logins)
			e.shards[0].reader.posted = nil
		}()
		for _, codec := range []media.Codec{media.Opus, media.VP8} {
			if _, err := p.AddOutbound(OutboundConfig{Codec: codec, StreamID: "s", TrackID: "t", Feedback: fuzzFeedback{}}); err != nil {
				t.Fatal(err)
			}
		}
		p.AddRecv(media.Video)
		if _, err := p.CreateOffer(); err != nil {
			t.Fatal(err)
		}
		_ = p.SetAnswer(text)
		if p.SetOffer(text) == nil {
			if _, err := p.CreateAnswer(); err != nil {
				t.Fatal(err)
			}
			if err := p.SetOffer(text); err != nil {
				t.Fatalf("refused the second time: %v", err)
			}
			if _, err := p.CreateAnswer(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.CreateOffer(); err != nil {
			t.Fatal(err)
		}
	})
}
