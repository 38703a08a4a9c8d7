package audience

import (
	"net"
	"time"
)

// pair serves a client with two goroutines: over TLS, or on systems without a poller.
type pair struct{ kick chan struct{} }

func (p *pair) enter(*client) {} // it looks by itself

func (p *pair) wake(*client) {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// serve serves a client until its connection ends. The first bytes came with its request.
func (p *pair) serve(c *client, first []byte) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.write(c)
	}()
	p.read(c, first)
	c.over()
	<-done
}

func (p *pair) read(c *client, first []byte) {
	if len(first) > 0 && !c.received(first, time.Now()) {
		return
	}
	buf := make([]byte, 2<<10)
	for {
		n, err := c.conn.Read(buf)
		if n > 0 && !c.received(buf[:n], time.Now()) || err != nil {
			return
		}
	}
}

// write is the writer's goroutine. It ends when the connection is closed or broken.
func (p *pair) write(c *client) {
	var bufs [][]byte
	for {
		var woken <-chan struct{}
		c.mu.Lock()
		if c.hall != nil {
			woken = c.hall.ring.Woken()
		}
		gone := c.gone
		c.mu.Unlock()
		if gone {
			return
		}
		var over bool
		if bufs, over = c.next(bufs[:0]); len(bufs) > 0 {
			c.conn.SetWriteDeadline(time.Now().Add(stallLimit))
			toWrite := net.Buffers(bufs)
			n, err := toWrite.WriteTo(c.conn)
			c.server.counts.sent.Add(uint64(n))
			if err != nil {
				c.over()
				return
			}
			clear(bufs)
			continue
		}
		if over && c.finished() {
			c.over()
			return
		}
		select {
		case <-woken:
		case <-p.kick:
		}
	}
}
