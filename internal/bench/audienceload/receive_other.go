//go:build !linux

package audienceload

import (
	"net"
	"time"
)

// receiver reads what a viewer is told.
type receiver struct{ conn net.Conn }

func newReceiver(conn net.Conn) *receiver { return &receiver{conn} }

// read waits for something, and tells when it was read.
func (r *receiver) read(buf []byte) (n int, at time.Time, err error) {
	n, err = r.conn.Read(buf)
	return n, time.Now(), err
}
