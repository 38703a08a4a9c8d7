package rtc

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/sdp"
)

var (
	// ErrNegotiation is wrapped by errors about descriptions that contradict what was agreed before.
	ErrNegotiation = errors.New("rtc: impossible description")
	// ErrNoOffer tells that an answer was asked for, or came, without an offer.
	ErrNoOffer = errors.New("rtc: there is no offer to answer")
	// ErrFull tells that a description would have more sections than are allowed.
	ErrFull = errors.New("rtc: too many tracks for one connection")
)

// negotiation is what both sides have said (RFC 8829).
type negotiation struct {
	mu sync.Mutex
	// sections are those agreed on, or those of the remote's last offer with our side of them.
	sections []*section
	// offered are those of our own offer, until it is answered or overtaken by the remote's.
	offered []*section
	// unanswered tells that the remote's offer waits for CreateAnswer.
	unanswered bool
	// bundled tells that the remote's offer has a BUNDLE group.
	bundled bool
	// mixed tells that both sides take header extensions of both kinds.
	mixed bool

	outbounds []*Outbound  // not removed, in the order in which they were added
	full      []media.Kind // kinds of which another outbound finds no section, until one is removed or something is agreed on
	ssrcs     []uint32     // all that were ever used in this session
	receive   []media.Kind
	restart   bool

	types       payloadTypes
	ids         map[string]uint8 // extension URI to ID: one meaning in a bundle
	remoteUfrag string
	fingerprint []sdp.Fingerprint
	id, version uint64
}

// change is what a negotiation does to the outside.
type change struct{ added, removed []*Inbound }

// SetOffer applies a remote offer, first or later (RFC 8829). Outbounds that are not placed yet are put into free
// sections that want to receive. CreateAnswer follows. A malformed or impossible offer is an error and changes nothing.
// An offer of our own that is not answered yet is withdrawn.
func (p *Peer) SetOffer(text string) error {
	d, err := sdp.Parse(text)
	if err != nil {
		return err
	}
	n := &p.negotiation
	n.mu.Lock()
	next, err := p.applyOffer(d)
	if err != nil {
		n.mu.Unlock()
		return err
	}
	if ufrag := firstTransport(d).Ufrag; ufrag != "" {
		if n.remoteUfrag != "" && ufrag != n.remoteUfrag {
			n.restart = true
		}
		n.remoteUfrag = ufrag
	}
	p.learnTransport(firstTransport(d), true)
	p.learnCandidates(d)
	for i := range d.Sections {
		n.types.learn(d.Sections[i].Formats)
		n.learnExtensions(d.Sections[i].Extensions)
	}
	changed := n.commit(next)
	n.offered, n.unanswered, n.bundled, n.mixed = nil, true, d.Bundled, d.Mixed
	p.place()
	p.publishRoutes()
	n.mu.Unlock()
	p.announce(changed)
	return nil
}

// applyOffer makes our sections for a remote offer.
func (p *Peer) applyOffer(d *sdp.Description) ([]*section, error) {
	n := &p.negotiation
	if len(d.Sections) < len(n.sections) {
		return nil, fmt.Errorf("%w: offer with %d sections after %d", ErrNegotiation, len(d.Sections), len(n.sections))
	}
	if err := p.checkTransport(d); err != nil {
		return nil, err
	}
	free := n.unplaced(n.sections)
	next := make([]*section, 0, len(d.Sections))
	for i := range d.Sections {
		m := &d.Sections[i]
		var before *section
		if i < len(n.sections) {
			before = n.sections[i]
			if !before.rejected && (before.mid != m.Mid || before.name != m.Kind) {
				return nil, fmt.Errorf("%w: section %d was %s %q and is %s %q", ErrNegotiation, i, before.name, before.mid, m.Kind, m.Mid)
			}
		}
		next = append(next, p.answerSection(before, m, carried(d, m)))
	}
	// Sections that only receive come first: one that sends too may not expect to get something.
	for _, want := range []sdp.Direction{sdp.RecvOnly, sdp.SendRecv} {
		for i, s := range next {
			m := &d.Sections[i]
			if s.rejected || s.kind == 0 || m.Direction != want || s.out != nil || wasSending(n.sections, i) {
				continue
			}
			for k, o := range free {
				if o.cfg.Codec.Kind() == s.kind && s.chooseOut(o, m.Formats) {
					free = slices.Delete(free, k, k+1)
					break
				}
			}
		}
	}
	// What is still without a section has no codec in common with those that are left, if any are.
	var left []media.Kind
	for i, s := range next {
		m := &d.Sections[i]
		if m.Direction == sdp.RecvOnly && s.out == nil && !wasSending(n.sections, i) && !slices.Contains(left, s.kind) && carried(d, m) {
			left = append(left, s.kind)
		}
	}
	for _, o := range n.outbounds {
		o.refused.Store(slices.Contains(left, o.cfg.Codec.Kind()) && slices.Contains(free, o))
	}
	for i, s := range next {
		if s.kind != 0 && !s.rejected {
			p.finishAnswer(s, &d.Sections[i])
		}
	}
	return next, nil
}

// wasSending tells whether we sent in a section as last agreed.
func wasSending(sections []*section, i int) bool {
	return i < len(sections) && sections[i].sends
}

// carried tells whether a section can be on our one transport: bundled, with RTCP on the same port.
func carried(d *sdp.Description, m *sdp.Section) bool {
	if m.Port == 0 && !m.BundleOnly {
		return false
	}
	if d.Bundled && !slices.Contains(d.Bundle, m.Mid) || !d.Bundled && m != &d.Sections[0] {
		return false
	}
	return m.Kind == "application" || m.RTCPMux
}

func firstTransport(d *sdp.Description) *sdp.Transport {
	for i := range d.Sections {
		if carried(d, &d.Sections[i]) {
			return &d.Sections[i].Transport
		}
	}
	return &sdp.Transport{}
}

// checkTransport refuses what has no security, or another one than before.
func (p *Peer) checkTransport(d *sdp.Description) error {
	t := firstTransport(d)
	usable := false
	for i := range d.Sections {
		usable = usable || carried(d, &d.Sections[i])
	}
	if !usable {
		return nil
	}
	if t.Ufrag == "" || t.Pwd == "" {
		return fmt.Errorf("%w: no ICE credentials", ErrNegotiation)
	}
	if !slices.ContainsFunc(t.Fingerprints, func(f sdp.Fingerprint) bool { return hashOf(f.Algorithm) != 0 }) {
		return fmt.Errorf("%w: no certificate fingerprint that we can check", ErrNegotiation)
	}
	if known := p.negotiation.fingerprint; known != nil && !slices.Equal(known, t.Fingerprints) {
		return fmt.Errorf("%w: another certificate in the same session", ErrNegotiation)
	}
	return nil
}

// answerSection makes our side of a remote section, as far as it is about what the remote sends.
func (p *Peer) answerSection(before *section, m *sdp.Section, carried bool) *section {
	s := &section{mid: m.Mid, name: m.Kind, protocol: m.Protocol, kind: kindOf(m.Kind)}
	if s.data() {
		s.rejected = !carried || m.SCTPPort == 0
		return s
	}
	accepted := p.accept(s.kind, m)
	if s.kind == 0 || !carried || len(accepted) == 0 {
		s.rejected = true
		return s
	}
	if before != nil && before.out != nil && !before.out.removed {
		s.out = before.out
		s.sends = m.Direction.Receives() && s.chooseOut(before.out, m.Formats)
	}
	s.deaf = !m.Direction.Receives()
	if m.Direction.Sends() {
		s.receives = true
		s.takeInbound(p, before, m, accepted)
	}
	return s
}

// takeInbound makes the section's Inbound, or keeps the one that it had if the remote still sends the same.
func (s *section) takeInbound(p *Peer, before *section, m *sdp.Section, accepted []sdp.Format) {
	s.rids = m.SendRIDs
	s.sources = m.Sources
	s.received = receiveFormats(m.Formats)
	redundancy := p.takesRED(m)
	s.received = slices.DeleteFunc(s.received, func(f receiveFormat) bool {
		pt := f.pt
		switch {
		case f.repair:
			pt = f.repairs
		case f.red && !redundancy:
			return true
		case f.red:
			pt = f.blocks
		}
		return !slices.ContainsFunc(accepted, func(a sdp.Format) bool { return a.PayloadType == pt })
	})
	if before != nil && before.in != nil {
		in := before.in
		if in.StreamID == m.StreamID && in.TrackID == m.TrackID && slices.Equal(in.RIDs, m.SendRIDs) {
			s.in = in
			return
		}
	}
	s.in = &Inbound{
		Kind: s.kind, Mid: m.Mid, StreamID: m.StreamID, TrackID: m.TrackID, Codecs: codecsOf(accepted), RIDs: m.SendRIDs, peer: p,
	}
}

// finishAnswer decides formats, feedback and extensions once it is known what the section carries.
func (p *Peer) finishAnswer(s *section, m *sdp.Section) {
	accepted := p.accept(s.kind, m)
	if s.sends {
		chosen := *chooseFormat(m.Formats, s.choice, s.out.cfg.Format)
		if !s.receives {
			accepted = nil
		}
		accepted = slices.DeleteFunc(accepted, func(f sdp.Format) bool { return f.PayloadType == chosen.PayloadType })
		accepted = append([]sdp.Format{chosen}, accepted...)
	}
	s.formats = nil
	redundancy := s.receives && p.takesRED(m) || s.sends && s.red != 0
	for _, f := range accepted {
		// What comes first is what the remote sends: redundancy, where it can.
		if red := redundancyOf(m.Formats, f.PayloadType); red != nil && redundancy {
			r := *red
			r.Feedback = nil
			s.formats = append(s.formats, r)
		}
		repair := repairOf(m.Formats, f.PayloadType)
		f.Parameters = answerParameters(&f)
		f.Feedback = slices.DeleteFunc(slices.Clone(f.Feedback), func(kind string) bool {
			return !p.takesFeedback(s, kind) && !(kind == "goog-remb" && s.receives && bounded(&f))
		})
		s.formats = append(s.formats, f)
		if repair != nil {
			r := *repair
			r.Feedback = nil
			s.formats = append(s.formats, r)
		}
	}
	for _, x := range m.Extensions {
		if p.takesExtension(s, extensionByURI(x.URI)) && int(x.ID) < len(extensionIDs{}) {
			s.extensions = append(s.extensions, x)
		}
	}
}

// takesRED tells whether redundant audio may come in a section that the remote offers to send in.
func (p *Peer) takesRED(m *sdp.Section) bool {
	return p.cfg.RefuseRED == nil || !p.cfg.RefuseRED(m.StreamID, m.TrackID)
}

// takesFeedback tells which kinds of feedback we understand or give in a section.
func (p *Peer) takesFeedback(s *section, kind string) bool {
	switch kind {
	case "nack":
		// What sound we send is made good by redundancy: without RTX, which no browser has for sound, we cannot repeat it.
		return s.kind == media.Video || s.receives
	case "nack pli", "ccm fir":
		return s.kind == media.Video
	case "transport-cc":
		return s.receives || p.cfg.Congestion != nil
	case "goog-remb":
		return p.cfg.Congestion != nil
	}
	return false
}

func (p *Peer) takesExtension(s *section, x extension) bool {
	switch x {
	// Whatever we may want in some section of the bundle is taken in all of its kind, also where nothing is sent yet: a
	// browser that was once refused an extension never offers it again.
	case extMid, extSequence:
		return true
	case extRID, extRepairedRID, extDependency:
		return s.kind == media.Video
	case extLevel:
		return s.kind == media.Audio
	case extSendTime:
		return s.out != nil && p.cfg.Congestion != nil
	}
	return false
}

// accept lists the formats in which we take what a remote section sends, the preferred first.
func (p *Peer) accept(kind media.Kind, m *sdp.Section) []sdp.Format {
	codecs, ordered := p.codecs(kind), len(p.cfg.Codecs) > 0
	if p.cfg.Prefer != nil && m.Direction.Sends() {
		if first := p.cfg.Prefer(m.StreamID, m.TrackID); slices.Contains(codecs, first) {
			codecs = slices.DeleteFunc(codecs, func(c media.Codec) bool { return c == first })
			codecs, ordered = append([]media.Codec{first}, codecs...), true
		}
	}
	return acceptFormats(m.Formats, codecs, ordered)
}

func (p *Peer) codecs(kind media.Kind) []media.Codec {
	if p.cfg.DataOnly {
		return nil
	}
	list := p.cfg.Codecs
	if len(list) == 0 {
		list = allCodecs
	}
	return slices.DeleteFunc(slices.Clone(list), func(c media.Codec) bool { return c.Kind() != kind || c.RTPName() == "" })
}

// unplaced lists the outbounds that have no section.
func (n *negotiation) unplaced(sections []*section) []*Outbound {
	var out []*Outbound
	for _, o := range n.outbounds {
		if !slices.ContainsFunc(sections, func(s *section) bool { return s.out == o && !s.rejected }) {
			out = append(out, o)
		}
	}
	return out
}

// commit takes over new sections and tells what changed for the outside.
func (n *negotiation) commit(next []*section) (c change) {
	for _, s := range n.sections {
		if s.in != nil && !slices.ContainsFunc(next, func(t *section) bool { return t.in == s.in }) {
			c.removed = append(c.removed, s.in)
		}
	}
	for _, t := range next {
		if t.in != nil && !slices.ContainsFunc(n.sections, func(s *section) bool { return s.in == t.in }) {
			c.added = append(c.added, t.in)
		}
	}
	n.sections, n.full = next, nil
	return c
}

// place tells outbounds where they are.
func (p *Peer) place() {
	n := &p.negotiation
	for _, o := range n.outbounds {
		o.mid.Store(nil)
	}
	for _, list := range [][]*section{n.sections, n.offered} {
		for _, s := range list {
			if s.out != nil && !s.rejected {
				mid := s.mid
				s.out.mid.Store(&mid)
			}
		}
	}
}

// activate lets outbounds send as agreed, and stops those that may not any more.
func (p *Peer) activate() {
	n := &p.negotiation
	for _, o := range n.outbounds {
		i := slices.IndexFunc(n.sections, func(s *section) bool { return s.out == o && s.sends && !s.rejected })
		if i < 0 {
			o.format.Store(nil)
			continue
		}
		o.format.Store(n.sections[i].sendFormat())
	}
	p.announceReady()
}

// publishRoutes gives the reader what it needs to find streams.
func (p *Peer) publishRoutes() {
	routes := &receiveMap{}
	for _, s := range p.negotiation.sections {
		if s.in == nil || s.rejected {
			continue
		}
		rs := &receiveSection{in: s.in, mid: s.mid, formats: s.received}
		routes.sections = append(routes.sections, rs)
		for e, id := range s.ids() {
			if id != 0 {
				routes.ids[id] = extension(e)
			}
		}
		for _, src := range s.sources {
			routes.declared = append(routes.declared, declaredSource{ssrc: src.SSRC, repairs: src.Repairs, section: rs})
		}
	}
	p.routes.Store(routes)
	// Streams of sections that are gone end now, not with the next packet.
	p.onHomeReader(func(r *reader) {
		if !p.rx.closed {
			p.rx.adopt(p.routes.Load())
			r.flush()
		}
	})
}

func (n *negotiation) learnExtensions(list []sdp.Extension) {
	if n.ids == nil {
		n.ids = make(map[string]uint8)
	}
	for _, x := range list {
		if extensionByURI(x.URI) != noExtension && int(x.ID) < len(extensionIDs{}) {
			n.ids[x.URI] = x.ID
		}
	}
}

// extensionID is the ID that we offer an extension with.
func (n *negotiation) extensionID(x extension) uint8 {
	if n.ids == nil {
		n.ids = make(map[string]uint8)
	}
	uri := extensionURIs[x]
	if id := n.ids[uri]; id != 0 {
		return id
	}
	for id := uint8(1); id < 15; id++ {
		taken := false
		for _, other := range n.ids {
			taken = taken || other == id
		}
		if !taken {
			n.ids[uri] = id
			return id
		}
	}
	return 0
}

// newMid is a mid that no section has.
func newMid(sections []*section) string {
	for i := len(sections); ; i++ {
		mid := strconv.Itoa(i)
		if !slices.ContainsFunc(sections, func(s *section) bool { return s.mid == mid }) {
			return mid
		}
	}
}
