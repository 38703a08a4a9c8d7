package bwe

import "time"

const (
	// swollen is the queue, as it will be when what is under way has come to it, that is not waited for.
	swollen = 250 * time.Millisecond
	// delayed is how long all packets of a report must have waited in it: a report that comes late tells of none that did.
	delayed = 50 * time.Millisecond
)

// swelling tells whether so much is under way that it stands in a queue, however short that still was for what the latest report tells of, and
// what the link carries then. Of a link that has become much narrower the delays tell late, as they come through that queue themselves: it is
// full before they have grown.
func (e *Estimator) swelling(came []result) (carries float64, is bool) {
	if len(came) == 0 || e.least < delayed {
		return 0, false
	}
	carries = e.recent.carries()
	return carries, carries > 0 && float64(e.history.inFlight*8)/carries > (swollen+e.rtt).Seconds()
}
