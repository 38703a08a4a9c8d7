package codec

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// pipeSize holds a raw picture of 640x360 whole, so that one wake-up is enough for it. It is what a process without
// privileges may ask for.
const pipeSize = 1 << 20

// widenPipe makes a pipe hold more; where the system refuses, a picture takes more wake-ups.
func widenPipe(end any) {
	c, ok := end.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
}
