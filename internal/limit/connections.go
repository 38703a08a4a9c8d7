package limit

import (
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tuttilive/tutti/internal/tally"
)

// Connections bounds those that listeners accept. Each has a place from then until it is closed, whoever has it by then: a door that takes a connection
// over from an HTTP server takes its place over with it. Of connections of this machine there are any number: a proxy is one, and a program that measures.
type Connections struct {
	// Places are those of each address.
	Places
	// Log is told of those that are refused, now and then; nil for nobody.
	Log *slog.Logger

	refused tally.Reasons
	told    [2]atomic.Int64 // when of each reason, in Unix seconds
	strict  bool            // tests bound this machine too
	// From which descriptor on there are too few left, and for encoders; 0 for not known.
	enough, encoders uintptr
}

// Why connections are refused.
const (
	refusedAddress     = "address"
	refusedDescriptors = "descriptors"
)

// NewConnections allows so many of an address, any number where that is 0.
func NewConnections(most int) *Connections {
	c := &Connections{Places: Places{Most: most}}
	c.enough, c.encoders = enoughOf(descriptors())
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
		held := &Held{TCPConn: tcp, of: l.of, who: networkOfRemote(tcp)}
		switch {
		case !l.of.Enter(held.who) && (l.of.strict || !Local(held.who)):
			l.of.refuse(refusedAddress, held.who)
		case short(tcp, l.of.enough):
			l.of.refuse(refusedDescriptors, held.who)
		default:
			return held, nil
		}
		held.Close()
	}
}

// Bound gives a listener for a door that counts its connections itself: they have no places, but do not take the last descriptors.
func (c *Connections) Bound(l net.Listener) net.Listener { return &bound{l, c, c.enough} }

// Encoders is Bound for a door that encoders come to. Half of the descriptors that others leave are theirs: a show goes on, whoever watches.
func (c *Connections) Encoders(l net.Listener) net.Listener { return &bound{l, c, c.encoders} }

// Short tells whether a socket has one of the last descriptors.
func (c *Connections) Short(conn syscall.Conn) bool { return short(conn, c.enough) }

type bound struct {
	net.Listener
	of     *Connections
	enough uintptr
}

// Accept implements net.Listener. Connections are *net.TCPConn.
func (l *bound) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := conn.(*net.TCPConn)
		if !ok || !short(tcp, l.enough) {
			return conn, nil
		}
		l.of.refuse(refusedDescriptors, networkOfRemote(tcp))
		conn.Close()
	}
}

func networkOfRemote(c *net.TCPConn) netip.Prefix {
	return NetworkOf(c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr())
}

// refuse counts a connection that is closed as it came, and tells of it once a minute.
func (c *Connections) refuse(why string, who netip.Prefix) {
	c.refused.Count(why)
	if c.Log == nil {
		return
	}
	told, now := &c.told[0], time.Now().Unix()
	if why == refusedDescriptors {
		told = &c.told[1]
	}
	if last := told.Load(); now-last < 60 || !told.CompareAndSwap(last, now) {
		return
	}
	if why == refusedDescriptors {
		c.Log.Warn("connections are refused: no more descriptors (LimitNOFILE) but those that nobody else can do without", "address", who)
	} else {
		c.Log.Warn("connections are refused: their address has as many as it may (--connections-per-address)", "address", who, "most", c.Most)
	}
}

// Local tells whether an address is this machine's own.
func Local(who netip.Prefix) bool { return who.Addr().IsLoopback() }

// short tells whether a socket has one of the last descriptors: a new one is always the lowest that is free.
func short(conn syscall.Conn, enough uintptr) (yes bool) {
	raw, err := conn.SyscallConn()
	if err != nil || enough == 0 {
		return false
	}
	_ = raw.Control(func(fd uintptr) { yes = fd >= enough })
	return yes
}

// enoughOf is how many of a process's descriptors connections may take, and encoders'. The rest is for what nobody else can do without: the store,
// recordings, conversion.
func enoughOf(all uint64) (enough, encoders uintptr) {
	if all > 1<<30 {
		return 0, 0
	}
	rest := min(all/8, 1024)
	return uintptr(all - rest), uintptr(all - rest/2)
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
