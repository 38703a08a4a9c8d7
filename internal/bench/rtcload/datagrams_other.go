//go:build !linux || !(amd64 || arm64)

package rtcload

import (
	"errors"
	"net"
	"time"
)

// readDatagrams gives each datagram that comes to take, and when it came, until the socket is closed; take must not keep it.
func readDatagrams(udp *net.UDPConn, take func(datagram []byte, at time.Time)) {
	buf := make([]byte, 2048)
	for {
		n, err := udp.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil { // refused while the server is not there yet, or no longer
			take(buf[:n], time.Now())
		}
	}
}
