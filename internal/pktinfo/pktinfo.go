// Package pktinfo has answers leave from the address that was called: a machine may have several, and who called one of them ignores what comes from
// another. What the kernel says of an arriving datagram's destination goes back to it with the answers, as it came.
package pktinfo

import (
	"net"
	"runtime"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Room has the kernel say where datagrams of a socket came to, and gives the room that this takes when one is read (oob of ReadMsgUDP). It is nil
// where the socket has only one address.
func Room(conn *net.UDPConn) []byte {
	if runtime.GOOS != "linux" || !conn.LocalAddr().(*net.UDPAddr).IP.IsUnspecified() {
		return nil
	}
	// One of them fails, according to the socket's family.
	err4 := ipv4.NewPacketConn(conn).SetControlMessage(ipv4.FlagDst|ipv4.FlagInterface, true)
	err6 := ipv6.NewPacketConn(conn).SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true)
	if err4 != nil && err6 != nil {
		return nil
	}
	return make([]byte, 128)
}
