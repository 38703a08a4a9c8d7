package srt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	gosrt "github.com/datarhei/gosrt"
)

const passphrase = "a passphrase of these tests"

// door lets everybody in, and says what becomes of each: what it asked for, what it sent, and how it ended.
type door struct {
	*Listener
	told chan string
}

func openDoor(t testing.TB, config Config) *door {
	t.Helper()
	l, err := Listen("127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	d := &door{l, make(chan string, 1000)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			r, err := l.Accept()
			if err != nil {
				return
			}
			go d.take(r)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-served
	})
	return d
}

func (d *door) take(r *Request) {
	if r.IsEncrypted() {
		if err := r.Unlock(passphrase); err != nil {
			why := BadSecret
			if errors.Is(err, ErrCipher) {
				why = Crypto
			}
			r.Reject(why)
			return
		}
	}
	c, err := r.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	var all bytes.Buffer
	for b := make([]byte, 1500); ; {
		n, err := c.Read(b)
		if all.Write(b[:n]); err != nil {
			select {
			case d.told <- fmt.Sprintf("%s from %v sent %d bytes, the last %q: %v", r.StreamID(), r.RemoteAddr(), all.Len(), all.Bytes()[max(all.Len()-8, 0):], err):
			default:
			}
			return
		}
	}
}

// hears waits for what the door says of somebody.
func (d *door) hears(t testing.TB) string {
	t.Helper()
	select {
	case line := <-d.told:
		return line
	case <-time.After(time.Minute):
		t.Fatal("nothing becomes of it")
		return ""
	}
}

// caller speaks to a door in packets of its own making.
type caller struct {
	t      testing.TB
	conn   net.Conn
	cookie uint32
	peer   uint32 // the socket id of the connection that stands, 0 for none
}

func dialRaw(t testing.TB, l *door) *caller {
	t.Helper()
	conn, err := net.Dial("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &caller{t: t, conn: conn}
}

// control is a control packet.
func control(kind, subtype uint16, specific, socket uint32, body []byte) []byte {
	return append(appendControl(nil, kind, subtype, specific, 0, socket), body...)
}

// asks is the body of an encoder's handshake.
func asks(version uint32, encryption, extension uint16, mtu, kind, id, cookie uint32, extensions ...[]byte) []byte {
	h := handshake{version: version, encryption: encryption, extension: extension, first: 7, mtu: mtu, window: 8192, kind: kind, id: id, cookie: cookie}
	b := h.append(nil)
	for _, e := range extensions {
		b = append(b, e...)
	}
	return b
}

// extension is one of a handshake's: so many words of 32 bit.
func extension(kind uint16, body []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)/4))
	return append(b, body...)
}

var (
	hsreq = extension(1, []byte{0, 1, 5, 3, 0, 0, 0, 0xbf, 0, 120, 0, 120})
	// sid has the stream id "room?key=k", each word backwards.
	sid = extension(5, []byte("moor"+"yek?"+"\x00\x00k="))
	// kmreq is for AES-128 with an even key.
	kmreq = extension(3, append([]byte{0x12, 0x20, 0x29, 1, 0, 0, 0, 0, 2, 0, 2, 0, 0, 0, 4, 4}, make([]byte, 16+24)...))
	// gcmreq is the same for AES-GCM, as libsrt 1.5.2 asks for it.
	gcmreq = extension(3, append([]byte{0x12, 0x20, 0x29, 1, 0, 0, 0, 0, 4, 1, 2, 0, 0, 0, 4, 4}, make([]byte, 16+24)...))
)

// answers reads until a control packet of a kind has come, of which it gives the body.
func (c *caller) answers(kind uint16, ask []byte) []byte {
	c.t.Helper()
	b := make([]byte, 2048)
	for begun := time.Now(); time.Since(begun) < time.Minute; {
		if _, err := c.conn.Write(ask); err != nil {
			c.t.Fatal(err)
		}
		for c.conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); ; {
			n, err := c.conn.Read(b)
			if err != nil {
				break // it is asked again
			}
			if n >= 16 && binary.BigEndian.Uint16(b) == 0x8000|kind {
				return b[16:n]
			}
		}
	}
	c.t.Fatal("the door does not answer any more")
	return nil
}

// induct asks for a cookie, which also tells that the door is open.
func (c *caller) induct() {
	c.t.Helper()
	for {
		body := c.answers(kindHandshake, control(kindHandshake, 0, 0, 0, asks(4, 0, 2, 1500, induction, 1, 0)))
		if len(body) >= 48 && binary.BigEndian.Uint32(body[20:]) == induction {
			c.cookie = binary.BigEndian.Uint32(body[28:])
			return
		}
	}
}

// conclude has a connection made.
func (c *caller) conclude(id uint32) {
	c.t.Helper()
	for {
		body := c.answers(kindHandshake, control(kindHandshake, 0, 0, 0, asks(5, 0, 5, 1500, conclusion, id, c.cookie, hsreq, sid)))
		if len(body) >= 48 && binary.BigEndian.Uint32(body[20:]) == conclusion {
			c.peer = binary.BigEndian.Uint32(body[24:])
			return
		}
	}
}

// refusal is why a handshake is refused.
func (c *caller) refusal(ask []byte) Reason {
	c.t.Helper()
	body := c.answers(kindHandshake, control(kindHandshake, 0, 0, 0, ask))
	for binary.BigEndian.Uint32(body[20:]) == induction { // a cookie that was asked for twice
		body = c.answers(kindHandshake, nil)
	}
	return Reason(binary.BigEndian.Uint32(body[20:]))
}

// seeds are packets as they should be, or nearly.
func seeds(cookie, id, peer uint32) [][]byte {
	all := [][]byte{
		control(kindHandshake, 0, 0, 0, asks(5, 0, 5, 1500, conclusion, id, cookie, hsreq, sid)),
		control(kindHandshake, 0, 0, 0, asks(5, 2, 7, 1500, conclusion, id, cookie, hsreq, kmreq, sid)),
		control(kindHandshake, 0, 0, 0, asks(5, 2, 7, 1500, conclusion, id, cookie, hsreq, gcmreq, sid)),
		control(kindHandshake, 0, 0, 0, asks(4, 0, 2, 1500, conclusion, id, cookie, sid)),
		control(kindHandshake, 0, 0, 0, asks(5, 0, 5, 0, conclusion, id, cookie, hsreq, sid)),
		control(kindHandshake, 0, 0, 0, asks(5, 0, 5, 40, conclusion, id, cookie, hsreq, sid)),
		control(kindHandshake, 0, 0, 0, asks(5, 0, 5, 0xffffffff, conclusion, id, cookie, hsreq, sid)),
		control(kindHandshake, 0, 0, 0, asks(5, 0, 5, 1500, conclusion, id, cookie, hsreq, extension(6, []byte("evil")), extension(7, nil), extension(8, make([]byte, 8)))),
		control(kindHandshake, 0, 0, 0, asks(5, 0, 5, 1500, 1010, id, cookie)),
		{}, {0x80}, make([]byte, 16),
	}
	for kind := range uint16(10) { // each control packet, and none of them with a body that is long enough
		for _, n := range []int{0, 1, 4, 16, 28, 64} {
			all = append(all, control(kind, 0, 5, peer, make([]byte, n)))
		}
	}
	all = append(all, control(kindDrop, 0, 1, peer, dropRequest(7, 8).body()), control(kindDrop, 0, 1, peer, dropRequest(0, lastNumber).body()))
	for subtype := range uint16(9) {
		all = append(all, control(0x7fff, subtype, 0, peer, hsreq[4:]), control(0x7fff, subtype, 0, peer, kmreq[4:]), control(0x7fff, subtype, 0, peer, []byte{3, 0, 0, 0}))
	}
	data := func(number, message, timestamp uint32) []byte {
		b := binary.BigEndian.AppendUint32(nil, number&0x7fffffff)
		b = binary.BigEndian.AppendUint32(b, message)
		b = binary.BigEndian.AppendUint32(b, timestamp)
		b = binary.BigEndian.AppendUint32(b, peer)
		return append(b, make([]byte, 1316)...)
	}
	return append(all, data(7, 0xc0000001, 0), data(0x40000000, 0xc0000001, 1<<31), data(6, 0xd8000001, 0xffffffff), data(9, 0, 5), data(8, 0xc4000001, 1)[:16])
}

// data sends a packet. The first of a connection has the number 7.
func (c *caller) data(number uint32, payload []byte) {
	c.t.Helper()
	p := dataPacket(number, 1, 0, payload)
	binary.BigEndian.PutUint32(p[12:], c.peer)
	if _, err := c.conn.Write(p); err != nil {
		c.t.Fatal(err)
	}
}

// TestEncodersSend over each kind of encryption: all of it arrives, to the last, and what is encrypted with keys that change.
func TestEncodersSend(t *testing.T) {
	for name, configure := range map[string]func(*gosrt.Config){
		"plain":   func(*gosrt.Config) {},
		"AES-128": func(c *gosrt.Config) { c.Passphrase, c.PBKeylen = passphrase, 16 },
		"AES-192": func(c *gosrt.Config) { c.Passphrase, c.PBKeylen = passphrase, 24 },
		"AES-256, changed": func(c *gosrt.Config) {
			c.Passphrase, c.PBKeylen, c.KMRefreshRate, c.KMPreAnnounce = passphrase, 32, 200, 50
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := openDoor(t, Config{Latency: 120 * time.Millisecond})
			config := gosrt.DefaultConfig()
			config.StreamId = "a room of 23 characters"
			configure(&config)
			c, err := gosrt.Dial("srt", d.Addr().String(), config)
			if err != nil {
				t.Fatal(err)
			}
			const packets = 1000
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for i := range packets {
				<-tick.C
				b := make([]byte, 1316)
				copy(b[1308:], fmt.Sprintf("%08d", i))
				if _, err := c.Write(b); err != nil {
					t.Fatal(err)
				}
			}
			for { // its Close lets go of what was not sent yet
				var st gosrt.Statistics
				if c.Stats(&st); st.Instantaneous.PktSendBuf == 0 {
					break
				}
				<-tick.C
			}
			c.Close()
			if got, want := d.hears(t), fmt.Sprintf("sent %d bytes, the last %q: EOF", packets*1316, fmt.Sprintf("%08d", packets-1)); !strings.HasSuffix(got, want) || !strings.HasPrefix(got, config.StreamId) {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

func TestTheWrongPassphraseIsRefused(t *testing.T) {
	d := openDoor(t, Config{})
	config := gosrt.DefaultConfig()
	config.Passphrase = "what somebody guesses"
	if c, err := gosrt.Dial("srt", d.Addr().String(), config); err == nil {
		t.Errorf("%v, %v", c, err)
	}
}

// TestHandshakesThatAreRefused are told why.
func TestHandshakesThatAreRefused(t *testing.T) {
	s := openDoor(t, Config{})
	c := dialRaw(t, s)
	c.induct()
	streaming := extension(extHandshake, []byte{0, 1, 5, 3, 0, 0, 0, 0xff, 0, 120, 0, 120})
	for i, ask := range []struct {
		body []byte
		why  Reason
	}{
		{asks(4, 0, 2, 1500, conclusion, 50, c.cookie, sid), OldVersion},
		{asks(5, 0, 5, 0, conclusion, 51, c.cookie, hsreq, sid), Rogue},
		{asks(5, 0, 5, 75, conclusion, 52, c.cookie, hsreq, sid), Rogue},
		{asks(5, 0, 5, 1500, conclusion, 54, c.cookie, sid), Rogue},
		{asks(5, 0, 5, 1500, conclusion, 55, c.cookie, streaming, sid), NotMessages},
		{asks(5, 0, 5, 1500, conclusion, 56, c.cookie, hsreq, sid, extension(extCongestion, []byte("elif"))), Congestion},
		{asks(5, 2, 7, 1500, conclusion, 57, c.cookie, hsreq, kmreq, sid), BadSecret},
		{asks(5, 2, 7, 1500, conclusion, 58, c.cookie, hsreq, gcmreq, sid), Crypto},
	} {
		if why := c.refusal(ask.body); why != ask.why {
			t.Errorf("%d: it is told %d, want %d", i, why, ask.why)
		}
	}
	c.conclude(100)
}

// TestACookieIsOfAnAddress: without one that is its own nobody gets an answer, or a connection.
func TestACookieIsOfAnAddress(t *testing.T) {
	s := openDoor(t, Config{})
	one, other := dialRaw(t, s), dialRaw(t, s)
	one.induct()
	other.induct()
	other.conn.Write(control(kindHandshake, 0, 0, 0, asks(5, 0, 5, 1500, conclusion, 9, one.cookie, hsreq, sid)))
	other.conclude(10)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.peers) != 1 {
		t.Errorf("%d have a connection", len(s.peers))
	}
}

// TestNobodySendsForAnother: who knows the number of a connection has to have its address too.
func TestNobodySendsForAnother(t *testing.T) {
	s := openDoor(t, Config{})
	c, thief := dialRaw(t, s), dialRaw(t, s)
	c.induct()
	c.conclude(9)
	thief.peer = c.peer
	thief.data(7, []byte("a thief!"))
	thief.conn.Write(control(kindShutdown, 0, 0, c.peer, nil))
	thief.induct() // so that it has been heard
	c.data(7, []byte("honest"))
	c.conn.Write(control(kindShutdown, 0, 0, c.peer, nil))
	if got := s.hears(t); !strings.HasSuffix(got, `sent 6 bytes, the last "honest": EOF`) {
		t.Error(got)
	}
}

// TestNobodysHandshakeIsNotAnswered: the answer would be a handshake again, to which another listener answers, without an end.
func TestNobodysHandshakeIsNotAnswered(t *testing.T) {
	c := dialRaw(t, openDoor(t, Config{}))
	c.conn.Write(control(kindHandshake, 0, 0, 0, asks(4, 0, 2, 1500, induction, 0, 0)))
	c.conn.Write(control(kindHandshake, 0, 0, 0, asks(4, 0, 2, 1500, induction, 5, 0)))
	b := make([]byte, 2048)
	if n, err := c.conn.Read(b); err != nil || packet(b[:n]).to() != 5 {
		t.Errorf("%d is answered first, %v", packet(b[:n]).to(), err)
	}
}

// TestAnswersLeaveFromTheAddressThatWasCalled: an encoder does not hear what comes from another one of a machine that has several.
func TestAnswersLeaveFromTheAddressThatWasCalled(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system has one loopback address")
	}
	for _, all := range []string{"0.0.0.0:0", "[::]:0"} {
		l, err := Listen(all, Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		accepted := make(chan *Conn, 1)
		go func() {
			r, err := l.Accept()
			if err != nil {
				return // nobody was heard
			}
			conn, err := r.Accept()
			if err != nil {
				t.Error(err)
			}
			accepted <- conn
		}()
		conn, err := net.Dial("udp4", fmt.Sprintf("127.0.0.2:%d", l.Addr().(*net.UDPAddr).Port))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c := &caller{t: t, conn: conn}
		c.induct()
		c.conclude(9)
		(<-accepted).Close()
		c.answers(kindShutdown, nil)
	}
}

// TestLargePacketsAreNegotiated down to those of Ethernet.
func TestLargePacketsAreNegotiated(t *testing.T) {
	c := dialRaw(t, openDoor(t, Config{}))
	c.induct()
	for {
		body := c.answers(kindHandshake, control(kindHandshake, 0, 0, 0, asks(5, 0, 5, 9000, conclusion, 9, c.cookie, hsreq, sid)))
		if h, err := parseHandshake(body); err != nil || h.kind == induction {
			continue // a cookie that was asked for twice
		} else if h.kind != conclusion || h.mtu != largest {
			t.Errorf("answered: kind %d, packets of %d bytes", h.kind, h.mtu)
		}
		return
	}
}

// TestWhoBeginsAnewIsAnother, though it has the same port and the same number of a socket, as a camera that starts again may.
func TestWhoBeginsAnewIsAnother(t *testing.T) {
	c := dialRaw(t, openDoor(t, Config{}))
	c.induct()
	begins := func(first uint32) uint32 {
		ask := asks(5, 0, 5, 1500, conclusion, 9, c.cookie, hsreq, sid)
		binary.BigEndian.PutUint32(ask[8:], first)
		for range 20 { // some may be answers to what was asked before
			h, err := parseHandshake(c.answers(kindHandshake, control(kindHandshake, 0, 0, 0, ask)))
			if err == nil && h.kind == conclusion && h.first == first {
				return h.id
			}
		}
		t.Fatal("it has a connection that does not know its numbers")
		return 0
	}
	one := begins(7)
	if again := begins(7); again != one {
		t.Error("who asks again has two connections")
	}
	if begins(8) == one {
		t.Error("who begins anew goes on with what was")
	}
}

// TestWhoIsRejectedIsAskedForOnce, though it has asked again before it heard so. What is remembered of those who were is bounded.
func TestWhoIsRejectedIsAskedForOnce(t *testing.T) {
	l, err := Listen("127.0.0.1:0", Config{})
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{}, 3*rejections)
	served := make(chan struct{})
	go func() {
		defer close(served)
		for r, err := l.Accept(); err == nil; r, err = l.Accept() {
			asked <- struct{}{}
			r.Reject(Forbidden)
		}
	}()
	defer func() {
		l.Close()
		<-served
	}()
	c := dialRaw(t, &door{Listener: l})
	c.induct()
	refused := func(id uint32) {
		if why := c.refusal(asks(5, 0, 5, 1500, conclusion, id, c.cookie, hsreq, sid)); why != Forbidden {
			t.Fatalf("it is told %d", why)
		}
	}
	refused(9)
	refused(9)
	if n := len(asked); n != 1 {
		t.Errorf("asked %d times", n)
	}
	l.mu.Lock()
	for p := range l.rejected {
		l.rejected[p] = rejection{Forbidden, time.Now().Add(-rejectedFor)}
	}
	l.mu.Unlock()
	refused(9)
	if n := len(asked); n != 2 {
		t.Errorf("asked %d times, once long ago", n)
	}
	for id := range uint32(2 * rejections) {
		refused(100 + id)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rejected) > rejections {
		t.Errorf("%d are remembered", len(l.rejected))
	}
}

// TestWhoIsAnsweredLateIsHeard: what an application that is asked takes its time for does not count as an encoder's silence.
func TestWhoIsAnsweredLateIsHeard(t *testing.T) {
	l, err := Listen("127.0.0.1:0", Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan *Conn, 1)
	go func() {
		r, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		r.begun = r.begun.Add(-2 * silentFor)
		conn, err := r.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- conn
	}()
	c := dialRaw(t, &door{Listener: l})
	c.induct()
	c.conclude(9)
	if _, _, _, err := (<-accepted).next(make([]byte, 1500)); err != nil {
		t.Errorf("it is given up: %v", err)
	}
}

// TestWhoIsEndedIsTold, so that it can come back at once.
func TestWhoIsEndedIsTold(t *testing.T) {
	s := openDoor(t, Config{Latency: time.Minute})
	for name, end := range map[string]func(c *caller, conn *Conn){
		"since it is too far ahead": func(c *caller, _ *Conn) {
			c.data(7, []byte("one"))
			c.data(7+mostWaiting, []byte("other"))
		},
		"since it was silent": func(_ *caller, conn *Conn) {
			conn.mu.Lock()
			defer conn.mu.Unlock()
			conn.flow.heard = -2 * silentFor
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := dialRaw(t, s)
			c.induct()
			c.conclude(9)
			s.mu.RLock()
			conn := s.conns[c.peer]
			s.mu.RUnlock()
			end(c, conn)
			c.answers(kindShutdown, nil)
			s.hears(t)
		})
	}
}

// TestWhatCameBeforeSilenceIsDelivered: an encoder that is gone has sent what waits.
func TestWhatCameBeforeSilenceIsDelivered(t *testing.T) {
	s := openDoor(t, Config{Latency: time.Second})
	c := dialRaw(t, s)
	c.induct()
	c.conclude(9)
	c.data(7, []byte("the last"))
	c.induct() // so that it has been heard
	s.mu.RLock()
	conn := s.conns[c.peer]
	s.mu.RUnlock()
	conn.mu.Lock()
	conn.flow.heard = -2 * silentFor
	conn.mu.Unlock()
	if got := s.hears(t); !strings.HasSuffix(got, `sent 8 bytes, the last "the last": `+errSilent.Error()) {
		t.Error(got)
	}
}

// TestNobodyComesInAfterTheEnd: a connection that is accepted then is not left alone.
func TestNobodyComesInAfterTheEnd(t *testing.T) {
	l, err := Listen("127.0.0.1:0", Config{})
	if err != nil {
		t.Fatal(err)
	}
	c := dialRaw(t, &door{Listener: l})
	c.induct()
	c.conn.Write(control(kindHandshake, 0, 0, 0, asks(5, 0, 5, 1500, conclusion, 9, c.cookie, hsreq, sid)))
	r, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := r.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("it is accepted: %v", err)
	}
}

// TestAnErrorOfTheSocketEndsNothing but its Close.
func TestAnErrorOfTheSocketEndsNothing(t *testing.T) {
	s := openDoor(t, Config{})
	c := dialRaw(t, s)
	c.induct()
	s.socket.SetReadDeadline(time.Unix(1, 0))
	select {
	case <-s.closed:
		t.Fatal("it has ended")
	case <-time.After(10 * time.Millisecond): // the read has failed, or does so later and not at all
	}
	s.socket.SetReadDeadline(time.Time{})
	c.induct()
}

// TestManyTogetherAreNotHeldForever: of several, of which none holds too much by itself, the one that holds most is ended, and the rest is let be.
func TestManyTogetherAreNotHeldForever(t *testing.T) {
	s := openDoor(t, Config{Latency: time.Minute, Held: 1 << 20})
	callers := make([]*caller, 4)
	for i := range callers {
		callers[i] = dialRaw(t, s)
		callers[i].induct()
		callers[i].conclude(uint32(20 + i))
	}
	payload := make([]byte, 1316)
	most := callers[3].conn.LocalAddr().String()
	for i := uint32(0); ; i++ { // the last sends twice as much as each of the others
		callers[i%3].data(7+i/3, payload)
		callers[3].data(7+i, payload)
		callers[3].induct() // slowly enough for the system to take them
		select {
		case got := <-s.told:
			if !strings.Contains(got, most) || !strings.HasSuffix(got, ErrFull.Error()) {
				t.Error(got)
			}
			s.mu.RLock()
			defer s.mu.RUnlock()
			if held := s.held.Load(); held > 1<<20 || len(s.peers) < 3 {
				t.Errorf("%d bytes are held of %d", held, len(s.peers))
			}
			return
		default:
			if i > 10_000 {
				t.Fatal("all of it is held")
			}
		}
	}
}

// TestNoPacketEndsTheDoor sends the door what nobody honest does, with handshakes that go through as far as they can and to connections that stand. It goes
// on to take whoever comes, and has forgotten all of them in the end.
func TestNoPacketEndsTheDoor(t *testing.T) {
	s := openDoor(t, Config{})
	before := runtime.NumGoroutine()
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 40 {
		c := dialRaw(t, s)
		c.induct()
		c.conclude(uint32(1000 + round))
		for range 250 {
			all := seeds(c.cookie, random.Uint32(), c.peer)
			p := all[random.IntN(len(all))]
			for range random.IntN(4) { // the cookie and the addressee stay
				if i := 16 + random.IntN(max(len(p)-16, 1)); i < len(p) && (i < 44 || i >= 48) {
					p[i] = byte(random.Uint32())
				}
			}
			if random.IntN(4) == 0 {
				p = p[:random.IntN(len(p)+1)]
			}
			if _, err := c.conn.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		c.induct()
		c.conn.Write(control(5, 0, 0, c.peer, nil)) // a shutdown
		c.conn.Close()
	}
	config := gosrt.DefaultConfig()
	config.StreamId = "room?key=k"
	honest, err := gosrt.Dial("srt", s.Addr().String(), config)
	if err != nil {
		t.Fatalf("SRT takes nobody any more: %v", err)
	}
	honest.Close()
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) { // those that say nothing are given up after some seconds
		s.mu.RLock()
		conns, peers := len(s.conns), len(s.peers)
		s.mu.RUnlock()
		if conns == 0 && peers == 0 && s.held.Load() == 0 && runtime.NumGoroutine() <= before+5 {
			break
		}
		if time.Since(begun) > time.Minute {
			t.Fatalf("%d connections, %d peers and %d bytes are left, and %d goroutines instead of %d", conns, peers, s.held.Load(), runtime.NumGoroutine(), before)
		}
	}
}

// TestKeysAreDerivedSeldom: who asks for new ones with another salt each time has a second between two.
func TestKeysAreDerivedSeldom(t *testing.T) {
	var k keys
	first := kmreq[4:]
	if err := k.open(first, 0); !errors.Is(err, ErrPassphrase) {
		t.Fatal(err)
	}
	other := bytes.Clone(first)
	other[20]++
	for now, want := range map[time.Duration]error{0: errKeys, deriveEvery - 1: errKeys, deriveEvery: ErrPassphrase} {
		k := k
		if err := k.open(other, now); !errors.Is(err, want) {
			t.Errorf("after %v: %v", now, err)
		}
	}
}

// FuzzHandshake reads what nobody has vouched for, and the keys in it.
func FuzzHandshake(f *testing.F) {
	for _, p := range seeds(1, 2, 3) {
		f.Add(p[min(len(p), headerSize):])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHandshake(b)
		if err != nil {
			return
		}
		if len(h.streamID) > mostStreamID {
			t.Errorf("a stream id of %d bytes", len(h.streamID))
		}
		if h.keys != nil {
			(&keys{passphrase: passphrase}).open(h.keys, 0)
		}
		h.refused()
	})
}

// FuzzPackets sends a packet to a door: as a handshake, with the cookie that it must have, or to a connection that stands.
func FuzzPackets(f *testing.F) {
	s := openDoor(f, Config{})
	for _, p := range seeds(0, 9, 0) {
		f.Add(p, p)
	}
	for _, last := range []uint32{8, 100, 6, lastNumber, 1 << 31} {
		f.Add([]byte(dataPacket(9, 1, 0, []byte("what is missing before it"))), []byte(dropRequest(7, last)))
	}
	id := uint32(1 << 16)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		c := dialRaw(t, s)
		c.induct()
		id += 1 << 8
		c.conclude(id)
		for i, p := range [][]byte{first, second} {
			if p = append([]byte(nil), p...); len(p) >= 48 && p[0] == 0x80 && p[1] == 0 {
				binary.BigEndian.PutUint32(p[12:], 0)
				binary.BigEndian.PutUint32(p[40:], id+1+uint32(i))
				binary.BigEndian.PutUint32(p[44:], c.cookie)
			} else if len(p) >= 16 {
				binary.BigEndian.PutUint32(p[12:], c.peer)
			}
			c.conn.Write(p[:min(len(p), 1500)])
		}
		c.induct()
		c.conn.Write(control(5, 0, 0, c.peer, nil))
		c.conn.Close()
	})
}
