package livekit

import (
	"sync"
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/rtc"
)

// Bounds of what is remembered of clients that try another way.
const (
	detourLife = time.Minute
	maxDetours = 1000
)

// detours are the ways that clients asked to try when they connect next, although the direct one is open.
type detours struct {
	mu      sync.Mutex
	pending map[place]detour
}

// detour is one such way.
type detour struct {
	protocol pb.CandidateProtocol
	until    time.Time
}

// note keeps a client's wish for its next connection.
func (d *detours) note(at place, protocol pb.CandidateProtocol) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for p, old := range d.pending {
		if now.After(old.until) {
			delete(d.pending, p)
		}
	}
	if len(d.pending) >= maxDetours {
		return
	}
	if d.pending == nil {
		d.pending = map[place]detour{}
	}
	d.pending[at] = detour{protocol, now.Add(detourLife)}
}

// take gives the way that a client shall come, once: the candidates it is told, and whether it must use a relay.
func (d *detours) take(at place) (candidates rtc.Transport, relay bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	wish, ok := d.pending[at]
	delete(d.pending, at)
	if !ok || time.Now().After(wish.until) {
		return rtc.AnyTransport, false
	}
	switch wish.protocol {
	case pb.CandidateProtocol_TCP:
		return rtc.TCP, false
	case pb.CandidateProtocol_TLS: // the only way that we have over TLS
		return rtc.AnyTransport, true
	}
	return rtc.UDP, false
}
