package rtc

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/ice"
	"github.com/tuttilive/tutti/internal/rtc/srtp"
)

// PeerConfig is how one peer differs from another.
type PeerConfig struct {
	// Label names the peer in logs, as far as Log does not say whose it is; Log is the endpoint's when nil.
	Label   string
	Log     *slog.Logger
	Handler Handler
	// Codecs that are offered and accepted, in order of preference; all that the endpoint knows when empty.
	Codecs []media.Codec
	// Prefer, when not nil, names the codec that a section of the remote's offer shall be sent in, by its msid; NoCodec
	// leaves it to the order of Codecs. It is called by SetOffer.
	Prefer func(streamID, trackID string) media.Codec
	// DataChannels negotiates SCTP also when we offer.
	DataChannels bool
	// DataOnly refuses all media that the remote offers.
	DataOnly bool
	// Transport restricts the candidates that the remote is told.
	Transport Transport
	// RefuseRED tells of a section in which the remote offers to send whether it must do without redundant audio
	// (RFC 2198); nil refuses it nowhere. It is called by SetOffer and must not call the peer.
	RefuseRED func(streamID, trackID string) bool
	// FreshSections has each outbound in a section of its own, as far as we offer: one whose outbound has gone is rejected, and then another
	// takes its place. Else a section is used again as it is, unless the remote has rejected it.
	FreshSections bool
	// Congestion hears what bandwidth estimation needs; nil when nobody estimates.
	Congestion CongestionObserver
	// WayChanged, when not nil, hears that the peer is reached in another way, or for the first time. It is called like the
	// handler.
	WayChanged func()
}

// Handler hears what happens to a peer. Calls come one at a time for a peer, from goroutines that must not be blocked.
type Handler interface {
	// PeerConnected comes once, when ICE and DTLS are up.
	PeerConnected()
	// PeerClosed comes once, last. err says why: ErrClosed after Close, ErrTimeout after 30 s without a valid check,
	// ErrRemoteClosed when the remote said good-bye.
	PeerClosed(err error)
	// InboundAdded comes from SetOffer or SetAnswer for a section in which the remote starts to send.
	InboundAdded(in *Inbound)
	// InboundRemoved comes when the remote stops to send in that section.
	InboundRemoved(in *Inbound)
	// DataChannel comes when a channel is open, whichever side opened it.
	DataChannel(dc *DataChannel)
}

// Peer is one WebRTC connection. Its creator closes it. Methods may be called from any goroutine.
type Peer struct {
	endpoint *Endpoint
	cfg      PeerConfig
	log      *slog.Logger
	cname    string
	ssrc     uint32 // that our feedback comes from

	// What the hot path reads. Each is replaced as a whole, never changed.
	home      atomic.Pointer[Shard]
	remote    atomic.Pointer[destination]
	seal      atomic.Pointer[srtp.Sealer] // used by the home sender only
	open      atomic.Pointer[srtp.Opener] // used by the home reader only
	routes    atomic.Pointer[receiveMap]
	sending   atomic.Pointer[[]*Outbound]
	connected atomic.Bool
	rtt       atomic.Int64

	rx           receiving // home reader
	transportSeq uint16    // home sender

	connectivity connectivity
	// reported is when an authentic report came last, in media time.
	reported    atomic.Int64
	secure      secure
	channels    channels
	negotiation negotiation
	events      events

	closing sync.Once
	done    chan struct{}
}

// connectivity is the peer's ICE state.
type connectivity struct {
	sync.Mutex
	// current is what checks come for; next is what we have offered instead, valid too until its first check.
	current, next *login
	begun         bool // a description with our credentials was made, so the timeout counts
	begunAt       time.Duration
	homeFixed     bool
	closed        bool
	lastCheck     time.Duration
	paths         []*path
	selected      *path
	told          []ice.RemoteCandidate // what the remote said of its addresses
}

// NewPeer makes a peer that has agreed on nothing yet.
func (e *Endpoint) NewPeer(cfg PeerConfig) (*Peer, error) {
	if cfg.Handler == nil {
		return nil, fmt.Errorf("rtc: peer %q has no handler", cfg.Label)
	}
	if cfg.Log == nil {
		cfg.Log = e.log
	}
	p := &Peer{endpoint: e, cfg: cfg, log: cfg.Log.With("peer", cfg.Label), done: make(chan struct{})}
	p.cname = ice.NewCredentials().Ufrag
	p.secure.peer, p.channels.peer = p, p
	p.negotiation.id = randomSession()
	p.ssrc = p.negotiation.newSSRC()
	if err := e.add(p); err != nil {
		return nil, err
	}
	return p, nil
}

// Home is the shard that sends to the peer. It is set from the start and moves at most once, at the first authenticated
// check over UDP, unless data came over TCP before; the peer is not connected before that.
func (p *Peer) Home() *Shard { return p.home.Load() }

// Connected tells whether ICE and DTLS are up.
func (p *Peer) Connected() bool { return p.connected.Load() }

// Ending tells that the peer is being closed, by whichever side, or is closed: its streams end, and then PeerClosed tells why.
func (p *Peer) Ending() bool {
	p.connectivity.Lock()
	defer p.connectivity.Unlock()
	return p.connectivity.closed
}

// RTT is the round-trip time, 0 while unknown.
func (p *Peer) RTT() time.Duration { return time.Duration(p.rtt.Load()) }

// Done is closed when the peer has ended and everything that it owned is free.
func (p *Peer) Done() <-chan struct{} { return p.done }

// Close ends the peer: DTLS close_notify, SCTP abort, everything it owns. It does not wait; PeerClosed tells when it is
// done. Calling it again does nothing.
func (p *Peer) Close() { p.closeWith(ErrClosed) }

func (p *Peer) closeWith(reason error) {
	p.closing.Do(func() {
		p.endpoint.tasks.Go(func() { p.tearDown(reason) })
	})
}

// tearDown ends the peer from the outside in: no new checks, a farewell, the streams, the tables.
func (p *Peer) tearDown(reason error) {
	defer close(p.done)
	p.endpoint.counts.ended.Count(endName(reason, p.connected.Swap(false)))
	c := &p.connectivity
	c.Lock()
	c.closed = true
	logins := []*login{c.current, c.next}
	c.Unlock()
	for _, l := range logins {
		if l != nil {
			p.endpoint.forget(l)
		}
	}
	p.channels.close()
	p.secure.close()
	p.connected.Store(false) // a handshake may have ended just before
	ended := make(chan struct{})
	p.home.Load().reader.post(func() {
		p.rx.end()
		close(ended)
	})
	<-ended
	c.Lock()
	for _, t := range c.paths {
		t.forget()
	}
	c.paths, c.selected = nil, nil
	c.Unlock()
	p.seal.Store(nil)
	p.open.Store(nil)
	p.remote.Store(nil)
	p.endpoint.remove(p)
	p.log.Debug("peer closed", "reason", reason)
	p.events.postLast(func() { p.cfg.Handler.PeerClosed(reason) })
}

// onHomeReader runs f on the home reader. Before the first check there is nothing to be run: the home may still move,
// and no reader knows the peer.
func (p *Peer) onHomeReader(f func(r *reader)) {
	p.connectivity.Lock()
	home, fixed := p.home.Load(), p.connectivity.homeFixed
	p.connectivity.Unlock()
	if fixed {
		home.reader.post(func() { f(home.reader) })
	}
}

// beginConnectivity gives the credentials that a description of ours shall have.
func (p *Peer) beginConnectivity() *login {
	c := &p.connectivity
	c.Lock()
	defer c.Unlock()
	if !c.begun {
		now := media.Now()
		c.begun, c.begunAt, c.lastCheck = true, now, now
	}
	if c.current == nil {
		c.current = p.endpoint.remember(p, c.closed)
	}
	if c.next != nil {
		return c.next
	}
	return c.current
}

// sinceBegun is the time since the first description of ours.
func (p *Peer) sinceBegun() time.Duration {
	p.connectivity.Lock()
	defer p.connectivity.Unlock()
	return media.Now() - p.connectivity.begunAt
}

// restartConnectivity makes new credentials; the old ones are valid until the first check with the new ones.
func (p *Peer) restartConnectivity() {
	c := &p.connectivity
	c.Lock()
	defer c.Unlock()
	if c.current == nil {
		return
	}
	if c.next != nil {
		p.endpoint.forget(c.next)
	}
	c.next = p.endpoint.remember(p, c.closed)
}

// Silence is how long no valid connectivity check has come.
func (p *Peer) Silence() time.Duration {
	p.connectivity.Lock()
	defer p.connectivity.Unlock()
	return media.Now() - p.connectivity.lastCheck
}

// expired tells that the peer has had no sign of life for too long: no valid check, nor an authentic report. Some clients check no more once they are
// connected (libnice where consent is not asked for).
func (p *Peer) expired(now time.Duration) bool {
	c := &p.connectivity
	c.Lock()
	defer c.Unlock()
	return c.begun && now-max(c.lastCheck, time.Duration(p.reported.Load())) > p.endpoint.consent
}

// RestartICE changes our ufrag and password at the next negotiation.
func (p *Peer) RestartICE() {
	p.negotiation.mu.Lock()
	defer p.negotiation.mu.Unlock()
	p.negotiation.restart = true
}

// AddRecv adds a section in which the remote may send, for when we offer.
func (p *Peer) AddRecv(kind media.Kind) {
	p.negotiation.mu.Lock()
	defer p.negotiation.mu.Unlock()
	p.negotiation.receive = append(p.negotiation.receive, kind)
}

// AddOutbound makes an outbound; it waits for the next negotiation to be placed. It is ErrFull when there would be no section for it.
func (p *Peer) AddOutbound(cfg OutboundConfig) (*Outbound, error) {
	if cfg.Codec.RTPName() == "" {
		return nil, fmt.Errorf("rtc: %v cannot be sent by RTP", cfg.Codec)
	}
	if cfg.Feedback == nil {
		return nil, fmt.Errorf("rtc: outbound %q has nobody to hear its feedback", cfg.TrackID)
	}
	for _, id := range []string{cfg.StreamID, cfg.TrackID} {
		if strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r == 0x7f }) || len(id) > 256 {
			return nil, fmt.Errorf("rtc: %q cannot be part of a=msid", id)
		}
	}
	n := &p.negotiation
	n.mu.Lock()
	defer n.mu.Unlock()
	o := &Outbound{peer: p, cfg: cfg}
	if p.full(o) {
		return nil, ErrFull
	}
	o.ssrc, o.rtx = n.newSSRC(), n.newSSRC()
	o.retransmit.seq = uint64(randomNumber() & 0x7fff)
	n.outbounds = append(n.outbounds, o)
	p.publishSending()
	return o, nil
}

// RemoveOutbound makes the section inactive at the next negotiation. Its SSRC is never used again.
func (p *Peer) RemoveOutbound(o *Outbound) {
	n := &p.negotiation
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.Index(n.outbounds, o)
	if i < 0 {
		return
	}
	n.outbounds, n.full = slices.Delete(n.outbounds, i, i+1), nil
	o.removed = true
	o.format.Store(nil)
	o.mid.Store(nil)
	p.publishSending()
}

// publishSending gives the reader the outbounds that feedback can be about.
func (p *Peer) publishSending() {
	list := slices.Clone(p.negotiation.outbounds)
	p.sending.Store(&list)
}

// outbound finds the outbound with a media SSRC.
func (p *Peer) outbound(ssrc uint32) *Outbound {
	list := p.sending.Load()
	if list == nil {
		return nil
	}
	for _, o := range *list {
		if o.ssrc == ssrc {
			return o
		}
	}
	return nil
}

// newSSRC makes an SSRC that this session has not seen.
func (n *negotiation) newSSRC() uint32 {
	for {
		ssrc := randomNumber()
		if ssrc != 0 && !slices.Contains(n.ssrcs, ssrc) {
			n.ssrcs = append(n.ssrcs, ssrc)
			return ssrc
		}
	}
}

// Unplaced counts outbounds that have no section yet. With an offering remote they wait for its next offer.
func (p *Peer) Unplaced() (audio, video int) {
	p.negotiation.mu.Lock()
	defer p.negotiation.mu.Unlock()
	for _, o := range p.negotiation.unplaced(p.negotiation.sections) {
		if o.cfg.Codec.Kind() == media.Audio {
			audio++
		} else {
			video++
		}
	}
	return audio, video
}

// Missing counts the sections that an offering remote must add for all outbounds to be placed: those that it has, and
// that nobody uses, are used first.
func (p *Peer) Missing() (audio, video int) {
	audio, video = p.Unplaced()
	p.negotiation.mu.Lock()
	defer p.negotiation.mu.Unlock()
	for _, s := range p.negotiation.sections {
		if s.rejected || s.deaf || s.in != nil || s.out != nil {
			continue
		}
		switch s.kind {
		case media.Audio:
			audio--
		case media.Video:
			video--
		}
	}
	return max(audio, 0), max(video, 0)
}

// Inbounds lists the sections in which the remote sends.
func (p *Peer) Inbounds() []*Inbound {
	p.negotiation.mu.Lock()
	defer p.negotiation.mu.Unlock()
	var list []*Inbound
	for _, s := range p.negotiation.sections {
		if s.in != nil && !s.rejected {
			list = append(list, s.in)
		}
	}
	return list
}

// announce tells the handler what a negotiation has changed.
func (p *Peer) announce(c change) {
	for _, in := range c.removed {
		p.events.post(func() { p.cfg.Handler.InboundRemoved(in) })
	}
	for _, in := range c.added {
		p.events.post(func() { p.cfg.Handler.InboundAdded(in) })
	}
}

// announceReady tells outbounds that they can send. Feedback comes from the home reader, always.
func (p *Peer) announceReady() {
	if !p.Connected() {
		return
	}
	p.onHomeReader(func(*reader) {
		list := p.sending.Load()
		if list == nil {
			return
		}
		for _, o := range *list {
			if !o.saidReady && o.Ready() {
				o.saidReady = true
				o.cfg.Feedback.Ready()
			}
		}
	})
}

// SendRTCP sends a compound packet, for control that is not tied to an outbound or inbound.
func (p *Peer) SendRTCP(packets []rtcp.Packet) {
	if len(packets) == 0 || !p.Connected() {
		return
	}
	raw, err := rtcp.Marshal(packets)
	if err != nil {
		p.log.Warn("cannot write RTCP", "error", err)
		return
	}
	p.postControl(raw)
}

// postControl lets the home sender encrypt and send a compound packet.
func (p *Peer) postControl(raw []byte) {
	p.home.Load().Post(&controlWork{p, raw})
}

type controlWork struct {
	peer *Peer
	raw  []byte
}

func (w *controlWork) Run(tx *Tx) { tx.rawControl(w.peer, w.raw) }
