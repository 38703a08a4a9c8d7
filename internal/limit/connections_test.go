package limit

import (
	"io"
	"net"
	"testing"
)

// accepting is a listener of which the test has both ends of each connection.
func accepting(t *testing.T, c *Connections) (dial func() (near net.Conn), accepted chan net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	accepted = make(chan net.Conn, 10)
	go func() {
		defer close(accepted)
		for held := c.Listen(l); ; {
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
	dial, accepted := accepting(t, c)
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
}

func TestConnectionsOfThisMachineAreNot(t *testing.T) {
	t.Parallel()
	dial, accepted := accepting(t, NewConnections(1))
	for range 3 {
		dial()
		(<-accepted).Close()
	}
}

// TestTheLastDescriptorsAreNotForConnections: not for those of this machine either.
func TestTheLastDescriptorsAreNotForConnections(t *testing.T) {
	t.Parallel()
	for all, want := range map[uint64]uintptr{1 << 63: 0, 1000: 875, 65536: 64512} {
		if got := enoughOf(all); got != want {
			t.Errorf("of %d, %d are for connections", all, got)
		}
	}
	c := NewConnections(0)
	if c.enough == 0 && descriptors() < 1<<30 {
		t.Error("it is not known how many there are")
	}
	c.enough = 3
	dial, _ := accepting(t, c)
	if !closed(dial()) || c.Refused()[refusedDescriptors] != 1 {
		t.Errorf("%v are refused", c.Refused())
	}
	if n := c.Taken(); n != 0 {
		t.Errorf("%d have places", n)
	}
}
