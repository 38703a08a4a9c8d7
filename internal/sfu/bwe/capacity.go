package bwe

import "math"

const (
	capacityWeight       = 0.05
	capacityProbeWeight  = 0.5
	minCapacityDeviation = 0.4
	maxCapacityDeviation = 2.5
	capacityDeviations   = 3
)

// capacity is what the link has been seen to carry when it was full, with its spread, in kbit/s. Near it increases are
// careful; far above it, it is forgotten.
type capacity struct {
	estimate  float64 // 0 while unknown
	deviation float64 // of the normalized error
}

// add takes the throughput at which an overuse was seen, or that a probe found.
func (c *capacity) add(rate, weight float64) {
	kbps := rate / 1000
	if c.deviation == 0 {
		c.deviation = minCapacityDeviation
	}
	if c.estimate == 0 {
		c.estimate = kbps
	} else {
		c.estimate += weight * (kbps - c.estimate)
	}
	norm := max(c.estimate, 1)
	miss := c.estimate - kbps
	c.deviation = (1-weight)*c.deviation + weight*miss*miss/norm
	c.deviation = min(max(c.deviation, minCapacityDeviation), maxCapacityDeviation)
}

func (c *capacity) reset() { c.estimate = 0 }

func (c *capacity) known() bool { return c.estimate > 0 }

func (c *capacity) spread() float64 { return math.Sqrt(c.deviation * c.estimate) }

func (c *capacity) upper() float64 { return (c.estimate + capacityDeviations*c.spread()) * 1000 }

func (c *capacity) lower() float64 {
	return max(0, c.estimate-capacityDeviations*c.spread()) * 1000
}
