package bwe

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/rtc/twcc"
)

// Units of the feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1).
const referenceUnit = 64 * time.Millisecond

// result is what became of one packet.
type result struct {
	number  uint64
	sent    time.Duration
	arrived time.Duration // on the peer's clock
	size    int
	cluster uint8
	// late tells that an earlier report called it lost.
	late bool
}

// space is memory for what one report says. A report that came late says much, so it is not kept for each peer.
type space struct{ came, lost []result }

var spaces = sync.Pool{New: func() any { return new(space) }}

// clock makes the peer's 24-bit reference times one line.
type clock struct {
	started bool
	last    uint32
	offset  time.Duration
}

func (c *clock) at(reference uint32) time.Duration {
	reference &= 1<<24 - 1
	if !c.started {
		c.started, c.last = true, reference
		// Leaves room for a first report that comes after a later one.
		c.offset = 1 << 20 * referenceUnit
	}
	step := int32((reference-c.last)<<8) >> 8
	c.offset += time.Duration(step) * referenceUnit
	c.last = reference
	return c.offset
}

// read takes a report apart into the packets that came, by arrival, and those that did not, as far as the history knows
// them. Nothing in a report is trusted: it may claim any packets in any number. The results are valid until the next call.
func (e *Estimator) read(report twcc.Report) (came, lost []result) {
	e.came, e.lost = e.came[:0], e.lost[:0]
	e.history.heard = true
	e.reference = e.clock.at(report.Reference())
	report.Each(e.noteArrival, e.noteMissing)
	slices.SortStableFunc(e.came, func(a, b result) int { return cmp.Compare(a.arrived, b.arrived) })
	return e.came, e.lost
}

func (e *Estimator) noteArrival(number uint16, after time.Duration) {
	n, p := e.history.find(number)
	if p == nil || p.fate == received {
		return
	}
	e.came = append(e.came, e.resultOf(n, p, e.reference+after))
	p.fate = received
}

func (e *Estimator) noteMissing(first uint16, count int) {
	skip := min(count, e.history.unknown(first))
	for i := skip; i < count; i++ {
		if n, p := e.history.find(first + uint16(i)); p != nil && p.fate == unreported {
			e.lost = append(e.lost, e.resultOf(n, p, 0))
		}
	}
}

// resultOf is what is known of a packet now that a report has said something of it.
func (e *Estimator) resultOf(n uint64, p *sent, arrived time.Duration) result {
	r := result{number: n, sent: e.history.left(p), arrived: arrived, size: int(p.size), cluster: p.cluster, late: p.fate != unreported}
	if p.fate == unreported {
		e.history.inFlight -= int(p.size)
		p.fate = missing
	}
	return r
}
