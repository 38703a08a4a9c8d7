package certs

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"testing"
)

// reachedAt is a connection to a local address.
type reachedAt struct {
	net.Conn
	net.TCPAddr
}

func (c *reachedAt) LocalAddr() net.Addr { return &c.TCPAddr }

func TestALinkLocalAddressIsCoveredWithoutItsZone(t *testing.T) {
	local, err := OpenLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ip := net.ParseIP("fe80::1")
	cert, err := local.GetCertificate(&tls.ClientHelloInfo{Conn: &reachedAt{TCPAddr: net.TCPAddr{IP: ip, Zone: "eth9"}}})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(leaf.IPAddresses, ip.Equal) {
		t.Errorf("covers %v and %v", leaf.IPAddresses, leaf.DNSNames)
	}
}
