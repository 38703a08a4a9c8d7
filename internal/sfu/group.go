package sfu

import (
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

const (
	// burstPackets is how much of the past a subscriber gets at a time until it has caught up: a large keyframe at once.
	burstPackets = 96
	// remindInterval is how long a group waits for a keyframe before it asks once more. The receiver repeats its
	// requests by itself; this is for those that it gave up.
	remindInterval = time.Second
)

// group is all subscribers on one shard to one layer. It hears once of each batch of packets and reads the ring once for
// all of them. All but PacketsReady is owned by the shard's sender goroutine.
type group struct {
	forwarder *forwarder
	layer     *track.Layer
	ring      *track.PacketRing
	video     bool
	posted    atomic.Bool
	// withheld tells that the track is left out, and that all subscribers know: nothing is to be done for its packets.
	withheld atomic.Bool

	// cursor is the arrival index of the next packet for the active.
	cursor uint64
	// active get each packet as it comes, behind are still being sent what came before, waiting need a keyframe first.
	active, behind, waiting []*Sender
	reminded                time.Duration
}

// PacketsReady is called by the layer's writer.
func (g *group) PacketsReady(*track.Layer) {
	if g.withheld.Load() && g.layer.Track().Withheld() {
		return
	}
	if g.posted.CompareAndSwap(false, true) {
		g.forwarder.shard.Post(g)
	}
}

// Run forwards what has come.
func (g *group) Run(tx *rtc.Tx) { g.run(tx) }

func (g *group) run(tx exit) {
	g.posted.Store(false)
	if g.leaveOut(tx.Now()) {
		return
	}
	for head := g.ring.Head(); g.cursor < head; {
		at := g.cursor
		packets, next, whole := g.read(at, min(head, at+batchPackets))
		g.cursor = next
		if !whole && g.video {
			g.restart(tx.Now())
		}
		if len(g.waiting) > 0 {
			g.admit(tx, packets)
		}
		g.forward(tx, at, packets)
	}
	g.catchUp(tx)
}

// leaveOut follows a track that is withheld, or is not any more, and tells whether it is. Subscribers wait meanwhile; when it
// goes on, their streams continue with the next packet of sound or the next keyframe, without a hole in sequence numbers.
func (g *group) leaveOut(now time.Duration) bool {
	was, is := g.withheld.Load(), g.layer.Track().Withheld()
	if is || was {
		g.cursor = g.ring.Head()
	}
	g.withheld.Store(is)
	switch {
	case was && !is:
		g.cursor -= min(g.cursor, 1) // what has just come
		g.ask(now)
	case is && !was:
		for len(g.behind) > 0 {
			s := g.behind[0]
			g.leaveBehind(s)
			g.wait(s, now)
		}
		g.restart(now)
	}
	return is
}

// forward sends a batch, from arrival index at on, to all the active. A picture that does not fit into one burst on the way to
// a subscriber waits in the ring.
func (g *group) forward(tx exit, at uint64, packets []*media.Packet) {
	size, now := 0, tx.Now()
	if g.video {
		size = wireSize(packets)
	}
	warmed := 0
	for i := 0; i < len(g.active); {
		if i >= warmed {
			g.warm(i)
			warmed = i + ahead
		}
		s := g.active[i]
		if s.shares && g.video && !s.downlink.pace.admits(size, now) {
			last := len(g.active) - 1
			g.active[i], g.active[last] = g.active[last], nil
			g.active = g.active[:last]
			g.fallBehind(s, at, now)
			continue
		}
		s.forward(tx, packets)
		i++
	}
}

// fallBehind has a sender that is in no list go on from arrival index at, as its way allows.
func (g *group) fallBehind(s *Sender, at uint64, now time.Duration) {
	s.behind, s.cursor, s.lag = g, at, lag{}
	if p := g.ring.At(at); p != nil {
		s.lag.begun = now - p.Arrival
	}
	g.behind = append(g.behind, s)
	totals.behind.Add(1)
	if s.shares {
		s.downlink.hurry()
	}
}

// read gives the packets with arrival indices from at up to end, at most batchPackets; whole tells that none of them has
// been overwritten already. The result is valid until the next read on the shard.
func (g *group) read(at, end uint64) (packets []*media.Packet, next uint64, whole bool) {
	packets = g.forwarder.packets[:0]
	whole = true
	for ; at < end; at++ {
		if p := g.ring.At(at); p != nil {
			packets = append(packets, p)
		} else {
			whole = false
		}
	}
	return packets, at, whole
}

// admit lets those who wait begin if there is a packet to begin with.
func (g *group) admit(tx exit, packets []*media.Packet) {
	for _, p := range packets {
		if p.Start && p.Keyframe || !g.video && len(p.Payload) > 0 {
			waiting := g.waiting
			g.waiting = nil
			for _, s := range waiting {
				s.target = nil
				s.begin(tx, g, p, p)
				g.active = append(g.active, s)
			}
			return
		}
	}
}

// catchUp sends the next part of the past to those behind.
func (g *group) catchUp(tx exit) {
	for i := 0; i < len(g.behind); {
		s := g.behind[i]
		g.advance(tx, s)
		if i < len(g.behind) && g.behind[i] == s {
			i++
		}
	}
}

// advance sends one of those behind as much as its way takes now. One that is hopelessly late goes on at a keyframe.
func (g *group) advance(tx exit, s *Sender) {
	packets, _, whole := g.read(s.cursor, min(g.cursor, s.cursor+burstPackets))
	if !whole {
		g.giveUp(s, tx.Now())
		return
	}
	if s.shares && len(packets) > 0 {
		switch s.lag.judge(tx.Now() - packets[0].Arrival) {
		case giveUp:
			if !g.skip(tx, s) {
				g.giveUp(s, tx.Now())
				return
			}
			packets, _, _ = g.read(s.cursor, min(g.cursor, s.cursor+burstPackets))
		case skipAhead:
			if g.skip(tx, s) {
				packets, _, _ = g.read(s.cursor, min(g.cursor, s.cursor+burstPackets))
			}
		}
		packets = packets[:s.downlink.pace.fitting(packets, tx.Now())]
	}
	s.cursor += uint64(len(packets))
	s.forward(tx, packets)
	if s.cursor == g.cursor {
		g.leaveBehind(s)
		g.active = append(g.active, s)
	}
}

// skip has one of those behind go on at the newest keyframe, and tells whether there is one ahead of it.
func (g *group) skip(tx exit, s *Sender) bool {
	at, first, ok := startPoint(g.layer, tx.Now(), g.layer.Track().BornAsFrames())
	edge := g.ring.At(g.cursor - 1)
	if !ok || at <= s.cursor || at >= g.cursor || edge == nil {
		return false
	}
	totals.skips.Add(1)
	g.leaveBehind(s)
	s.current = nil // or begin would take it out of the group
	s.begin(tx, g, first, edge)
	g.fallBehind(s, at, tx.Now())
	return true
}

// giveUp has one of those behind wait for a keyframe.
func (g *group) giveUp(s *Sender, now time.Duration) {
	totals.skips.Add(1)
	g.leaveBehind(s)
	g.wait(s, now)
	g.endWhenEmpty()
}

// restart makes all active wait for the next keyframe: the shard was so slow that the ring has run over its cursor.
func (g *group) restart(now time.Duration) {
	active := g.active
	g.active = nil
	for _, s := range active {
		g.wait(s, now)
	}
	g.endWhenEmpty()
}

// wait puts a sender that the group forwarded to, and that is in no list of it now, back to waiting. If it waits for
// another layer already, that will do.
func (g *group) wait(s *Sender, now time.Duration) {
	s.current = nil
	if s.target == nil {
		s.target = g
		g.waiting = append(g.waiting, s)
		g.ask(now)
	}
}

func (g *group) remind(now time.Duration) {
	if len(g.waiting) > 0 && now-g.reminded >= remindInterval && g.layer.Active(now) {
		g.ask(now)
	}
}

func (g *group) ask(now time.Duration) {
	if g.video && !g.withheld.Load() {
		g.reminded = now
		g.layer.RequestKeyframe()
	}
}

func (g *group) leaveBehind(s *Sender) {
	if s.behind == g {
		g.behind, s.behind = without(g.behind, s), nil
		totals.behind.Add(-1)
	}
}

// leave takes a sender out; the last one ends the group.
func (g *group) leave(s *Sender) {
	g.active, g.waiting = without(g.active, s), without(g.waiting, s)
	g.leaveBehind(s)
	g.endWhenEmpty()
}

func (g *group) endWhenEmpty() {
	if len(g.active)+len(g.behind)+len(g.waiting) == 0 {
		g.layer.Unlisten(g)
		delete(g.forwarder.groups, g.layer)
	}
}
