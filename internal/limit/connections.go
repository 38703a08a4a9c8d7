package limit

import (
	"net"
	"net/http"
)

// Hold is what an http.Server calls for its connections (ConnState): one for which its address has no place is closed. Those that a handler takes over
// count no more, and those of this machine never: a proxy is one, and a program that measures.
func (p *Places) Hold(c net.Conn, state http.ConnState) {
	who := Network(c.RemoteAddr().String())
	if who.Addr().IsLoopback() {
		return
	}
	switch state {
	case http.StateNew:
		if !p.Enter(who) {
			c.Close()
		}
	case http.StateHijacked, http.StateClosed:
		p.Leave(who)
	}
}
