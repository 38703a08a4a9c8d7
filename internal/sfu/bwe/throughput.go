package bwe

import "time"

const (
	// firstWindow and window are how long arrivals are counted for one sample.
	firstThroughputWindow, throughputWindow = 500 * time.Millisecond, 150 * time.Millisecond
	uncertaintyScale                        = 10
	// In application-limited times a small sample says little.
	uncertaintyScaleLimited = 20
	uncertaintySymmetryCap  = 0.0
	throughputFloor         = 40e3
)

// throughput is what arrives, in bit/s, as a Bayesian estimate: a sample that differs much counts less.
type throughput struct {
	started  bool
	begin    time.Duration
	sum      int
	window   time.Duration
	estimate float64 // 0 while unknown
	variance float64
	// skip leaves out the first sample after a restart, which still is of the rate before.
	skip bool
}

// add takes a packet that arrived; limited tells that the sender had less to send than it might have.
func (t *throughput) add(arrived time.Duration, size int, limited bool) {
	if !t.started {
		t.started, t.begin, t.window, t.variance = true, arrived, firstThroughputWindow, 50
		if t.skip {
			t.window = throughputWindow
		}
	}
	if arrived < t.begin {
		t.begin, t.sum = arrived, 0 // the peer's clock was set back
	}
	if passed := arrived - t.begin; passed >= t.window {
		if passed < 2*t.window {
			t.sample(float64(t.sum*8)/passed.Seconds(), limited)
			t.window = throughputWindow
		}
		// After a silence the sample would be of the silence.
		t.begin, t.sum = arrived, 0
	}
	t.sum += size
}

func (t *throughput) sample(rate float64, limited bool) {
	if t.skip {
		t.skip = false
		return
	}
	if t.estimate == 0 {
		t.estimate = rate
		return
	}
	scale := float64(uncertaintyScale)
	if limited && rate < t.estimate {
		scale = uncertaintyScaleLimited
	}
	// In kbit/s, as the constants are.
	estimate, sample := t.estimate/1000, rate/1000
	off := scale * abs(estimate-sample) / (estimate + min(sample, uncertaintySymmetryCap))
	sampleVariance := off * off
	predicted := t.variance + 5
	estimate = (sampleVariance*estimate + predicted*sample) / (sampleVariance + predicted)
	t.estimate = max(estimate*1000, throughputFloor)
	t.variance = sampleVariance * predicted / (sampleVariance + predicted)
}

// restart forgets the estimate: the sender goes over to another rate at once, and until there is a sample of that, what
// arrived before says nothing.
func (t *throughput) restart() { *t = throughput{skip: true} }

func abs(x float64) float64 {
	if x < 0 {
		return -x
	}
	return x
}
