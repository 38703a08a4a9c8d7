package audience

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"

	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// raw opens a WebSocket on which anything can be written.
func (w *world) raw() net.Conn {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.http.Listener.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "GET /audience/tea HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	head := make([]byte, 0, 512)
	for one := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); head = append(head, one...) {
		if _, err := conn.Read(one); err != nil {
			w.t.Fatal(err)
		}
	}
	return conn
}

func masked(f ws.Frame) []byte { return ws.MustCompileFrame(ws.MaskFrameInPlace(f)) }

// closed reads until the server says why it closes, 0 for no word.
func closed(conn net.Conn) ws.StatusCode {
	for {
		f, err := ws.ReadFrame(conn)
		if err != nil {
			return 0
		}
		if f.Header.OpCode == ws.OpClose {
			code, _ := ws.ParseCloseFrameData(f.Payload)
			return code
		}
	}
}

func TestFramesThatRFC6455Forbids(t *testing.T) {
	w := newWorld(t, false, nil)
	good, _ := w.enter("tea", event{"name": "somebody else"})
	long := []byte(`{"type":"hello","name":"` + strings.Repeat("x", talk.MaxRequestBytes) + `"}`)
	half := ws.NewFrame(ws.OpText, false, long[:20_000])
	for name, c := range map[string]struct {
		bytes []byte
		code  ws.StatusCode
	}{
		"not masked":                {ws.MustCompileFrame(ws.NewTextFrame([]byte(`{}`))), ws.StatusProtocolError},
		"reserved bits":             {masked(ws.Frame{Header: ws.Header{Fin: true, Rsv: 4, OpCode: ws.OpText, Length: 2}, Payload: []byte(`{}`)}), ws.StatusProtocolError},
		"a reserved opcode":         {masked(ws.NewFrame(0x5, true, nil)), ws.StatusProtocolError},
		"a fragment of nothing":     {masked(ws.NewFrame(ws.OpContinuation, true, []byte("x"))), ws.StatusProtocolError},
		"a ping in fragments":       {masked(ws.NewFrame(ws.OpPing, false, nil)), ws.StatusProtocolError},
		"binary":                    {masked(ws.NewBinaryFrame([]byte("x"))), ws.StatusUnsupportedData},
		"not UTF-8":                 {masked(ws.NewTextFrame([]byte("{\"type\":\"\xff\"}"))), ws.StatusInvalidFramePayloadData},
		"too large":                 {masked(ws.NewTextFrame(long)), ws.StatusMessageTooBig},
		"too large, in fragments":   {append(masked(half), masked(ws.NewFrame(ws.OpContinuation, false, long[:20_000]))...), ws.StatusMessageTooBig},
		"a length beyond all sense": {[]byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, ws.StatusMessageTooBig},
	} {
		conn := w.raw()
		if _, err := conn.Write(c.bytes); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if code := closed(conn); code != c.code {
			t.Errorf("%s: closed with %d instead of %d", name, code, c.code)
		}
	}
	good.must(event{"type": "chat", "text": "nobody else noticed"})
}

func TestAHelloInPieces(t *testing.T) {
	w := newWorld(t, false, nil)
	conn := w.raw()
	hello := []byte(`{"type":"hello","name":"Ada"}`)
	stream := append(masked(ws.NewFrame(ws.OpText, false, hello[:9])), masked(ws.NewPingFrame([]byte("in between")))...)
	stream = append(stream, masked(ws.NewFrame(ws.OpContinuation, true, hello[9:]))...)
	for _, b := range stream {
		if _, err := conn.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	var welcome, pong bool
	for !welcome || !pong {
		f, err := ws.ReadFrame(conn)
		if err != nil {
			t.Fatal(err)
		}
		welcome = welcome || bytes.Contains(f.Payload, []byte(`"welcome"`))
		pong = pong || f.Header.OpCode == ws.OpPong && string(f.Payload) == "in between"
	}
}

func TestAFlood(t *testing.T) {
	everyWay(t, func(t *testing.T, w *world) {
		p, _ := w.enter("tea", event{})
		for i := range 6 {
			p.ask(event{"type": "chat", "text": fmt.Sprint(i)})
		}
		p.refused("rate_limited", event{"type": "chat", "text": "too much"})
		for range 200 { // requests of any kind, beyond what a connection may send
			if err := p.ws.Write(t.Context(), websocket.MessageText, []byte(`{"type":"ping"}`)); err != nil {
				break
			}
		}
		if last, code := p.ends(); last["code"] != "rate_limited" || code != 4429 {
			t.Errorf("%v, %v", last, code)
		}
	})
}

func TestAnAddressHasSoManyConnections(t *testing.T) {
	w := newWorld(t, false, func(c *Config, _ *studio.Options) { c.PerAddress = 4 })
	w.server.addresses.often.Burst = 100
	w.server.addresses.ask.Burst = 100
	for range 4 {
		w.enter("tea", event{})
	}
	p := w.dial("tea")
	if last, code := p.ends(); last["code"] != "rate_limited" || code != 4429 {
		t.Errorf("%v, %v", last, code)
	}
}

// TestWhoDoesNotRead: the server's memory for a client that does not read stays within a ring that all share.
func TestWhoDoesNotRead(t *testing.T) {
	w := newWorld(t, false, nil)
	conn := w.raw()
	conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	conn.Write(masked(ws.NewTextFrame([]byte(`{"type":"hello"}`))))
	host, _ := w.enter("tea", event{"key": w.hostKey("tea")})
	s, err := w.house.Studio("tea")
	if err != nil {
		t.Fatal(err)
	}
	h, err := w.server.hall(s)
	if err != nil {
		t.Fatal(err)
	}
	big := talk.Batch{All: []byte(`[{"type":"meta","data":"` + strings.Repeat("x", 200<<10) + `"}]`)}
	big.Hosts = big.All
	for range 20 {
		h.Batch(big)
	}
	host.must(event{"type": "announce", "text": "the end"})
	welcomes := 0
	for {
		f, err := ws.ReadFrame(conn)
		if errors.Is(err, io.EOF) || err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(f.Payload, []byte(`"type":"welcome"`)) {
			welcomes++
		}
		if bytes.Contains(f.Payload, []byte("the end")) {
			break
		}
	}
	if lost := w.server.Stats().Lost["behind"]; welcomes < 2 || lost == 0 {
		t.Errorf("%d welcomes, %d times behind", welcomes, lost)
	}
}

// FuzzFrames: bytes of a client end in messages or in an error, however they are cut, and what is kept is bounded.
func FuzzFrames(f *testing.F) {
	f.Add(masked(ws.NewTextFrame([]byte(`{"type":"hello"}`))), byte(3))
	f.Add(append(masked(ws.NewFrame(ws.OpText, false, []byte("{"))), masked(ws.NewFrame(ws.OpContinuation, true, []byte("}")))...), byte(1))
	f.Add(masked(ws.NewPingFrame([]byte("x"))), byte(255))
	f.Add([]byte{0x81, 0xfe, 0xff, 0xff, 1, 2, 3, 4, 5}, byte(2))
	f.Fuzz(func(t *testing.T, data []byte, cut byte) {
		collect := func(step int) (out []byte, err error) {
			var fr frames
			for rest := bytes.Clone(data); len(rest) > 0 && err == nil; rest = rest[min(step, len(rest)):] {
				err = fr.push(bytes.Clone(rest[:min(step, len(rest))]), func(op ws.OpCode, payload []byte) error {
					out = append(append(out, byte(op)), payload...)
					return nil
				})
				if len(fr.part) > talk.MaxRequestBytes+ws.MaxHeaderSize || len(fr.message) > talk.MaxRequestBytes {
					t.Fatalf("keeps %d and %d bytes", len(fr.part), len(fr.message))
				}
			}
			return out, err
		}
		whole, err := collect(max(len(data), 1))
		pieces, again := collect(int(cut) + 1)
		if !bytes.Equal(whole, pieces) || !errors.Is(err, again) {
			t.Fatalf("whole %q, %v; in pieces %q, %v", whole, err, pieces, again)
		}
	})
}
