package sfu

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

// reportInterval is the time between sender reports.
const reportInterval = time.Second

// ErrSenderClosed is what a closed sender answers.
var ErrSenderClosed = errors.New("sfu: sender closed")

// Sender forwards a track to one peer, in one outbound stream. Sequence numbers and timestamps go on without a break
// when the layer or the whole track is changed; a change of picture happens at a keyframe. Its maker closes it. Methods
// may be called from any goroutine; they say what is wanted, and the peer's home shard, which owns all that is needed
// for forwarding, follows.
type Sender struct {
	peer  subscriber
	out   *rtc.Outbound
	codec media.Codec

	mu        sync.Mutex
	want      want
	retired   []*feed    // of tracks from before a switch that may still be forwarded
	forwarder *forwarder // nil until the outbound is ready; never changed after that
	closed    bool

	posted atomic.Bool // the shard has been told that want has changed
	nacks  nacks
	// layer is the one that a wish for a keyframe goes to.
	layer  atomic.Pointer[track.Layer]
	counts counts

	// What follows is owned by the shard's sender goroutine.

	now      want // what want was when last looked at
	audience *audience
	// current is the group that forwards, nil while nothing is sent; target is one that is waited for.
	current, target *group
	cursor          uint64 // arrival index of the next packet, while behind
	rewriter        rewriter
	sentAt          time.Duration
	reportAt        time.Duration
	ended           bool
}

// want is what a sender was told to do.
type want struct {
	feed   *feed
	paused bool
	wish   wish
}

type counts struct {
	packets, bytes, repaired, nacked atomic.Uint64
	lost                             atomic.Uint32 // float32 bits
}

// SenderConfig is how a sender appears to its peer.
type SenderConfig struct {
	StreamID, TrackID string
	// Codec to send; the track is converted where it can be. NoCodec takes the track's own if the packet face has it.
	Codec media.Codec
}

// NewSender makes a sender with an outbound on the peer; it sends once the peer has negotiated it. Without a track,
// which needs a codec in cfg, it sends nothing until Switch.
func NewSender(peer *rtc.Peer, t *track.Track, cfg SenderConfig) (*Sender, error) {
	codec := cfg.Codec
	var format *media.Format
	if t != nil {
		if codec == media.NoCodec {
			codec = t.Info().Codec
		}
		if f := t.Format(); f != nil && f.Codec == codec {
			format = f
		}
	}
	if codec.RTPName() == "" {
		return nil, fmt.Errorf("sfu: cannot send %v to a peer", codec)
	}
	s := &Sender{peer: peer, codec: codec, rewriter: newRewriter(uint16(rand.Uint32N(1<<15)), rand.Uint32())}
	if t != nil {
		feed, err := openFeed(t, codec)
		if err != nil {
			return nil, fmt.Errorf("sfu: read track %s as %v: %w", t.Info().ID, codec, err)
		}
		s.want.feed = feed
	}
	out, err := peer.AddOutbound(rtc.OutboundConfig{
		Codec: codec, Format: format,
		StreamID: cfg.StreamID, TrackID: cfg.TrackID,
		Feedback: (*feedback)(s),
	})
	if err != nil {
		if s.want.feed != nil {
			s.want.feed.close()
		}
		return nil, fmt.Errorf("sfu: add outbound: %w", err)
	}
	s.out = out
	return s, nil
}

// Outbound is the stream to the peer.
func (s *Sender) Outbound() *rtc.Outbound { return s.out }

// Switch goes over to another track of the same kind and codec: at its next keyframe, until when the present one goes on.
func (s *Sender) Switch(t *track.Track) error {
	if kind := t.Info().Kind; kind != s.codec.Kind() {
		return fmt.Errorf("sfu: cannot switch from %v to %v", s.codec.Kind(), kind)
	}
	feed, err := openFeed(t, s.codec)
	if err != nil {
		return fmt.Errorf("sfu: read track %s as %v: %w", t.Info().ID, s.codec, err)
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		feed.close()
		return ErrSenderClosed
	}
	if s.want.feed != nil {
		s.retired = append(s.retired, s.want.feed)
	}
	s.want.feed = feed
	s.mu.Unlock()
	s.post()
	return nil
}

// SetPaused stops or resumes sending; resuming starts at a keyframe.
func (s *Sender) SetPaused(paused bool) { s.change(func(w *want) { w.paused = paused }) }

// SetSize chooses the smallest layer that is at least as large; 0, 0 means the largest.
func (s *Sender) SetSize(width, height int) {
	s.change(func(w *want) { w.wish = wish{width: width, height: height} })
}

// SetLayer chooses a layer by its place from small (0) to large (2), as far as there are so many.
func (s *Sender) SetLayer(index int) {
	s.change(func(w *want) { w.wish = wish{index: index, byIndex: true} })
}

func (s *Sender) change(f func(*want)) {
	s.mu.Lock()
	before := s.want
	f(&s.want)
	changed := s.want != before
	s.mu.Unlock()
	if changed {
		s.post()
	}
}

// post has the shard look at what is wanted, once it is known which shard that is.
func (s *Sender) post() {
	s.mu.Lock()
	f := s.forwarder
	s.mu.Unlock()
	if f != nil && s.posted.CompareAndSwap(false, true) {
		f.shard.Post((*follower)(s))
	}
}

// Close stops sending and removes the outbound from the peer (a negotiation must follow).
func (s *Sender) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	open := s.retired
	if s.want.feed != nil {
		open = append(open, s.want.feed)
	}
	s.retired = nil
	f := s.forwarder
	s.mu.Unlock()

	s.peer.RemoveOutbound(s.out)
	s.post()
	for _, feed := range open {
		feed.close()
	}
	if f != nil {
		f.release()
	}
}

// SenderStats are totals since the start.
type SenderStats struct {
	Packets, Bytes, Repaired, Nacked uint64
	// Lost is the fraction lost in the last report, 0 to 1.
	Lost float32
}

func (s *Sender) Stats() SenderStats {
	return SenderStats{
		Packets:  s.counts.packets.Load(),
		Bytes:    s.counts.bytes.Load(),
		Repaired: s.counts.repaired.Load(),
		Nacked:   s.counts.nacked.Load(),
		Lost:     math.Float32frombits(s.counts.lost.Load()),
	}
}

// follower is the sender as work that does what is wanted now.
type follower Sender

func (f *follower) Run(tx *rtc.Tx) { f.run(tx) }

func (f *follower) run(tx exit) {
	s := (*Sender)(f)
	s.posted.Store(false)
	s.mu.Lock()
	want, closed := s.want, s.closed
	s.mu.Unlock()
	if closed {
		s.stop()
		s.join(nil, tx)
		s.ended = true
		return
	}
	if want.paused && !s.now.paused {
		s.stop()
	}
	if want.feed != s.now.feed {
		s.aim(nil)
		s.join(want.feed, tx)
	}
	s.now = want
	s.choose(tx)
	if s.current == nil || s.audience != nil && slices.Contains(s.audience.layers, s.current.layer) {
		s.retire()
	}
}

// join moves the sender to the audience of a feed.
func (s *Sender) join(feed *feed, tx exit) {
	if s.audience != nil {
		s.audience.leave(s)
		s.audience = nil
	}
	if feed != nil {
		s.audience = s.forwarder.join(s, feed, tx.Now())
	}
}

// stop sends nothing more until it is chosen anew.
func (s *Sender) stop() {
	s.aim(nil)
	if s.current != nil {
		s.current.leave(s)
		s.current = nil
	}
}

// aim waits for a keyframe in a group, or, with nil, no longer does.
func (s *Sender) aim(g *group) {
	if s.target == g {
		return
	}
	if s.target != nil {
		s.target.leave(s)
	}
	s.target = g
	if g != nil {
		g.waiting = append(g.waiting, s)
		if s.current == nil {
			s.layer.Store(g.layer)
		}
	}
}

// choose finds the layer to send and starts or goes over to it, at once or as soon as a keyframe comes.
func (s *Sender) choose(tx exit) {
	if s.ended || s.now.paused || s.audience == nil {
		return
	}
	layers := s.audience.layers
	i := choose(s.now.wish, s.audience.candidates)
	if i < 0 || s.current != nil && s.current.layer == layers[i] {
		s.aim(nil)
		return
	}
	if s.target != nil && s.target.layer == layers[i] {
		return
	}
	target := s.forwarder.group(layers[i])
	s.aim(target)
	if !target.video || s.start(tx, target.layer) {
		return
	}
	target.ask(tx.Now())
	if s.rewriter.count == 0 {
		// The first picture matters more than its size.
		for j, l := range layers {
			if j != i && s.audience.candidates[j].active && s.start(tx, l) {
				return
			}
		}
	}
}

// start begins at the keyframe that a layer's ring holds, if it will do, and tells whether it did. It sends no picture
// again and none that is older than the last.
func (s *Sender) start(tx exit, l *track.Layer) bool {
	fixed := l.Track().BornAsFrames()
	at, first, ok := startPoint(l, tx.Now(), fixed)
	if !ok || s.rewriter.count > 0 && s.elapsed(l, first) <= 0 && !(fixed && s.idle(tx.Now())) {
		return false
	}
	g := s.forwarder.group(l)
	if at >= g.cursor {
		return s.target == g // it is about to be forwarded
	}
	if s.target == g {
		g.waiting = without(g.waiting, s)
		s.target = nil
	}
	edge := g.ring.At(g.cursor - 1)
	if edge == nil {
		edge = first
	}
	s.begin(tx, g, first, edge)
	s.cursor = at
	g.behind = append(g.behind, s)
	g.catchUp(tx)
	return true
}

// idle tells that nothing is being sent, so that there is no picture to keep until the next one begins.
func (s *Sender) idle(now time.Duration) bool {
	return s.current == nil || !s.current.layer.Active(now)
}

// begin makes a group the current one from packet p; edge is the newest packet that has come by now. The caller puts the
// sender into one of the group's lists.
func (s *Sender) begin(tx exit, g *group, p, edge *media.Packet) {
	s.rewriter.begin(g.layer, p, edge.Timestamp, s.elapsed(g.layer, edge), s.codec.ClockRate())
	if s.current != nil {
		s.current.leave(s)
	}
	s.current = g
	s.layer.Store(g.layer)
	if s.reportAt == 0 {
		s.reportAt = tx.Now()
	}
	s.retire()
}

// retire closes the feeds from before a switch, once nothing of them is forwarded any more.
func (s *Sender) retire() {
	s.mu.Lock()
	var done []*feed
	if s.want.feed == s.now.feed {
		done, s.retired = s.retired, nil
	}
	s.mu.Unlock()
	for _, feed := range done {
		go feed.close() // which may wait for the track; the shard must not
	}
}

// elapsed is the media time from the newest packet sent to p. Where the tracks have no media time, arrival stands in.
func (s *Sender) elapsed(l *track.Layer, p *media.Packet) time.Duration {
	last, timestamp := s.rewriter.position()
	if last == nil {
		return 0
	}
	from, ok1 := last.MediaTime(timestamp)
	to, ok2 := l.MediaTime(p.Timestamp)
	if !ok1 || !ok2 {
		return p.Arrival - s.sentAt
	}
	return to - from
}

// forward sends what of the packets is to be sent.
func (s *Sender) forward(tx exit, packets []*media.Packet) {
	f := s.forwarder
	prefixes, n, bytes := f.prefixes[:0], 0, 0
	for _, p := range packets {
		var ok bool
		if prefixes, ok = s.rewriter.rewrite(p, &f.out[n], prefixes); ok {
			bytes += len(p.Payload)
			n++
		}
	}
	if n == 0 {
		return
	}
	tx.Send(s.out, f.out[:n])
	s.sentAt = tx.Now()
	s.counts.packets.Add(uint64(n))
	s.counts.bytes.Add(uint64(bytes))
}

// report sends a sender report when it is time: the timestamp that the stream has now, as the layer's media time tells.
// All streams from one publisher are on that time, so the remote plays them in step.
func (s *Sender) report(tx exit) {
	now := tx.Now()
	if s.current == nil || now < s.reportAt {
		return
	}
	layer, source := s.rewriter.position()
	at, ok := layer.MediaTime(source)
	if !ok {
		return
	}
	s.reportAt = now + reportInterval
	tx.SendReport(s.out, media.NTP(now), source+s.rewriter.newest().timestamp+uint32(ticks(now-at, s.codec.ClockRate())))
}
