package program

// limiter keeps a mix within full scale. Before a block goes out its peak is known, so the gain bends down over the
// beginning of the block and recovers slowly; what is left over in that beginning is rounded off. Sound below the
// ceiling passes untouched.
type limiter struct{ gain float32 }

const (
	ceiling = 0.97
	// attack is how many samples the gain takes to go down: 2.5 ms.
	attack = 120
	// release is how much of the missing gain comes back in a block: 150 ms to go half of the way.
	release = 0.09
)

// process limits interleaved stereo in place.
func (l *limiter) process(pcm []float32) {
	if l.gain == 0 {
		l.gain = 1
	}
	var peak float32
	for _, v := range pcm {
		peak = max(peak, v, -v)
	}
	target := l.gain + (1-l.gain)*release
	if peak*target > ceiling {
		target = ceiling / peak
	}
	if l.gain > 0.999 && target > 0.999 {
		l.gain = 1
		return
	}
	n := len(pcm) / 2
	for i := range n {
		g := target
		switch {
		case target < l.gain && i < attack:
			g = l.gain + (target-l.gain)*float32(i+1)/attack
		case target > l.gain:
			g = l.gain + (target-l.gain)*float32(i+1)/float32(n)
		}
		pcm[2*i] = round(pcm[2*i] * g)
		pcm[2*i+1] = round(pcm[2*i+1] * g)
	}
	l.gain = target
}

// round bends what is above the ceiling smoothly below 1.
func round(v float32) float32 {
	const room = 1 - ceiling
	switch {
	case v > ceiling:
		over := v - ceiling
		return ceiling + room*over/(over+room)
	case v < -ceiling:
		over := -v - ceiling
		return -ceiling - room*over/(over+room)
	}
	return v
}
