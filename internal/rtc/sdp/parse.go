package sdp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Parse reads a description.
func Parse(text string) (*Description, error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrMalformed, len(text), MaxSize)
	}
	if !strings.HasPrefix(text, "v=0") {
		return nil, fmt.Errorf("%w: does not begin with v=0", ErrMalformed)
	}
	// Values come back in our own descriptions, where a stray line end would begin a line of its own.
	if i := strings.IndexFunc(strings.ReplaceAll(text, "\r\n", "\n"), isControl); i >= 0 {
		return nil, fmt.Errorf("%w: control character at %d", ErrMalformed, i)
	}
	if n := strings.Count(text, "\nm="); n > MaxSections {
		return nil, fmt.Errorf("%w: %d media sections, at most %d", ErrMalformed, n, MaxSections)
	}
	var raw sdp.SessionDescription
	if err := raw.UnmarshalString(text); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	d := &Description{SessionID: raw.Origin.SessionID, Version: raw.Origin.SessionVersion}
	direction, transport := SendRecv, Transport{}
	for _, a := range raw.Attributes {
		switch a.Key {
		case "group":
			if mids := strings.Fields(a.Value); len(mids) > 0 && mids[0] == "BUNDLE" && !d.Bundled {
				d.Bundle, d.Bundled = mids[1:], true
			}
		case "extmap-allow-mixed":
			d.Mixed = true
		case "ice-lite":
			d.ICELite = true
		default:
			parseDirection(a.Key, &direction)
			if err := transport.parse(a); err != nil {
				return nil, err
			}
		}
	}
	d.Sections = make([]Section, 0, len(raw.MediaDescriptions))
	mids := make(map[string]bool)
	for i, m := range raw.MediaDescriptions {
		s := Section{Kind: m.MediaName.Media, Port: m.MediaName.Port.Value, Direction: direction}
		s.Protocol = strings.Join(m.MediaName.Protos, "/")
		if err := s.parse(m); err != nil {
			return nil, fmt.Errorf("%w: section %d: %w", ErrMalformed, i, err)
		}
		s.Transport.inherit(&transport)
		if s.Mid != "" && mids[s.Mid] {
			return nil, fmt.Errorf("%w: two sections with mid %q", ErrMalformed, s.Mid)
		}
		mids[s.Mid] = true
		d.Sections = append(d.Sections, s)
	}
	d.detach()
	return d, nil
}

func isControl(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }

func parseDirection(key string, d *Direction) {
	switch key {
	case "sendrecv":
		*d = SendRecv
	case "sendonly":
		*d = SendOnly
	case "recvonly":
		*d = RecvOnly
	case "inactive":
		*d = Inactive
	}
}

func (t *Transport) parse(a sdp.Attribute) error {
	switch a.Key {
	case "ice-ufrag":
		t.Ufrag = a.Value
	case "ice-pwd":
		t.Pwd = a.Value
	case "fingerprint":
		algorithm, value, ok := strings.Cut(strings.TrimSpace(a.Value), " ")
		if !ok || len(a.Value) > maxToken {
			return fmt.Errorf("%w: fingerprint %.40q", ErrMalformed, a.Value)
		}
		if len(t.Fingerprints) < 8 {
			t.Fingerprints = append(t.Fingerprints, Fingerprint{strings.ToLower(algorithm), strings.ToUpper(value)})
		}
	case "setup":
		switch a.Value {
		case "actpass":
			t.Setup = ActPass
		case "active":
			t.Setup = Active
		case "passive":
			t.Setup = Passive
		}
	}
	if len(t.Ufrag) > maxToken || len(t.Pwd) > maxToken {
		return fmt.Errorf("%w: ICE credentials longer than %d", ErrMalformed, maxToken)
	}
	return nil
}

// inherit fills what a section leaves to the session level.
func (t *Transport) inherit(session *Transport) {
	if t.Ufrag == "" {
		t.Ufrag, t.Pwd = session.Ufrag, session.Pwd
	}
	if len(t.Fingerprints) == 0 {
		t.Fingerprints = session.Fingerprints
	}
	if t.Setup == NoSetup {
		t.Setup = session.Setup
	}
}

func (s *Section) parse(m *sdp.MediaDescription) error {
	if err := s.parseFormats(m.MediaName.Formats); err != nil {
		return err
	}
	for _, a := range m.Attributes {
		if err := s.parseAttribute(a); err != nil {
			return err
		}
	}
	return nil
}

func (s *Section) parseFormats(formats []string) error {
	if s.Kind != "audio" && s.Kind != "video" {
		return nil
	}
	if len(formats) > maxFormats {
		return fmt.Errorf("%d payload types", len(formats))
	}
	for _, f := range formats {
		pt, err := strconv.ParseUint(f, 10, 7)
		if err != nil {
			return fmt.Errorf("payload type %.20q", f)
		}
		if s.format(uint8(pt)) == nil {
			s.Formats = append(s.Formats, Format{PayloadType: uint8(pt)})
		}
	}
	return nil
}

func (s *Section) format(pt uint8) *Format {
	for i := range s.Formats {
		if s.Formats[i].PayloadType == pt {
			return &s.Formats[i]
		}
	}
	return nil
}

func (s *Section) parseAttribute(a sdp.Attribute) error {
	switch a.Key {
	case "mid":
		if len(a.Value) > maxToken || strings.ContainsAny(a.Value, " \t") {
			return fmt.Errorf("mid %.40q", a.Value)
		}
		s.Mid = a.Value
	case "bundle-only":
		s.BundleOnly = true
	case "rtcp-mux":
		s.RTCPMux = true
	case "rtcp-rsize":
		s.RTCPRsize = true
	case "rtpmap":
		s.parseMap(a.Value)
	case "fmtp":
		if pt, rest, ok := s.formatLine(a.Value); ok {
			pt.Parameters = rest
		}
	case "rtcp-fb":
		s.parseFeedback(a.Value)
	case "extmap":
		s.parseExtension(a.Value)
	case "msid":
		if s.StreamID == "" && s.TrackID == "" {
			s.StreamID, s.TrackID, _ = strings.Cut(a.Value, " ")
		}
	case "rid":
		s.parseRID(a.Value)
	case "ssrc":
		s.parseSource(a.Value)
	case "ssrc-group":
		s.parseGroup(a.Value)
	case "candidate":
		if len(s.Candidates) < maxCandidates && len(a.Value) <= 2*maxToken {
			s.Candidates = append(s.Candidates, a.Value)
		}
	case "sctp-port":
		s.SCTPPort = number(a.Value, 65535)
	case "max-message-size":
		s.MaxMessageSize = number(a.Value, 1<<31-1)
	default:
		parseDirection(a.Key, &s.Direction)
		return s.Transport.parse(a)
	}
	return nil
}

// number reads a decimal number; what is none, or too large, is 0.
func number(text string, limit int) int {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 0 || n > limit {
		return 0
	}
	return n
}

// formatLine finds the payload type that a line starts with.
func (s *Section) formatLine(value string) (*Format, string, bool) {
	head, rest, _ := strings.Cut(value, " ")
	pt, err := strconv.ParseUint(head, 10, 7)
	if err != nil {
		return nil, "", false
	}
	f := s.format(uint8(pt))
	return f, strings.TrimSpace(rest), f != nil
}

func (s *Section) parseMap(value string) {
	f, rest, ok := s.formatLine(value)
	if !ok {
		return
	}
	parts := strings.Split(rest, "/")
	f.Name, f.ClockRate, f.Channels = parts[0], 0, 1
	if len(parts) > 1 {
		f.ClockRate = number(parts[1], 1<<30)
	}
	if len(parts) > 2 {
		f.Channels = number(parts[2], 255)
	}
}

func (s *Section) parseFeedback(value string) {
	if rest, ok := strings.CutPrefix(value, "* "); ok {
		for i := range s.Formats {
			s.Formats[i].addFeedback(rest)
		}
		return
	}
	if f, rest, ok := s.formatLine(value); ok {
		f.addFeedback(rest)
	}
}

func (f *Format) addFeedback(kind string) {
	kind = strings.TrimSpace(kind)
	if len(f.Feedback) < 16 && len(kind) <= maxToken && !slices.Contains(f.Feedback, kind) {
		f.Feedback = append(f.Feedback, kind)
	}
}

func (s *Section) parseExtension(value string) {
	head, rest, _ := strings.Cut(value, " ")
	head, _, _ = strings.Cut(head, "/")
	id, err := strconv.ParseUint(head, 10, 8)
	fields := strings.Fields(rest)
	if err != nil || id == 0 || len(fields) == 0 || len(s.Extensions) >= maxFormats {
		return
	}
	s.Extensions = append(s.Extensions, Extension{ID: uint8(id), URI: fields[0]})
}

func (s *Section) parseRID(value string) {
	fields := strings.Fields(value)
	if len(fields) < 2 || len(fields[0]) > 16 {
		return
	}
	list := &s.SendRIDs
	if fields[1] == "recv" {
		list = &s.RecvRIDs
	}
	if len(*list) < maxRIDs && !slices.Contains(*list, fields[0]) {
		*list = append(*list, fields[0])
	}
}

func (s *Section) source(ssrc uint32) *Source {
	for i := range s.Sources {
		if s.Sources[i].SSRC == ssrc {
			return &s.Sources[i]
		}
	}
	if len(s.Sources) >= maxSources {
		return nil
	}
	s.Sources = append(s.Sources, Source{SSRC: ssrc})
	return &s.Sources[len(s.Sources)-1]
}

func (s *Section) parseSource(value string) {
	head, rest, _ := strings.Cut(value, " ")
	ssrc, err := strconv.ParseUint(head, 10, 32)
	if err != nil || s.source(uint32(ssrc)) == nil {
		return
	}
	if cname, ok := strings.CutPrefix(rest, "cname:"); ok && s.CNAME == "" {
		s.CNAME = cname
	}
	// Plan B's way to say msid; older mobile clients still write it next to, or instead of, a=msid.
	if msid, ok := strings.CutPrefix(rest, "msid:"); ok && s.StreamID == "" && s.TrackID == "" {
		s.StreamID, s.TrackID, _ = strings.Cut(msid, " ")
	}
}

func (s *Section) parseGroup(value string) {
	fields := strings.Fields(value)
	if len(fields) != 3 || fields[0] != "FID" {
		return
	}
	media, err1 := strconv.ParseUint(fields[1], 10, 32)
	repair, err2 := strconv.ParseUint(fields[2], 10, 32)
	if err1 != nil || err2 != nil || media == repair || s.source(uint32(media)) == nil {
		return
	}
	if r := s.source(uint32(repair)); r != nil {
		r.Repairs = uint32(media)
	}
}
