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

// What several streams have for one destination leaves in one message, in order, where the kernel segments: packets of one length, and a
// shorter one behind them.
func TestTrainJoinsWhatGoesToOneDestination(t *testing.T) {
	for _, segments := range []bool{true, false} {
		e := idleEndpoint(t)
		s := e.shards[0].socket
		setSegments(s, segments)
		var receivers [2]*net.UDPConn
		var to [2]*destination
		for i := range receivers {
			conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			receivers[i], to[i] = conn, s.destination(conn.LocalAddr().(*net.UDPAddr).AddrPort())
		}
		out := newTrain(s, new(shardCounts))
		// 80 closes the first message, 300 the third, and the rest is longer.
		sizes, messages := []int{500, 500, 80, 80, 300, 300, 300}, 3*len(to)
		for range 20 {
			for i, size := range sizes {
				for k := range to {
					copy(out.room(), bytes.Repeat([]byte{byte(i)}, size))
					out.add(to[k], size)
				}
			}
			if !s.canSegment() {
				messages = len(sizes) * len(to)
			}
			if len(out.messages) != messages {
				t.Fatalf("segments %v: %d messages, want %d", segments, len(out.messages), messages)
			}
			out.flush()
			for _, conn := range receivers {
				_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
				for i, size := range sizes {
					var b [2048]byte
					if n, err := conn.Read(b[:]); err != nil || n != size || b[0] != byte(i) || b[n-1] != byte(i) {
						t.Fatalf("datagram %d: %d bytes of %d, want %d; %v", i, n, b[0], size, err)
					}
				}
			}
		}
	}
}

// A message takes no more pieces than it has places for, and no more packets than the kernel takes.
func TestTrainBeginsAnotherMessageWhenOneIsFull(t *testing.T) {
	e := idleEndpoint(t)
	s := e.shards[0].socket
	if !s.canSegment() {
		t.Skip("no segmented sends here")
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadBuffer(1 << 20)
	to, other := s.destination(conn.LocalAddr().(*net.UDPAddr).AddrPort()), s.destination(netip.MustParseAddrPort("127.0.0.1:9"))
	out := newTrain(s, new(shardCounts))
	const packets = 3 * maxPieces
	for i := range packets {
		out.room()[0] = byte(i)
		out.add(to, 60)
		out.room()
		out.add(other, 50+i) // so that the next one is a piece of its own
	}
	out.flush()
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	for i := range packets {
		var b [2048]byte
		if n, err := conn.Read(b[:]); err != nil || n != 60 || b[0] != byte(i) {
			t.Fatalf("datagram %d: %d bytes, number %d, %v", i, n, b[0], err)
		}
	}
}

// What several pieces of work send that wait together leaves together.
func TestWorkThatWaitsTogetherLeavesTogether(t *testing.T) {
	e := idleEndpoint(t)
	shard := e.shards[0]
	if !shard.socket.canSegment() {
		t.Skip("no segmented sends here")
	}
	to := shard.socket.destination(netip.MustParseAddrPort("127.0.0.1:9"))
	for range 5 {
		shard.Post(workFunc(func(tx *Tx) {
			tx.room()
			tx.add(to, 100)
		}))
	}
	shard.close()
	shard.send()
	if sends, packets := shard.counts.sends.Load(), shard.counts.sentPackets.Load(); sends != 1 || packets != 5 {
		t.Errorf("%d packets left in %d messages", packets, sends)
	}
}
