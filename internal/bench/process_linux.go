package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// clockTicks is USER_HZ, which Linux fixes at 100 for what it tells in /proc.
const clockTicks = 100

// Server is the process under load.
type Server struct {
	PID int
	// HTTP and RTMP are host:port.
	HTTP, RTMP string

	cmd *exec.Cmd
	dir string
}

// Start runs this program's own `serve --dev` on free loopback ports with further flags, pinned to the given core, and waits until it
// serves. Close ends it.
func Start(ctx context.Context, core int, flags ...string) (*Server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tutti-bench-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir}
	ports, err := freePorts(3)
	if err != nil {
		s.Close()
		return nil, err
	}
	s.HTTP, s.RTMP = ports[0], ports[1]
	s.cmd = exec.Command(self, "serve", "--dev", "--data", filepath.Join(dir, "data"), "--http", s.HTTP, "--https", "off",
		"--rtmp", s.RTMP, "--rtc", ports[2], "--rtc-tcp", "off", "--turn", "off", "--turns", "off", "--audience-per-address", "0", "--log-level", "warn",
		"--joins-per-address", "5000") // all clients come from one
	s.cmd.Args = append(s.cmd.Args, flags...)
	s.cmd.Stderr = os.Stderr
	if err := startOnCore(s.cmd, core); err != nil {
		s.cmd = nil
		s.Close()
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	s.PID = s.cmd.Process.Pid
	if err := s.answers(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// StartFloor runs another command of this program that serves on an address, pinned to the given core. Close ends it.
func StartFloor(ctx context.Context, core int, command ...string) (*Server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	s := &Server{HTTP: ports[0], cmd: exec.Command(self, append(command, "--http", ports[0])...)}
	s.cmd.Stderr = os.Stderr
	if err := startOnCore(s.cmd, core); err != nil {
		return nil, fmt.Errorf("starting the floor: %w", err)
	}
	s.PID = s.cmd.Process.Pid
	if err := s.answers(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Restart stops a server that Start started, as an operator would, and starts it again where and as it was.
func (s *Server) Restart(ctx context.Context, core int) error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
	_ = s.cmd.Wait()                          // its exit status does not matter here
	cmd := exec.Command(s.cmd.Path, s.cmd.Args[1:]...)
	cmd.Stderr = os.Stderr
	if err := startOnCore(cmd, core); err != nil {
		return fmt.Errorf("starting the server again: %w", err)
	}
	s.cmd, s.PID = cmd, cmd.Process.Pid
	return s.answers(ctx)
}

// answers waits until the server serves.
func (s *Server) answers(ctx context.Context) error {
	for {
		resp, err := http.Get("http://" + s.HTTP + "/healthz")
		if err == nil {
			resp.Body.Close()
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// startOnCore starts a process that may run on one core only: it inherits that from the thread that starts it.
func startOnCore(cmd *exec.Cmd, core int) error {
	if core < 0 {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, only unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	only.Set(core)
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return err
	}
	err := cmd.Start()
	return errors.Join(err, unix.SchedSetaffinity(0, &before))
}

// PinSelf keeps this process to the cores other than core, as far as there are any.
func PinSelf(core int) error {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return err
	}
	if core < 0 || all.Count() < 2 || !all.IsSet(core) {
		return nil
	}
	all.Clear(core)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(tid, &all); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// Close ends a server that Start started.
func (s *Server) Close() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
		_ = s.cmd.Wait()                          // its exit status does not matter here
	}
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}

// CPU is the user and system time that the process has used.
func (s *Server) CPU() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.PID))
	if err != nil {
		return 0, err
	}
	// The command's name, in parentheses, may hold anything, so count fields from behind it (proc(5)).
	_, rest, ok := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, fmt.Errorf("cannot read /proc/%d/stat", s.PID)
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / clockTicks, nil
}

// Waited is how long the process's threads, added up, were ready to run and did not: another had the core.
func (s *Server) Waited() (sum time.Duration, err error) {
	dir := fmt.Sprintf("/proc/%d/task", s.PID)
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, t := range tasks {
		raw, err := os.ReadFile(filepath.Join(dir, t.Name(), "schedstat"))
		switch fields := strings.Fields(string(raw)); {
		case errors.Is(err, os.ErrNotExist), errors.Is(err, unix.ESRCH): // the thread has ended
		case err != nil:
			return 0, err
		case len(fields) < 2:
			return 0, fmt.Errorf("cannot read how long process %d waited", s.PID)
		default:
			ns, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(ns)
		}
	}
	return sum, nil
}

// Memory is the process's resident memory in bytes.
func (s *Server) Memory() (int64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", s.PID))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if v, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("no VmRSS of process %d", s.PID)
}

// freePorts finds loopback addresses that are free for TCP and UDP right now.
func freePorts(n int) ([]string, error) {
	var list []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		list = append(list, l.Addr().String())
	}
	return list, nil
}

// OwnCPU is the user and system time that this process has used.
func OwnCPU() (time.Duration, error) {
	var u unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}
