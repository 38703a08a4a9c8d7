package sctp

import (
	"encoding/binary"
	"time"
)

// sackHeader is the cumulative TSN, the window, and the numbers of blocks and of duplicates.
const sackHeader = 12

// handleSack takes an acknowledgement (RFC 9260, section 6.2.1).
func (a *Association) handleSack(b []byte, now time.Duration) {
	if len(b) < sackHeader {
		return
	}
	cumulative := binary.BigEndian.Uint32(b)
	blocks := int(binary.BigEndian.Uint16(b[8:]))
	if cumulative-a.acked > uint32(len(a.sent)) || len(b) < sackHeader+4*blocks {
		return // old, or of what was never sent
	}
	full := a.flight+a.cfg.MTU > a.congestion.window
	moved := int(cumulative - a.acked)
	bytes, newest := 0, -1 // newest: index of the highest chunk that is acknowledged now
	for i := range a.sent[:moved] {
		bytes += a.arrive(&a.sent[i], now)
	}
	if moved > 0 {
		newest = moved - 1
		clear(a.sent[:moved])
		if a.sent = a.sent[moved:]; len(a.sent) == 0 {
			a.sent = nil
		}
		a.acked = cumulative
		a.timeouts, a.retransmitAt = 0, Never // runs anew if anything is left
		if a.srtt > 0 {
			a.timeout = min(max(a.srtt+4*a.deviation, leastTimeout), mostTimeout)
		}
		newest -= moved // indices are of what is left now
	}
	bytes += a.takeBlocks(b[sackHeader:sackHeader+4*blocks], &newest, moved > 0, now)
	a.peerWindow = int(binary.BigEndian.Uint32(b[4:]) & 0x7fffffff)
	if a.recovering && !after(a.recoverTo, a.acked) {
		a.recovering = false
	}
	if moved > 0 && !a.recovering {
		a.grow(bytes, full)
	}
	a.advanceForward()
}

// takeBlocks takes the parts above the cumulative TSN that have arrived, and gives the bytes that are new.
func (a *Association) takeBlocks(blocks []byte, newest *int, moved bool, now time.Duration) (bytes int) {
	highest := -1
	for ; len(blocks) >= 4; blocks = blocks[4:] {
		first, last := int(binary.BigEndian.Uint16(blocks))-1, int(binary.BigEndian.Uint16(blocks[2:]))-1
		if first < 1 || last < first || last >= len(a.sent) {
			continue
		}
		for i := first; i <= last; i++ {
			if n := a.arrive(&a.sent[i], now); n > 0 {
				bytes += n
				*newest = max(*newest, i)
			}
		}
		highest = max(highest, last)
	}
	limit := *newest
	if a.recovering && moved {
		limit = highest // RFC 9260, section 7.2.4: all that are reported missing, then
	}
	hit := false
	for i := 0; i < limit; i++ {
		c := &a.sent[i]
		if c.fate != inFlight {
			continue
		}
		if c.missing++; c.missing >= missingReports {
			a.lose(c, now)
			hit = true
		}
	}
	if hit && !a.recovering {
		a.recovering, a.recoverTo, a.urgent = true, a.acked+uint32(len(a.sent)), true
		a.threshold = max(a.congestion.window/2, 4*a.cfg.MTU)
		a.congestion.window, a.partial = a.threshold, 0
	}
	return bytes
}

// arrive takes note that a chunk is there, and gives its bytes if that is new.
func (a *Association) arrive(c *sentChunk, now time.Duration) int {
	switch c.fate {
	case arrived, abandoned:
		return 0
	case lost:
		a.losses--
	case inFlight:
		a.flight -= c.size()
	}
	if c.times == 1 && c.fate == inFlight {
		a.measured(now - c.at) // of chunks sent once only, since one cannot tell which was acknowledged
	}
	c.fate = arrived
	c.left -= c.size()
	c.stream.buffered -= c.size()
	a.resets.due = a.resets.due || c.stream.closing
	return c.size()
}

// grow widens the window for what has arrived (RFC 9260, sections 7.2.1 and 7.2.2). One that was not full is wide enough.
func (a *Association) grow(bytes int, full bool) {
	switch {
	case !full:
	case a.congestion.window <= a.threshold:
		a.congestion.window += min(bytes, a.cfg.MTU)
	default:
		if a.partial += bytes; a.partial >= a.congestion.window {
			a.partial -= a.congestion.window
			a.congestion.window += a.cfg.MTU
		}
	}
	if a.flight == 0 {
		a.partial = 0
	}
}
