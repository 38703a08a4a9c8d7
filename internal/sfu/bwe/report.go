package bwe

import (
	"cmp"
	"slices"
	"time"

	"github.com/pion/rtcp"
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
func (e *Estimator) read(report *rtcp.TransportLayerCC) (came, lost []result) {
	came, lost = e.came[:0], e.lost[:0]
	e.history.heard = true
	at := e.clock.at(report.ReferenceTime)
	number, left, deltas := report.BaseSequenceNumber, int(report.PacketStatusCount), report.RecvDeltas
	one := func(symbol uint16) {
		left--
		seq := number
		number++
		received := symbol == rtcp.TypeTCCPacketReceivedSmallDelta || symbol == rtcp.TypeTCCPacketReceivedLargeDelta
		if received {
			if len(deltas) == 0 {
				left = 0 // shorter than it says
				return
			}
			at += time.Duration(deltas[0].Delta) * time.Microsecond
			deltas = deltas[1:]
		}
		n, p := e.history.find(seq)
		if p == nil || p.received {
			return
		}
		r := result{number: n, sent: p.at, arrived: at, size: int(p.size), cluster: p.cluster, late: p.reported}
		if !p.reported {
			e.history.inFlight -= int(p.size)
		}
		if received {
			p.received = true
			came = append(came, r)
		} else if !p.reported {
			lost = append(lost, r)
		}
		p.reported = true
	}
	for _, chunk := range report.PacketChunks {
		switch c := chunk.(type) {
		case *rtcp.RunLengthChunk:
			run := min(int(c.RunLength), left)
			if c.PacketStatusSymbol == rtcp.TypeTCCPacketNotReceived {
				skip := min(run, e.history.unknown(number))
				number, left, run = number+uint16(skip), left-skip, run-skip
			}
			for ; run > 0 && left > 0; run-- {
				one(c.PacketStatusSymbol)
			}
		case *rtcp.StatusVectorChunk:
			for i := 0; i < len(c.SymbolList) && left > 0; i++ {
				one(c.SymbolList[i])
			}
		}
	}
	slices.SortStableFunc(came, func(a, b result) int { return cmp.Compare(a.arrived, b.arrived) })
	e.came, e.lost = came, lost
	return came, lost
}
