package codec

import (
	"math"
	"slices"
	"sync"
)

// resampler changes stereo sound from one sample rate to another with a windowed-sinc filter of linear phase (Kaiser, 90 dB).
// Its output lags by delay samples. It belongs to one goroutine.
type resampler struct {
	kernel *kernel
	at     int // position of the next output sample in history, in phases
	left   []float32
	right  []float32
	delay  int // in output samples
}

// kernel is the filter from one rate to another: a row of taps for each phase. An input sample is divided into just so many phases that
// the output steps through them in whole ones.
type kernel struct {
	phases, step int // of an input sample, and from one output sample to the next
	taps         int
	rows         []float32
}

// ratio is two sample rates.
type ratio struct{ from, to int }

var (
	kernelsMu sync.Mutex
	kernels   = map[ratio]*kernel{}
)

func newResampler(from, to int) *resampler {
	k := kernelFor(ratio{from, to})
	r := &resampler{kernel: k}
	// Half of the filter reaches back before the first sample.
	r.left = make([]float32, k.taps-1, k.taps+4096)
	r.right = make([]float32, k.taps-1, k.taps+4096)
	// The filter's centre lies between taps/2-1 and taps/2.
	r.delay = int(math.Round(float64(k.taps/2) * float64(to) / float64(from)))
	return r
}

func kernelFor(rates ratio) *kernel {
	kernelsMu.Lock()
	defer kernelsMu.Unlock()
	if k := kernels[rates]; k != nil {
		return k
	}
	k := newKernel(rates.from, rates.to)
	kernels[rates] = k
	return k
}

func newKernel(from, to int) *kernel {
	const base, beta = 64, 9.0
	// Below both Nyquist frequencies, relative to the input's.
	cutoff, taps := 0.97, base
	if from > to {
		narrow := float64(from) / float64(to)
		cutoff /= narrow
		taps = int(math.Ceil(base*narrow/2)) * 2
	}
	common := from
	for rest := to; rest != 0; {
		common, rest = rest, common%rest
	}
	phases := to / common
	k := &kernel{phases: phases, step: from / common, taps: taps, rows: make([]float32, phases*taps)}
	half := float64(taps) / 2
	row := make([]float64, taps)
	for p := range phases {
		sum := 0.0
		for i := range taps {
			x := float64(i) - (half - 1) - float64(p)/float64(phases)
			w := 0.0
			if a := x / half; a > -1 && a < 1 {
				w = bessel(beta*math.Sqrt(1-a*a)) / bessel(beta)
			}
			row[i] = w * cutoff
			if x != 0 {
				row[i] = w * math.Sin(math.Pi*cutoff*x) / (math.Pi * x)
			}
			sum += row[i]
		}
		for i, v := range row {
			k.rows[p*taps+i] = float32(v / sum) // each phase passes a constant unchanged
		}
	}
	return k
}

// bessel is the modified Bessel function of the first kind and order zero.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-12; k++ {
		term *= (x / 2 / k) * (x / 2 / k)
		sum += term
	}
	return sum
}

// append adds the resampled sound of in, interleaved stereo, to out.
func (r *resampler) append(out, in []float32) []float32 {
	for i := 0; i+1 < len(in); i += 2 {
		r.left = append(r.left, in[i])
		r.right = append(r.right, in[i+1])
	}
	taps, phases, step := r.kernel.taps, r.kernel.phases, r.kernel.step
	out = slices.Grow(out, (len(in)/Channels*phases/step+2)*Channels)
	for r.at/phases+taps <= len(r.left) {
		i, p := r.at/phases, r.at%phases
		row := r.kernel.rows[p*taps : p*taps+taps]
		left, right := r.left[i:i+taps], r.right[i:i+taps]
		var a, b float32
		for j, c := range row {
			a += c * left[j]
			b += c * right[j]
		}
		out = append(out, a, b)
		r.at += step
	}
	used := min(r.at/phases, len(r.left))
	r.left = r.left[:copy(r.left, r.left[used:])]
	r.right = r.right[:copy(r.right, r.right[used:])]
	r.at -= used * phases
	return out
}
