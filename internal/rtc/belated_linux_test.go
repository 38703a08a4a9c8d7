//go:build linux && (amd64 || arm64)

package rtc

import (
	"encoding/binary"
	"net"
	"syscall"
	"testing"
	"time"
)

// narrow is a socket whose buffer is full for the next so many sends.
type narrow struct {
	syscall.RawConn
	stuffed syscall.RawConn // a connection whose buffer is
	full    int
}

func (n *narrow) Control(f func(fd uintptr)) error {
	if n.full > 0 {
		n.full--
		return n.stuffed.Control(f)
	}
	return n.RawConn.Control(f)
}

// narrowed makes a socket narrow.
func narrowed(t *testing.T, s *socket) *narrow {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	conn, err := net.Dial("tcp4", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		piece := make([]byte, 64<<10)
		for err == nil {
			_, err = syscall.Write(int(fd), piece)
		}
	})
	n := &narrow{RawConn: s.raw, stuffed: raw}
	s.raw = n
	return n
}

// TestASingleDatagramThatDoesNotFitLeavesLater and whoever sends it does not wait.
func TestASingleDatagramThatDoesNotFitLeavesLater(t *testing.T) {
	shard := idleEndpoint(t).shards[0]
	to, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	addr := to.LocalAddr().(*net.UDPAddr).AddrPort()
	narrow := narrowed(t, shard.socket)

	const sent = maxBelated + 10
	narrow.full = sent
	for i := range sent {
		shard.write(binary.BigEndian.AppendUint16(nil, uint16(i)), addr)
	}
	if narrow.full != 0 || len(shard.queue) != 1 {
		t.Fatalf("%d sends were not tried, %d pieces of work wait", narrow.full, len(shard.queue))
	}
	if err := to.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var b [16]byte
	if _, err := to.Read(b[:]); err == nil {
		t.Fatal("a datagram left although there was no room")
	}

	narrow.full = 1 // the sender waits once
	done := make(chan struct{})
	go func() {
		defer close(done)
		shard.queue[0].Run(newTx(shard))
	}()
	_ = to.SetReadDeadline(time.Now().Add(time.Minute))
	for i := range maxBelated {
		n, err := to.Read(b[:])
		if err != nil {
			t.Fatalf("datagram %d: %v", i, err)
		}
		if n != 2 || binary.BigEndian.Uint16(b[:]) != uint16(i) {
			t.Fatalf("datagram %d is %x", i, b[:n])
		}
	}
	<-done
}
