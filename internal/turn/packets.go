package turn

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"sync"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// packets is the UDP socket that clients send to, behind the gate. One goroutine reads it (pion's); others write.
//
// Answers leave from the address that the client sent to: a machine may have several, and a client ignores what comes from
// another one. So where the socket is bound to all of them, what the kernel says about an arriving packet's destination goes
// back to it with the answers as it came.
type packets struct {
	*net.UDPConn
	gate    *gate
	sources addressBook
	control []byte // room for what the kernel says, nil when the socket has only one address

	mu      sync.RWMutex
	arrived map[netip.AddrPort][]byte // by client, what the kernel said of its packets
}

func newPackets(conn *net.UDPConn, gate *gate) *packets {
	p := &packets{UDPConn: conn, gate: gate, sources: addressBook{}, arrived: map[netip.AddrPort][]byte{}}
	if runtime.GOOS == "linux" && conn.LocalAddr().(*net.UDPAddr).IP.IsUnspecified() {
		// One of them fails, according to the socket's family.
		err4 := ipv4.NewPacketConn(conn).SetControlMessage(ipv4.FlagDst|ipv4.FlagInterface, true)
		err6 := ipv6.NewPacketConn(conn).SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true)
		if err4 == nil || err6 == nil {
			p.control = make([]byte, 128)
		}
	}
	return p
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
