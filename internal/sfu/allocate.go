package sfu

import (
	"cmp"
	"slices"
)

const (
	// unlimited lets a sender have whichever layer it wants, suspended none.
	unlimited, suspended = 1 << 30, -1
	// A larger layer must fit with some room, or it would be taken back at once; what flows may be a little too large, and
	// more than a little while what is measured of it is mostly the keyframe that it began with.
	upwards, keeping, keepingFresh = 1.15, 1.05, 1.2
	// Nothing at all is worse than a queue for a while: the smallest layer goes on until it is far too large.
	keepingLast = 1.4
)

// demand is what one picture takes on the way to a subscriber.
type demand struct {
	// rates are what the layers take, in bit/s, from small to large; 0 for a layer that is not sent now.
	rates []float64
	// wanted is the layer that the subscriber would get if the way carried anything, now the one that goes to it, -1 none.
	wanted, now int
	// rank decides who is served first: the higher.
	rank uint64
	// fresh tells that a larger layer was given just now.
	fresh bool
	// ceiling is the largest layer that it may get for now; see caution.
	ceiling int
}

// allocation shares a rate among pictures, in phases. It is pure but for its scratch space; docs/bandwidth.md explains it.
type allocation struct {
	rate, left float64
	demands    []demand
	limits     []int
	order      []int
}

// allocate writes into limits the largest layer that each picture may have, or suspended.
func (a *allocation) allocate(rate float64, demands []demand, limits []int) {
	a.rate, a.left, a.demands, a.limits = rate, rate, demands, limits
	a.sort()
	a.begin()
	for start := 0; start < len(a.order); {
		end := start + 1
		for end < len(a.order) && demands[a.order[end]].rank == demands[a.order[start]].rank {
			end++
		}
		a.raise(a.order[start:end])
		start = end
	}
}

// sort puts the most important first; of equals, who came first.
func (a *allocation) sort() {
	a.order = a.order[:0]
	for i := range a.demands {
		a.order = append(a.order, i)
	}
	slices.SortStableFunc(a.order, func(i, j int) int { return cmp.Compare(a.demands[j].rank, a.demands[i].rank) })
}

// begin gives everybody the smallest layer, as far as there is room for it.
func (a *allocation) begin() {
	for _, i := range a.order {
		d := &a.demands[i]
		a.limits[i] = suspended
		first := d.above(suspended)
		if first < 0 {
			a.limits[i] = unlimited // nothing is known of it, and nothing of it flows
			continue
		}
		room := a.left
		switch {
		case d.now < 0 && d.ceiling < 0:
			continue
		case d.now < 0:
			room /= upwards
		default:
			room *= keepingLast
		}
		if d.rates[first] <= room {
			a.limits[i] = first
			a.left -= d.rates[first]
		}
	}
}

// raise gives those of one rank a layer more, in turns, for as long as there is room.
func (a *allocation) raise(rank []int) {
	for raised := true; raised; {
		raised = false
		for _, i := range rank {
			d := &a.demands[i]
			if a.limits[i] == suspended || a.limits[i] == unlimited {
				continue
			}
			next := d.above(a.limits[i])
			if next < 0 || next > max(d.now, d.ceiling) {
				continue
			}
			more := d.rates[next] - d.rates[a.limits[i]]
			room := a.left / upwards
			if next <= d.now {
				room = a.left + (keeping-1)*a.rate
				if d.fresh {
					room = a.left + (keepingFresh-1)*a.rate
				}
			}
			if more <= room {
				a.limits[i], raised = next, true
				a.left -= more
			}
		}
	}
}

// least is the layer that is the n-th from below, or the one that flows when that is larger; unlimited when there are no more than that.
func (d *demand) least(n int) int {
	layer := suspended
	for range n {
		next := d.above(layer)
		if next < 0 {
			return unlimited
		}
		layer = next
	}
	return max(layer, d.now)
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
