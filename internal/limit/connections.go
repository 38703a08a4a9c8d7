package limit

import (
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/tuttilive/tutti/internal/tally"
)

// Connections bounds those that listeners accept. Each has a place from then until it is closed, whoever has it by then: a door that takes a connection
// over from an HTTP server takes its place over with it. Of connections of this machine there are any number: a proxy is one, and a program that measures.
type Connections struct {
	// Places are those of each address.
	Places

	refused tally.Reasons
	strict  bool    // tests bound this machine too
	enough  uintptr // from which descriptor on there are too few left, 0 for not known
}

// Why connections are refused.
const (
	refusedAddress     = "address"
	refusedDescriptors = "descriptors"
)

// NewConnections allows so many of an address, any number where that is 0.
func NewConnections(most int) *Connections {
	c := &Connections{Places: Places{Most: most}, enough: enoughOf(descriptors())}
	c.refused.Begin(refusedAddress, refusedDescriptors)
	return c
}

// Refused tells how many connections were closed as they came, by reason.
func (c *Connections) Refused() map[string]uint64 { return c.refused.Read() }

// Listen gives a listener whose connections have places.
func (c *Connections) Listen(l net.Listener) net.Listener { return &listener{l, c} }

type listener struct {
	net.Listener
	of *Connections
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := conn.(*net.TCPConn)
		if !ok {
			return conn, nil
		}
		held := &Held{TCPConn: tcp, of: l.of, who: NetworkOf(tcp.RemoteAddr().(*net.TCPAddr).AddrPort().Addr())}
		why := ""
		if !l.of.Enter(held.who) && (l.of.strict || !Local(held.who)) {
			why = refusedAddress
		} else if l.of.short(tcp) {
			why = refusedDescriptors
		}
		if why == "" {
			return held, nil
		}
		l.of.refused.Count(why)
		held.Close()
	}
}

// Local tells whether an address is this machine's own.
func Local(who netip.Prefix) bool { return who.Addr().IsLoopback() }

// short tells whether a connection has one of the last descriptors: a new one is always the lowest that is free.
func (c *Connections) short(conn *net.TCPConn) (yes bool) {
	raw, err := conn.SyscallConn()
	if err != nil || c.enough == 0 {
		return false
	}
	_ = raw.Control(func(fd uintptr) { yes = fd >= c.enough })
	return yes
}

// enoughOf is how many of a process's descriptors connections may take. The rest is for what nobody else can do without: the store, recordings,
// encoders, conversion.
func enoughOf(all uint64) uintptr {
	if all > 1<<30 {
		return 0
	}
	return uintptr(all - min(all/8, 1024))
}

// Held is a connection that has a place until it is closed.
type Held struct {
	*net.TCPConn
	of   *Connections
	who  netip.Prefix
	left atomic.Bool
}

// Plain is the connection itself, for whoever reads and writes past Go. It is closed by Close.
func (h *Held) Plain() *net.TCPConn { return h.TCPConn }

// Close implements net.Conn.
func (h *Held) Close() error {
	if !h.left.Swap(true) {
		h.of.Leave(h.who)
	}
	return h.TCPConn.Close()
}
