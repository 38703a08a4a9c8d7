package limit

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

const here = "127.0.0.1:0"

// accepting is a listener of which the test has both ends of each connection.
func accepting(t *testing.T, address string, bound func(net.Listener) net.Listener) (dial func() (near net.Conn), accepted chan net.Conn) {
	l, err := net.Listen("tcp", address)
	switch {
	case err != nil && address == "[::1]:0":
		t.Skip("this machine has no IPv6:", err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	accepted = make(chan net.Conn, 10)
	go func() {
		defer close(accepted)
		for held := bound(l); ; {
			conn, err := held.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	return func() net.Conn {
		near, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { near.Close() })
		return near
	}, accepted
}

func closed(near net.Conn) bool {
	_, err := io.ReadAll(near)
	return err == nil
}

func TestConnectionsOfOneAddressAreBounded(t *testing.T) {
	t.Parallel()
	c := NewConnections(2)
	c.strict = true
	var log bytes.Buffer
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	dial, accepted := accepting(t, here, c.Listen)
	dial()
	dial()
	first := <-accepted
	<-accepted
	if !closed(dial()) || c.Refused()[refusedAddress] != 1 {
		t.Errorf("a third is let in, %v are refused", c.Refused())
	}
	first.Close()
	first.Close() // which is done by whoever has it, and by whoever had it
	dial()
	<-accepted
	if !closed(dial()) {
		t.Error("one that ended makes two places")
	}
	if told := log.String(); strings.Count(told, "--connections-per-address") != 1 || !strings.Contains(told, "127.0.0.1") {
		t.Errorf("the operator reads %q", told)
	}
}

func TestConnectionsOfThisMachineAreNot(t *testing.T) {
	t.Parallel()
	for _, address := range []string{here, "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			c := NewConnections(1)
			dial, accepted := accepting(t, address, c.Listen)
			for range 3 {
				dial()
			}
			for n := range 3 {
				select {
				case conn := <-accepted:
					defer conn.Close()
				case <-time.After(5 * time.Second):
					t.Fatalf("%d are let in, %v are refused", n, c.Refused())
				}
			}
		})
	}
}

// TestTheLastDescriptorsAreNotForConnections: not for those of this machine either.
func TestTheLastDescriptorsAreNotForConnections(t *testing.T) {
	t.Parallel()
	for all, want := range map[uint64][2]uintptr{1 << 63: {}, 1000: {875, 938}, 65536: {64512, 65024}} {
		if enough, encoders := enoughOf(all); enough != want[0] || encoders != want[1] {
			t.Errorf("of %d, %d are for connections, %d for encoders'", all, enough, encoders)
		}
	}
	c := NewConnections(0)
	if c.enough == 0 && descriptors() < 1<<30 {
		t.Error("it is not known how many there are")
	}
	c.enough, c.encoders = 3, 3
	for n, bound := range []func(net.Listener) net.Listener{c.Listen, c.Bound, c.Encoders} {
		dial, _ := accepting(t, here, bound)
		if !closed(dial()) || c.Refused()[refusedDescriptors] != uint64(n+1) {
			t.Errorf("%v are refused", c.Refused())
		}
	}
	if n := c.Taken(); n != 0 {
		t.Errorf("%d have places", n)
	}
	relay, err := net.ListenUDP("udp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	if !c.Short(relay) {
		t.Error("one of the last is for a relay")
	}
	c.encoders = 1 << 20
	dial, accepted := accepting(t, here, c.Encoders)
	dial()
	(<-accepted).Close()
}
