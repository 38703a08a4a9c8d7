package turn

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/turn/v5"
)

const testSecret = "the test's secret"

var loopback4 = netip.MustParseAddr("127.0.0.1")

// listen opens a server on loopback.
func listen(t *testing.T, change func(*Config)) *Server {
	t.Helper()
	cfg := Config{UDPAndTCP: "127.0.0.1:0", Secret: testSecret, Relay: []netip.Addr{loopback4}, First: 20000, Last: 29999}
	if change != nil {
		change(&cfg)
	}
	s, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if st := s.Stats(); st.Allocations != 0 || st.Connections != 0 {
			t.Errorf("after closing there are %d allocations and %d connections", st.Allocations, st.Connections)
		}
	})
	return s
}

// client is pion's TURN client over UDP.
func client(t *testing.T, port int, user string, expires time.Time) *turn.Client {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return clientOver(t, conn, port, user, expires)
}

func clientOver(t *testing.T, conn net.PacketConn, port int, user string, expires time.Time) *turn.Client {
	t.Helper()
	username, password := issue(testSecret, user, expires)
	address := netip.AddrPortFrom(loopback4, uint16(port)).String()
	c, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: address, TURNServerAddr: address, Username: username, Password: password, Realm: realm, Conn: conn,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); conn.Close() })
	return c
}

func allocate(t *testing.T, c *turn.Client) net.PacketConn {
	t.Helper()
	relayed, err := c.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { relayed.Close() })
	return relayed
}

// exchange sends from one to the other until it arrives: the first packets also make permissions.
func exchange(t *testing.T, a, b net.PacketConn) {
	t.Helper()
	for _, way := range [][2]net.PacketConn{{a, b}, {b, a}, {a, b}} {
		if _, err := way[0].WriteTo([]byte("hello"), way[1].LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	for _, way := range [][2]net.PacketConn{{a, b}, {b, a}} {
		buf := make([]byte, 100)
		way[1].SetReadDeadline(time.Now().Add(10 * time.Second))
		n, from, err := way[1].ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		if string(buf[:n]) != "hello" || from.String() != way[0].LocalAddr().String() {
			t.Fatalf("%q from %v, want it from %v", buf[:n], from, way[0].LocalAddr())
		}
	}
}

func TestRelayBetweenTwoRelays(t *testing.T) {
	s := listen(t, nil)
	udp, tcp, tls := s.Ports()
	if udp == 0 || udp != tcp || tls != 0 {
		t.Fatalf("ports %d %d %d", udp, tcp, tls)
	}
	a := allocate(t, client(t, udp, "a", time.Now().Add(time.Hour)))
	b := allocate(t, client(t, udp, "b", time.Now().Add(time.Hour)))
	exchange(t, a, b)
	if st := s.Stats(); st.Allocations != 2 || st.ToPeers == 0 || st.ToClients == 0 {
		t.Errorf("%+v", st)
	}
}
