package turn

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/tuttilive/tutti/internal/pktinfo"
)

// packets is the UDP socket that clients send to, behind the gate. One goroutine reads it (pion's); others write. Answers leave from the
// address that the client sent to.
type packets struct {
	*net.UDPConn
	gate    *gate
	sources addressBook
	control []byte // room for what the kernel says of where a packet came to

	mu      sync.RWMutex
	arrived map[netip.AddrPort][]byte // by client, what the kernel said of its packets
}

func newPackets(conn *net.UDPConn, gate *gate) *packets {
	return &packets{UDPConn: conn, gate: gate, sources: addressBook{}, control: pktinfo.Room(conn), arrived: map[netip.AddrPort][]byte{}}
}

// ReadFrom gives the next message that the gate lets pass.
func (p *packets) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, controls, _, from, err := p.UDPConn.ReadMsgUDPAddrPort(b, p.control)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return 0, nil, err
			}
			continue // some systems report here that a client could not be reached
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		v := p.gate.inspect(b[:n], from.Addr())
		if v.answer != nil {
			_, _, _ = p.UDPConn.WriteMsgUDPAddrPort(v.answer, p.control[:controls], from) // who is not reached asks again
		}
		if v.pass {
			p.remember(from, p.control[:controls])
			return n, p.sources.udp(from), nil
		}
	}
}

// remember keeps what the kernel said of a client's packet. Beyond a bound all is forgotten, and comes back with the next packets.
func (p *packets) remember(from netip.AddrPort, control []byte) {
	if len(control) == 0 {
		return
	}
	p.mu.RLock()
	same := bytes.Equal(p.arrived[from], control)
	p.mu.RUnlock()
	if same {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.arrived) >= maxBook {
		clear(p.arrived)
	}
	p.arrived[from] = bytes.Clone(control)
}

// WriteTo sends to a client.
func (p *packets) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	client := unmapped(udp)
	p.mu.RLock()
	control := p.arrived[client]
	p.mu.RUnlock()
	n, _, err := p.UDPConn.WriteMsgUDPAddrPort(b, control, client)
	return n, err
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
