package bwe

import "time"

const (
	// burst is what a group of packets spans at most where they were sent: a pacer lets out several at once, and only the
	// way from one group to the next says something about queues.
	burst = 5 * time.Millisecond
	// longestBurst bounds a group whose packets come bunched: a radio link delivers so.
	longestBurst = 100 * time.Millisecond
	// leap is a difference between sent and arrived that no network makes: the peer's clock was set.
	leap = 3 * time.Second
)

// groups makes groups of packets and says how the time between two of them changed on the way.
type groups struct {
	current, before group
}

type group struct {
	firstSent, lastSent   time.Duration
	firstArrived, arrived time.Duration
	count                 int
}

// add takes the next packet by arrival. When a group is complete it gives the time between the departures of the last
// two groups, and between their arrivals.
func (g *groups) add(sent, arrived time.Duration) (departed, came time.Duration, ok bool) {
	c := &g.current
	switch {
	case c.count == 0:
		g.start(sent, arrived)
		return 0, 0, false
	case sent < c.firstSent:
		return 0, 0, false // out of order: says nothing about the queue
	case c.takes(sent, arrived):
		c.lastSent, c.arrived = max(c.lastSent, sent), max(c.arrived, arrived)
		c.count++
		return 0, 0, false
	}
	if g.before.count > 0 {
		departed, came = c.lastSent-g.before.lastSent, c.arrived-g.before.arrived
		ok = came >= 0
		if d := came - departed; d > leap || d < -leap {
			*g = groups{}
			g.start(sent, arrived)
			return 0, 0, false
		}
	}
	g.before = *c
	g.start(sent, arrived)
	return departed, came, ok
}

func (g *groups) start(sent, arrived time.Duration) {
	g.current = group{firstSent: sent, lastSent: sent, firstArrived: arrived, arrived: arrived, count: 1}
}

func (g *group) takes(sent, arrived time.Duration) bool {
	if sent-g.firstSent <= burst {
		return true
	}
	between, departed := arrived-g.arrived, sent-g.lastSent
	return between-departed < 0 && between <= burst && arrived-g.firstArrived < longestBurst
}
