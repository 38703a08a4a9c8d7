package turn

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/address"
)

// filter decides whom relays may exchange packets with. It is safe for use by several goroutines.
type filter struct {
	media []netip.AddrPort
	allow []netip.Prefix
	// fixed are addresses of ours that no interface need have: those announced and those of relays.
	fixed []netip.Addr
	// relay tells whether an address is that of a relay which is open right now. Relays may talk to relays: two people who
	// both have to use one meet nowhere else.
	relay func(netip.AddrPort) bool
	// relayAddress tells whether relays have an address.
	relayAddress func(netip.Addr) bool

	look    func() (map[netip.Addr]struct{}, error) // address.OfHost
	host    atomic.Pointer[map[netip.Addr]struct{}]
	mu      sync.Mutex
	checked time.Time // when host was looked at
}

// hostKnownFor is how old the list of the host's own addresses may get before a new permission: they change (RFC 8981).
const hostKnownFor = 5 * time.Second

// refresh looks at the host's own addresses again when that was some time ago. Where it cannot, for want of descriptors for
// example, those that were known stay.
func (f *filter) refresh(now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.host.Load() != nil && now.Sub(f.checked) < hostKnownFor {
		return nil
	}
	f.checked = now
	own, err := f.look()
	if err != nil {
		return fmt.Errorf("reading this host's addresses: %w", err)
	}
	f.host.Store(&own)
	return nil
}

// permits tells whether a client may be given a permission for an address: whether any port of it may be reached.
func (f *filter) permits(a netip.Addr) bool {
	a = a.Unmap()
	return f.relayAddress(a) || slices.ContainsFunc(f.media, func(m netip.AddrPort) bool { return m.Addr() == a }) || f.outside(a)
}

// allows tells whether packets may go to a peer, and come from it.
func (f *filter) allows(peer netip.AddrPort) bool {
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	return peer.Port() != 0 && (f.ours(peer) || f.outside(peer.Addr()))
}

// ours tells whether a peer is this server's own WebRTC port, or one of its relays.
func (f *filter) ours(peer netip.AddrPort) bool {
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	return slices.Contains(f.media, peer) || f.relay(peer)
}

// outside tells whether an address is another machine's that may be reached at all its ports.
func (f *filter) outside(a netip.Addr) bool {
	if address.IsNowhere(a) || address.IsLoopback(a) || slices.Contains(f.fixed, a) {
		return false
	}
	if _, own := (*f.host.Load())[a]; own {
		return false
	}
	return address.IsGlobal(a) || address.Within(a, f.allow)
}
