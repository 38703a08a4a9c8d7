package turn

import (
	"net"
	"net/netip"
	"time"

	"github.com/pion/turn/v5"

	"github.com/tuttilive/tutti/internal/limit"
)

// clientOf is a client's address, whatever it speaks.
func clientOf(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// mayOpen is pion's question whether a user may have one more allocation; if not it answers 486.
func (r *relays) mayOpen(user, _ string, from net.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	owner := r.accounts[user]
	if owner != nil && owner.open >= r.limits.Allocations || r.byFrom[limit.NetworkOf(clientOf(from).Addr())] >= r.limits.AddressAllocations {
		r.count.refuse(refusedQuota)
		return false
	}
	return true
}

// mayPermit is pion's question whether a client may have a permission for, or a channel to, a peer's address.
func (r *relays) mayPermit(client net.Addr, peer net.IP) bool {
	a, ok := netip.AddrFromSlice(peer)
	if !ok {
		return false
	}
	a = a.Unmap()
	if err := r.filter.refresh(time.Now()); err != nil {
		r.log.Warn("TURN goes by the addresses that were known", "error", err)
	}
	if !r.filter.permits(a) {
		r.count.refuse(refusedTarget)
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	has := r.permits[clientOf(client)]
	if _, again := has[a]; !again && len(has) >= maxPermissions {
		r.count.refuse(refusedQuota)
		return false
	}
	return true
}

// events keep account of what pion opens and ends. pion calls them with locks held, so they only count.
func (r *relays) events() turn.EventHandler {
	return turn.EventHandler{
		OnAllocationCreated: func(from, _ net.Addr, _, user, _ string, relayed net.Addr, _ int) {
			r.mu.Lock()
			r.byFrom[limit.NetworkOf(clientOf(from).Addr())]++
			r.open++
			r.count.allocations.Add(1)
			r.count.allocated.Add(1)
			r.mu.Unlock()
			r.log.Debug("TURN allocation", "client", from, "user", user, "relay", relayed)
		},
		OnAllocationDeleted: func(from, _ net.Addr, _, user, _ string) {
			who := limit.NetworkOf(clientOf(from).Addr())
			r.mu.Lock()
			if r.byFrom[who]--; r.byFrom[who] <= 0 {
				delete(r.byFrom, who)
			}
			r.count.allocations.Add(-1)
			r.leave()
			r.mu.Unlock()
			r.log.Debug("TURN allocation ended", "client", from, "user", user)
		},
		OnPermissionCreated: func(from, _ net.Addr, _, _, _ string, _ net.Addr, peer net.IP) { r.permitted(from, peer) },
		OnPermissionDeleted: func(from, _ net.Addr, _, _, _ string, _ net.Addr, peer net.IP) { r.unpermitted(from, peer) },
	}
}

func (r *relays) permitted(client net.Addr, peer net.IP) {
	a, _ := netip.AddrFromSlice(peer)
	who := clientOf(client)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.permits[who] == nil {
		r.permits[who] = map[netip.Addr]struct{}{}
	}
	r.permits[who][a.Unmap()] = struct{}{}
}

func (r *relays) unpermitted(client net.Addr, peer net.IP) {
	a, _ := netip.AddrFromSlice(peer)
	who := clientOf(client)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.permits[who], a.Unmap())
	if len(r.permits[who]) == 0 {
		delete(r.permits, who)
	}
}
