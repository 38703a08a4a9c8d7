package codec

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// isolate keeps signals of a terminal away from a worker: its converter ends it.
func isolate(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// limitProcess bounds what a worker can take before it has seen any input.
func limitProcess(pid int) error {
	for resource, limit := range map[int]uint64{
		unix.RLIMIT_AS:     2 << 30,
		unix.RLIMIT_NOFILE: 64,
		unix.RLIMIT_FSIZE:  0,
		unix.RLIMIT_CORE:   0,
	} {
		if err := unix.Prlimit(pid, resource, &unix.Rlimit{Cur: limit, Max: limit}, nil); err != nil {
			return err
		}
	}
	return nil
}
