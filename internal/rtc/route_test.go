package rtc

import (
	"testing"
	"time"
)

// TestTheSourceThatWasHeardLastStays: where there are too many, those make room that were not heard for longest.
func TestTheSourceThatWasHeardLastStays(t *testing.T) {
	rx := &receiving{}
	for i := range uint32(2 * maxSources) {
		if !rx.keep(&source{ssrc: i, heard: time.Duration(i)}, true) {
			t.Fatalf("no room for source %d", i)
		}
	}
	for i := range uint32(maxSources) {
		if rx.sources[i] != nil || rx.sources[maxSources+i] == nil {
			t.Fatalf("source %d stayed, or %d did not", i, maxSources+i)
		}
	}
}
