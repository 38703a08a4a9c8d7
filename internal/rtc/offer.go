package rtc

import (
	"fmt"
	"slices"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/sdp"
)

// maxMessageSize is the longest data channel message that we take, in bytes.
const maxMessageSize = 256 << 10

// CreateAnswer gives the answer to the offer set last. It contains all candidates.
func (p *Peer) CreateAnswer() (string, error) {
	n := &p.negotiation
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.unanswered {
		return "", ErrNoOffer
	}
	n.unanswered = false
	text := p.describe(n.sections, n.bundled, p.secure.answerSetup())
	p.activate()
	p.negotiatedData(n.sections)
	return text, nil
}

// CreateOffer offers what outbounds and inbound sections there are now. An offer that was not answered may have arrived, and been applied: the next one goes on
// from it, so that sections do not become fewer and a track does not turn into another.
func (p *Peer) CreateOffer() (string, error) {
	n := &p.negotiation
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.unanswered {
		return "", fmt.Errorf("%w: the remote's offer is not answered yet", ErrNegotiation)
	}
	next := p.plan()
	if len(next) > sdp.MaxSections {
		return "", fmt.Errorf("%w: more than %d sections", ErrNegotiation, sdp.MaxSections)
	}
	for _, s := range next {
		if !s.rejected && s.kind != 0 {
			p.fillOffer(s)
		}
	}
	n.offered = next
	p.place()
	return p.describe(next, true, sdp.ActPass), nil
}

// plan is what an offer would have now.
func (p *Peer) plan() []*section {
	n := &p.negotiation
	said, receive := n.sections, n.receive
	if n.offered != nil {
		said = n.offered
		for _, s := range said[len(n.sections):] {
			if s.receives {
				receive = receive[1:]
			}
		}
	}
	next := make([]*section, 0, len(said)+len(n.outbounds))
	for i, s := range said {
		t := *s
		t.sent = s.sends || n.offered != nil && s.sent
		if t.out != nil && t.out.removed {
			t.out = nil
		}
		// Whatever the remote answered last time, we would still like to send.
		t.sends = t.out != nil
		agreed := i < len(n.sections) && n.sections[i].mid == t.mid
		t.rejected = t.rejected || p.cfg.FreshSections && agreed && t.kind != 0 && t.out == nil && t.in == nil && !t.receives
		next = append(next, &t)
	}
	if p.cfg.DataChannels && !slices.ContainsFunc(next, func(s *section) bool { return s.data() && !s.rejected }) {
		next = append(next, &section{mid: newMid(next), name: "application", protocol: "UDP/DTLS/SCTP"})
	}
	for _, kind := range receive {
		next = append(next, &section{mid: newMid(next), name: kind.String(), kind: kind, receives: true})
	}
	for _, o := range n.unplaced(next) {
		next = p.offerOutbound(next, len(said), o)
	}
	return next
}

// full tells that there would be no section for another outbound. That of a kind is remembered: to plan hundreds of sections takes long.
func (p *Peer) full(o *Outbound) bool {
	n, kind := &p.negotiation, o.cfg.Codec.Kind()
	if slices.Contains(n.full, kind) {
		return true
	}
	most := max(len(n.sections), len(n.offered)) + len(n.receive) + len(n.outbounds) + 2 // it and data, if nothing is placed yet
	if most <= sdp.MaxSections {
		return false
	}
	n.outbounds = append(n.outbounds, o)
	full := len(p.plan()) > sdp.MaxSections
	n.outbounds = n.outbounds[:len(n.outbounds)-1]
	if full {
		n.full = append(n.full, kind)
	}
	return full
}

// offerOutbound puts an outbound into a section that sends nothing, into the place of one that both sides have given up (RFC 8829, section 5.2.2), or into a
// new one. The first of the sections, which were said before, count as agreed on.
func (p *Peer) offerOutbound(next []*section, said int, o *Outbound) []*section {
	kind, agreed := o.cfg.Codec.Kind(), p.negotiation.sections
	for i, s := range next {
		switch {
		case s.kind != kind:
		case s.rejected && i < len(agreed) && agreed[i].rejected:
			mid := fmt.Sprintf("%d-%d", i, s.before+1) // which none had
			next[i] = &section{mid: mid, name: s.name, kind: kind, before: s.before + 1, out: o, sends: true}
			return next
		case !s.rejected && s.out == nil && s.in == nil && !s.receives && !s.sent && !(p.cfg.FreshSections && i < said):
			s.out, s.sends = o, true
			return next
		}
	}
	return append(next, &section{mid: newMid(next), name: kind.String(), kind: kind, out: o, sends: true})
}

// fillOffer lists what we can do in a section.
func (p *Peer) fillOffer(s *section) {
	n := &p.negotiation
	if s.protocol == "" {
		s.protocol = "UDP/TLS/RTP/SAVPF"
	}
	var feedback []string
	for _, kind := range []string{"transport-cc", "goog-remb", "ccm fir", "nack", "nack pli"} {
		if kind == "goog-remb" && s.kind == media.Audio {
			continue
		}
		if p.takesFeedback(s, kind) {
			feedback = append(feedback, kind)
		}
	}
	codecs := p.codecs(s.kind)
	var format *media.Format
	if s.out != nil {
		format = s.out.cfg.Format
		if !s.receives {
			codecs = nil
		}
		sent := s.out.cfg.codecs()
		codecs = slices.DeleteFunc(codecs, func(c media.Codec) bool { return slices.Contains(sent, c) })
		codecs = append(sent, codecs...)
	}
	s.formats, s.extensions = nil, nil
	for _, codec := range codecs {
		s.formats = append(s.formats, n.types.offerFormats(codec, format, feedback)...)
		if s.out != nil && s.out.cfg.RED && codec == media.Opus && len(s.formats) > 0 {
			if red, ok := n.types.offerRedundancy(s.formats[len(s.formats)-1].PayloadType); ok {
				s.formats = append(s.formats, red)
			}
		}
		format = nil
	}
	for x := extMid; x < extensionCount; x++ {
		if id := n.extensionID(x); id != 0 && p.takesExtension(s, x) {
			s.extensions = append(s.extensions, sdp.Extension{ID: id, URI: extensionURIs[x]})
		}
	}
}

// SetAnswer applies the answer to the offer created last. A malformed or impossible answer is an error and changes
// nothing.
func (p *Peer) SetAnswer(text string) error {
	d, err := sdp.Parse(text)
	if err != nil {
		return err
	}
	n := &p.negotiation
	n.mu.Lock()
	if n.offered == nil {
		n.mu.Unlock()
		return ErrNoOffer
	}
	next, err := p.applyAnswer(d)
	if err != nil {
		n.mu.Unlock()
		return err
	}
	if ufrag := firstTransport(d).Ufrag; ufrag != "" {
		n.remoteUfrag = ufrag
	}
	p.negotiatedData(next) // first: who is verified now may have sent data already
	p.learnTransport(firstTransport(d), false)
	p.learnCandidates(d)
	for i, offered := range n.offered {
		if offered.out != nil {
			offered.out.refused.Store(next[i].rejected)
		}
	}
	changed := n.commit(next)
	n.offered, n.receive, n.mixed = nil, nil, d.Mixed
	p.place()
	p.publishRoutes()
	p.activate()
	n.mu.Unlock()
	p.announce(changed)
	return nil
}

func (p *Peer) applyAnswer(d *sdp.Description) ([]*section, error) {
	n := &p.negotiation
	if len(d.Sections) != len(n.offered) {
		return nil, fmt.Errorf("%w: answer with %d sections to an offer with %d", ErrNegotiation, len(d.Sections), len(n.offered))
	}
	if err := p.checkTransport(d); err != nil {
		return nil, err
	}
	next := make([]*section, 0, len(n.offered))
	for i, offered := range n.offered {
		m := &d.Sections[i]
		if offered.name != m.Kind || m.Port != 0 && m.Mid != offered.mid {
			return nil, fmt.Errorf("%w: section %d is %s %q and was answered as %s %q", ErrNegotiation, i, offered.name, offered.mid, m.Kind, m.Mid)
		}
		s := *offered
		s.rejected = offered.rejected || m.Port == 0 || !carried(d, m)
		s.in, s.sends, s.deaf, s.sources = nil, false, false, nil
		switch {
		case s.rejected:
			s.out = nil
		case s.kind != 0:
			s.agree(p, offered, m)
		}
		next = append(next, &s)
	}
	return next, nil
}

// agree applies the remote's answer to one section.
func (s *section) agree(p *Peer, offered *section, m *sdp.Section) {
	// Payload types and extensions that we did not offer mean nothing.
	formats := slices.DeleteFunc(slices.Clone(m.Formats), func(f sdp.Format) bool {
		return !slices.ContainsFunc(offered.formats, func(o sdp.Format) bool { return o.PayloadType == f.PayloadType })
	})
	s.extensions = slices.DeleteFunc(slices.Clone(m.Extensions), func(x sdp.Extension) bool {
		return !slices.Contains(offered.extensions, x)
	})
	if s.out != nil && m.Direction.Receives() {
		s.sends = s.chooseOut(s.out, formats)
	}
	if s.receives && m.Direction.Sends() {
		if accepted := acceptFormats(formats, p.codecs(s.kind), false); len(accepted) > 0 {
			answered := *m
			answered.Formats = formats
			s.takeInbound(p, offered, &answered, accepted)
		}
	}
}

// describe writes a description of sections.
func (p *Peer) describe(sections []*section, bundled bool, setup sdp.Setup) string {
	n := &p.negotiation
	if n.restart {
		p.restartConnectivity()
		n.restart = false
	}
	login := p.beginConnectivity()
	n.version++
	d := &sdp.Description{SessionID: n.id, Version: n.version, Bundled: bundled, ICELite: true, Mixed: setup == sdp.ActPass || n.mixed}
	transport := sdp.Transport{Ufrag: login.Ufrag, Pwd: login.Pwd, Fingerprints: p.endpoint.fingerprints, Setup: setup}
	for _, s := range sections {
		m := sdp.Section{Kind: s.name, Port: 9, Protocol: s.protocol, Mid: s.mid}
		if s.rejected {
			m.Port = 0
			m.Formats = s.formats
			d.Sections = append(d.Sections, m)
			continue
		}
		m.Transport = transport
		if len(d.Bundle) == 0 { // one transport for all: its candidates are said once
			m.Candidates, m.End = p.endpoint.candidatesFor(p.cfg.Transport), true
		}
		d.Bundle = append(d.Bundle, s.mid)
		if s.data() {
			m.SCTPPort, m.MaxMessageSize = sctpPort, maxMessageSize
		} else {
			p.describeMedia(&m, s)
		}
		d.Sections = append(d.Sections, m)
	}
	return d.String()
}

func (p *Peer) describeMedia(m *sdp.Section, s *section) {
	m.Direction = s.direction()
	m.RTCPMux, m.RTCPRsize = true, true
	m.Formats, m.Extensions = s.formats, s.extensions
	if s.receives {
		m.RecvRIDs = s.rids
	}
	if s.out == nil || !s.sends {
		return
	}
	o := s.out
	m.StreamID, m.TrackID, m.CNAME = o.cfg.StreamID, o.cfg.TrackID, p.cname
	m.Sources = []sdp.Source{{SSRC: o.ssrc}}
	if slices.ContainsFunc(s.formats, func(f sdp.Format) bool { return f.Name == "rtx" }) {
		m.Sources = append(m.Sources, sdp.Source{SSRC: o.rtx, Repairs: o.ssrc})
	}
}
