package srtdial

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	gosrt "github.com/datarhei/gosrt"
)

type here struct{}

func (here) Resolve(_ context.Context, host, port string) (string, error) {
	return net.JoinHostPort(host, port), nil
}

func TestWhoAnswersIsCalled(t *testing.T) {
	l, err := gosrt.Listen("srt", "127.0.0.1:0", gosrt.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	heard := make(chan string, 1)
	go func() {
		req, err := l.Accept2()
		if err != nil {
			heard <- err.Error()
			return
		}
		conn, err := req.Accept()
		if err != nil {
			heard <- err.Error()
			return
		}
		b := make([]byte, 1500)
		n, _ := conn.Read(b)
		heard <- req.StreamId() + " says " + string(b[:n])
	}()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	config := gosrt.DefaultConfig()
	config.StreamId = "somebody"
	conn, err := Call(t.Context(), here{}, host, port, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write([]byte("hello"))
	if got := <-heard; got != "somebody says hello" {
		t.Error(got)
	}
}

// TestNobodyCostsNothing calls where nobody listens, and where somebody is silent: no goroutine stays.
func TestNobodyCostsNothing(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	host, port, _ := net.SplitHostPort(silent.LocalAddr().String())
	before := runtime.NumGoroutine()
	if _, err := Call(t.Context(), here{}, "127.0.0.1", "1", gosrt.DefaultConfig()); err == nil || !strings.HasPrefix(err.Error(), "connecting") {
		t.Errorf("nobody is there: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Call(ctx, here{}, host, port, gosrt.DefaultConfig()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("somebody is silent: %v", err)
	}
	for until := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() { // what closes a connection ends by itself
		if time.Now().After(until) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}
