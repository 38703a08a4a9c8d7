package bench

import (
	"os"
	"testing"
)

func TestWaitingForACoreIsTold(t *testing.T) {
	if _, err := (&Server{PID: os.Getpid()}).Waited(); err != nil {
		t.Error(err)
	}
	if _, err := (&Server{PID: -1}).Waited(); err == nil {
		t.Error("a process that is not there was looked at")
	}
}
