package audienceload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/gobwas/ws"
)

// mark stands before the time at which a message was written.
const mark = "t="

// readBuffer is what one viewer reads at once.
const readBuffer = 4 << 10

// viewer is one WebSocket.
type viewer struct{ conn net.Conn }

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
	v := &viewer{conn}
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

// read takes apart what a viewer is told. Messages are looked for in the bytes as they come: one that is cut in two is missed, and
// counted as such.
func (a *audience) read(v *viewer, welcomed chan<- error) {
	buf, first := make([]byte, readBuffer), true
	for {
		n, err := v.conn.Read(buf)
		now := time.Now().UnixNano()
		if err != nil {
			a.mu.Lock()
			ending := a.ending
			a.mu.Unlock()
			if !ending {
				a.failed.Add(1)
			}
			if first {
				welcomed <- err
			}
			return
		}
		a.bytes.Add(uint64(n))
		data := buf[:n]
		if first {
			first = false
			var err error
			if !bytes.Contains(data, []byte(`"welcome"`)) {
				err = fmt.Errorf("told %.200q", data)
			}
			welcomed <- err
			continue
		}
		if bytes.Contains(data, []byte{0x89, 0x00}) { // a ping of RFC 6455
			ws.WriteFrame(v.conn, ws.MaskFrameInPlace(ws.NewPongFrame(nil)))
		}
		for {
			_, rest, found := bytes.Cut(data, []byte(mark))
			digits, rest2, whole := bytes.Cut(rest, []byte(";"))
			if !found || !whole {
				break
			}
			if at, err := strconv.ParseInt(string(digits), 10, 64); err == nil {
				a.got.Add(1)
				a.delay.Add(time.Duration(now - at))
			}
			data = rest2
		}
	}
}
