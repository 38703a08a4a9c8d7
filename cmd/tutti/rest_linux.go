package main

import (
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// timerSlack is how late the kernel may wake a thread whose time has come, where that saves a wake-up of its own. What must be exact here
// waits for a timer of the kernel's (internal/rtc/gate_linux.go), which is.
const timerSlack = time.Millisecond

// restLonger runs the program again with timerSlack, unless it has it. Go's monitor looks every 20 us whether a thread hangs in a system call, for as
// long as anything runs: a server that has little to do each few milliseconds spends a tenth of its time on that. Threads have their slack from
// the one that made them, and the monitor is made before main, so it takes a new program. Where the kernel refuses, all goes on as it is.
func restLonger() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	slack := func() int {
		ns, _ := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
		return ns
	}
	if slack() >= int(timerSlack) || unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0, 0, 0) != nil || slack() < int(timerSlack) {
		return
	}
	if path, err := os.Executable(); err == nil {
		_ = syscall.Exec(path, os.Args, os.Environ()) // does not return but with an error
	}
}
