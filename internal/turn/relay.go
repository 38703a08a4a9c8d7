package turn

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// relay is the socket of one allocation: what peers see of a client. pion reads it in one goroutine and writes it in the
// client's; Close ends it. Whatever pion was told to permit, only peers that the filter allows are sent to and heard.
type relay struct {
	*net.UDPConn
	address netip.AddrPort // what peers are told
	user    string
	owner   *account
	relays  *relays
	peers   addressBook
	closing sync.Once
}

// ReadFrom gives the next packet that comes from an allowed peer.
func (r *relay) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := r.UDPConn.ReadFromUDPAddrPort(b)
		if err != nil {
			return 0, nil, err
		}
		from = r.relays.asTold(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		switch {
		case !r.mayReach(from):
			r.relays.count.refuse(refusedTarget)
		case !r.owner.share.take(n, r.relays.clock()):
			r.relays.count.refuse(refusedBandwidth)
		default:
			r.relays.count.toClients.Add(uint64(n))
			return n, r.peers.udp(from), nil
		}
	}
}

// WriteTo sends a packet to a peer, if that is allowed. What is dropped counts as sent, as on any network.
func (r *relay) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	peer := unmapped(udp)
	switch {
	case !r.mayReach(peer):
		r.relays.count.refuse(refusedTarget)
		return len(b), nil
	case !r.owner.share.take(len(b), r.relays.clock()):
		r.relays.count.refuse(refusedBandwidth)
		return len(b), nil
	}
	n, err := r.UDPConn.WriteToUDPAddrPort(b, r.relays.asReached(peer))
	if err == nil {
		r.relays.count.toPeers.Add(uint64(n))
	}
	return n, err
}

// mayReach tells whether packets may go to a peer, and come from it.
func (r *relay) mayReach(peer netip.AddrPort) bool {
	if isTester(r.user) {
		return r.relays.filter.ours(peer)
	}
	return r.relays.filter.allows(peer)
}

// Close is called by pion when the allocation ends.
func (r *relay) Close() error {
	err := r.UDPConn.Close()
	r.closing.Do(func() { r.relays.release(r) })
	return err
}

// account is what a user has.
type account struct {
	open  int // guarded by relays.mu
	share *allowance
}

// newAccount opens the account of a user.
func (r *relays) newAccount(user string) *account {
	bitrate := r.limits.Bitrate
	if isTester(user) {
		bitrate = min(bitrate, testBitrate)
	}
	return &account{share: newAllowance(bitrate)}
}

// clock is the time for allowances, in ns since the server started.
func (r *relays) clock() int64 { return int64(time.Since(r.started)) }
