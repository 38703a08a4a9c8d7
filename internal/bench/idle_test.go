package bench

import (
	"strings"
	"testing"
)

func TestIdleIsReadFromMetrics(t *testing.T) {
	var i Idle
	for line := range strings.Lines(`# HELP go_goroutines Number of goroutines.
go_goroutines 43
process_open_fds 17
go_memstats_heap_alloc_bytes 1.5e+06
go_memstats_heap_objects 4000
process_resident_memory_bytes 7e+07
tutti_rooms 1
tutti_rtc_peers{path="udp"} 2
tutti_participants{door="livekit",kind="person"} 3
tutti_joins_total{result="connected"} 99
`) {
		i.take(strings.TrimSpace(line))
	}
	if want := (Idle{43, 17, 1.5e6, 4000, 7e7, 6}); i != want {
		t.Errorf("%v, not %v", i, want)
	}
}
