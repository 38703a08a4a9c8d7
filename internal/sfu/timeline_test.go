package sfu

import (
	"testing"
	"time"
)

func TestTimeline(t *testing.T) {
	type step struct {
		timestamp uint32
		arrival   time.Duration
		broken    bool
		want      uint32
	}
	tests := []struct {
		name  string
		steps []step
	}{
		{"untouched while nothing happens, over the wrap", []step{
			{timestamp: 0xffffff00, want: 0xffffff00},
			{timestamp: 2744, arrival: 33 * ms, want: 2744},
			{timestamp: 5744, arrival: 66 * ms, want: 5744},
		}},
		{"another source goes on where the last one was", []step{
			{timestamp: 90000, want: 90000},
			{timestamp: 5, arrival: 100 * ms, broken: true, want: 99000},
			{timestamp: 3005, arrival: 133 * ms, want: 102000},
		}},
		{"a jump without a break", []step{
			{timestamp: 90000, want: 90000},
			{timestamp: 90000 * 60, arrival: time.Second, want: 180000},
			{timestamp: 90000*60 + 3000, arrival: 1033 * ms, want: 183000},
		}},
		{"a clock that stood still during a pause", []step{
			{timestamp: 90000, want: 90000},
			{timestamp: 93000, arrival: time.Minute, want: 61 * 90000},
		}},
		{"a stall of the network is no jump", []step{
			{timestamp: 90000, want: 90000},
			{timestamp: 93000, arrival: 5 * time.Second, want: 93000},
			{timestamp: 6 * 90000, arrival: 5010 * ms, want: 6 * 90000},
		}},
		{"never back", []step{
			{timestamp: 90000, arrival: time.Second, want: 90000},
			{timestamp: 5, arrival: time.Second, broken: true, want: 90090},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			line := timeline{clockRate: 90000}
			for i, step := range test.steps {
				if got := line.next(step.timestamp, step.arrival, step.broken); got != step.want {
					t.Fatalf("step %d: %d, want %d", i, got, step.want)
				}
			}
		})
	}
}
