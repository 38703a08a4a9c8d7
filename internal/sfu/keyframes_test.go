package sfu

import (
	"testing"
	"time"
)

func TestKeyframes(t *testing.T) {
	type step struct {
		at    time.Duration
		what  string // want, tick or came
		asked bool
	}
	const rtt = 100 * ms
	tests := []struct {
		name  string
		steps []step
	}{
		{"the first goes at once, more are throttled", []step{
			{0, "want", true},
			{10 * ms, "want", false},
			{200 * ms, "tick", false},
			{399 * ms, "want", false},
			{400 * ms, "tick", true},
		}},
		{"an answered wish is not repeated", []step{
			{0, "want", true},
			{80 * ms, "came", false},
			{400 * ms, "tick", false},
			{5 * time.Second, "tick", false},
		}},
		{"a wish after the answer is put off, not lost", []step{
			{0, "want", true},
			{80 * ms, "came", false},
			{90 * ms, "want", false},
			{390 * ms, "tick", false},
			{410 * ms, "tick", true},
		}},
		{"one answer is enough for a wish that was put off", []step{
			{0, "want", true},
			{80 * ms, "came", false},
			{90 * ms, "want", false},
			{100 * ms, "came", false},
			{500 * ms, "tick", false},
		}},
		{"much later it goes at once again", []step{
			{0, "want", true},
			{80 * ms, "came", false},
			{3 * time.Second, "want", true},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var k keyframes
			for i, step := range test.steps {
				asked := false
				switch step.what {
				case "want":
					asked = k.want(step.at)
				case "tick":
					asked = k.due(step.at, rtt)
				case "came":
					k.came()
				}
				if asked != step.asked {
					t.Fatalf("step %d: %s at %v asks: %v", i, step.what, step.at, asked)
				}
			}
		})
	}
}

func TestKeyframesUnderAStorm(t *testing.T) {
	var k keyframes
	var asked []time.Duration
	for now := time.Duration(0); now < 10*time.Second; now += ms {
		if k.want(now) || k.due(now, 50*ms) {
			asked = append(asked, now)
		}
		if now%(500*ms) == 0 {
			k.came()
		}
	}
	for i := 1; i < len(asked); i++ {
		if asked[i]-asked[i-1] < keyframeInterval {
			t.Fatalf("asked at %v and %v", asked[i-1], asked[i])
		}
	}
	if len(asked) < 20 {
		t.Fatalf("asked only %d times", len(asked))
	}
}

func TestKeyframesGiveUp(t *testing.T) {
	var k keyframes
	k.want(0)
	asked := 1
	for now := time.Duration(0); now < time.Hour; now += 20 * ms {
		if k.due(now, 50*ms) {
			asked++
		}
	}
	if asked != keyframeRequests {
		t.Fatalf("asked %d times without an answer", asked)
	}
	if !k.want(time.Hour) {
		t.Fatal("a new wish does not go at once")
	}
}

func TestWishesOfOneSubscriber(t *testing.T) {
	var w wishes
	heard := 0
	for now := time.Hour; now < time.Hour+time.Minute; now += ms {
		if w.allow(now) {
			heard++
		}
	}
	if want := wishBurst + int(time.Minute/wishInterval); heard < want-1 || heard > want {
		t.Errorf("of a wish each millisecond %d were heard in a minute, want %d", heard, want)
	}
	// Who loses something now and then is heard each time.
	w = wishes{}
	for now := time.Hour; now < 2*time.Hour; now += 3 * time.Second {
		if !w.allow(now) {
			t.Fatalf("a wish after %v is not heard", now-time.Hour)
		}
	}
}
