package track

import (
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// A ClockGroup keeps the tracks of one publisher in step. Each RTP stream has a clock of its own; sender reports tie
// these to the publisher's one NTP clock, and the group ties that to media time. It is safe for use by several goroutines.
type ClockGroup struct {
	mu      sync.Mutex
	members map[*sourceClock]struct{}
	// ready tells that sender reports of all streams came, so that the NTP clock is used. Until then arrival stands in.
	ready bool
	// delay is how far media time is ahead of the publisher's NTP clock on the fastest way here.
	delay windowMin
}

// NewClockGroup makes a group for the tracks of one publisher.
func NewClockGroup() *ClockGroup {
	return &ClockGroup{members: make(map[*sourceClock]struct{})}
}

const (
	// slewShare is how fast a mapping is corrected: 1 part in 100.
	slewShare = 100
	// newBase is how far a timestamp is off its expected time when the publisher has begun a new time base. Less is
	// drift and jitter and is slewed.
	newBase = time.Second
	// staleBase is the same for timestamps that come late, which a stalled network may cause too.
	staleBase = 10 * time.Second
	// plausible is how far reports may move a stream from its time of arrival. What reports more has another NTP clock
	// than the rest of its group.
	plausible = 2 * time.Second
	// quiet is how long a stream is silent when the group stops waiting for its sender report.
	quiet = 5 * time.Second
)

// sourceClock maps the timestamps of one RTP stream to media time by a line that is bent, never broken: media time
// increases by 99 to 101 ms in 100 ms of timestamps. It reads no clock; its group's lock guards it.
type sourceClock struct {
	rate  int64
	group *ClockGroup

	started bool
	newest  int64         // highest timestamp, unwrapped
	heard   time.Duration // arrival of the newest packet
	// bends are the line's last pieces, oldest first: whoever asks late for a timestamp gets what was valid then.
	bends []bend
	// pinned clocks follow what they are told exactly.
	pinned bool

	delay windowMin // arrival minus timestamp
	// remote is the publisher's NTP time minus the timestamp, valid when reported.
	remote   time.Duration
	reported bool
}

// bend is a piece of the line: media time = timestamp + offset, and from the timestamp from on, offset moves towards
// target.
type bend struct {
	from           int64
	offset, target time.Duration
}

// mostBends is how many pieces are kept; a reader that is further behind sees the line shifted by what was slewed since.
const mostBends = 64

func newSourceClock(rate int, group *ClockGroup) *sourceClock {
	if group == nil {
		group = NewClockGroup()
	}
	return &sourceClock{rate: int64(rate), group: group}
}

// packet learns from a packet that arrived.
func (c *sourceClock) packet(timestamp uint32, arrival time.Duration) {
	c.group.mu.Lock()
	defer c.group.mu.Unlock()
	if !c.started {
		c.group.members[c] = struct{}{}
		c.anchor(timestamp, arrival)
		return
	}
	at := c.unwrap(timestamp)
	if late := arrival - c.media(at); late < -newBase || late > staleBase {
		c.anchor(timestamp, arrival)
		return
	}
	c.newest, c.heard = max(c.newest, at), arrival
	d := arrival - c.duration(at)
	c.delay.add(d, arrival)
	if c.reported {
		c.group.delay.add(d-c.remote, arrival)
	}
	c.aim()
}

// restart forgets all but the stream's place in its group: another source follows.
func (c *sourceClock) restart() {
	c.group.mu.Lock()
	defer c.group.mu.Unlock()
	c.started = false
}

// report learns from a sender report (RFC 3550, section 6.4.1).
func (c *sourceClock) report(ntp uint64, timestamp uint32, arrival time.Duration) {
	c.group.mu.Lock()
	defer c.group.mu.Unlock()
	if !c.started || c.pinned || ntp == 0 {
		return
	}
	at := c.unwrap(timestamp)
	if d := c.duration(at) - c.duration(c.newest); d > staleBase || d < -staleBase {
		return // of a time base that is gone, or that has not come yet
	}
	remote := media.FromNTP(ntp) - c.duration(at)
	if d := remote - c.remote; c.reported && (d > newBase || d < -newBase) {
		c.group.forget() // the publisher has set its clock
	}
	c.remote, c.reported = remote, true
	c.group.delay.add(arrival-media.FromNTP(ntp), arrival)
	c.group.check(arrival)
	c.aim()
}

// pin says which media time a timestamp has.
func (c *sourceClock) pin(timestamp uint32, at time.Duration) {
	c.group.mu.Lock()
	defer c.group.mu.Unlock()
	if c.started {
		c.newest = c.unwrap(timestamp)
	} else {
		c.newest = int64(timestamp)
	}
	c.started, c.pinned = true, true
	c.line(at - c.duration(c.newest))
}

// mediaTime maps a timestamp; false before the first packet.
func (c *sourceClock) mediaTime(timestamp uint32) (time.Duration, bool) {
	c.group.mu.Lock()
	defer c.group.mu.Unlock()
	if !c.started {
		return 0, false
	}
	return c.media(c.unwrap(timestamp)), true
}

// leave takes the stream out of its group.
func (c *sourceClock) leave() {
	c.group.mu.Lock()
	defer c.group.mu.Unlock()
	delete(c.group.members, c)
}

// anchor begins a time base at a packet.
func (c *sourceClock) anchor(timestamp uint32, arrival time.Duration) {
	c.started, c.newest, c.heard, c.reported = true, int64(timestamp), arrival, false
	c.line(arrival - c.duration(c.newest))
	c.delay = windowMin{}
	c.delay.add(arrival-c.duration(c.newest), arrival)
}

// line begins a straight line that nothing connects with what was before.
func (c *sourceClock) line(offset time.Duration) {
	c.bends = append(c.bends[:0], bend{c.newest, offset, offset})
}

// aim bends the line towards what is known best now.
func (c *sourceClock) aim() {
	if c.pinned {
		return
	}
	target := c.delay.value()
	if c.group.ready && c.reported {
		if by := c.group.delay.value() + c.remote; by-target < plausible && target-by < plausible {
			target = by
		}
	}
	last := &c.bends[len(c.bends)-1]
	if target == last.target {
		return
	}
	now := c.offsetAt(c.newest)
	if d := target - now; d > newBase || d < -newBase {
		c.line(target)
		return
	}
	next := bend{c.newest, now, target}
	switch {
	case last.from == next.from:
		*last = next
	case len(c.bends) < mostBends:
		c.bends = append(c.bends, next)
	default:
		copy(c.bends, c.bends[1:])
		c.bends[mostBends-1] = next
	}
}

func (c *sourceClock) media(at int64) time.Duration { return c.duration(at) + c.offsetAt(at) }

func (c *sourceClock) offsetAt(at int64) time.Duration {
	i := len(c.bends) - 1
	for i > 0 && at < c.bends[i].from {
		i--
	}
	b := c.bends[i]
	limit := c.duration(max(at-b.from, 0)) / slewShare
	return b.offset + min(max(b.target-b.offset, -limit), limit)
}

// unwrap gives the 64-bit timestamp next to the newest one.
func (c *sourceClock) unwrap(timestamp uint32) int64 {
	return c.newest + int64(int32(timestamp-uint32(c.newest)))
}

func (c *sourceClock) duration(at int64) time.Duration {
	seconds, rest := at/c.rate, at%c.rate
	return time.Duration(seconds)*time.Second + time.Duration(rest*int64(time.Second)/c.rate)
}

// check finds out whether all streams that are being sent have reported.
func (g *ClockGroup) check(now time.Duration) {
	for c := range g.members {
		if !c.reported && now-c.heard < quiet {
			return
		}
	}
	g.ready = true
}

// forget drops what is known of the publisher's NTP clock.
func (g *ClockGroup) forget() {
	g.ready, g.delay = false, windowMin{}
	for c := range g.members {
		c.reported = false
	}
}

// windowMin is the least of the values of the last 5 to 10 s: network delay only adds, so the least is the truest, and
// clocks that drift make old values worthless.
type windowMin struct {
	current, last time.Duration
	since         time.Duration
	filled        uint8 // how many of the two windows have values
}

const window = 5 * time.Second

func (w *windowMin) add(v, now time.Duration) {
	switch {
	case w.filled == 0:
		w.current, w.since, w.filled = v, now, 1
	case now-w.since >= window:
		w.last, w.current, w.since, w.filled = w.current, v, now, 2
	default:
		w.current = min(w.current, v)
	}
}

func (w *windowMin) value() time.Duration {
	if w.filled == 2 {
		return min(w.current, w.last)
	}
	return w.current
}
