package audienceload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

// mark stands before the time at which a message was written.
const mark = "t="

// readBuffer is what one viewer reads at once.
const readBuffer = 4 << 10

// viewer is one WebSocket.
type viewer struct {
	conn net.Conn
	// pace has it read so many bytes a second, 0 all that comes, and nothing where it is less.
	pace atomic.Int64
	floods
}

// enter adds somebody to the audience.
func (a *audience) enter(ctx context.Context, key string) (*viewer, error) {
	begun := time.Now()
	dialer := ws.Dialer{Timeout: 30 * time.Second, ReadBufferSize: 512, WriteBufferSize: 512}
	conn, early, _, err := dialer.Dial(ctx, "ws://"+a.address+"/audience/"+room)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	if early != nil { // nothing is said before hello
		ws.PutReader(early)
	}
	conn.SetDeadline(time.Time{})
	v := &viewer{conn: conn}
	hello := `{"type":"hello"}`
	if key != "" {
		hello = `{"type":"hello","key":"` + key + `"}`
	}
	if err := v.say(hello); err != nil {
		return nil, err
	}
	welcomed := make(chan error, 1)
	a.mu.Lock()
	a.viewers = append(a.viewers, v)
	a.mu.Unlock()
	a.running.Go(func() { a.read(v, welcomed) })
	select {
	case err = <-welcomed:
	case <-time.After(time.Minute):
		err = errors.New("there was no welcome")
	}
	if err != nil {
		return nil, fmt.Errorf("coming in: %w", err)
	}
	a.connect.Add(time.Since(begun))
	return v, nil
}

func (v *viewer) say(request string) error {
	return ws.WriteFrame(v.conn, ws.MaskFrameInPlace(ws.NewTextFrame([]byte(request))))
}

// read takes apart what a viewer is told until its connection ends.
func (a *audience) read(v *viewer, welcomed chan<- error) {
	err := a.frames(v, func(op ws.OpCode, payload []byte, at time.Time) error {
		switch {
		case op == ws.OpPing:
			return ws.WriteFrame(v.conn, ws.MaskFrameInPlace(ws.NewPongFrame(nil)))
		case op != ws.OpText:
		case welcomed != nil:
			var err error
			if !bytes.Contains(payload, []byte(`"welcome"`)) {
				err = fmt.Errorf("told %.200q", payload)
			}
			welcomed <- err
			welcomed = nil
		default:
			a.hear(v, payload, at)
		}
		return nil
	})
	a.mu.Lock()
	ending := a.ending
	a.mu.Unlock()
	if !ending {
		a.failed.Add(1)
		v.failed.Store(true)
	}
	if welcomed != nil {
		welcomed <- err
	}
}

// frames gives out what comes, frame by frame, and when it came.
func (a *audience) frames(v *viewer, given func(op ws.OpCode, payload []byte, at time.Time) error) error {
	buf, have, from := make([]byte, readBuffer), 0, newReceiver(v.conn)
	for {
		if have == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
		room := buf[have:]
		for v.pace.Load() < 0 {
			time.Sleep(time.Second / 4)
		}
		if pace := v.pace.Load(); pace > 0 {
			time.Sleep(time.Second)
			room = room[:min(int64(len(room)), pace)]
		}
		n, at, err := from.read(room)
		if err != nil {
			return err
		}
		if v.pace.Load() == 0 {
			a.lag.Add(time.Since(at))
		}
		a.bytes.Add(uint64(n))
		have += n
		rest := buf[:have]
		for {
			op, payload, size := cut(rest)
			if size == 0 {
				break
			}
			rest = rest[size:]
			if err := given(op, payload, at); err != nil {
				return err
			}
		}
		if have = copy(buf, rest); have == 0 && len(buf) > readBuffer {
			buf = make([]byte, readBuffer) // that was a welcome
		}
	}
}

// cut takes the first frame off what a server sent; its size is 0 while it is not whole.
func cut(data []byte) (op ws.OpCode, payload []byte, size int) {
	if len(data) < 2 {
		return 0, nil, 0
	}
	header, length := 2, int(data[1])
	switch length {
	case 126:
		header = 4
	case 127:
		header = 10
	}
	if len(data) < header {
		return 0, nil, 0
	}
	if header > 2 {
		length = 0
		for _, b := range data[2:header] {
			length = length<<8 | int(b)
		}
	}
	if len(data)-header < length {
		return 0, nil, 0
	}
	return ws.OpCode(data[0] & 15), data[header : header+length], header + length
}

// hearMessages takes the time of messages.
func (a *audience) hearMessages(_ *viewer, data []byte, came time.Time) {
	for at := range stamps(data, mark) {
		a.got.Add(1)
		a.delay.Add(came.Sub(at))
	}
}

// stamp is a moment as it is written into messages.
func stamp(mark string, at time.Time) string {
	return mark + strconv.FormatInt(at.UnixNano(), 10) + ";"
}

// stamps are the moments that stand behind a mark.
func stamps(data []byte, mark string) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		for {
			_, rest, found := bytes.Cut(data, []byte(mark))
			digits, after, whole := bytes.Cut(rest, []byte(";"))
			if !found || !whole {
				return
			}
			data = after
			if at, err := strconv.ParseInt(string(digits), 10, 64); err == nil && !yield(time.Unix(0, at)) {
				return
			}
		}
	}
}
