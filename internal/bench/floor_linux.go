package bench

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// UDPFloor is the CPU time of sending one datagram of size bytes over loopback with the plainest call there is, which no
// server that sends packets one by one can go below.
func UDPFloor(core, size int) (time.Duration, error) {
	sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, err
	}
	defer sink.Close()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	to := sink.LocalAddr().(*net.UDPAddr).AddrPort()
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	packet := make([]byte, size)
	const n = 50_000
	used, err := threadCPU(core, func() error {
		for range n {
			if _, err := conn.WriteToUDPAddrPort(packet, to); err != nil {
				return err
			}
		}
		return nil
	})
	return used / n, err
}

// TCPFloor is the CPU time of writing a megabit over loopback to one of many sockets in turn, size bytes a write.
func TCPFloor(core, sockets, size int) (perMbit time.Duration, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range sockets {
		out, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return 0, err
		}
		conns = append(conns, out)
		in, err := l.Accept()
		if err != nil {
			return 0, err
		}
		go func() {
			defer in.Close()
			io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{in}, make([]byte, 64<<10))
		}()
	}
	buf := make([]byte, size)
	writes := max(20_000, 4*sockets)
	used, err := threadCPU(core, func() error {
		for i := range writes {
			if _, err := conns[i%len(conns)].Write(buf); err != nil {
				return err
			}
		}
		return nil
	})
	mbit := float64(writes) * float64(size) * 8 / 1e6
	return time.Duration(float64(used) / mbit), err
}

// threadCPU runs f on one thread on one core and tells how much CPU that thread used.
func threadCPU(core int, f func() error) (time.Duration, error) {
	type result struct {
		used time.Duration
		err  error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, and its affinity with it
		if core >= 0 {
			var only unix.CPUSet
			only.Set(core)
			if err := unix.SchedSetaffinity(0, &only); err != nil {
				done <- result{err: err}
				return
			}
		}
		var before, after unix.Rusage
		err := errors.Join(unix.Getrusage(unix.RUSAGE_THREAD, &before), f(), unix.Getrusage(unix.RUSAGE_THREAD, &after))
		used := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
		done <- result{time.Duration(used), err}
	}()
	r := <-done
	return r.used, r.err
}
