package sfu

import (
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

// reportInterval is the time between sender reports.
const reportInterval = time.Second

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
		if s.shares {
			s.downlink.leave(s)
			s.shares = false
		}
		s.allowed(unlimited)
		s.account(tx.Now())
		s.ended = true
		return
	}
	if s.downlink != nil && !s.shares {
		s.shares = true
		s.downlink.join(s, tx.Now())
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
	if s.limit == suspended {
		s.stop()
		return
	}
	steps := s.audience.candidates
	wanted := choose(s.now.wish, steps)
	i := within(wanted, s.limit, steps)
	s.counts.limited.Store(i != wanted)
	if i < 0 {
		s.aim(nil)
		return
	}
	layer := steps[i].layer
	s.goal = steps[i].selection
	if s.current != nil && s.current.layer == layer {
		s.aim(nil)
		s.take(s.goal, tx.Now())
		return
	}
	if s.target != nil && s.target.layer == layer {
		return
	}
	target := s.forwarder.group(layer)
	s.aim(target)
	if !target.video || s.start(tx, target.layer) {
		return
	}
	target.ask(tx.Now())
	if s.rewriter.count == 0 {
		// The first picture matters more than its size.
		for j := range steps {
			if steps[j].layer != layer && steps[j].active && s.start(tx, steps[j].layer) {
				return
			}
		}
	}
}

// take chooses among the layers within the stream that is sent. A larger picture needs a keyframe.
func (s *Sender) take(want selection, now time.Duration) {
	if s.rewriter.want == want {
		return
	}
	s.rewriter.want, s.wantedAt = want, now
	if want != everything && s.rewriter.selected().spatial < want.spatial {
		s.current.ask(now)
	}
}

// remind asks for a keyframe once more, or for the first time, when there was no other place to go up.
func (s *Sender) remind(now time.Duration) {
	want := s.rewriter.want
	if s.current == nil || want == everything || !s.rewriter.selected().below(want) {
		return
	}
	if now-s.wantedAt >= remindInterval && s.current.layer.Active(now) {
		s.wantedAt = now
		s.current.ask(now)
	}
}

// allow sets the largest layer that there is room for by an estimate.
func (s *Sender) allow(tx exit, limit int, estimate float64) {
	if limit == s.limit {
		return
	}
	was := s.limit
	s.allowed(limit)
	if s.audience != nil {
		top := len(s.audience.candidates) - 1
		if from, to := min(was, top), min(limit, top); from != to {
			s.caution.change(from, to, estimate, tx.Now())
		}
	}
	if was == suspended || limit == suspended {
		s.tellSuspended(limit == suspended)
	}
	s.choose(tx)
}

// describe says what the sender's picture takes.
func (s *Sender) describe(d *demand, now time.Duration) {
	is := importance{
		screen: s.screen, pinned: s.now.priority, speaking: s.audience.feed.track.SpokeSince(now - speakerStays),
		width: s.now.wish.width, height: s.now.wish.height,
	}
	d.rates, d.now, d.rank = d.rates[:0], -1, is.rank()
	most := 0.0
	for i := range s.audience.candidates {
		c := &s.audience.candidates[i]
		rate := 0.0
		if c.active {
			rate = overhead * float64(c.layer.SublayerBitrate(c.spatial, c.temporal, now))
		}
		if c.partial && rate <= most {
			rate = 0 // no step on the way up
		}
		most = max(most, rate)
		d.rates = append(d.rates, rate)
		if s.current != nil && s.current.layer == c.layer && (c.selection == everything || !s.rewriter.selected().below(c.selection)) {
			d.now = i
		}
	}
	d.wanted = choose(s.now.wish, s.audience.candidates)
	d.fresh = s.caution.fresh(now)
	d.ceiling = s.caution.ceiling(d.now, s.downlink.hopes(), now)
}

// start begins at the keyframe that a layer's ring holds, if it will do, and tells whether it did. It sends no picture
// again and none that is older than the last.
func (s *Sender) start(tx exit, l *track.Layer) bool {
	fixed := l.Track().BornAsFrames()
	at, first, ok := startPoint(l, tx.Now(), fixed)
	if !ok || l.Track().Withheld() || s.rewriter.count > 0 && s.elapsed(l, first) <= 0 && !(fixed && s.idle(tx.Now())) {
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
	g.fallBehind(s, at, tx.Now())
	g.advance(tx, s)
	return true
}

// idle tells that nothing is being sent, so that there is no picture to keep until the next one begins.
func (s *Sender) idle(now time.Duration) bool {
	return s.current == nil || !s.current.layer.Active(now)
}

// begin makes a group the current one from packet p; edge is the newest packet that has come by now. The caller puts the
// sender into one of the group's lists.
func (s *Sender) begin(tx exit, g *group, p, edge *media.Packet) {
	s.rewriter.want, s.wantedAt = s.goal, tx.Now()
	s.rewriter.begin(g.layer, p, edge, s.elapsed(g.layer, edge), s.codec.ClockRate())
	if s.current != nil {
		s.current.leave(s)
	}
	s.current = g
	s.layer.Store(g.layer)
	if was := s.sent; was != g.layer {
		s.sent = g.layer
		if was != nil && s.onLayer != nil {
			s.onLayer(was, g.layer)
		}
	}
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

// longestElapsed is how long ago a timestamp may have been sent and still be told from later ones: half the range is 6.6 hours of
// a picture.
const longestElapsed = time.Hour

// elapsed is the media time from the newest packet sent to p. Where the tracks have no media time, and after hours, arrival
// stands in.
func (s *Sender) elapsed(l *track.Layer, p *media.Packet) time.Duration {
	last, timestamp := s.rewriter.position()
	if last == nil {
		return 0
	}
	from, ok1 := last.MediaTime(timestamp)
	to, ok2 := l.MediaTime(p.Timestamp)
	if passed := p.Arrival - s.sentAt; !ok1 || !ok2 || passed > longestElapsed {
		return passed
	}
	return to - from
}

// forward sends what of the packets is to be sent.
func (s *Sender) forward(tx exit, packets []*media.Packet) {
	f := s.forwarder
	prefixes, n, bytes := f.prefixes[:0], 0, 0
	blocks, redundant := s.out.RED()
	for _, p := range packets {
		var ok bool
		if prefixes, ok = s.rewriter.rewrite(p, &f.out[n], prefixes); ok {
			if redundant && p.RED != nil {
				prefixes = carry(&f.out[n], p, blocks, prefixes)
			}
			bytes += f.out[n].Size()
			n++
		}
	}
	if n == 0 {
		return
	}
	s.sendOut(tx, n, bytes)
	s.sentAt = tx.Now()
	s.counts.packets.Add(uint64(n))
	s.counts.bytes.Add(uint64(bytes))
}

// sendOut sends the first n of the shard's packets, with so many bytes of payload, and has them count for the pace.
func (s *Sender) sendOut(tx exit, n, bytes int) {
	tx.Send(s.out, s.forwarder.out[:n])
	if s.shares {
		s.downlink.pace.spend(bytes + n*headers)
	}
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
