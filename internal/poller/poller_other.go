//go:build !linux

package poller

import (
	"errors"
	"net"
	"syscall"
)

var errNone = errors.New("poller: connections are read by goroutines of their own on this system")

// Poller does not exist here: New fails.
type Poller struct{}

// ID names a connection that is watched. 0 is none.
type ID uint64

// New fails.
func New() (*Poller, error) { return nil, errNone }

// Descriptor is nil.
func Descriptor(net.Conn) syscall.RawConn { return nil }

// Watch fails.
func (*Poller) Watch(Reader, syscall.RawConn) (ID, error) { return 0, errNone }

// WatchOnce fails.
func (*Poller) WatchOnce(Reader, syscall.RawConn) (ID, error) { return 0, errNone }

// WatchAgain fails.
func (*Poller) WatchAgain(ID, syscall.RawConn) error { return errNone }

// Forget does nothing.
func (*Poller) Forget(ID) {}

// Leave does nothing.
func (*Poller) Leave(ID, syscall.RawConn) {}

// Close does nothing.
func (*Poller) Close() {}
