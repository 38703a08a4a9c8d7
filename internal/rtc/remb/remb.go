// Package remb bounds what a publisher sends that does without transport-wide congestion control: it estimates at the
// receiver how much the way from it carries (REMB, draft-alvestrand-rmcat-remb-03). A publisher with an estimator of its
// own knows better; for one without, it is the difference between a picture and a queue. It is pure: time is an argument.
package remb

import "time"

const (
	// window is how long the shortest delay is remembered, once or twice over: long enough for a picture to come that did not
	// wait, short enough for clocks that run apart.
	window = 10 * time.Second
	// settle is what the present delay is the least of: a keyframe waits for itself, a queue has everything wait.
	settle = 250 * time.Millisecond
	// A queue above full is one that must go; below free nothing keeps the rate from growing.
	full, free = 50 * time.Millisecond, 25 * time.Millisecond
	// reduceInterval is the least time between two falls, so that the first can have shown an effect.
	reduceInterval = 400 * time.Millisecond
	// A queue that has not gone after believe, though less was asked for, is none: the way has become longer.
	believe = 4 * time.Second

	backoff = 0.85 // of what comes
	growth  = 0.08 // a second
	// The bound stays within reach of what comes, or it would mean nothing when it is needed.
	headroom, headroomBase = 2, 300e3

	minRate, maxRate = 50e3, 50e6
	// interval is the time between two reports, when the rate does not fall.
	interval = 500 * time.Millisecond
	// gone is how long after its last packet a stream is forgotten.
	gone = 3 * time.Second
	// maxStreams bounds how many streams are followed.
	maxStreams = 16
)

// Estimator estimates what the way from one peer carries. It belongs to one goroutine.
type Estimator struct {
	streams   []stream
	rate      float64 // bit/s, 0 before the first look
	arrivals  arrivals
	looked    time.Duration
	reduced   time.Duration
	since     time.Duration // when the queue was first seen, 0 when there is none
	congested bool          // a queue was seen at some time
	told      float64
	toldAt    time.Duration
}

// stream is one SSRC, whose timestamps tell when its packets were made.
type stream struct {
	ssrc        uint32
	timestamp   uint32
	captured    time.Duration // timestamp as a time, on the publisher's clock
	last        time.Duration
	base, older time.Duration // the least delay, now and in the window before
	turned      time.Duration
	least, now  time.Duration // in the present settle time, and in the one before
	settled     time.Duration
}

// arrivals counts what came in the last half second to second.
type arrivals struct {
	begun         time.Duration
	before, bytes int
}

const half = 500 * time.Millisecond

func (a *arrivals) add(size int, now time.Duration) {
	switch passed := now - a.begun; {
	case passed >= 2*half || a.begun == 0:
		*a = arrivals{begun: now}
	case passed >= half:
		*a = arrivals{begun: a.begun + half, before: a.bytes}
	}
	a.bytes += size
}

// rate is in bit/s, 0 while unknown.
func (a *arrivals) rate(now time.Duration) float64 {
	if a.before == 0 || now-a.begun > 2*half {
		return 0
	}
	return float64((a.before+a.bytes)*8) / (now - a.begun + half).Seconds()
}

// Note takes a packet of size bytes that arrives now, made at an RTP timestamp of a clock of rate Hz.
func (e *Estimator) Note(ssrc, timestamp uint32, rate, size int, now time.Duration) {
	e.arrivals.add(size, now)
	if s := e.stream(ssrc, now); s != nil && rate > 0 {
		s.note(timestamp, rate, now)
	}
	if now-e.looked >= settle/2 {
		e.look(now)
	}
}

// stream finds or makes an SSRC's; nil when there are too many.
func (e *Estimator) stream(ssrc uint32, now time.Duration) *stream {
	for i := range e.streams {
		if e.streams[i].ssrc == ssrc {
			return &e.streams[i]
		}
	}
	fresh := stream{ssrc: ssrc}
	for i := range e.streams {
		if now-e.streams[i].last > gone {
			e.streams[i] = fresh
			return &e.streams[i]
		}
	}
	if len(e.streams) == maxStreams {
		return nil
	}
	e.streams = append(e.streams, fresh)
	return &e.streams[len(e.streams)-1]
}

func (s *stream) note(timestamp uint32, rate int, now time.Duration) {
	step := time.Duration(int32(timestamp-s.timestamp)) * time.Second / time.Duration(rate)
	if s.last == 0 || now-s.last > gone || step.Abs() > gone {
		*s = stream{ssrc: s.ssrc, timestamp: timestamp, last: now, turned: now, settled: now}
		s.base, s.older, s.least, s.now = now, now, now, now
		return
	}
	s.last, s.timestamp, s.captured = now, timestamp, s.captured+step
	delay := now - s.captured
	if now-s.turned > window {
		s.older, s.base, s.turned = s.base, delay, now
	}
	s.base, s.least = min(s.base, delay), min(s.least, delay)
	if now-s.settled >= settle {
		s.now, s.least, s.settled = s.least, delay, now
	}
}

// queue is for how long packets wait now.
func (s *stream) queue() time.Duration { return s.now - min(s.base, s.older) }

// look decides anew.
func (e *Estimator) look(now time.Duration) {
	passed := min(now-e.looked, time.Second)
	e.looked = now
	comes := e.arrivals.rate(now)
	if comes == 0 {
		return
	}
	var queue time.Duration
	for i := range e.streams {
		if s := &e.streams[i]; now-s.last < settle {
			queue = max(queue, s.queue())
		}
	}
	limit := headroom*comes + headroomBase
	switch {
	case queue > full && e.since == 0:
		e.since = now
		e.reduce(comes, now)
	case queue > full && now-e.since > believe:
		e.since = 0
		for i := range e.streams {
			s := &e.streams[i]
			s.base, s.older = s.now, s.now
		}
	case queue > full:
		e.reduce(comes, now)
	case queue < free:
		e.since = 0
		if !e.congested || e.rate == 0 {
			e.rate = max(e.rate, limit)
		} else if e.rate < limit {
			e.rate *= 1 + growth*passed.Seconds()
		}
	default:
		e.since = 0
	}
	e.rate = min(max(e.rate, minRate), maxRate)
}

func (e *Estimator) reduce(comes float64, now time.Duration) {
	if e.congested && now-e.reduced < reduceInterval {
		return
	}
	if less := backoff * comes; less < e.rate || e.rate == 0 {
		e.rate = less
	}
	e.congested, e.reduced = true, now
}

// Due gives the rate to report now, in bit/s; it is false when nothing is to be reported. A fall is reported at once.
func (e *Estimator) Due(now time.Duration) (rate float64, ok bool) {
	if e.rate == 0 || now-e.toldAt < interval && e.rate > 0.97*e.told {
		return 0, false
	}
	e.told, e.toldAt = e.rate, now
	return e.rate, true
}

// SSRCs appends the streams that the bound is for.
func (e *Estimator) SSRCs(dst []uint32, now time.Duration) []uint32 {
	for i := range e.streams {
		if now-e.streams[i].last <= gone {
			dst = append(dst, e.streams[i].ssrc)
		}
	}
	return dst
}
