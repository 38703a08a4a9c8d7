package showload

import (
	"fmt"
	"io"
	"time"

	"github.com/tuttilive/tutti/internal/bench"
)

// Sample is what the server used at a time.
type Sample struct {
	At time.Duration
	bench.Idle
	Workers int
	Composed
	// Load is how many processes of the machine want to run, over the last minute.
	Load float64
}

// Composed is how composing fares.
type Composed struct {
	FPS   int     `json:"fps"`
	Shed  int     `json:"shed"`
	Delay float64 `json:"delay"` // in seconds
}

// Result is what came out.
type Result struct {
	Plan    Plan
	Deeds   Deeds
	Program Program
	// Lips is how long after its flash a beep comes, Pictures and Sounds how far those of several sources lie apart; Calm ones while
	// nothing was done to the show for a while.
	Lips, CalmLips, Pictures, CalmPictures, Sounds, CalmSounds Apart

	Samples  []Sample
	Problems []string
}

// What must hold. A picture is held while its worker is replaced, so some flashes of a show to which things are done are late.
const (
	lipsMax     = 40 * time.Millisecond
	spreadMax   = 80 * time.Millisecond
	soundGapMax = 2*soundFrame + 3*time.Millisecond
	// pictureGapMax is for the time in which the encoder is replaced after it hung.
	pictureGapMax = 2500 * time.Millisecond
	silenceMax    = 3 * time.Second
	// growth is how much more the last third of the show may use than the second.
	growth = 1.15
)

func (r *Result) conclude(d *director, v *viewer) {
	r.Deeds, r.Program = d.deeds, v.seen()
	s := v.steps
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Lips, r.CalmLips = apartness(s.lips), apartness(s.calmLips)
	r.Pictures, r.CalmPictures = apartness(s.pictures.all), apartness(s.calmPictures)
	r.Sounds, r.CalmSounds = apartness(s.sounds.all), apartness(s.calmSounds)
	r.judge()
}

func (r *Result) judge() {
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
		}
	}
	p := r.Program
	wrong(p.Stopped > 0, "the program stopped %d times", p.Stopped)
	wrong(p.SoundGap > soundGapMax, "a gap of %v in the sound", p.SoundGap)
	wrong(p.PictureGap > pictureGapMax, "a gap of %v in the picture", p.PictureGap)
	wrong(p.Silence > silenceMax, "nothing came for %v", p.Silence)
	wrong(r.CalmLips.Count < 10, "only %d flashes with their beeps were found", r.CalmLips.Count)
	wrong(r.CalmLips.P95 > lipsMax, "beeps lie %v from their flashes", r.CalmLips.P95)
	wrong(r.CalmPictures.P95 > spreadMax, "pictures of sources lie %v apart", r.CalmPictures.P95)
	wrong(r.CalmSounds.P95 > spreadMax, "sounds of sources lie %v apart", r.CalmSounds.P95)
	n := len(r.Samples) / 3
	if n < 6 {
		return // too short to tell
	}
	for _, c := range []struct {
		what  string
		value func(Sample) float64
	}{
		{"goroutines", func(s Sample) float64 { return s.Goroutines }},
		{"descriptors", func(s Sample) float64 { return s.Descriptors }},
		{"resident memory", func(s Sample) float64 { return s.Resident }},
		{"workers", func(s Sample) float64 { return float64(s.Workers) }},
	} {
		middle, last := r.mean(n, 2*n, c.value), r.mean(2*n, 3*n, c.value)
		wrong(last > growth*middle+3, "%s grow: from %.0f to %.0f", c.what, middle, last)
	}
}

func (r *Result) mean(from, to int, value func(Sample) float64) float64 {
	sum := 0.0
	for _, s := range r.Samples[from:to] {
		sum += value(s)
	}
	return sum / float64(max(1, to-from))
}

// Print says what came out.
func (r *Result) Print(w io.Writer) {
	p, d := r.Program, r.Deeds
	fmt.Fprintf(w, "%v, up to %d sources: %d joins, %d leaves, %d reconnects, %d workers killed, %d stopped, %d layouts, %d gains\n",
		r.Plan.Time, r.Plan.Sources, d.Joined, d.Left, d.Reconnected, d.Killed, d.Hung, d.Layouts, d.Gains)
	fmt.Fprintf(w, "the program ended %d times; %d pictures, at least %.1f a second, longest distance %v; %d sounds, %d distances above a frame, longest %v; nothing came for %v at most\n",
		p.Stopped, p.Pictures, p.FewestPictures, p.PictureGap, p.Sounds, p.SoundGaps, p.SoundGap, p.Silence.Round(time.Millisecond))
	row := func(what string, a, calm Apart) {
		ms := func(d time.Duration) int64 { return d.Round(time.Millisecond).Milliseconds() }
		fmt.Fprintf(w, "%s: median %d ms, p95 %d, p99 %d, most %d (of %d); while nothing was done: median %d, p95 %d, p99 %d, most %d (of %d)\n", what,
			ms(a.Median), ms(a.P95), ms(a.P99), ms(a.Max), a.Count, ms(calm.Median), ms(calm.P95), ms(calm.P99), ms(calm.Max), calm.Count)
	}
	row("beeps after their flashes", r.Lips, r.CalmLips)
	row("pictures of sources apart", r.Pictures, r.CalmPictures)
	row("sounds of sources apart", r.Sounds, r.CalmSounds)
	if n := len(r.Samples) / 3; n > 0 {
		for i, name := range []string{"first", "second", "last"} {
			from, to := i*n, (i+1)*n
			fmt.Fprintf(w, "%s third: %.0f goroutines, %.0f descriptors, %.1f workers, %.1f MB of heap, %.1f MB resident; %.0f pictures a second asked of the machine, whose load is %.0f\n", name,
				r.mean(from, to, func(s Sample) float64 { return s.Goroutines }), r.mean(from, to, func(s Sample) float64 { return s.Descriptors }),
				r.mean(from, to, func(s Sample) float64 { return float64(s.Workers) }), r.mean(from, to, func(s Sample) float64 { return s.Heap / 1e6 }),
				r.mean(from, to, func(s Sample) float64 { return s.Resident / 1e6 }),
				r.mean(from, to, func(s Sample) float64 { return float64(s.FPS) }), r.mean(from, to, func(s Sample) float64 { return s.Load }))
		}
	}
	for _, problem := range r.Problems {
		fmt.Fprintln(w, "WRONG:", problem)
	}
}
