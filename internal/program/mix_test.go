package program

import (
	"math"
	"testing"

	"github.com/tuttilive/tutti/internal/codec"
)

// tone gives n samples of a stereo tone whose phase is that of position at.
func tone(hz, amplitude float64, at int64, n int) []float32 {
	pcm := make([]float32, 0, 2*n)
	for i := range n {
		v := float32(amplitude * math.Sin(2*math.Pi*hz*float64((at+int64(i))%codec.SampleRate)/codec.SampleRate))
		pcm = append(pcm, v, v)
	}
	return pcm
}

// level is the amplitude of a tone in the left channel.
func level(pcm []float32, hz float64) float64 {
	var re, im float64
	n := len(pcm) / 2
	for i := range n {
		w := 2 * math.Pi * hz * float64(i) / codec.SampleRate
		re += float64(pcm[2*i]) * math.Cos(w)
		im += float64(pcm[2*i]) * math.Sin(w)
	}
	return 2 * math.Hypot(re, im) / float64(n)
}

// meanLevel is the mean of level over pieces of 50 ms: a slew does not change it.
func meanLevel(pcm []float32, hz float64) float64 {
	const piece = 2 * codec.SampleRate / 20
	sum, n := 0.0, 0
	for ; len(pcm) >= piece; pcm = pcm[piece:] {
		sum += level(pcm[:piece], hz)
		n++
	}
	return sum / float64(n)
}

// greatestStep is the greatest difference of neighbouring samples.
func greatestStep(pcm []float32) (step float64) {
	for i := 2; i < len(pcm); i += 2 {
		step = max(step, math.Abs(float64(pcm[i]-pcm[i-2])))
	}
	return step
}

// simulation drives a mix in virtual time, 5 ms a step.
type simulation struct {
	t   *testing.T
	mix mix
	now int64
	out []float32
	end int64
}

func (s *simulation) run(samples int64, step func(now int64)) {
	for until := s.now + samples; s.now < until; s.now += 240 {
		step(s.now)
		for {
			pcm, at, fresh, ok := s.mix.next(s.now)
			if !ok {
				break
			}
			if !fresh && at != s.end {
				s.t.Fatalf("block at %d, want %d", at, s.end)
			}
			if late := s.now - at; late > delayMax+3*blockSize || late < 0 {
				s.t.Fatalf("block at %d comes at %d", at, s.now)
			}
			s.out = append(s.out, pcm...)
			s.end = at + blockSize
		}
	}
}

// talker pushes a tone in blocks of 20 ms, late by a number of samples.
type talker struct {
	in         *input
	hz         float64
	next, late int64
}

func (k *talker) talk(m *mix, now int64) {
	for k.next+blockSize+k.late <= now {
		m.push(k.in, tone(k.hz, 0.3, k.next, blockSize), k.next, blockSize, now)
		k.next += blockSize
	}
}

func TestMixHoldsAllSources(t *testing.T) {
	s := simulation{t: t, now: 1 << 40}
	a := &talker{in: s.mix.add(), hz: 440, next: s.now, late: 100}
	b := &talker{in: s.mix.add(), hz: 880, next: s.now + 333, late: 3000}
	s.run(2*codec.SampleRate, func(now int64) { a.talk(&s.mix, now); b.talk(&s.mix, now) })
	steady := s.out[codec.SampleRate : 3*codec.SampleRate]
	for _, hz := range []float64{440, 880} {
		if l := level(steady, hz); math.Abs(l-0.3) > 0.005 {
			t.Errorf("%v Hz at %.3f, want 0.3", hz, l)
		}
	}
	if g := greatestStep(steady); g > 0.06 {
		t.Errorf("steps of %.3f", g)
	}
}

func TestMixIsAsLateAsItsLatestSource(t *testing.T) {
	for _, late := range []int64{0, 2000, 6000, 9000} {
		s := simulation{t: t, now: 1 << 30}
		a := &talker{in: s.mix.add(), hz: 440, next: s.now, late: late}
		s.run(8*codec.SampleRate, func(now int64) { a.talk(&s.mix, now) })
		if want := max(delayMin, late+blockSize+delayMargin); s.mix.delay < want || s.mix.delay > want+600 {
			t.Errorf("late by %d: delay %d, want about %d", late, s.mix.delay, want)
		}
		if l := level(s.out[len(s.out)-codec.SampleRate:], 440); math.Abs(l-0.3) > 0.01 {
			t.Errorf("late by %d: level %.3f", late, l)
		}
	}
}

// TestPausesDoNotDelayTheMix: a source in DTX sends a frame now and then, and what comes with it fills the pause.
func TestPausesDoNotDelayTheMix(t *testing.T) {
	s := simulation{t: t, now: 1 << 30}
	a := &talker{in: s.mix.add(), hz: 440, next: s.now}
	pausing, sent := s.mix.add(), s.now
	s.run(6*codec.SampleRate, func(now int64) {
		a.talk(&s.mix, now)
		if n := now - sent; n >= 400*48 {
			s.mix.push(pausing, make([]float32, 2*n), sent, blockSize, now)
			sent = now
		}
	})
	if s.mix.delay > delayMin+100 {
		t.Errorf("delay %d", s.mix.delay)
	}
}

func TestHopelesslyLateSourceIsHeardAndComesBack(t *testing.T) {
	s := simulation{t: t, now: 1 << 30}
	on := &talker{in: s.mix.add(), hz: 440, next: s.now}
	off := &talker{in: s.mix.add(), hz: 880, next: s.now - 2*codec.SampleRate, late: 2 * codec.SampleRate}
	both := func(now int64) { on.talk(&s.mix, now); off.talk(&s.mix, now) }
	s.run(4*codec.SampleRate, both)
	if l := level(s.out[len(s.out)-codec.SampleRate:], 880); l < 0.28 {
		t.Errorf("late source at %.3f", l)
	}
	off.late = 0 // it catches up
	s.run(10*codec.SampleRate, both)
	if off.in.shift > lead+blockSize {
		t.Errorf("still shifted by %d", off.in.shift)
	}
	for _, hz := range []float64{440, 880} {
		if l := level(s.out[len(s.out)-codec.SampleRate:], hz); l < 0.28 {
			t.Errorf("%v Hz at %.3f", hz, l)
		}
	}
}

func TestMutedAndLeavingSourcesFadeOut(t *testing.T) {
	s := simulation{t: t, now: 1 << 30}
	a := &talker{in: s.mix.add(), hz: 440, next: s.now}
	b := &talker{in: s.mix.add(), hz: 880, next: s.now}
	both := func(now int64) { a.talk(&s.mix, now); b.talk(&s.mix, now) }
	s.run(codec.SampleRate, both)
	a.in.setMuted(true)
	s.run(codec.SampleRate, both)
	if l := level(s.out[len(s.out)-codec.SampleRate:], 440); l > 0.001 {
		t.Errorf("muted source at %.4f", l)
	}
	a.in.setMuted(false)
	s.run(codec.SampleRate, both)
	if l := level(s.out[len(s.out)-codec.SampleRate:], 440); l < 0.29 {
		t.Errorf("unmuted source at %.3f", l)
	}
	s.mix.remove(b.in)
	s.run(codec.SampleRate, both)
	if !b.in.quiet() {
		t.Error("source that left is not quiet")
	}
	s.mix.forget(b.in)
	if len(s.mix.inputs) != 1 {
		t.Error("not forgotten")
	}
	if g := greatestStep(s.out[2000:]); g > 0.08 {
		t.Errorf("clicks of %.3f", g)
	}
}

func TestLimiterKeepsPeaksAndLeavesTheRest(t *testing.T) {
	var l limiter
	quiet := tone(440, 0.9, 0, blockSize)
	want := append([]float32(nil), quiet...)
	l.process(quiet)
	for i := range quiet {
		if quiet[i] != want[i] {
			t.Fatal("touches what is below the ceiling")
		}
	}
	var out []float32
	for k := range 100 {
		block := tone(440, 2.5, int64(k*blockSize), blockSize)
		if k < 2 {
			block = tone(440, 0.5, int64(k*blockSize), blockSize)
		}
		l.process(block)
		out = append(out, block...)
	}
	for _, v := range out {
		if v > 1 || v < -1 {
			t.Fatalf("sample of %v", v)
		}
	}
	steady := out[50*2*blockSize:]
	if l := level(steady, 440); l < 0.9 {
		t.Errorf("level %.3f", l)
	}
	if third := level(steady, 1320) / level(steady, 440); third > 0.02 {
		t.Errorf("third harmonic at %.3f", third)
	}
}

// TestMixOutlivesDrift: one source's clock is 3000 ppm fast, one 3000 ppm slow, and nobody corrects their timestamps, for four
// minutes: as much as 200 ppm drift in an hour.
func TestMixOutlivesDrift(t *testing.T) {
	var m mix
	in := []*input{m.add(), m.add()}
	rates := []float64{1 + 3000e-6, 1 - 3000e-6}
	sent := []int64{0, 0}
	pcm := make([]float32, 2*blockSize)
	for i := range pcm {
		pcm[i] = 0.25
	}
	const start = int64(1) << 40
	blocks, missing, end := 0, 0, int64(0)
	for now := start; now < start+240*codec.SampleRate; now += blockSize {
		for k := range in {
			for float64(sent[k]+blockSize) <= float64(now-start)*rates[k] {
				m.push(in[k], pcm, start+sent[k], blockSize, now)
				sent[k] += blockSize
			}
		}
		for {
			out, at, fresh, ok := m.next(now)
			if !ok {
				break
			}
			if !fresh && at != end {
				t.Fatalf("block at %d, want %d", at, end)
			}
			end = at + blockSize
			blocks++
			if blocks > 50 && out[blockSize] < 0.49 {
				missing++
			}
		}
	}
	if blocks < 240*50-50 {
		t.Errorf("%d blocks", blocks)
	}
	if share := float64(missing) / float64(blocks); share > 0.005 {
		t.Errorf("%.2f %% of the blocks lack a source", 100*share)
	} else {
		t.Logf("%d of %d blocks lack a source", missing, blocks)
	}
}

func BenchmarkMixEightSources(b *testing.B) {
	var m mix
	var in []*input
	for range 8 {
		in = append(in, m.add())
	}
	pcm := tone(440, 0.2, 0, blockSize)
	now := int64(1 << 30)
	m.next(now)
	b.ReportAllocs()
	for b.Loop() {
		for _, i := range in {
			m.push(i, pcm, now-blockSize, blockSize, now)
		}
		now += blockSize
		m.next(now)
	}
}
