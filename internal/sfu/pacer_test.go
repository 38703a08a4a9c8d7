package sfu

import (
	"slices"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
)

func TestPace(t *testing.T) {
	var p pace
	p.set(1.5*1e6, 1e6, time.Second) // 187.5 bytes in a millisecond, 6250 at once
	for i, step := range []struct {
		at    time.Duration
		size  int
		admit bool
	}{
		{0, 6000, true},
		{0, 1000, false},
		{5 * ms, 1000, true}, // 250 + 937
		{5 * ms, 1000, false},
		{10 * ms, 1000, true},
		{5 * time.Second, 6250, true},
		{5 * time.Second, 100, false},
		{10 * time.Second, 6251, false}, // never more at once
	} {
		if got := p.admits(step.size, time.Second+step.at); got != step.admit {
			t.Errorf("step %d: %v, with %.0f bytes left", i, got, p.budget)
		}
		if step.admit {
			p.spend(step.size)
		}
	}
	p.spend(100e3) // sound does not ask
	if p.admits(1, 11*time.Second+30*ms) || !p.admits(1, 11*time.Second+40*ms) {
		t.Errorf("%.0f bytes are left after so much sound", p.budget)
	}
}

func TestPaceLetsLargePacketsThrough(t *testing.T) {
	var p pace
	p.set(30e3, 30e3, time.Second)
	p.spend(1 << 20)
	packets := []*media.Packet{{Payload: make([]byte, 1400)}, {Payload: make([]byte, 1400)}}
	n := 0
	for now := time.Second; n == 0 && now < 10*time.Second; now += paceStep {
		n = p.fitting(packets, now)
	}
	if n != 1 {
		t.Errorf("%d packets leave", n)
	}
}

func TestLag(t *testing.T) {
	for _, c := range []struct {
		begun, age time.Duration
		want       verdict
	}{
		{0, 200 * ms, goOn},
		{0, 400 * ms, skipAhead},
		{0, 1100 * ms, giveUp},
		{2 * time.Second, 2100 * ms, goOn}, // who begins in the past is not late for that
		{2 * time.Second, 2400 * ms, skipAhead},
		{2 * time.Second, 500 * ms, goOn},
	} {
		if got := (lag{c.begun}).judge(c.age); got != c.want {
			t.Errorf("begun %v, now %v: %v, want %v", c.begun, c.age, got, c.want)
		}
	}
}

// narrowed is a downlink whose way is full and carries a rate.
func (w *world) narrowed(rate float64) *Downlink {
	d := NewDownlink()
	d.estimator.SetWanted(10 * rate)
	d.estimator.SetCap(rate, w.now)
	return d
}

// step lets a step's time pass.
func (w *world) step() {
	w.now += paceStep
	(*stepper)(w.f).run(w)
	w.work()
}

// A keyframe that is larger than the way takes at once leaves over time. Sound does not wait for it, and repairs go first.
func TestKeyframesAreSmoothed(t *testing.T) {
	inWorld(t, func(w *world) {
		d := w.narrowed(0)
		picture, sound := w.track(media.VP8), w.track(media.Opus)
		s, a := w.senderTo(d, picture, media.VP8), w.senderTo(d, sound, media.Opus)
		src, voice := w.source(picture, "", 100, 0), w.source(sound, "", 5, 0)
		d.pace.set(1.2e6, 0.8e6, w.now) // 5000 bytes at once, 750 in a step
		large := src.frame(true, 20)
		for _, p := range large {
			p.Payload = append(p.Payload, make([]byte, 956-len(p.Payload))...) // 1000 with its headers
		}
		src.write(large...)
		if n := len(w.sent[s.out]); n != 5 {
			t.Fatalf("%d packets left at once", n)
		}
		for i := 1; i <= 8; i++ {
			w.step()
			voice.write(voice.frame(false, 1)...)
			if len(w.sent[a.out]) != i {
				t.Fatal("sound waits")
			}
		}
		if n := len(w.sent[s.out]); n < 10 || n > 12 {
			t.Errorf("%d packets have left after 40 ms", n)
		}
		(*feedback)(s).Nack([]uint16{1001, 1002})
		w.work()
		sent := len(w.sent[s.out])
		for len(w.sent[s.out]) < sent+3 {
			w.step()
		}
		if !w.sent[s.out][sent].Repair || !w.sent[s.out][sent+1].Repair || w.sent[s.out][sent+2].Repair {
			t.Error("repairs do not go first")
		}
		for range 20 {
			w.step()
		}
		w.sent[s.out] = slices.DeleteFunc(w.sent[s.out], func(p rtc.Packet) bool { return p.Repair })
		w.labels(s) // checks that all is in order
		if n := len(w.sent[s.out]); n != 20 || s.behind != nil || d.hurried {
			t.Errorf("%d packets have left in the end", n)
		}
		src.deltas(1)
		if n := len(w.sent[s.out]); n != 22 {
			t.Error("what comes then does not leave at once")
		}
	})
}

// Who cannot keep up is not sent the past: it goes on at a newer keyframe, without a hole in its numbers.
func TestTheLateGoOnAtAKeyframe(t *testing.T) {
	inWorld(t, func(w *world) {
		d := w.narrowed(0)
		picture := w.track(media.VP8)
		s := w.senderTo(d, picture, media.VP8)
		src := w.source(picture, "", 100, 0)
		src.key(2)
		d.pace.set(30e3, 30e3, w.now)
		d.pace.spend(1 << 20)
		frame := func(key bool, packets int) {
			frame := src.frame(key, packets)
			for _, p := range frame {
				p.Payload = append(p.Payload, make([]byte, 600)...)
			}
			src.write(frame...)
		}
		for range 20 { // 400 ms of 30 packets a frame
			frame(false, 30)
			for range 4 {
				w.step()
			}
		}
		asked := w.asked[""]
		frame(true, 2)
		d.pace.set(10e6, 10e6, w.now)
		for range 4 {
			w.step()
		}
		sent := w.sent[s.out]
		last := sent[len(sent)-1]
		if s.behind != nil || len(sent) > 40 || last.Seq != 1000+uint16(len(sent))-1 {
			t.Errorf("%d packets were sent, the last has number %d", len(sent), last.Seq)
		}
		if w.asked[""] != asked {
			t.Error("a keyframe was asked for though there is one")
		}
		d.pace.set(30e3, 30e3, w.now)
		d.pace.spend(1 << 20)
		for range 60 {
			frame(false, 30)
			for range 4 {
				w.step()
			}
		}
		if len(w.f.group(src.layer).waiting) != 1 || w.asked[""] == asked {
			t.Error("who is late by more than a second does not wait for a keyframe")
		}
	})
}

// What is paced is in order and whole, whatever the pace is.
func TestPacedStreamsAreWhole(t *testing.T) {
	inWorld(t, func(w *world) {
		d := w.narrowed(0)
		picture := w.track(media.VP8)
		s := w.senderTo(d, picture, media.VP8)
		src := w.source(picture, "", 100, 0)
		total := 0
		for i := range 60 {
			d.pace.set([]float64{60e3, 200e3, 3e6}[i%3], 60e3, w.now)
			n := 1 + i*7%13
			src.write(src.frame(i == 0, n)...)
			total += n
			for range 3 {
				w.step()
			}
		}
		for i := 0; i < 1000 && s.behind != nil; i++ {
			w.step()
		}
		w.labels(s)
		if n := len(w.sent[s.out]); n != total {
			t.Errorf("%d packets of %d left", n, total)
		}
		if !slices.Contains(s.current.active, s) {
			t.Error("the sender has not caught up")
		}
	})
}
