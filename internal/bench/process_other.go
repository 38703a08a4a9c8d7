//go:build !linux

package bench

import (
	"context"
	"errors"
	"time"
)

var errLinux = errors.New("measuring a server needs Linux")

// Server is the process under load.
type Server struct {
	PID        int
	HTTP, RTMP string
}

// Start, and all else here, works on Linux only, because the figures come from /proc.
func Start(context.Context, int, ...string) (*Server, error) { return nil, errLinux }

func StartFloor(context.Context, int, ...string) (*Server, error) { return nil, errLinux }

func (s *Server) Restart(context.Context, int) error { return errLinux }
func PinSelf(int) error                              { return errLinux }
func (s *Server) Close()                             {}
func (s *Server) CPU() (time.Duration, error)        { return 0, errLinux }
func (s *Server) Waited() (time.Duration, error)     { return 0, errLinux }
func (s *Server) Memory() (int64, error)             { return 0, errLinux }

// Burst is packets of one size that leave with one system call.
type Burst struct{ Count, Size int }

// OwnCPU, UDPFloor and TCPFloor: see Linux.
func OwnCPU() (time.Duration, error)                            { return 0, errLinux }
func UDPFloor(int, ...Burst) (time.Duration, error)             { return 0, errLinux }
func TCPFloor(int, int, int) (perMbit time.Duration, err error) { return 0, errLinux }
