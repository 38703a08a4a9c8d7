package rtc

import "time"

const (
	// restTime is how far apart a reader reads when much comes: what comes meanwhile finds the caches warm that the first has warmed, and
	// leaves in fewer messages.
	restTime = 4 * time.Millisecond
	// crowd is how far apart, in the mean of crowdTime, those who send bring something where that is much. Each counts once in a restTime,
	// whatever it sends, so a camera that many watch is no crowd, in however many layers, nor are their reports, or a few people.
	crowd     = 2 * time.Millisecond
	crowdTime = 200 * time.Millisecond
	// busyShare of the time is how busy a shard is at most that rests: where it is more, what comes gathers anyhow, and a rest is delay that saves
	// little.
	busyShare = 0.4
	// datagramRoom is what a datagram takes of a socket's buffer at most: the kernel counts the memory that it lies in.
	datagramRoom = 4 << 10
)

// presence is when one who sends counted last in a crowd.
type presence struct{ counted time.Duration }

// counts tells whether what it brings now counts.
func (p *presence) counts(now time.Duration) bool {
	if now-p.counted < restTime {
		return false
	}
	p.counted = now
	return true
}

// rest decides when a reader rests. It is pure.
type rest struct {
	until   time.Duration // of the latest rest
	since   time.Duration // when counting began
	brought int
	crowded bool
	busy    time.Duration // the shard's, until then

	// room is how many datagrams may come in a rest. Of late, since a restTime ago or a little longer, so many were read.
	room    int
	late    time.Duration
	read    int
	flooded bool
}

// restWith makes one for a socket with a buffer of so many bytes, of which a rest may fill a half: what comes is not even.
func restWith(buffer int) rest { return rest{room: buffer / datagramRoom / 2} }

// over tells that no rest is under way.
func (r *rest) over(now time.Duration) bool { return now >= r.until }

// note takes that a batch of so many datagrams was read, to which so many who send brought something. busy is for how long the shard has worked in all.
func (r *rest) note(datagrams, brought int, busy, read time.Duration) {
	r.read += datagrams
	passed := read - r.late
	flooded := time.Duration(r.read)*restTime > time.Duration(r.room)*max(passed, restTime)
	r.flooded = flooded || r.flooded && passed < restTime
	if passed >= restTime {
		r.late, r.read = read, 0
	}
	r.brought += brought
	if passed := read - r.since; passed >= crowdTime {
		r.crowded = time.Duration(r.brought)*crowd >= passed && float64(busy-r.busy) <= busyShare*float64(passed)
		r.since, r.brought, r.busy = read, 0, busy
	}
}

// begin begins a rest after the batch that was read at a time, and tells how long it is; 0 when there is none. What the batch took counts:
// a reader that is busy has no time for it, and what it has to read gathers anyhow.
func (r *rest) begin(read, now time.Duration) time.Duration {
	if !r.crowded || r.flooded {
		return 0
	}
	r.until = max(read+restTime, now)
	return r.until - now
}
