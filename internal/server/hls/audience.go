package hls

import (
	"hash/maphash"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds on who is counted. Beyond them viewers are served, but not counted.
const (
	maxViewers           = 100_000
	maxViewersPerAddress = 256
)

// audience is who watches now.
type audience struct {
	mu         sync.RWMutex
	viewers    map[viewerKey]*viewer
	perAddress map[uint64]int // viewers by hash of the address
}

// viewerKey tells viewers apart as well as requests allow: by hashes of address and user agent.
type viewerKey struct {
	broadcast      *broadcast
	address, agent uint64
}

type viewer struct {
	watcher watcher
	seen    atomic.Int64 // Unix time of the last request in ns
}

var viewerSeed = maphash.MakeSeed()

func keyOf(b *broadcast, r *http.Request) viewerKey {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return viewerKey{b, maphash.String(viewerSeed, host), maphash.String(viewerSeed, r.UserAgent())}
}

// find gives a viewer who is counted already, and notes that he asked.
func (a *audience) find(k viewerKey, now time.Time) *viewer {
	a.mu.RLock()
	v := a.viewers[k]
	a.mu.RUnlock()
	if v != nil {
		v.seen.Store(now.UnixNano())
	}
	return v
}

// room tells whether another viewer from an address would be counted.
func (a *audience) room(address uint64) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return len(a.viewers) < maxViewers && a.perAddress[address] < maxViewersPerAddress
}

// enter counts a viewer. Where another request of the same viewer was faster, that one counts and w is closed.
func (a *audience) enter(k viewerKey, w watcher, now time.Time) *viewer {
	a.mu.Lock()
	v, again := a.viewers[k]
	if !again {
		v = &viewer{watcher: w}
		a.viewers[k] = v
		a.perAddress[k.address]++
	}
	v.seen.Store(now.UnixNano())
	a.mu.Unlock()
	if again {
		w.Close()
	}
	return v
}

// leave takes out who has not asked for a while, and whose program has ended.
func (a *audience) leave(now time.Time) {
	a.takeOut(func(k viewerKey, v *viewer) bool {
		patience := viewerTimeout
		if stream := k.broadcast.stream.Load(); stream != nil {
			snapshot := stream.Snapshot()
			if patience = max(patience, 2*snapshot.Target()); !snapshot.Ready() {
				patience += firstSegment // that is for how long one request may wait
			}
		}
		return now.Sub(time.Unix(0, v.seen.Load())) > patience || k.broadcast.ended()
	})
}

func (a *audience) leaveAll() {
	a.takeOut(func(viewerKey, *viewer) bool { return true })
}

func (a *audience) takeOut(gone func(viewerKey, *viewer) bool) {
	var left []*viewer
	a.mu.Lock()
	for k, v := range a.viewers {
		if !gone(k, v) {
			continue
		}
		left = append(left, v)
		delete(a.viewers, k)
		if a.perAddress[k.address]--; a.perAddress[k.address] == 0 {
			delete(a.perAddress, k.address)
		}
	}
	a.mu.Unlock()
	for _, v := range left {
		v.watcher.Left(time.Unix(0, v.seen.Load()))
		v.watcher.Close()
	}
}
