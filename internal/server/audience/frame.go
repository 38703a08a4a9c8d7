package audience

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/tuttilive/tutti/internal/studio/talk"
)

// Why a connection ends whose bytes are not those of a WebSocket client that speaks our protocol (RFC 6455, section 5).
var (
	errProtocol = errors.New("not a frame of RFC 6455 from a client")
	errTooLarge = errors.New("a message is too large")
	errNotText  = errors.New("messages are text")
	errNotUTF8  = errors.New("text is UTF-8")
)

// frames takes a client's bytes apart, however they are cut. It keeps nothing while no frame or message is begun.
type frames struct {
	part    []byte // a frame that is not there as a whole
	message []byte // the fragments of a message until now
	begun   bool   // there was a first fragment
}

// push takes bytes, which it may change, and gives each message and control frame on, in order; on may keep nothing of the payload.
func (f *frames) push(data []byte, on func(op ws.OpCode, payload []byte) error) error {
	if len(f.part) > 0 {
		f.part = append(f.part, data...)
		data = f.part
	}
	for {
		n, err := f.one(data, on)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		data = data[n:]
	}
	switch {
	case len(data) == 0:
		f.part = nil
	default:
		f.part = append([]byte(nil), data...)
	}
	return nil
}

// one handles the first frame of data if it is there as a whole, and tells how long it is.
func (f *frames) one(data []byte, on func(op ws.OpCode, payload []byte) error) (int, error) {
	if len(data) < 2 {
		return 0, nil
	}
	from := bytes.NewReader(data)
	h, err := ws.ReadHeader(from)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return 0, nil
	case err != nil:
		return 0, errProtocol
	}
	state := ws.StateServerSide
	if f.begun {
		state = state.Set(ws.StateFragmented)
	}
	switch {
	case ws.CheckHeader(h, state) != nil || !h.Masked:
		return 0, errProtocol
	case h.OpCode == ws.OpBinary:
		return 0, errNotText
	case h.OpCode.IsData() && h.Length+int64(len(f.message)) > talk.MaxRequestBytes:
		return 0, errTooLarge
	case int64(from.Len()) < h.Length:
		return 0, nil
	}
	head := len(data) - from.Len()
	payload := data[head : head+int(h.Length)]
	ws.Cipher(payload, h.Mask, 0)
	return head + int(h.Length), f.take(h, payload, on)
}

func (f *frames) take(h ws.Header, payload []byte, on func(op ws.OpCode, payload []byte) error) error {
	switch {
	case h.OpCode.IsControl():
		return on(h.OpCode, payload)
	case !h.Fin:
		f.begun, f.message = true, append(f.message, payload...)
		return nil
	case f.begun:
		payload = append(f.message, payload...)
		f.begun, f.message = false, nil
	}
	if !utf8.Valid(payload) {
		return errNotUTF8
	}
	return on(ws.OpText, payload)
}

// textFrame is a whole message.
func textFrame(payload []byte) []byte { return ws.MustCompileFrame(ws.NewTextFrame(payload)) }

// closeFrame says why a connection ends.
func closeFrame(code ws.StatusCode, reason string) []byte {
	return ws.MustCompileFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(code, reason)))
}
