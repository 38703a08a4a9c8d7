package rtc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Limits on connections, in all and from one network (an address, for IPv6 a /64): a whole hall may sit behind one
	// address. Each belongs to a peer, which bounds them further, or is a stranger.
	maxTCP           = 8192
	maxTCPPerNetwork = 1024
	// Strangers have not shown an authenticated connectivity check yet. They get strangerTime to do so.
	maxStrangers           = 512
	maxStrangersPerNetwork = 64
	strangerTime           = 10 * time.Second
	// acceptPause is how long nothing is accepted after that has failed: the process may be out of descriptors.
	acceptPause = 100 * time.Millisecond
)

// tcpPort is the endpoint's TCP port: passive candidates (RFC 6544) for clients whose network blocks UDP. Each connection
// is a path of one peer, with the frames of RFC 4571 in place of datagrams; the peer's home shard decrypts and encrypts
// them as if they had come over UDP.
type tcpPort struct {
	endpoint *Endpoint
	listener net.Listener

	mu        sync.Mutex
	closed    bool
	conns     map[*tcpConn]struct{}
	strangers int
	networks  map[netip.Prefix]*tcpNetwork

	refused, dropped atomic.Uint64
}

// tcpNetwork counts the connections of one network.
type tcpNetwork struct{ all, strangers int }

// TCPStats are what happens on the TCP port.
type TCPStats struct {
	// Connections are open now.
	Connections int
	// Refused counts connections beyond the limits, Dropped frames that did not fit a slow connection.
	Refused, Dropped uint64
}

// listenTCP opens the port. Its goroutine is started by run.
func (e *Endpoint) listenTCP(cfg Config) (*tcpPort, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", cfg.ListenTCP)
	if err != nil {
		return nil, fmt.Errorf("rtc: listen on tcp %q: %w", cfg.ListenTCP, err)
	}
	if cfg.BoundTCP != nil {
		l = cfg.BoundTCP(l)
	}
	return &tcpPort{
		endpoint: e, listener: l, conns: make(map[*tcpConn]struct{}), networks: make(map[netip.Prefix]*tcpNetwork),
	}, nil
}

// TCPPort is the TCP port, 0 when there is none.
func (e *Endpoint) TCPPort() int {
	if e.tcp == nil {
		return 0
	}
	return e.tcp.listener.Addr().(*net.TCPAddr).Port
}

// TCPStats tells what happens on the TCP port.
func (e *Endpoint) TCPStats() TCPStats {
	if e.tcp == nil {
		return TCPStats{}
	}
	e.tcp.mu.Lock()
	defer e.tcp.mu.Unlock()
	return TCPStats{len(e.tcp.conns), e.tcp.refused.Load(), e.tcp.dropped.Load()}
}

// run accepts connections until close.
func (l *tcpPort) run() {
	for {
		accepted, err := l.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			select {
			case <-time.After(acceptPause):
				continue
			case <-l.endpoint.stop:
				return
			}
		}
		conn := accepted.(*net.TCPConn)
		c := newTCPConn(l, conn)
		if !l.admit(c) {
			l.refused.Add(1)
			conn.Close()
			continue
		}
		keepShort(conn)
		l.endpoint.tasks.Go(c.run)
	}
}

// admit takes a stranger in, unless there are too many.
func (l *tcpPort) admit(c *tcpConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.networks[c.network]
	if n == nil {
		n = new(tcpNetwork)
	}
	if l.closed || len(l.conns) >= maxTCP || n.all >= maxTCPPerNetwork || l.strangers >= maxStrangers || n.strangers >= maxStrangersPerNetwork {
		return false
	}
	l.networks[c.network] = n
	l.conns[c] = struct{}{}
	n.all++
	n.strangers++
	l.strangers++
	return true
}

// introduced tells that a connection is no stranger's any more.
func (l *tcpPort) introduced(c *tcpConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.networks[c.network].strangers--
	l.strangers--
}

// remove forgets a connection that has ended.
func (l *tcpPort) remove(c *tcpConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
	n := l.networks[c.network]
	if n.all--; c.path == nil {
		n.strangers--
		l.strangers--
	}
	if n.all == 0 {
		delete(l.networks, c.network)
	}
}

// close ends the port and all connections. The endpoint waits for their goroutines.
func (l *tcpPort) close() error {
	l.mu.Lock()
	l.closed = true
	for c := range l.conns {
		c.finish()
	}
	l.mu.Unlock()
	return l.listener.Close()
}
