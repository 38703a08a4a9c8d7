package livekit

import (
	"sync"
	"time"
)

const (
	// memoLife is how long something is remembered of a client until it connects again.
	memoLife = time.Minute
	maxMemos = 1000
)

// memos keep something of clients for their next connection. The zero value is ready; it may be used by any goroutine.
type memos[V any] struct {
	mu   sync.Mutex
	kept map[place]memo[V]
}

type memo[V any] struct {
	what  V
	until time.Time
}

// keep remembers something of a client. When there is too much to remember already, it is forgotten.
func (m *memos[V]) keep(at place, what V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for p, old := range m.kept {
		if now.After(old.until) {
			delete(m.kept, p)
		}
	}
	if len(m.kept) >= maxMemos {
		return
	}
	if m.kept == nil {
		m.kept = map[place]memo[V]{}
	}
	m.kept[at] = memo[V]{what, now.Add(memoLife)}
}

// take gives what is remembered of a client, once.
func (m *memos[V]) take(at place) (what V, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.kept[at]
	delete(m.kept, at)
	if !ok || time.Now().After(k.until) {
		return what, false
	}
	return k.what, true
}
