//go:build !linux

package audience

import (
	"errors"
	"net"
	"syscall"
)

var errNoPoller = errors.New("clients are served by goroutines of their own on this system")

type poller struct{}

func newPoller() (*poller, error) { return nil, errNoPoller }

func descriptorOf(net.Conn) syscall.RawConn { return nil }

func (*poller) add(*client) error { return errNoPoller }
func (*poller) remove(*client)    {}
func (*poller) stop()             {}

// writer is never asked: there is no poller whose clients it would write to.
type writer struct{ scratch [][]byte }

func (*writer) init()                             {}
func (*writer) to(*client, [][]byte) (int, error) { return 0, errNoPoller }
