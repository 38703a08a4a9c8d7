package rtc

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/ice"
)

const (
	// tcpSilence ends a connection on which nothing comes. Clients check paths that they do not use every 25 s or so.
	tcpSilence = 60 * time.Second
	// handOver is how many frames go to the home reader at once at most.
	handOver = 64
)

var (
	errStranger = errors.New("rtc: something else than a connectivity check came first")
	errTwoPeers = errors.New("rtc: checks for two peers on one connection")
	errPeerGone = errors.New("rtc: the peer has closed, or has too many paths")
)

// tcpConn is one TCP connection. Its goroutine reads, answers checks, and hands all else to the home reader of its peer,
// for which it waits: so a client that sends too fast is slowed down by TCP and not kept in memory. It ends when the
// remote closes, breaks the framing or is silent, or with the peer.
type tcpConn struct {
	port    *tcpPort
	conn    *net.TCPConn
	from    netip.AddrPort
	network netip.Prefix
	to      *destination
	tcpWriter

	// What follows belongs to the connection's goroutine, and to the home reader while that has a batch.
	frames    frameReader
	check     ice.Check
	path      *path  // nil while the remote is a stranger
	home      *Shard // once data came
	batch     [][]byte
	deliver   func() // gives the batch to the peer
	delivered chan struct{}
}

func newTCPConn(l *tcpPort, conn *net.TCPConn) *tcpConn {
	from := conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	c := &tcpConn{port: l, conn: conn, from: from, network: limit.NetworkOf(from.Addr()), delivered: make(chan struct{}, 1)}
	c.to = &destination{addr: from, tcp: c}
	c.tcpWriter.open(conn, &l.dropped)
	c.deliver = func() {
		bytes := 0
		for _, frame := range c.batch {
			bytes += len(frame)
			c.home.reader.deliver(c.path, frame)
		}
		c.home.counts.receivedPackets.Add(uint64(len(c.batch)))
		c.home.counts.receivedBytes.Add(uint64(bytes))
		c.delivered <- struct{}{}
	}
	return c
}

// run is the connection's goroutine.
func (c *tcpConn) run() {
	defer c.end()
	_ = c.conn.SetReadDeadline(time.Now().Add(strangerTime))
	for {
		if err := c.frames.fill(c.conn); err != nil {
			return // gone, silent, or closed by us
		}
		if err := c.take(); err != nil {
			c.port.endpoint.log.Debug("TCP connection closed", "from", c.from, "reason", err)
			return
		}
		if c.path != nil && !c.finishing() {
			_ = c.conn.SetReadDeadline(time.Now().Add(tcpSilence))
		}
	}
}

// end frees everything.
func (c *tcpConn) end() {
	c.finish()
	c.writing.Wait()
	if c.path != nil {
		c.path.peer.lose(c.path)
	}
	c.port.remove(c)
}

// take deals with all frames that have come.
func (c *tcpConn) take() error {
	for {
		frame, ok, err := c.frames.next()
		if err != nil {
			return err
		}
		if !ok {
			return c.handBatch()
		}
		switch kind := classify(frame); {
		case kind == stunProtocol:
			if err := c.connectivityCheck(frame); err != nil {
				return err
			}
		case c.path == nil:
			return errStranger
		case kind == unknownProtocol: // an empty frame keeps the connection alive (RFC 4571, section 2)
		default:
			if c.batch = append(c.batch, frame); len(c.batch) < handOver {
				continue
			}
			if err := c.handBatch(); err != nil {
				return err
			}
		}
	}
}

// handBatch lets the home reader deliver the frames that wait, and waits until it has.
func (c *tcpConn) handBatch() error {
	if len(c.batch) == 0 {
		return nil
	}
	if c.home == nil {
		c.home = c.path.peer.settle()
	}
	r := c.home.reader
	r.post(c.deliver)
	select {
	case <-c.delivered:
		clear(c.batch)
		c.batch = c.batch[:0]
		return nil
	case <-r.finished: // the endpoint is closing
		return net.ErrClosed
	}
}

// connectivityCheck answers a check. The first one must be good, and tells whose connection it is.
func (c *tcpConn) connectivityCheck(b []byte) error {
	login := c.port.endpoint.verify(&c.check, b)
	switch {
	case login == nil && c.path == nil:
		return errStranger
	case login == nil:
		return nil // perhaps a late one with old credentials
	case c.path != nil && c.path.peer != login.peer:
		return errTwoPeers
	}
	if c.check.Conflict {
		if answer, err := c.check.Refuse(login.Pwd); err == nil {
			c.reply(answer)
		}
		return nil
	}
	t := c.path
	if t == nil {
		t = &path{peer: login.peer, addr: c.from, to: c.to, tcp: c}
	}
	answer, err := c.check.Answer(c.from, login.Pwd)
	if err != nil {
		return nil
	}
	if !login.peer.checkedTCP(t, login, media.Now(), c.check.Nominated) {
		return errPeerGone
	}
	if c.path == nil {
		c.path = t
		c.port.introduced(c)
	}
	c.reply(answer)
	return nil
}
