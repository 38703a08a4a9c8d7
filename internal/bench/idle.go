package bench

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/tuttilive/tutti/internal/auth"
)

// Idle are the figures of a server that does nothing, from its metrics.
type Idle struct {
	Goroutines, Descriptors, Heap, Objects, Resident float64
	// Left are rooms, participants, tracks, sessions, peers and ways that are still there.
	Left float64
}

func (i Idle) String() string {
	return fmt.Sprintf("%.0f goroutines, %.0f descriptors, %.2f MB of heap in %.0f objects, %.1f MB resident, %.0f left over",
		i.Goroutines, i.Descriptors, i.Heap/1e6, i.Objects, i.Resident/1e6, i.Left)
}

// ReadIdle asks a server for its metrics.
func ReadIdle(ctx context.Context, address string, keys auth.Keys) (i Idle, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return i, err
	}
	req.SetBasicAuth(keys.Key, keys.Secret)
	req.Close = true // so that it does not count among the descriptors the next time
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return i, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return i, fmt.Errorf("/metrics answers %s", resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		i.take(lines.Text())
	}
	return i, lines.Err()
}

// take reads a line of Prometheus' text format.
func (i *Idle) take(line string) {
	at := strings.LastIndexByte(line, ' ')
	if at < 0 || line[0] == '#' {
		return
	}
	value, err := strconv.ParseFloat(line[at+1:], 64)
	if err != nil {
		return
	}
	switch name, _, _ := strings.Cut(line[:at], "{"); name {
	case "go_goroutines":
		i.Goroutines = value
	case "process_open_fds":
		i.Descriptors = value
	case "go_memstats_heap_alloc_bytes":
		i.Heap = value
	case "go_memstats_heap_objects":
		i.Objects = value
	case "process_resident_memory_bytes":
		i.Resident = value
	case "tutti_rooms", "tutti_participants", "tutti_tracks", "tutti_sessions", "tutti_rtc_peers", "tutti_sfu_downlinks",
		"tutti_sfu_suspended_subscriptions", "tutti_sfu_paced_subscriptions":
		i.Left += max(value, -value)
	}
}
