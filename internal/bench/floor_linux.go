package bench

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Burst is packets of one size that leave with one system call.
type Burst struct{ Count, Size int }

// floorClients is how many sockets the floor is measured with; floorRest is how long they get to read what came.
const (
	floorClients = 100
	floorRest    = 3 * time.Millisecond
)

// UDPFloor is the CPU time of a packet sent over loopback with the plainest calls there are: each burst in turn to many
// clients who read on another core, as a server does.
func UDPFloor(core int, bursts ...Burst) (time.Duration, error) {
	var to []netip.AddrPort
	for range floorClients {
		sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return 0, err
		}
		defer sink.Close()
		go func() {
			for buf := make([]byte, 2048); ; {
				if _, err := sink.Read(buf); err != nil {
					return
				}
			}
		}()
		at := sink.LocalAddr().(*net.UDPAddr).AddrPort()
		to = append(to, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()))
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	buffer := make([]byte, 1<<16)
	const n = 20_000
	sent := 0
	used, err := threadCPU(core, func() error {
		for sent < n {
			for _, b := range bursts {
				var control []byte
				if b.Count > 1 {
					control = segments(b.Size)
				}
				for _, client := range to {
					if _, _, err := conn.WriteMsgUDPAddrPort(buffer[:b.Count*b.Size], control, client); err != nil {
						return err
					}
					sent += b.Count
				}
				time.Sleep(floorRest)
			}
		}
		return nil
	})
	return used / time.Duration(max(sent, 1)), err
}

// segments is the control message that has the kernel cut a send into packets of a size.
func segments(size int) []byte {
	b := make([]byte, unix.CmsgSpace(2))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(b[unix.CmsgLen(0):], uint16(size))
	return b
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
