package sfu

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

func TestLevel(t *testing.T) {
	var l level
	for now := time.Duration(0); now < time.Second; now += 20 * ms {
		l.observe(20, now)
	}
	if got := l.read(time.Second); math.Abs(float64(got)-0.1) > 0.005 {
		t.Errorf("-20 dBov reads %f", got)
	}
	l.observe(127, 1020*ms)
	if got := l.read(1020 * ms); got < 0.08 {
		t.Errorf("one silent packet makes it %f", got)
	}
	if got := l.read(2 * time.Second); got != 0 {
		t.Errorf("without packets it reads %f", got)
	}
	l.observe(255, 3*time.Second) // out of range
}

// TestSpeakers plays traces: each line is a voice, each character 100 ms, a digit the level in steps of 10 dB below
// full scale, '.' silence.
func TestSpeakers(t *testing.T) {
	tests := []struct {
		name   string
		traces string
		want   string // changes by 100 ms
	}{
		{"speaks and stops", `
			a ...2222222222..........
			b .......................`,
			"4:a+ 19:a-"},
		{"a cough is nobody's speech", `
			a ...1...................`,
			""},
		{"a breath between words is no end", `
			a 222222...222222222.....`,
			"1:a+"},
		{"quiet ends it", `
			a 2222555555555`,
			"1:a+ 10:a-"},
		{"between the thresholds it goes on", `
			a 33333ccccccccccccc`,
			"1:a+"},
		{"two, the louder first", `
			a 2222222222222
			b 1111111111111`,
			"1:b+a+"},
		{"changes come at most every 400 ms", `
			a 2222222222222
			b ..2222222222222`,
			"1:a+ 5:b+"},
		{"a little louder does not overtake, much louder does", `
			a 2222222222222222222
			b 2222222222000000000`,
			"1:a+b+ 10:b+"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := NewSpeakers()
			var told []string
			lines := strings.Split(strings.TrimSpace(test.traces), "\n")
			for step := 0; ; step++ {
				now := time.Duration(step) * 100 * ms
				any := false
				for _, line := range lines {
					line = strings.TrimSpace(line)
					id, trace := line[:1], line[2:]
					if step >= len(trace) {
						continue
					}
					any = true
					value := float32(0)
					switch c := trace[step]; c {
					case '.':
					case 'c':
						value = 0.01 // -40 dB
					default:
						value = float32(math.Pow(10, -float64(c-'0')*10/20))
					}
					s.Observe(id, value, now)
				}
				if !any {
					break
				}
				if changes := s.Changes(now); len(changes) > 0 {
					list := fmt.Sprintf("%d:", step)
					for _, c := range changes {
						list += c.ID + map[bool]string{true: "+", false: "-"}[c.Level > 0]
					}
					told = append(told, list)
				}
			}
			if got := strings.Join(told, " "); got != test.want {
				t.Errorf("told %q, want %q", got, test.want)
			}
		})
	}
}

func TestSpeakersRankWithHysteresis(t *testing.T) {
	s := NewSpeakers()
	first := func(a, b float32, from, to time.Duration) string {
		for now := from; now < to; now += 100 * ms {
			s.Observe("a", a, now)
			s.Observe("b", b, now)
			s.Changes(now)
		}
		return s.Active()[0].ID
	}
	if got := first(0.3, 0.2, 0, 2*time.Second); got != "a" {
		t.Fatalf("first is %s", got)
	}
	if got := first(0.3, 0.4, 2*time.Second, 4*time.Second); got != "a" {
		t.Fatalf("overtaken by a little")
	}
	if got := first(0.3, 0.6, 4*time.Second, 6*time.Second); got != "b" {
		t.Fatalf("not overtaken by much")
	}
	s.Remove("b")
	if active := s.Active(); len(active) != 1 || active[0].ID != "a" {
		t.Fatalf("after one is gone: %v", active)
	}
	if changes := s.Changes(10 * time.Second); len(changes) != 0 {
		t.Fatalf("a change is told of one who is gone: %v", changes)
	}
}
