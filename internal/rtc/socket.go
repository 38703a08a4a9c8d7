package rtc

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

const (
	// maxDatagram is the longest datagram that we take; WebRTC's are at most about 1500 bytes.
	maxDatagram = 2048
	// batchSize is how many datagrams one system call reads or sends at most.
	batchSize = 32
	// socketBuffer is asked for in both directions; the kernel may give less.
	socketBuffer = 4 << 20
)

// socket is one UDP socket on the shared port. Reading belongs to the shard's reader, writing is free for all.
type socket struct {
	address netip.AddrPort // that it is bound to
	platformSocket
}

// listenShared opens n sockets on one port, so that the kernel spreads datagrams by their addresses. Where it cannot,
// there is one socket.
func listenShared(address string, n int) ([]*socket, error) {
	if !canSharePort {
		n = 1
	}
	var sockets []*socket
	for range n {
		s, err := listenOne(address)
		if err != nil {
			for _, s := range sockets {
				s.close()
			}
			return nil, err
		}
		sockets = append(sockets, s)
		// The others share the port that the first was given.
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("rtc: listen on %q: %w", address, err)
		}
		address = net.JoinHostPort(host, strconv.Itoa(int(s.address.Port())))
	}
	return sockets, nil
}

func listenOne(address string) (*socket, error) {
	lc := net.ListenConfig{Control: sharePort}
	pc, err := lc.ListenPacket(context.Background(), "udp", address)
	if err != nil {
		return nil, fmt.Errorf("rtc: listen on udp %q: %w", address, err)
	}
	conn := pc.(*net.UDPConn)
	// Best effort: the kernel caps both at its own limits.
	_ = conn.SetReadBuffer(socketBuffer)
	_ = conn.SetWriteBuffer(socketBuffer)
	s := &socket{address: conn.LocalAddr().(*net.UDPAddr).AddrPort()}
	if err := s.open(conn); err != nil {
		conn.Close()
		return nil, fmt.Errorf("rtc: prepare udp %q: %w", address, err)
	}
	return s, nil
}
