package main

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

// stunPatience is how long the start waits for a STUN server.
const stunPatience = 3 * time.Second

// publicAddress asks a STUN server (RFC 8489) how the world sees this machine. Without a port, 3478 is meant.
func publicAddress(server string) (netip.Addr, error) {
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(server, "3478")
	}
	conn, err := net.DialTimeout("udp", server, stunPatience)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("reaching %s: %w", server, err)
	}
	defer conn.Close()
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest)
	if err != nil {
		return netip.Addr{}, err
	}
	if err := conn.SetDeadline(time.Now().Add(stunPatience)); err != nil {
		return netip.Addr{}, err
	}
	answer := &stun.Message{Raw: make([]byte, 1500)}
	for { // requests and answers may get lost, so ask again until the deadline
		if _, err := conn.Write(request.Raw); err != nil {
			return netip.Addr{}, fmt.Errorf("asking %s: %w", server, err)
		}
		n, err := conn.Read(answer.Raw[:cap(answer.Raw)])
		if err != nil {
			return netip.Addr{}, fmt.Errorf("no answer from %s: %w", server, err)
		}
		answer.Raw = answer.Raw[:n]
		if answer.Decode() != nil || answer.TransactionID != request.TransactionID {
			continue
		}
		var mapped stun.XORMappedAddress
		if err := mapped.GetFrom(answer); err != nil {
			return netip.Addr{}, fmt.Errorf("answer of %s: %w", server, err)
		}
		ip, ok := netip.AddrFromSlice(mapped.IP)
		if !ok {
			return netip.Addr{}, fmt.Errorf("answer of %s has no address", server)
		}
		return ip.Unmap(), nil
	}
}
