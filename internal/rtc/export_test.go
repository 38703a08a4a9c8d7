package rtc

import "time"

// SetTimeouts shortens what tests cannot wait for. Call it before there are peers.
func (e *Endpoint) SetTimeouts(consent, silence time.Duration) {
	e.consent, e.silence = consent, silence
}
