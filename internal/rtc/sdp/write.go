package sdp

import (
	"strconv"
	"strings"
)

// String writes the description.
func (d *Description) String() string {
	var w writer
	w.line("v=0")
	w.line("o=- ", strconv.FormatUint(d.SessionID, 10), " ", strconv.FormatUint(d.Version, 10), " IN IP4 127.0.0.1")
	w.line("s=-")
	w.line("t=0 0")
	if d.Bundled {
		w.line("a=group:BUNDLE", prefixed(" ", d.Bundle))
	}
	if d.ICELite {
		w.line("a=ice-lite")
	}
	if d.Mixed {
		w.line("a=extmap-allow-mixed")
	}
	w.line("a=msid-semantic: WMS *")
	for i := range d.Sections {
		w.section(&d.Sections[i])
	}
	return w.String()
}

type writer struct{ strings.Builder }

func (w *writer) line(parts ...string) {
	for _, p := range parts {
		w.WriteString(p)
	}
	w.WriteString("\r\n")
}

func prefixed(sep string, list []string) string {
	var b strings.Builder
	for _, s := range list {
		b.WriteString(sep)
		b.WriteString(s)
	}
	return b.String()
}

func (w *writer) section(s *Section) {
	formats := make([]string, 0, len(s.Formats)+1)
	for _, f := range s.Formats {
		formats = append(formats, strconv.Itoa(int(f.PayloadType)))
	}
	if s.Kind == "application" {
		formats = append(formats, "webrtc-datachannel")
	}
	if len(formats) == 0 {
		formats = append(formats, "0")
	}
	w.line("m=", s.Kind, " ", strconv.Itoa(s.Port), " ", s.Protocol, prefixed(" ", formats))
	w.line("c=IN IP4 0.0.0.0")
	if s.Mid != "" {
		w.line("a=mid:", s.Mid)
	}
	if s.Port == 0 {
		w.line("a=inactive")
		return
	}
	w.transport(s)
	if s.Kind == "application" {
		w.line("a=sctp-port:", strconv.Itoa(s.SCTPPort))
		w.line("a=max-message-size:", strconv.Itoa(s.MaxMessageSize))
		return
	}
	w.media(s)
}

func (w *writer) transport(s *Section) {
	w.line("a=ice-ufrag:", s.Ufrag)
	w.line("a=ice-pwd:", s.Pwd)
	for _, f := range s.Fingerprints {
		w.line("a=fingerprint:", f.Algorithm, " ", f.Value)
	}
	w.line("a=setup:", s.Setup.String())
	for _, c := range s.Candidates {
		w.line("a=candidate:", c)
	}
	if s.End {
		w.line("a=end-of-candidates")
	}
}

func (w *writer) media(s *Section) {
	w.line("a=", s.Direction.String())
	if s.RTCPMux {
		w.line("a=rtcp-mux")
	}
	if s.RTCPRsize {
		w.line("a=rtcp-rsize")
	}
	for i := range s.Formats {
		w.format(&s.Formats[i])
	}
	for _, e := range s.Extensions {
		w.line("a=extmap:", strconv.Itoa(int(e.ID)), " ", e.URI)
	}
	if s.Direction.Sends() && s.TrackID != "" {
		w.line("a=msid:", s.StreamID, " ", s.TrackID)
	}
	w.rids("send", s.SendRIDs)
	w.rids("recv", s.RecvRIDs)
	for _, src := range s.Sources {
		if src.Repairs != 0 {
			w.line("a=ssrc-group:FID ", ssrc(src.Repairs), " ", ssrc(src.SSRC))
		}
	}
	for _, src := range s.Sources {
		w.line("a=ssrc:", ssrc(src.SSRC), " cname:", s.CNAME)
		w.line("a=ssrc:", ssrc(src.SSRC), " msid:", s.StreamID, " ", s.TrackID)
	}
}

func (w *writer) rids(direction string, rids []string) {
	if len(rids) == 0 {
		return
	}
	for _, rid := range rids {
		w.line("a=rid:", rid, " ", direction)
	}
	w.line("a=simulcast:", direction, " ", strings.Join(rids, ";"))
}

func (w *writer) format(f *Format) {
	pt := strconv.Itoa(int(f.PayloadType))
	channels := ""
	if f.Channels > 1 {
		channels = "/" + strconv.Itoa(f.Channels)
	}
	w.line("a=rtpmap:", pt, " ", f.Name, "/", strconv.Itoa(f.ClockRate), channels)
	if f.Parameters != "" {
		w.line("a=fmtp:", pt, " ", f.Parameters)
	}
	for _, fb := range f.Feedback {
		w.line("a=rtcp-fb:", pt, " ", fb)
	}
}

func ssrc(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
