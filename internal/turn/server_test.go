package turn

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pion/turn/v5"

	"github.com/tuttilive/tutti/internal/address"
)

const testSecret = "the test's secret"

// patience is how long is waited for what should come soon.
const patience = time.Minute

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
		way[1].SetReadDeadline(time.Now().Add(patience))
		for from := ""; from != way[0].LocalAddr().String(); { // what others sent earlier may be left over
			n, sender, err := way[1].ReadFrom(buf)
			if err != nil {
				t.Fatal(err)
			}
			if string(buf[:n]) != "hello" {
				t.Fatalf("%q", buf[:n])
			}
			from = sender.String()
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

func TestRelayOverTCPAndTLS(t *testing.T) {
	s := listen(t, func(c *Config) { c.TLS, c.Certificate = "127.0.0.1:0", certificate(t) })
	_, tcpPort, tlsPort := s.Ports()
	dial := func(port int, secure bool) net.PacketConn {
		var conn net.Conn
		var err error
		address := netip.AddrPortFrom(loopback4, uint16(port)).String()
		if secure {
			conn, err = tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"stun.turn"}})
		} else {
			conn, err = net.Dial("tcp", address)
		}
		if err != nil {
			t.Fatal(err)
		}
		return turn.NewSTUNConn(conn)
	}
	later := time.Now().Add(time.Hour)
	overTCP := allocate(t, clientOver(t, dial(tcpPort, false), tcpPort, "a", later))
	overTLS := allocate(t, clientOver(t, dial(tlsPort, true), tlsPort, "b", later))
	overUDP := allocate(t, client(t, tcpPort, "c", later))
	exchange(t, overTCP, overTLS)
	exchange(t, overTLS, overUDP)
	if st := s.Stats(); st.Connections != 2 || st.Allocations != 3 {
		t.Errorf("%+v", st)
	}
}

func TestAllocationEndsWithItsConnection(t *testing.T) {
	s := listen(t, nil)
	_, port, _ := s.Ports()
	conn, err := net.Dial("tcp", netip.AddrPortFrom(loopback4, uint16(port)).String())
	if err != nil {
		t.Fatal(err)
	}
	c := clientOver(t, turn.NewSTUNConn(conn), port, "a", time.Now().Add(time.Hour))
	allocate(t, c)
	conn.Close()
	eventually(t, "the allocation ends", func() bool { st := s.Stats(); return st.Allocations == 0 && st.Connections == 0 })
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for tick := time.NewTicker(5 * time.Millisecond); !is(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("in vain: ", what)
		}
	}
}

func TestFilteredPeers(t *testing.T) {
	media, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer media.Close()
	other, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	s := listen(t, func(c *Config) {
		c.Media = []netip.AddrPort{media.LocalAddr().(*net.UDPAddr).AddrPort()}
		c.Allow = address.Prefixes("127.0.0.0/8", "10.0.0.0/8")
	})
	port, _, _ := s.Ports()
	c := client(t, port, "a", time.Now().Add(time.Hour))
	relayed := allocate(t, c)

	for _, refused := range []string{"192.168.0.1", "169.254.169.254", "127.0.0.2", "224.0.0.1"} {
		err := c.CreatePermission(&net.UDPAddr{IP: net.ParseIP(refused), Port: 5000})
		if err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("permission for %v: %v, want 403", refused, err)
		}
	}
	for _, granted := range []string{"8.8.8.8", "10.0.0.1", "127.0.0.1"} { // the last for media and relays
		if err := c.CreatePermission(&net.UDPAddr{IP: net.ParseIP(granted), Port: 5000}); err != nil {
			t.Errorf("permission for %v: %v", granted, err)
		}
	}
	if s.Stats().Refused["target"] != 4 {
		t.Errorf("%+v", s.Stats())
	}

	// Both have the permission that one of them needs; only its port gets through, in both directions.
	for _, to := range []net.PacketConn{other, media} {
		if _, err := relayed.WriteTo([]byte("out"), to.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 100)
	media.SetReadDeadline(time.Now().Add(patience))
	if n, from, err := media.ReadFrom(buf); err != nil || string(buf[:n]) != "out" || from.String() != relayed.LocalAddr().String() {
		t.Fatalf("%q %v %v", buf[:n], from, err)
	}
	for _, from := range []net.PacketConn{other, media} {
		if _, err := from.WriteTo([]byte("in "+from.LocalAddr().String()), relayed.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	relayed.SetReadDeadline(time.Now().Add(patience))
	if n, _, err := relayed.ReadFrom(buf); err != nil || string(buf[:n]) != "in "+media.LocalAddr().String() {
		t.Fatalf("%q %v", buf[:n], err)
	}
	eventually(t, "what was dropped is counted", func() bool { return s.Stats().Refused["target"] == 6 })
	other.SetReadDeadline(time.Now().Add(-time.Second)) // it came before media's answer, or never
	if n, _, err := other.ReadFrom(buf); err == nil {
		t.Fatalf("another port of the host got %q", buf[:n])
	}
}

func TestRefusedCredentials(t *testing.T) {
	s := listen(t, nil)
	port, _, _ := s.Ports()
	if _, err := client(t, port, "a", time.Now().Add(-time.Minute)).Allocate(); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("expired: %v, want 401", err)
	}
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	username, _ := issue(testSecret, "a", time.Now().Add(time.Hour))
	address := netip.AddrPortFrom(loopback4, uint16(port)).String()
	wrong, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: address, Username: username, Password: "wrong", Realm: realm, Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	defer wrong.Close()
	if err := wrong.Listen(); err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.Allocate(); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("wrong: %v, want 401", err)
	}
	if s.Stats().Refused["credential"] != 2 {
		t.Errorf("%+v", s.Stats())
	}
}

func TestAllocationOutlivesItsCredentials(t *testing.T) {
	var ahead atomic.Int64
	s := listen(t, func(c *Config) { c.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) } })
	port, _, _ := s.Ports()
	a := client(t, port, "a", time.Now().Add(Lifetime))
	first := allocate(t, a)
	second := allocate(t, client(t, port, "b", time.Now().Add(time.Hour)))
	ahead.Store(int64(2 * Lifetime))
	exchange(t, first, second)            // asks for permissions
	if err := first.Close(); err != nil { // a refresh
		t.Error(err)
	}
	eventually(t, "the allocation ends", func() bool { return s.Stats().Allocations == 1 })
	if _, err := client(t, port, "a", time.Now().Add(Lifetime)).Allocate(); err == nil {
		t.Error("a new allocation with expired credentials")
	}
}

func TestQuotas(t *testing.T) {
	s := listen(t, func(c *Config) { c.Limits = Limits{Allocations: 2, AddressAllocations: 3} })
	port, _, _ := s.Ports()
	later := time.Now().Add(time.Hour)
	first := allocate(t, client(t, port, "a", later))
	allocate(t, client(t, port, "a", later))
	if _, err := client(t, port, "a", later.Add(time.Minute)).Allocate(); err == nil || !strings.Contains(err.Error(), "486") {
		t.Errorf("a third one: %v, want 486", err)
	}
	allocate(t, client(t, port, "b", later))
	if _, err := client(t, port, "c", later).Allocate(); err == nil || !strings.Contains(err.Error(), "486") {
		t.Errorf("a fourth of an address: %v, want 486", err)
	}
	first.Close()
	eventually(t, "the first ends", func() bool { return s.Stats().Allocations == 2 })
	allocate(t, client(t, port, "a", later))
}

func TestPortsRunOut(t *testing.T) {
	s := listen(t, func(c *Config) { c.First, c.Last = 30100, 30101; c.Limits.AddressAllocations = 100 })
	port, _, _ := s.Ports()
	later := time.Now().Add(time.Hour)
	var err error
	for n := 0; err == nil && n < 3; n++ { // others may have one of the ports
		_, err = client(t, port, "a", later).Allocate()
	}
	if err == nil || !strings.Contains(err.Error(), "508") {
		t.Errorf("%v, want 508", err)
	}
}

// TestTheLastDescriptorsAreNotForRelays: they go on where there is one that is not among the last.
func TestTheLastDescriptorsAreNotForRelays(t *testing.T) {
	var short atomic.Bool
	s := listen(t, func(c *Config) { c.Short = func(syscall.Conn) bool { return short.Load() } })
	port, _, _ := s.Ports()
	c := client(t, port, "a", time.Now().Add(time.Hour))
	short.Store(true)
	if _, err := c.Allocate(); err == nil || !strings.Contains(err.Error(), "508") {
		t.Errorf("%v, want 508", err)
	}
	short.Store(false)
	allocate(t, c)
}

func TestManyPermissions(t *testing.T) {
	s := listen(t, nil)
	port, _, _ := s.Ports()
	c := client(t, port, "a", time.Now().Add(time.Hour))
	allocate(t, c)
	peers := make([]net.Addr, maxPermissions+1)
	for i := range peers {
		peers[i] = &net.UDPAddr{IP: net.IPv4(8, 8, 4, byte(i)), Port: 5000}
	}
	for i := 0; i < maxPermissions; i += 32 {
		if err := c.CreatePermission(peers[i : i+32]...); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.CreatePermission(peers[maxPermissions]); err == nil {
		t.Error("one more was granted")
	}
	if err := c.CreatePermission(peers[0]); err != nil {
		t.Errorf("refreshing one: %v", err)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	s := listen(t, func(c *Config) { c.Limits.AddressConnections = 2 })
	_, port, _ := s.Ports()
	address := netip.AddrPortFrom(loopback4, uint16(port)).String()
	var open []net.Conn
	for range 2 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
	}
	eventually(t, "they are open", func() bool { return s.Stats().Connections == 2 })
	third, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	third.SetReadDeadline(time.Now().Add(patience))
	if _, err := third.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("a third connection stays open: %v", err)
	}
	open[0].Close()
	eventually(t, "one is closed", func() bool { return s.Stats().Connections == 1 })
}

func TestBehindNATRelaysReachEachOther(t *testing.T) {
	outside := netip.MustParseAddr("198.51.100.7")
	s := listen(t, func(c *Config) { c.Relay = []netip.Addr{outside} })
	port, _, _ := s.Ports()
	a := allocate(t, client(t, port, "a", time.Now().Add(time.Hour)))
	b := allocate(t, client(t, port, "b", time.Now().Add(time.Hour)))
	if got := a.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(); got != outside {
		t.Fatalf("relayed at %v", got)
	}
	exchange(t, a, b)
}

func TestBehindNATRelaysReachOwnMedia(t *testing.T) {
	outside := netip.MustParseAddr("198.51.100.7")
	media, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer media.Close()
	announced := netip.AddrPortFrom(outside, media.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	s := listen(t, func(c *Config) { c.Relay, c.Media = []netip.Addr{outside}, []netip.AddrPort{announced} })
	port, _, _ := s.Ports()
	a := allocate(t, client(t, port, "a", time.Now().Add(time.Hour)))
	if _, err := a.WriteTo([]byte("hello"), net.UDPAddrFromAddrPort(announced)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	deadline := time.Now().Add(patience)
	media.SetReadDeadline(deadline)
	_, from, err := media.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := media.WriteTo([]byte("answer"), from); err != nil {
		t.Fatal(err)
	}
	a.SetReadDeadline(deadline)
	n, from, err := a.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "answer" || from.String() != announced.String() {
		t.Errorf("%q from %v, %v", buf[:n], from, err)
	}
}

func TestPortsThatOthersHave(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	cfg := Config{UDPAndTCP: address, Secret: testSecret, Relay: []netip.Addr{loopback4}, First: 20000, Last: 20100}
	if s, err := Listen(cfg); err == nil {
		s.Close()
		t.Fatal("opened a port that another has")
	}
	cfg.Dispensable = []uint16{uint16(taken.Addr().(*net.TCPAddr).Port)}
	s, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if udp, tcp, _ := s.Ports(); udp == 0 || tcp != 0 {
		t.Errorf("UDP %d, TCP %d; want UDP alone", udp, tcp)
	}
	cfg.UDPAndTCP, cfg.TLS, cfg.Certificate = "", address, certificate(t)
	s, err = Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if udp, tcp, tls := s.Ports(); udp != 0 || tcp != 0 || tls != 0 {
		t.Errorf("listens at %d %d %d", udp, tcp, tls)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestOff(t *testing.T) {
	s, err := Listen(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if udp, tcp, tls := s.Ports(); udp != 0 || tcp != 0 || tls != 0 || s.Stats().Allocations != 0 {
		t.Error("something is on")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestBadConfigurations(t *testing.T) {
	good := Config{UDPAndTCP: "127.0.0.1:0", Secret: testSecret, Relay: []netip.Addr{loopback4}, First: 20000, Last: 20100}
	for name, change := range map[string]func(*Config){
		"no secret":            func(c *Config) { c.Secret = "" },
		"no relay":             func(c *Config) { c.Relay = nil },
		"a wildcard relay":     func(c *Config) { c.Relay = []netip.Addr{netip.IPv4Unspecified()} },
		"two of a family":      func(c *Config) { c.Relay = append(c.Relay, netip.MustParseAddr("127.0.0.2")) },
		"no ports":             func(c *Config) { c.First = 0 },
		"ports the wrong way":  func(c *Config) { c.Last = 10000 },
		"TLS, no certificate":  func(c *Config) { c.TLS = "127.0.0.1:0" },
		"an unknown interface": func(c *Config) { c.UDPAndTCP = "192.0.2.1:0" },
	} {
		cfg := good
		change(&cfg)
		if s, err := Listen(cfg); err == nil {
			s.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

// BenchmarkRelay sends through the relay socket's own code, without pion.
func BenchmarkRelay(b *testing.B) {
	peer, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer peer.Close()
	at := peer.LocalAddr().(*net.UDPAddr)
	count := &counters{}
	r, err := newRelays(Config{
		Relay: []netip.Addr{loopback4}, First: 20000, Last: 29999, Media: []netip.AddrPort{at.AddrPort()}, Limits: Limits{Bitrate: 1 << 40}.withDefaults(),
	}, count)
	if err != nil {
		b.Fatal(err)
	}
	conn, told, err := r.AllocatePacketConn(turn.AllocateListenerConfig{Network: "udp4", UserID: "a"})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	packet := make([]byte, 1200)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.WriteTo(packet, at); err != nil {
			b.Fatal(err)
		}
		if _, err := peer.WriteToUDPAddrPort(packet, told.(*net.UDPAddr).AddrPort()); err != nil {
			b.Fatal(err)
		}
		if _, _, err := conn.ReadFrom(packet); err != nil {
			b.Fatal(err)
		}
	}
}

// Whoever only tests the way here gets no relay to the world.
func TestTestersReachOnlyThisServer(t *testing.T) {
	media, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer media.Close()
	s := listen(t, func(c *Config) { c.Media = []netip.AddrPort{media.LocalAddr().(*net.UDPAddr).AddrPort()} })
	port, _, _ := s.Ports()
	directory, err := NewDirectory(DirectoryConfig{Secret: testSecret, UDP: port})
	if err != nil {
		t.Fatal(err)
	}
	userOf := func(servers []ICEServer, _ time.Time) string {
		user, _, err := parseUsername(servers[len(servers)-1].Username)
		if err != nil {
			t.Fatal(err)
		}
		return user
	}
	later := time.Now().Add(time.Hour)
	a := allocate(t, client(t, port, userOf(directory.IssueTest("a", "127.0.0.1")), later))
	b := allocate(t, client(t, port, userOf(directory.IssueTest("b", "127.0.0.1")), later))
	exchange(t, a, b)
	exchange(t, a, media)
	before := s.Stats().Refused["target"]
	if _, err := a.WriteTo([]byte("hello"), &net.UDPAddr{IP: net.IPv4(8, 8, 8, 8), Port: 9}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one to the world is refused", func() bool { return s.Stats().Refused["target"] == before+1 })
	exchange(t, a, media)
	world := netip.MustParseAddrPort("8.8.8.8:9")
	if member := (&relay{user: userOf(directory.Issue("c", "127.0.0.1")), relays: s.relays}); !member.mayReach(world) {
		t.Error("members do not reach the world")
	}
}
