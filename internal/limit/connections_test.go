package limit

import (
	"net"
	"net/http"
	"net/netip"
	"testing"
)

// line is a connection from an address.
type line struct {
	net.Conn
	from   string
	closed bool
}

func (l *line) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(l.from))
}
func (l *line) Close() error { l.closed = true; return nil }

func TestConnectionsOfOneAddressAreBounded(t *testing.T) {
	p := &Places{Most: 2}
	open := func(from string) *line {
		l := &line{from: from}
		p.Hold(l, http.StateNew)
		p.Hold(l, http.StateActive)
		if l.closed {
			p.Hold(l, http.StateClosed) // as the server does when it finds that
		}
		return l
	}
	first, second := open("192.0.2.1:1"), open("192.0.2.1:2")
	if first.closed || second.closed || !open("192.0.2.1:3").closed {
		t.Error("two are let in, and no third")
	}
	if open("192.0.2.2:1").closed {
		t.Error("another address has no place")
	}
	p.Hold(first, http.StateClosed)
	p.Hold(second, http.StateHijacked)
	if open("192.0.2.1:4").closed || open("192.0.2.1:5").closed || !open("192.0.2.1:6").closed {
		t.Error("what ended, or was taken over, makes place, and nothing else does")
	}
	for range 5 {
		if open("127.0.0.1:1").closed {
			t.Error("this machine is bounded")
		}
	}
}
