package deadline

import (
	"errors"
	"net"
	"os"
	"time"
)

// Send writes what is left of an answer to a plain connection that was taken over, for as long as it is taken as any answer has to be. The
// connection has no deadline for writing afterwards.
func Send(c net.Conn, rest *net.Buffers) (int64, error) { return sendWithin(c, rest, Take) }

func sendWithin(c net.Conn, rest *net.Buffers, take time.Duration) (written int64, err error) {
	line := &connection{Conn: c}
	for last := progressOf(line); ; {
		_ = c.SetWriteDeadline(time.Now().Add(take))
		n, err := rest.WriteTo(c)
		written += n
		now := progressOf(line)
		if !errors.Is(err, os.ErrDeadlineExceeded) || max(n, int64(now.acked-last.acked)) < stretch {
			_ = c.SetWriteDeadline(time.Time{})
			return written, err
		}
		last = now
	}
}
