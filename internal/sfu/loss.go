package sfu

import (
	"slices"
	"time"
)

const (
	// maxMissing bounds how many packets are asked for at the same time; a longer gap is given up at once.
	maxMissing = 256
	// minRetry and maxRetry bound the time between two requests for the same packet, the round trip and a little.
	minRetry, maxRetry = 25 * time.Millisecond, 800 * time.Millisecond
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
	roundTrip, deviation time.Duration
	ambiguous            bool // measured where nobody knows which request was answered
	reordering           reordering
}

type loss struct {
	seq               uint64
	since             time.Duration
	first, asked, due time.Duration // the first request, the latest, the next
	requests          int
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
	due := now + l.reordering.wait(now)
	if len(l.missing) == 0 || due < l.next {
		l.next = due
	}
	for seq := first; seq < end; seq++ {
		l.missing = append(l.missing, loss{seq: seq, since: now, due: due})
	}
	return false
}

// found notes that a packet came after all; repaired tells that it came another way than it was sent first.
func (l *losses) found(seq uint64, repaired bool, now time.Duration) {
	if i, ok := slices.BinarySearchFunc(l.missing, seq, func(x loss, seq uint64) int {
		return int(int64(x.seq - seq))
	}); ok {
		x := l.missing[i]
		switch took := now - x.asked; {
		case !repaired && (x.requests == 0 || took < l.roundTrip/2): // too soon for an answer
			l.reordering.note(now-x.since, now)
		case !repaired || x.requests == 0:
		case x.requests == 1:
			l.measure(took)
		case l.roundTrip == 0:
			// Asking too late does less harm than asking all the time.
			l.measure(now - x.first)
			l.ambiguous = true
		}
		l.missing = slices.Delete(l.missing, i, i+1)
	}
}

// measure takes the time from a request to its repair (RFC 6298, section 2).
func (l *losses) measure(took time.Duration) {
	if l.roundTrip == 0 || l.ambiguous {
		l.roundTrip, l.deviation, l.ambiguous = took, took/8, false
		return
	}
	l.deviation += ((took - l.roundTrip).Abs() - l.deviation) / 4
	l.roundTrip += (took - l.roundTrip) / 8
}

// forget gives up everything; the stream starts over.
func (l *losses) forget() { l.missing = l.missing[:0] }

// due appends the packets to ask for now to seqs, and tells the highest that was given up, 0 for none. Call it after
// each batch, and some times in each round trip. An rtt of 0 is unknown.
func (l *losses) due(seqs []uint64, now, rtt time.Duration) (_ []uint64, lost uint64) {
	if len(l.missing) == 0 || now < l.next {
		return seqs, 0
	}
	known := rtt > 0 || l.roundTrip > 0
	rtt = l.rtt(rtt)
	retry := min(max(rtt+max(rtt/4, 4*l.deviation)+5*time.Millisecond, minRetry), maxRetry)
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
			if x.requests == 1 {
				x.first = now
			}
			if !known {
				x.due = now + min(retry<<(x.requests-1), maxRetry) // the way may be longer than guessed
			}
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
