//go:build !linux

package audience

import (
	"errors"
	"net"
	"syscall"
	"time"
)

func descriptorOf(net.Conn) syscall.RawConn { return nil }

// intake and writer are never asked: there is no poller whose clients they would read from and write to.
type (
	intake struct{}
	writer struct{ scratch [][]byte }
)

func newIntake() *intake { return nil }

func (*intake) from(*client, time.Time) {}

func (*writer) init()                             {}
func (*writer) to(*client, [][]byte) (int, error) { return 0, errors.ErrUnsupported }
