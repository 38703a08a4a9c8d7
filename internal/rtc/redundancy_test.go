package rtc

import (
	"slices"
	"strings"
	"testing"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/sdp"
)

// redundantSection offers Opus and redundancy as Chromium does, in its order.
func redundantSection(direction, blocks string) string {
	return "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9\r\na=" + direction + "\r\na=msid:s t\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n" +
		"a=rtcp-fb:111 nack\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 " + blocks + "\r\na=rtpmap:9 G722/8000\r\n"
}

func TestRedundancyIsPreferredWhereTheRemoteSends(t *testing.T) {
	tests := map[string]struct {
		section string
		refuse  bool
		want    []uint8
	}{
		"offered":            {redundantSection("sendonly", "111/111"), false, []uint8{63, 111}},
		"more blocks":        {redundantSection("sendonly", "111/111/111"), false, []uint8{63, 111}},
		"refused":            {redundantSection("sendonly", "111/111"), true, []uint8{111}},
		"of another codec":   {redundantSection("sendonly", "9/9"), false, []uint8{111}},
		"of mixed codecs":    {redundantSection("sendonly", "111/9"), false, []uint8{111}},
		"of nothing":         {redundantSection("sendonly", ""), false, []uint8{111}},
		"in another rate":    {strings.Replace(redundantSection("sendonly", "111/111"), "red/48000/2", "red/8000", 1), false, []uint8{111}},
		"where nobody sends": {redundantSection("recvonly", "111/111"), false, []uint8{111}},
	}
	e := testEndpoint(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := peerWith(t, e, PeerConfig{RefuseRED: func(_, trackID string) bool { return tt.refuse && trackID == "t" }})
			d := answer(t, p, offer(tt.section))
			if got := types(&d.Sections[0]); !slices.Equal(got, tt.want) {
				t.Errorf("answered %v, want %v", got, tt.want)
			}
			received := slices.ContainsFunc(p.negotiation.sections[0].received, func(f receiveFormat) bool {
				return f.pt == 63 && f.red && f.blocks == 111 && f.codec == media.Opus
			})
			if received != (tt.want[0] == 63) {
				t.Errorf("received: %+v", p.negotiation.sections[0].received)
			}
		})
	}
}

func TestRedundancyGoesToThoseWhoTakeIt(t *testing.T) {
	e := testEndpoint(t)
	for name, tt := range map[string]struct {
		section string
		red     bool
		want    []uint8
	}{
		"taken":           {redundantSection("recvonly", "111/111"), true, []uint8{63, 111}},
		"not for us":      {redundantSection("recvonly", "111/111"), false, []uint8{111}},
		"not for them":    {audioSection("recvonly"), true, []uint8{109}},
		"of another type": {redundantSection("recvonly", "9/9"), true, []uint8{111}},
	} {
		t.Run(name, func(t *testing.T) {
			p := peerWith(t, e, PeerConfig{})
			o, err := p.AddOutbound(OutboundConfig{Codec: media.Opus, RED: tt.red, StreamID: "s", TrackID: "t", Feedback: fuzzFeedback{}})
			if err != nil {
				t.Fatal(err)
			}
			d := answer(t, p, offer(tt.section))
			if got := types(&d.Sections[0]); !slices.Equal(got, tt.want) {
				t.Errorf("answered %v, want %v", got, tt.want)
			}
			if d.Sections[0].Formats[len(tt.want)-1].HasFeedback("nack") {
				t.Error("asks for requests that cannot be answered")
			}
			if blocks, red := o.RED(); red != (tt.want[0] == 63) || red && blocks != 111 {
				t.Errorf("sends redundancy: %v, of type %d", red, blocks)
			}
		})
	}
}

func TestOfferOfRedundancy(t *testing.T) {
	e := testEndpoint(t)
	for name, tt := range map[string]struct {
		answer string
		red    bool
	}{
		"taken":   {redundantSection("recvonly", "111/111"), true},
		"refused": {strings.Replace(redundantSection("recvonly", "111/111"), "red/", "other/", 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			p := peerWith(t, e, PeerConfig{})
			o, err := p.AddOutbound(OutboundConfig{Codec: media.Opus, RED: true, StreamID: "s", TrackID: "t", Feedback: fuzzFeedback{}})
			if err != nil {
				t.Fatal(err)
			}
			text, err := p.CreateOffer()
			if err != nil {
				t.Fatal(err)
			}
			d, err := sdp.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if f := d.Sections[0].Formats; len(f) != 2 || f[1].PayloadType != 63 || f[1].Name != "red" || f[1].Channels != 2 || f[1].Parameters != "111/111" {
				t.Errorf("offered %+v", f)
			}
			if err := p.SetAnswer(offer(tt.answer)); err != nil {
				t.Fatal(err)
			}
			if _, red := o.RED(); red != tt.red {
				t.Errorf("sends redundancy: %v", red)
			}
		})
	}
}
