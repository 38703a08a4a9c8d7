package sfu

import (
	"slices"
	"time"
)

const (
	// maxMissing bounds how many packets are asked for at the same time; a longer gap is given up at once.
	maxMissing = 256
	// reorderWait is how long a hole may be mere reordering before the first request.
	reorderWait = 8 * time.Millisecond
	// minRetry and maxRetry bound the time between two requests for the same packet, the round trip and a little.
	minRetry, maxRetry = 25 * time.Millisecond, 300 * time.Millisecond
	// maxRequests and maxWait are when a packet is given up.
	maxRequests = 8
	maxWait     = 1500 * time.Millisecond
	// guessedRTT stands for a round trip that is not known.
	guessedRTT = 80 * time.Millisecond
)

// losses knows which packets of a stream are missing, and when to ask for them again (RFC 4585, section 6.2.1). It is
// pure: time is an argument. It is owned by one goroutine.
type losses struct {
	missing []loss // in order of seq
	// next is when the earliest of them is due.
	next time.Duration
	// roundTrip is the time from request to repair, smoothed, 0 before the first. A peer that only publishes tells us
	// nothing else of its distance.
	roundTrip time.Duration
}

type loss struct {
	seq        uint64
	since      time.Duration
	asked, due time.Duration
	requests   int
}

// gap notes that the packets from first up to, not including, end did not come. It tells whether they are too many to
// ask for; then all are forgotten.
func (l *losses) gap(first, end uint64, now time.Duration) (tooMany bool) {
	if first >= end {
		return false
	}
	if end-first > maxMissing || len(l.missing)+int(end-first) > maxMissing {
		l.missing = l.missing[:0]
		return true
	}
	due := now + reorderWait
	if len(l.missing) == 0 || due < l.next {
		l.next = due
	}
	for seq := first; seq < end; seq++ {
		l.missing = append(l.missing, loss{seq: seq, since: now, due: due})
	}
	return false
}

// found notes that a packet came after all; repaired tells that it came on request.
func (l *losses) found(seq uint64, repaired bool, now time.Duration) {
	if i, ok := slices.BinarySearchFunc(l.missing, seq, func(x loss, seq uint64) int {
		return int(int64(x.seq - seq))
	}); ok {
		// After a second request nobody knows which one was answered.
		if x := l.missing[i]; repaired && x.requests == 1 {
			if took := now - x.asked; l.roundTrip == 0 {
				l.roundTrip = took
			} else {
				l.roundTrip += (took - l.roundTrip) / 8
			}
		}
		l.missing = slices.Delete(l.missing, i, i+1)
	}
}

// forget gives up everything; the stream starts over.
func (l *losses) forget() { l.missing = l.missing[:0] }

// due appends the packets to ask for now to seqs, and tells the highest that was given up, 0 for none. Call it after
// each batch, and some times in each round trip. An rtt of 0 is unknown.
func (l *losses) due(seqs []uint64, now, rtt time.Duration) (_ []uint64, lost uint64) {
	if len(l.missing) == 0 || now < l.next {
		return seqs, 0
	}
	rtt = l.rtt(rtt)
	retry := min(max(rtt+rtt/4+5*time.Millisecond, minRetry), maxRetry)
	l.next = now + maxRetry
	kept := l.missing[:0]
	for _, x := range l.missing {
		if x.due <= now {
			if x.requests == maxRequests || now-x.since > maxWait {
				lost = x.seq
				continue
			}
			seqs = append(seqs, x.seq)
			x.requests++
			x.asked, x.due = now, now+retry
		}
		l.next = min(l.next, x.due)
		kept = append(kept, x)
	}
	l.missing = kept
	return seqs, lost
}

// rtt is the round trip to reckon with, given what is known otherwise, 0 for nothing.
func (l *losses) rtt(known time.Duration) time.Duration {
	switch {
	case known > 0:
		return known
	case l.roundTrip > 0:
		return l.roundTrip
	}
	return guessedRTT
}
