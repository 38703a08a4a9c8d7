package main

import (
	"net"
	"sync"
)

// returns is a listener whose connections come back to the HTTP server from a door that had taken them over.
type returns struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newReturns() *returns { return &returns{conns: make(chan net.Conn), done: make(chan struct{})} }

// give hands a connection to the server; it is closed where that has ended.
func (r *returns) give(c net.Conn) {
	select {
	case r.conns <- c:
	case <-r.done:
		c.Close()
	}
}

// Accept implements net.Listener.
func (r *returns) Accept() (net.Conn, error) {
	select {
	case c := <-r.conns:
		return c, nil
	case <-r.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (r *returns) Close() error {
	r.once.Do(func() { close(r.done) })
	return nil
}

// Addr implements net.Listener.
func (r *returns) Addr() net.Addr { return &net.TCPAddr{} }
