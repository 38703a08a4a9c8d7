package sfu

// ahead is for how many subscribers at a time what forwarding needs of them is brought into the caches.
const ahead = 8

// warm reads a little of everything that forwarding to the next subscribers, from i on, will read. A shard that was asleep finds its
// caches cold, and each subscriber's state is a chain of pointers: sender, outbound, peer, cipher. Followed for one subscriber after the
// other, each link waits for memory; followed for several at once, they wait together.
func (g *group) warm(i int) {
	sum := 0
	for _, s := range g.active[i:min(i+ahead, len(g.active))] {
		sum += s.warm()
	}
	g.forwarder.warmed = sum // or there would be no reason to read
}

func (s *Sender) warm() int {
	n := int(s.rewriter.highest) + int(s.rewriter.newest().out) + int(s.counts.packets.Load()) + int(s.sentAt) + s.out.Warm()
	if s.shares {
		n += int(s.downlink.pace.budget) + int(s.downlink.probing.probe.ID) + s.downlink.estimator.Warm()
	}
	return n
}
