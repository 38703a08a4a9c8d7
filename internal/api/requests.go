package api

import (
	"strings"
	"sync/atomic"
)

// doors are what requests are counted by; all others come to the page.
var doors = [...]string{"page", "api", "rtc", "twirp", "whip", "whep", "live", "call", "probe", "audience", "metrics"}

// requests counts HTTP requests by door.
type requests [len(doors)]atomic.Uint64

// count counts a request by the first part of its path.
func (r *requests) count(path string) {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	for i, door := range doors {
		if first == door {
			r[i].Add(1)
			return
		}
	}
	r[0].Add(1)
}

func (r *requests) read() map[string]uint64 {
	counts := make(map[string]uint64, len(doors))
	for i, door := range doors {
		counts[door] = r[i].Load()
	}
	return counts
}
