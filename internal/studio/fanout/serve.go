package fanout

import (
	"net"
	"syscall"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

const (
	// sendBuffer is the kernel's send buffer for a viewer in bytes, unsentLimit what of it may wait to be sent first.
	sendBuffer  = 256 << 10
	unsentLimit = 128 << 10
)

// Serve takes a connection over, writes head and then the stream to it, and closes it and the watcher in the end. It returns when a
// sweeper has the connection, or, where it cannot have it, at the end, also when done is closed; nil never is. Nobody else may write to it.
func (s *Stream) Serve(done <-chan struct{}, conn net.Conn, head []byte, w Watcher) {
	f := newFeed(s.ring, s.form, w)
	conn.SetDeadline(time.Time{})
	plain, ok := conn.(syscall.Conn)
	if ok {
		if raw, err := plain.SyscallConn(); err == nil {
			raw.Control(func(fd uintptr) { keepShort(int(fd)) })
			v := newViewer(conn, raw, f, head)
			if !s.sweep(v) {
				v.close(nil)
			}
			return
		}
	}
	defer w.Close()
	defer conn.Close()
	if _, err := conn.Write(head); err != nil {
		return
	}
	s.follow(done, &f, func(bufs [][]byte) error {
		conn.SetWriteDeadline(time.Now().Add(stallLimit))
		buffers := net.Buffers(bufs)
		n, err := buffers.WriteTo(conn)
		w.Sent(int(n))
		return err
	})
}

// Reading is a viewer's way through a stream, for whoever writes to it by himself. It belongs to one goroutine.
type Reading struct {
	stream *Stream
	feed   feed
}

// Read begins at the last keyframe.
func (s *Stream) Read(w Watcher) *Reading { return &Reading{s, newFeed(s.ring, s.form, w)} }

// Follow gives what comes to write until the stream ends, the viewer is too slow, write fails or done is closed. It says why it ended; the
// watcher stays open.
func (r *Reading) Follow(done <-chan struct{}, write func([][]byte) error) error {
	return r.stream.follow(done, &r.feed, write)
}

func (s *Stream) follow(done <-chan struct{}, f *feed, write func([][]byte) error) error {
	var bufs [][]byte
	for {
		woken := s.ring.Woken()
		var err error
		bufs, err = f.next(bufs[:0], media.Now())
		if len(bufs) > 0 {
			if err := write(bufs); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		select {
		case <-woken:
		case <-done:
			return nil
		}
	}
}
