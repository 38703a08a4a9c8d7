package rtc

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

// Whatever is sent in how many system calls, the datagrams that arrive are those that were added.
func TestTrainKeepsDatagramsApart(t *testing.T) {
	sizes := map[string][]int{
		"one":          {100},
		"equal":        {500, 500, 500, 500},
		"last shorter": {500, 500, 20, 500, 20, 20},
		"growing":      {10, 20, 30, 40},
		"many":         make([]int, 150),
		"long":         make([]int, 60),
	}
	for i := range sizes["many"] {
		sizes["many"][i] = 60
	}
	for i := range sizes["long"] {
		sizes["long"][i] = 1400 // more than one segmented send can carry
	}
	for _, segments := range []bool{true, false} {
		for name, list := range sizes {
			t.Run(fmt.Sprintf("%s/segments=%v", name, segments), func(t *testing.T) {
				e := idleEndpoint(t)
				setSegments(e.shards[0].socket, segments)
				var receivers [2]*net.UDPConn
				var to [2]*destination
				for i := range receivers {
					conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
					if err != nil {
						t.Fatal(err)
					}
					defer conn.Close()
					_ = conn.SetReadBuffer(1 << 20)
					receivers[i], to[i] = conn, e.shards[0].socket.destination(conn.LocalAddr().(*net.UDPAddr).AddrPort())
				}
				out := newTrain(e.shards[0].socket, &e.shards[0].counts)
				for k := range to { // first all to the one, then all to the other
					for i, size := range list {
						copy(out.room(), bytes.Repeat([]byte{byte(i), byte(k)}, size/2))
						out.add(to[k], size)
					}
				}
				out.flush()
				for k, conn := range receivers {
					_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
					for i, size := range list {
						var b [2048]byte
						n, err := conn.Read(b[:])
						if err != nil {
							t.Fatalf("datagram %d: %v", i, err)
						}
						if n != size || b[0] != byte(i) || b[1] != byte(k) || b[n-2] != byte(i) {
							t.Fatalf("datagram %d for %d has %d bytes, want %d; it begins with %d %d", i, k, n, size, b[0], b[1])
						}
					}
				}
			})
		}
	}
}

// A destination that the kernel refuses must not keep the others from getting theirs.
func TestTrainGoesOnAfterAnError(t *testing.T) {
	e := idleEndpoint(t)
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := e.shards[0].socket
	bad, good := s.destination(netip.MustParseAddrPort("255.255.255.255:9")), s.destination(conn.LocalAddr().(*net.UDPAddr).AddrPort())
	out := newTrain(s, new(shardCounts))
	for _, to := range []*destination{bad, good, bad, bad, good} {
		out.room()
		out.add(to, 100)
	}
	out.flush()
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	for range 2 {
		var b [2048]byte
		if n, err := conn.Read(b[:]); err != nil || n != 100 {
			t.Fatalf("%d bytes, %v", n, err)
		}
	}
}
