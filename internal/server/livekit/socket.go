package livekit

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"

	"github.com/coder/websocket"
)

// socketBuffer is the size of a WebSocket's buffers, in bytes. Most messages are pings and small updates; what is larger
// passes the buffers by.
const socketBuffer = 512

// socket is a WebSocket and the connection below it.
type socket struct {
	ws  *websocket.Conn
	tcp net.Conn
	// in is what the WebSocket reads from; ahead tells that something came with the request, which the WebSocket has by now.
	in    *bufio.Reader
	ahead bool
}

// accept makes a WebSocket of a request, from any origin. The handler may return while it is used.
func accept(w http.ResponseWriter, r *http.Request) (*socket, error) {
	u := &upgrade{ResponseWriter: w}
	ws, err := websocket.Accept(u, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return nil, err
	}
	return &socket{ws, u.tcp, u.in, u.ahead}, nil
}

// upgrade is a response whose connection is taken over with buffers of socketBuffer. Those of net/http take 8 KB, for as long as
// the WebSocket lives.
type upgrade struct {
	http.ResponseWriter
	tcp   net.Conn
	in    *bufio.Reader
	ahead bool
}

// Hijack implements http.Hijacker.
func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	tcp, large, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	ahead, _ := large.Reader.Peek(large.Reader.Buffered()) // there is so much
	in := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(ahead), tcp), max(len(ahead), socketBuffer))
	_, _ = in.Peek(len(ahead)) // the WebSocket looks for it in the buffer
	u.tcp, u.in, u.ahead = tcp, in, len(ahead) > 0
	return tcp, bufio.NewReadWriter(in, bufio.NewWriterSize(tcp, socketBuffer)), nil
}
