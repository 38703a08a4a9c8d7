package sfu

import "slices"

const (
	// unlimited lets a sender have whichever layer it wants, suspended none.
	unlimited, suspended = 1 << 30, -1
	// A larger layer must fit with some room, or it would be taken back at once; what flows may be a little too large.
	upwards, keeping = 1.15, 1.05
	// A single layer is all or nothing: it goes on until it is far too large.
	keepingOnly = 1.4
)

// demand is what one picture takes on the way to a subscriber.
type demand struct {
	// rates are what the layers take, in bit/s, from small to large; 0 for a layer that is not sent now.
	rates []float64
	// wanted is the layer that the subscriber would get if the way carried anything, now the one that goes to it, -1 none.
	wanted, now int
	// priority decides who is served first: the higher.
	priority int
}

// allocate shares a rate among pictures and writes into limits the largest layer that each may have, or suspended. First
// everybody gets the smallest layer, by priority; then, by priority again, all of one rank are raised by a layer at a time.
// It is pure. docs/bandwidth.md explains it.
func allocate(rate float64, demands []demand, limits []int) {
	order := make([]int, len(demands))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return demands[b].priority - demands[a].priority })
	left := rate
	for _, i := range order {
		d := &demands[i]
		limits[i] = suspended
		first := d.above(suspended)
		if first < 0 {
			limits[i] = unlimited // nothing is known of it, and nothing of it flows
			continue
		}
		room := left
		switch {
		case d.now < 0:
			room /= upwards
		case d.above(first) < 0:
			room *= keepingOnly
		default:
			room *= keeping
		}
		if d.rates[first] <= room {
			limits[i] = first
			left -= d.rates[first]
		}
	}
	for start := 0; start < len(order); {
		end := start + 1
		for end < len(order) && demands[order[end]].priority == demands[order[start]].priority {
			end++
		}
		left = raise(left, rate, demands, limits, order[start:end])
		start = end
	}
}

// raise gives those of one rank a layer more, in turns, for as long as there is room, and returns what is left of the rate.
func raise(left, rate float64, demands []demand, limits []int, rank []int) float64 {
	for raised := true; raised; {
		raised = false
		for _, i := range rank {
			d := &demands[i]
			if limits[i] == suspended || limits[i] == unlimited {
				continue
			}
			next := d.above(limits[i])
			if next < 0 {
				continue
			}
			more := d.rates[next] - d.rates[limits[i]]
			room := left / upwards
			if next <= d.now {
				room = left + (keeping-1)*rate
			}
			if more <= room {
				limits[i], raised = next, true
				left -= more
			}
		}
	}
	return left
}

// above is the next larger layer that is sent now and wanted, -1 when there is none.
func (d *demand) above(layer int) int {
	for i := layer + 1; i < len(d.rates) && i <= d.wanted; i++ {
		if d.rates[i] > 0 {
			return i
		}
	}
	return -1
}
