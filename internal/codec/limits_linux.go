package codec

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
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

// runnable tells that a process runs or would if a core were free: a slow one, not one that waits for something.
func runnable(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	i := bytes.LastIndexByte(stat, ')') // after the name, which may hold anything
	return i >= 0 && i+2 < len(stat) && stat[i+2] == 'R'
}
