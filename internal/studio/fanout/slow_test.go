package fanout

import (
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/flv"
)

// connect opens a connection that asks for the stream; small makes it take little at once.
func connect(t *testing.T, server *httptest.Server, small bool) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if small {
		if err := c.(*net.TCPConn).SetReadBuffer(32 << 10); err != nil {
			t.Fatal(err)
		}
	}
	c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, "GET /live/demo.flv HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return c
}

// body skips the head of the answer.
func body(t *testing.T, c net.Conn) *flv.Reader {
	t.Helper()
	var last [4]byte
	for string(last[:]) != "\r\n\r\n" {
		copy(last[:], last[1:])
		if _, err := io.ReadFull(c, last[3:]); err != nil {
			t.Fatal(err)
		}
	}
	return flv.NewReader(c)
}

// TestSlowViewerSkipsAndDelaysNobody lets one viewer read nothing while another gets everything, then lets the first go on.
func TestSlowViewerSkipsAndDelaysNobody(t *testing.T) {
	src := newFakeSource()
	kept := keptChunks
	keptChunks.Items = 100 // two seconds of pictures
	g := &fakeGate{stream: startStream(t, src, 0, flv.Tracks{}), opened: make(chan *fakeWatcher, 2)}
	keptChunks = kept
	server := httptest.NewServer(g)
	defer server.Close()
	src.frames <- testFrame(testVideo, 0, true, 100)
	src.frames <- testFrame(testAudio, 0, true, 100)
	slow := connect(t, server, true)
	slowWatcher := <-g.opened
	fast := connect(t, server, false)
	<-g.opened

	const pictures, every = 1000, 20 * time.Millisecond // a keyframe each second, 16 KB each
	ahead := make(chan struct{}, 25)                    // half a second before the fast viewer
	go func() {
		for i := 1; i <= pictures; i++ {
			ahead <- struct{}{}
			src.frames <- testFrame(testVideo, time.Duration(i)*every, i%50 == 0, 16<<10)
		}
		src.frames <- testFrame(testVideo, (pictures+1)*every, true, 99)
	}()
	got := 0
	for r := body(t, fast); ; {
		tag, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if tag.Type == flv.VideoTag && tag.Body[1] == 1 {
			got++
			if want := uint32(got-1) * uint32(every/time.Millisecond); tag.Timestamp != want {
				t.Fatalf("picture at %d, want %d", tag.Timestamp, want)
			}
			if got > 1 && got < pictures+2 {
				<-ahead
			}
		}
		if got == pictures+2 {
			break
		}
	}
	var last uint32
	jumps, begun := 0, false
	for r := body(t, slow); ; {
		tag, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if tag.Type != flv.VideoTag || tag.Body[1] != 1 {
			continue
		}
		if begun && tag.Timestamp > last+uint32(every/time.Millisecond) {
			jumps++
			if tag.Body[0]>>4 != 1 {
				t.Errorf("went on at %d, which is no keyframe", tag.Timestamp)
			}
		}
		begun = true
		if last = tag.Timestamp; last == uint32((pictures+1)*every/time.Millisecond) {
			break
		}
	}
	slowWatcher.mu.Lock()
	defer slowWatcher.mu.Unlock()
	if skips := slowWatcher.skips["behind"] + slowWatcher.skips["overrun"]; jumps == 0 || jumps != skips {
		t.Errorf("%d jumps, counted %v", jumps, slowWatcher.skips)
	}
}

// TestARetryLosesNoChunk retries a blocked viewer all the time, so that what is new comes together with a retry. Whoever is not blocked gets it
// at once, and not with what comes next.
func TestARetryLosesNoChunk(t *testing.T) {
	src := newFakeSource()
	g := &fakeGate{stream: startStream(t, src, 0, flv.Tracks{}), opened: make(chan *fakeWatcher, 2)}
	g.stream.retry = time.Nanosecond // before the first viewer makes a sweeper
	server := httptest.NewServer(g)
	defer server.Close()
	src.frames <- testFrame(testVideo, 0, true, 8<<20)
	src.frames <- testFrame(testAudio, 0, true, 100)
	connect(t, server, true) // takes next to nothing of the first picture
	<-g.opened
	fast := body(t, connect(t, server, false))
	<-g.opened
	next := func() flv.Tag {
		for {
			tag, err := fast.Next()
			if err != nil {
				t.Fatal(err)
			}
			if tag.Type == flv.VideoTag && tag.Body[1] == 1 {
				return tag
			}
		}
	}
	next()
	for i := 1; i <= 200; i++ {
		src.frames <- testFrame(testVideo, time.Duration(i)*time.Millisecond, false, 100)
		if tag := next(); tag.Timestamp != uint32(i) {
			t.Fatalf("picture at %d, want %d", tag.Timestamp, i)
		}
	}
}

func TestViewerThatTakesNothingIsCutOff(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	here, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := here.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	ring := media.NewRing[*chunk](keptChunks)
	c := &chunk{bytes: make([]byte, 16<<20), header: headerOf(t, testVideo)}
	ring.Append(c, media.Mark{Bytes: len(c.bytes), Key: true})
	w := newFakeWatcher()
	v := newViewer(here, raw, newFeed(ring, FLV, w), []byte("head"))
	now := media.Now()
	if err := v.advance(now, ring.Tip()); err != nil || !v.blocked {
		t.Fatalf("blocked %v, %v", v.blocked, err)
	}
	if err := v.advance(now+stallLimit-time.Second, ring.Tip()); err != nil || !v.blocked {
		t.Fatalf("cut off too early: %v", err)
	}
	err = v.advance(v.progress+stallLimit+time.Second, ring.Tip())
	if !errors.Is(err, errStalled) || w.skips["cut off"] != 1 {
		t.Errorf("error %v, counted %v", err, w.skips)
	}
	unsent := 0
	for _, b := range v.unsent {
		unsent += len(b)
	}
	v.close(err)
	<-w.closed
	start := FLV(nil, c.header.AppendStart(nil, 0), true)
	if all := len("head") + len(start) + len(c.bytes); w.sent != all-unsent {
		t.Errorf("counted %d bytes, %d were written", w.sent, all-unsent)
	}
}

// TestEndings lets viewers end in all ways; each must be counted off.
func TestEndings(t *testing.T) {
	open := func(t *testing.T) (*fakeSource, *Stream, net.Conn, *fakeWatcher) {
		src := newFakeSource()
		g := &fakeGate{stream: startStream(t, src, 0, flv.Tracks{}), opened: make(chan *fakeWatcher, 1)}
		server := httptest.NewServer(g)
		t.Cleanup(server.Close)
		src.frames <- testFrame(testVideo, 0, true, 100)
		src.frames <- testFrame(testAudio, 0, true, 100)
		c := connect(t, server, false)
		return src, g.stream, c, <-g.opened
	}
	wait := func(t *testing.T, w *fakeWatcher) {
		select {
		case <-w.closed:
		case <-time.After(time.Minute):
			t.Fatal("the viewer is still counted")
		}
	}
	t.Run("the program ends", func(t *testing.T) {
		src, _, c, w := open(t)
		close(src.frames)
		if _, err := io.ReadAll(c); err != nil {
			t.Error(err)
		}
		wait(t, w)
	})
	t.Run("the output is closed", func(t *testing.T) {
		_, s, c, w := open(t)
		s.Close()
		io.ReadAll(c)
		wait(t, w)
	})
	t.Run("the viewer leaves", func(t *testing.T) {
		src, s, c, w := open(t)
		c.Close()
		for i, late := 1, time.After(time.Minute); ; i++ {
			select {
			case <-w.closed:
			case <-late:
				t.Fatal("the viewer is still counted")
			default:
				src.frames <- testFrame(testAudio, time.Duration(i)*time.Millisecond, true, 100)
				continue
			}
			break
		}
		s.sweepMu.Lock()
		defer s.sweepMu.Unlock()
		if s.viewers != 0 {
			t.Errorf("%d viewers", s.viewers)
		}
	})
	t.Run("the viewer comes after the end", func(t *testing.T) {
		src := newFakeSource()
		g := &fakeGate{stream: New(src, func() flv.Tracks { return flv.Tracks{} }, 0, nil, quiet()), opened: make(chan *fakeWatcher, 1)}
		g.stream.Close()
		server := httptest.NewServer(g)
		defer server.Close()
		io.ReadAll(connect(t, server, false))
		wait(t, <-g.opened)
	})
}
