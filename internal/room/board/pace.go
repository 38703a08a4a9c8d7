package board

import "time"

// How much one person may draw: bursts of a second or two of the busiest hand, then so much a second.
const (
	paceMessages, burstMessages = 30, 60
	paceBytes, burstBytes       = 32 << 10, 128 << 10
)

// Pace bounds how fast one person draws. The zero value is ready.
type Pace struct {
	at              time.Time
	messages, bytes float64 // spent, and not yet forgiven
}

// Allow counts a message of so many bytes, and tells whether it is within the pace.
func (p *Pace) Allow(bytes int, now time.Time) bool {
	passed := max(0, now.Sub(p.at).Seconds())
	p.at = now
	p.messages = max(0, p.messages-passed*paceMessages)
	p.bytes = max(0, p.bytes-passed*paceBytes)
	if p.messages+1 > burstMessages || p.bytes+float64(bytes) > burstBytes {
		return false
	}
	p.messages++
	p.bytes += float64(bytes)
	return true
}
