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

	// cursor is the arrival index of the next packet for the active.
	cursor uint64
	// active get each packet as it comes, behind are still being sent what came before, waiting need a keyframe first.
	active, behind, waiting []*Sender
	reminded                time.Duration
}

// PacketsReady is called by the layer's writer.
func (g *group) PacketsReady(*track.Layer) {
	if g.posted.CompareAndSwap(false, true) {
		g.forwarder.shard.Post(g)
	}
}

// Run forwards what has come.
func (g *group) Run(tx *rtc.Tx) { g.run(tx) }

func (g *group) run(tx exit) {
	g.posted.Store(false)
	for head := g.ring.Head(); g.cursor < head; {
		packets, next, whole := g.read(g.cursor, min(head, g.cursor+batchPackets))
		g.cursor = next
		if !whole && g.video {
			g.restart(tx.Now())
		}
		if len(g.waiting) > 0 {
			g.admit(tx, packets)
		}
		for _, s := range g.active {
			s.forward(tx, packets)
		}
	}
	g.catchUp(tx)
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
		packets, next, whole := g.read(s.cursor, min(g.cursor, s.cursor+burstPackets))
		if !whole {
			g.behind = without(g.behind, s)
			g.wait(s, tx.Now())
			g.endWhenEmpty()
			continue
		}
		s.cursor = next
		s.forward(tx, packets)
		if next == g.cursor {
			g.behind = without(g.behind, s)
			g.active = append(g.active, s)
			continue
		}
		i++
	}
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
	if g.video {
		g.reminded = now
		g.layer.RequestKeyframe()
	}
}

// leave takes a sender out; the last one ends the group.
func (g *group) leave(s *Sender) {
	g.active, g.behind, g.waiting = without(g.active, s), without(g.behind, s), without(g.waiting, s)
	g.endWhenEmpty()
}

func (g *group) endWhenEmpty() {
	if len(g.active)+len(g.behind)+len(g.waiting) == 0 {
		g.layer.Unlisten(g)
		delete(g.forwarder.groups, g.layer)
	}
}
