package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestAServerThatRestsRunsAgainOnce(t *testing.T) {
	const inside = "RESTING_FOR_A_TEST"
	if os.Getenv(inside) != "" {
		restLonger()
		slack, err := os.ReadFile("/proc/self/timerslack_ns") // of the thread that ran main first
		fmt.Printf("pid %d has %s %v\n", os.Getpid(), strings.TrimSpace(string(slack)), err)
		os.Exit(0)
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.CombinedOutput()
	if want := fmt.Sprintf("pid %d has %d <nil>\n", cmd.Process.Pid, timerSlack.Nanoseconds()); err != nil || string(out) != want {
		t.Errorf("%v: %q, want %q", err, out, want)
	}
}
