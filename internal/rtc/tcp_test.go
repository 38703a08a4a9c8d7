package rtc

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/srtp"
)

func tcpEndpoint(t testing.TB) *Endpoint {
	t.Helper()
	e, err := Listen(Config{Listen: "127.0.0.1:0", ListenTCP: "127.0.0.1:0", Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// stream is a client's TCP connection.
type stream struct {
	t    testing.TB
	conn *net.TCPConn
	in   frameReader
}

func dialTCP(t testing.TB, e *Endpoint) *stream {
	t.Helper()
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(e.TCPPort())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &stream{t: t, conn: conn.(*net.TCPConn)}
}

func (s *stream) write(frames ...[]byte) {
	var b []byte
	for _, frame := range frames {
		b = appendFrame(b, frame)
	}
	_, _ = s.conn.Write(b)
}

// read gives the next frame, or why there is none.
func (s *stream) read() ([]byte, error) {
	_ = s.conn.SetReadDeadline(time.Now().Add(time.Minute))
	for {
		frame, ok, err := s.in.next()
		if ok || err != nil {
			return frame, err
		}
		if err := s.in.fill(s.conn); err != nil {
			return nil, err
		}
	}
}

// closed waits for the server to close the connection.
func (s *stream) closed() bool {
	for {
		switch _, err := s.read(); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return false
		case err != nil:
			return true
		}
	}
}

func checkFor(t testing.TB, l *login, pwd string, more ...stun.Setter) []byte {
	t.Helper()
	setters := append([]stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(l.Ufrag + ":abcd")}, more...)
	m, err := stun.Build(append(setters, stun.NewShortTermIntegrity(pwd), stun.Fingerprint)...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

// introduce checks the path, and waits for the answer.
func (s *stream) introduce(l *login, more ...stun.Setter) {
	s.t.Helper()
	s.write(checkFor(s.t, l, l.Pwd, more...))
	frame, err := s.read()
	if err != nil || classify(frame) != stunProtocol {
		s.t.Fatalf("a check is answered with %d bytes, %v", len(frame), err)
	}
}

func TestHostileConnections(t *testing.T) {
	e := tcpEndpoint(t)
	p, other := testPeer(t, e), testPeer(t, e)
	l, theirs := p.beginConnectivity(), other.beginConnectivity()
	good := checkFor(t, l, l.Pwd)
	long := make([]byte, frameHeader)
	binary.BigEndian.PutUint16(long, maxDatagram+1)
	damaged := append([]byte(nil), good...)
	damaged[25] ^= 1
	for name, c := range map[string]struct {
		introduced bool
		bytes      []byte
	}{
		"HTTP":                        {false, []byte("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")},
		"a frame that is too long":    {false, long},
		"media first":                 {false, appendFrame(nil, []byte{128, 96, 0, 1})},
		"DTLS first":                  {false, appendFrame(nil, []byte{22, 254, 253, 0})},
		"nothing in the first frame":  {false, appendFrame(nil, nil)},
		"a wrong password":            {false, appendFrame(nil, checkFor(t, l, "wrong"))},
		"an unknown user":             {false, appendFrame(nil, checkFor(t, &login{}, l.Pwd))},
		"a damaged check":             {false, appendFrame(nil, damaged)},
		"too long after a check":      {true, long},
		"somebody else's check later": {true, appendFrame(nil, checkFor(t, theirs, theirs.Pwd))},
	} {
		t.Run(name, func(t *testing.T) {
			s, neighbour := dialTCP(t, e), dialTCP(t, e)
			neighbour.introduce(l)
			if c.introduced {
				s.introduce(l)
			}
			_, _ = s.conn.Write(c.bytes)
			if !s.closed() {
				t.Error("the connection is still open")
			}
			neighbour.introduce(l)
		})
	}
	if p.secure.phase != idle || other.remote.Load() != nil {
		t.Error("a stranger has come in")
	}
}

func TestWhatIsHarmlessOnAConnection(t *testing.T) {
	e := tcpEndpoint(t)
	p := testPeer(t, e)
	l := p.beginConnectivity()
	s := dialTCP(t, e)
	// In one write and byte by byte, with conflicts, empty frames and garbage between.
	var b []byte
	for _, frame := range [][]byte{
		checkFor(t, l, l.Pwd, stun.RawAttribute{Type: stun.AttrICEControlled, Value: make([]byte, 8)}),
		checkFor(t, l, l.Pwd), nil, {250, 250}, checkFor(t, l, "late"), {22, 0}, {128, 96}, checkFor(t, l, l.Pwd),
	} {
		b = appendFrame(b, frame)
	}
	_, _ = s.conn.Write(b[:200])
	for _, c := range b[200:] {
		_, _ = s.conn.Write([]byte{c})
	}
	for i, want := range []stun.MessageType{stun.BindingError, stun.BindingSuccess, stun.BindingSuccess} {
		frame, err := s.read()
		if err != nil {
			t.Fatal(err)
		}
		m := stun.Message{Raw: frame}
		if err := m.Decode(); err != nil || m.Type != want {
			t.Errorf("answer %d is %v, %v", i, m.Type, err)
		}
	}
}

func TestStrangersAreLimited(t *testing.T) {
	e := tcpEndpoint(t)
	p := testPeer(t, e)
	l := p.beginConnectivity()
	known := dialTCP(t, e)
	known.introduce(l)
	var strangers []*stream
	for range maxStrangersPerNetwork + 1 {
		strangers = append(strangers, dialTCP(t, e))
	}
	if !strangers[maxStrangersPerNetwork].closed() {
		t.Error("there is no limit")
	}
	if got := e.TCPStats(); got.Refused != 1 || got.Connections != maxStrangersPerNetwork+1 {
		t.Errorf("%+v", got)
	}
	strangers[0].introduce(l) // a place is free again
	dialTCP(t, e).introduce(l)
	known.introduce(l)
}

func TestConnectionEndsWithItsPeer(t *testing.T) {
	e := tcpEndpoint(t)
	p := testPeer(t, e)
	s := dialTCP(t, e)
	s.introduce(p.beginConnectivity())
	p.Close()
	if !s.closed() {
		t.Error("the connection is still open")
	}
	<-p.Done()
}

func TestLostConnectionIsNoPath(t *testing.T) {
	e := tcpEndpoint(t)
	p := testPeer(t, e)
	l := p.beginConnectivity()
	first, second := dialTCP(t, e), dialTCP(t, e)
	first.introduce(l)
	second.introduce(l, stun.RawAttribute{Type: stun.AttrUseCandidate})
	for _, s := range []*stream{second, first} {
		if to := p.remote.Load(); to == nil || to.addr != s.conn.LocalAddr().(*net.TCPAddr).AddrPort() {
			t.Fatalf("media goes to %v", to)
		}
		s.conn.Close()
		deadline := time.Now().Add(time.Minute)
		for to := p.remote.Load(); to != nil && to.addr == s.conn.LocalAddr().(*net.TCPAddr).AddrPort(); to = p.remote.Load() {
			if time.Now().After(deadline) {
				t.Fatal("the lost connection is still a path")
			}
			runtime.Gosched()
		}
	}
	if p.remote.Load() != nil {
		t.Error("media goes nowhere that exists")
	}
}

// A client that does not read must cost nobody else anything, and not much memory.
func TestSlowReader(t *testing.T) {
	e := tcpEndpoint(t)
	sender := func() (*Peer, *Outbound, *stream) {
		p := testPeer(t, e)
		s := dialTCP(t, e)
		s.introduce(p.beginConnectivity())
		seal, _, err := srtp.Split(srtp.AEADAES128GCM, make([]byte, srtp.AEADAES128GCM.MaterialSize()), false)
		if err != nil {
			t.Fatal(err)
		}
		p.seal.Store(seal)
		o := addOutbound(t, p, media.VP8, nil)
		o.format.Store(newSendFormat(media.VP8, 96, 97, o.ssrc, o.rtx, "0", &[extensionCount]uint8{extMid: 1}))
		return p, o, s
	}
	slowPeer, toSlow, slow := sender()
	_, toQuick, quick := sender()
	const runs, each = 200, 40
	received := make(chan int)
	go func() {
		n := 0
		for n < runs*each {
			if _, err := quick.read(); err != nil {
				break
			}
			n++
		}
		received <- n
	}()
	packets := make([]Packet, each)
	payload := make([]byte, 1100)
	for run := range runs {
		for i := range packets {
			packets[i] = Packet{Seq: uint16(run*each + i), Payload: payload}
		}
		done := make(chan struct{})
		e.shards[0].Post(workFunc(func(tx *Tx) {
			tx.Send(toSlow, packets)
			tx.Send(toQuick, packets)
			tx.flush()
			close(done)
		}))
		waitFor(t, done, "sender goroutine")
		// The quick one reads as it comes; here it must not be outrun.
		w := &toQuick.peer.remote.Load().tcp.tcpWriter
		for deadline := time.Now().Add(time.Minute); w.queued() > maxWaiting/2 && time.Now().Before(deadline); {
			time.Sleep(100 * time.Microsecond)
		}
		if n := slowPeer.remote.Load().tcp.queued(); n > maxWaiting {
			t.Fatalf("%d bytes wait", n)
		}
	}
	if n := waitFor(t, received, "end of reading"); n != runs*each {
		t.Errorf("the quick one got %d packets of %d", n, runs*each)
	}
	if got := e.TCPStats(); got.Dropped == 0 {
		t.Errorf("%+v", got)
	}
	// It is still a client: once it reads, its checks are answered.
	slow.write(checkFor(t, slowPeer.connectivity.current, slowPeer.connectivity.current.Pwd))
	for {
		frame, err := slow.read()
		if err != nil {
			t.Fatal(err)
		}
		if classify(frame) == stunProtocol {
			break
		}
	}
}

// queued is how many bytes the writer keeps.
func (w *tcpWriter) queued() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting) + w.sending
}

func TestWhichPathIsPreferred(t *testing.T) {
	const silence = 4 * time.Second
	udp := func(checked, nominated time.Duration) *path {
		p := &path{addr: netip.MustParseAddrPort("10.0.0.1:5000"), nominated: nominated}
		p.lastCheck.Store(int64(checked))
		return p
	}
	tcp := func(checked, nominated time.Duration) *path {
		p := udp(checked, nominated)
		p.tcp = new(tcpConn)
		return p
	}
	const now = 100 * time.Second
	for name, c := range map[string]struct {
		selected, checked *path
		nominated, want   bool
	}{
		"the first one":                           {nil, tcp(now, 0), false, true},
		"not nominated":                           {udp(now-time.Second, now-time.Second), udp(now, 0), false, false},
		"nominated later":                         {udp(now-time.Second, now-time.Second), udp(now, now), true, true},
		"silent":                                  {udp(now-5*time.Second, 0), tcp(now, 0), false, true},
		"UDP instead of TCP":                      {tcp(now, now), udp(now, now), true, true},
		"TCP while UDP is nominated":              {udp(now-900*time.Millisecond, now-900*time.Millisecond), tcp(now, now), true, false},
		"TCP when UDP is not nominated any more":  {udp(now, now-1100*time.Millisecond), tcp(now, now), true, true},
		"TCP when UDP never was nominated":        {udp(now, 0), tcp(now, now), true, true},
		"another connection":                      {tcp(now, now), tcp(now, now), true, true},
		"TCP checked only, while UDP is selected": {udp(now-time.Second, now-time.Second), tcp(now, 0), false, false},
	} {
		connectivity := connectivity{selected: c.selected}
		if got := connectivity.prefers(c.checked, now, c.nominated, silence); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestClosedEndpointAcceptsNothing(t *testing.T) {
	e := tcpEndpoint(t)
	s := dialTCP(t, e)
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.read(); err == nil {
		t.Error("a stranger's connection is still open")
	}
}

// A connection that carries no media, because the client has a better path, has a budget too.
func TestConnectionMemory(t *testing.T) {
	e := tcpEndpoint(t)
	p := testPeer(t, e)
	l := p.beginConnectivity()
	connect := func() *stream {
		s := dialTCP(t, e)
		s.introduce(l)
		s.in = frameReader{}
		return s
	}
	connect()
	before := inUse()
	const n = maxPaths - 2
	var clients []*stream
	for range n {
		clients = append(clients, connect())
	}
	// The client's own side of it counts as well.
	each := (int64(inUse()) - int64(before)) / n
	t.Logf("%d bytes a connection", each)
	if limit := int64(32 << 10); each > limit {
		t.Errorf("a connection takes %d bytes, at most %d", each, limit)
	}
	runtime.KeepAlive(clients)
}

// The kernel gives a client's datagrams to one shard. A check over TCP that was faster must not have the peer live elsewhere,
// but once there is data over TCP it stays where it is.
func TestHomeWaitsForUDP(t *testing.T) {
	for _, data := range []bool{false, true} {
		e, err := Listen(Config{Listen: "127.0.0.1:0", ListenTCP: "127.0.0.1:0", Shards: 2})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		if len(e.shards) < 2 {
			t.Skip("there is only one shard here")
		}
		p := testPeer(t, e)
		l := p.beginConnectivity()
		s := dialTCP(t, e)
		s.introduce(l)
		before := p.Home()
		if data {
			s.write([]byte{128, 96, 0, 0})
			settled := func() bool {
				p.connectivity.Lock()
				defer p.connectivity.Unlock()
				return p.connectivity.homeFixed
			}
			for deadline := time.Now().Add(time.Minute); !settled() && time.Now().Before(deadline); {
				runtime.Gosched()
			}
		}
		other := e.shards[0]
		if other == before {
			other = e.shards[1]
		}
		r := newReader(other)
		r.now = media.Now()
		r.datagram(checkFor(t, l, l.Pwd, stun.RawAttribute{Type: stun.AttrUseCandidate}), netip.MustParseAddrPort("127.0.0.1:9"))
		if to := p.remote.Load(); to == nil || to.tcp != nil {
			t.Error("UDP does not take over")
		}
		if moved := p.Home() == other; moved == data {
			t.Errorf("with data %v, home has moved %v", data, moved)
		}
	}
}

// What waits at the end has one farewell, and not one for each piece: a client could take a piece now and then for a long time.
func TestFarewellIsNotProlonged(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var w tcpWriter
	w.open(conn.(*net.TCPConn), new(atomic.Uint64))
	w.busy = true // as if its goroutine were in the middle of a batch
	w.finish()
	_ = conn.SetWriteDeadline(time.Now()) // the farewell is over
	w.bePatient()
	if _, err := conn.Write([]byte("one more piece")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("writing after the farewell: %v", err)
	}
}
