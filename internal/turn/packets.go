package turn

import (
	"errors"
	"net"
	"net/netip"
)

// packets is the UDP socket that clients send to, behind the gate. One goroutine reads it (pion's); others write.
type packets struct {
	*net.UDPConn
	gate    *gate
	sources addressBook
}

func newPackets(conn *net.UDPConn, gate *gate) *packets {
	return &packets{UDPConn: conn, gate: gate, sources: addressBook{}}
}

// ReadFrom gives the next message that the gate lets pass.
func (p *packets) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := p.UDPConn.ReadFromUDPAddrPort(b)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return 0, nil, err
			}
			continue // some systems report here that a client could not be reached
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		v := p.gate.inspect(b[:n], from.Addr())
		if v.answer != nil {
			_, _ = p.UDPConn.WriteToUDPAddrPort(v.answer, from) // who is not reached asks again
		}
		if v.pass {
			return n, p.sources.udp(from), nil
		}
	}
}

// WriteTo sends to a client.
func (p *packets) WriteTo(b []byte, to net.Addr) (int, error) {
	client, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	return p.UDPConn.WriteToUDPAddrPort(b, unmapped(client))
}

func unmapped(a *net.UDPAddr) netip.AddrPort {
	ap := a.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// addressBook keeps addresses in the form that pion wants, so that no packet makes garbage. Whoever reads owns it.
type addressBook map[netip.AddrPort]*net.UDPAddr

// maxBook bounds an address book; beyond it a new one begins.
const maxBook = 4096

func (b addressBook) udp(a netip.AddrPort) *net.UDPAddr {
	known := b[a]
	if known == nil {
		if len(b) >= maxBook {
			clear(b)
		}
		known = net.UDPAddrFromAddrPort(a)
		b[a] = known
	}
	return known
}
