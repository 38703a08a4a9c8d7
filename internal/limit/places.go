package limit

import (
	"net/netip"
	"sync"
)

// Places bounds how many of something one address has at a time. Its methods may be called from any goroutine.
type Places struct {
	// Most is how many an address may have, 0 for as many as it likes.
	Most int

	mu    sync.Mutex
	taken map[netip.Prefix]int
}

// Enter counts one, which Leave counts off in any case, and tells whether there was a place for it.
func (p *Places) Enter(who netip.Prefix) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken == nil {
		p.taken = map[netip.Prefix]int{}
	}
	p.taken[who]++
	return p.Most == 0 || p.taken[who] <= p.Most
}

// Taken tells how many all addresses have together.
func (p *Places) Taken() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, of := range p.taken {
		n += of
	}
	return n
}

// Leave counts one off.
func (p *Places) Leave(who netip.Prefix) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[who]--; p.taken[who] <= 0 {
		delete(p.taken, who)
	}
}
