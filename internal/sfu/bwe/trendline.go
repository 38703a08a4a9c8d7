package bwe

import (
	"math"
	"time"
)

// usage is what the delay says about the way.
type usage uint8

const (
	normal usage = iota
	under        // queues empty
	over         // queues grow
)

const (
	trendWindow    = 20   // groups
	trendSmoothing = 0.9  // of the accumulated delay
	trendGain      = 4.0  // makes the slope comparable with the threshold
	trendCap       = 60.0 // groups by which a slope is multiplied at most

	// overuse must last this long before it counts.
	overuseTime = 10 * time.Millisecond

	// The threshold follows the slope: slowly upwards, so that a competing flow with losses does not starve us, and more
	// slowly downwards.
	thresholdUp, thresholdDown         = 0.0087, 0.039
	minThreshold, maxThreshold         = 6.0, 600.0
	firstThreshold                     = 12.5
	thresholdOutlier                   = 15.0
	longestThresholdStep       float64 = 100 // ms
)

// trendline is a line through the delay of the latest groups: its slope tells whether a queue grows.
type trendline struct {
	points       []point
	firstArrival time.Duration
	started      bool
	count        int
	accumulated  float64 // ms
	smoothed     float64 // ms
	threshold    float64
	lastUpdate   time.Duration
	over         time.Duration // for how long the slope has been above the threshold; negative when it is not
	overCount    int
	previous     float64
	// jitter is how much the time between groups changes on the way, in the mean.
	jitter time.Duration
	state  usage
}

type point struct{ at, delay float64 } // ms

// add takes the difference between two groups, where the later arrived at a time on the peer's clock.
func (t *trendline) add(departed, came, arrived time.Duration) usage {
	if !t.started {
		t.started, t.firstArrival, t.threshold, t.over = true, arrived, firstThreshold, -1
	}
	delta := milliseconds(came - departed)
	t.jitter += ((came - departed).Abs() - t.jitter) / 16
	t.count = min(t.count+1, 1000)
	t.accumulated += delta
	t.smoothed = trendSmoothing*t.smoothed + (1-trendSmoothing)*t.accumulated
	t.points = append(t.points, point{milliseconds(arrived - t.firstArrival), t.smoothed})
	if len(t.points) > trendWindow {
		t.points = append(t.points[:0], t.points[1:]...)
	}
	slope := t.previous
	if len(t.points) == trendWindow {
		if s, ok := fit(t.points); ok {
			slope = s
		}
	}
	t.detect(slope, departed, arrived)
	return t.state
}

// detect compares the slope with the threshold.
func (t *trendline) detect(slope float64, departed, arrived time.Duration) {
	if t.count < 2 {
		t.state = normal
		return
	}
	modified := math.Min(float64(t.count), trendCap) * slope * trendGain
	switch {
	case modified > t.threshold:
		if t.over < 0 {
			t.over = departed / 2 // it began somewhere in between
		} else {
			t.over += departed
		}
		t.overCount++
		if t.over > overuseTime && t.overCount > 1 && slope >= t.previous {
			t.over, t.overCount = 0, 0
			t.state = over
		}
	case modified < -t.threshold:
		t.over, t.overCount = -1, 0
		t.state = under
	default:
		t.over, t.overCount = -1, 0
		t.state = normal
	}
	t.previous = slope
	t.adapt(modified, arrived)
}

func (t *trendline) adapt(modified float64, arrived time.Duration) {
	size := math.Abs(modified)
	step := math.Min(milliseconds(arrived-t.lastUpdate), longestThresholdStep)
	t.lastUpdate = arrived
	if size > t.threshold+thresholdOutlier {
		return // a sudden leap, as of a changed route, is no reason to become deaf
	}
	k := thresholdUp
	if size < t.threshold {
		k = thresholdDown
	}
	t.threshold = min(max(t.threshold+k*(size-t.threshold)*step, minThreshold), maxThreshold)
}

// fit is the slope of the least squares line.
func fit(points []point) (slope float64, ok bool) {
	var x, y float64
	for _, p := range points {
		x += p.at
		y += p.delay
	}
	x, y = x/float64(len(points)), y/float64(len(points))
	var up, down float64
	for _, p := range points {
		up += (p.at - x) * (p.delay - y)
		down += (p.at - x) * (p.at - x)
	}
	if down == 0 {
		return 0, false
	}
	return up / down, true
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
