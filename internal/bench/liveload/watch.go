package liveload

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tuttilive/tutti/internal/bench"
	"github.com/tuttilive/tutti/internal/mux/flv"
)

const (
	// stallAfter is how long nothing may come until it counts as a stall.
	stallAfter = 500 * time.Millisecond
	// lossGap is how far pictures may lie apart before something between them counts as lost.
	lossGap  = 250 * time.Millisecond
	readSize = 64 << 10
	patience = 10 * time.Second
)

// Counters are shared by all viewers. But for Failed and FirstFrame they count only while Measuring.
type Counters struct {
	Measuring           atomic.Bool
	Bytes, Tags, Stalls atomic.Uint64
	// Lost is media time in nanoseconds that was missing between pictures.
	Lost atomic.Int64
	// Failed could not connect or were cut off.
	Failed atomic.Int64
	// Age is how old pictures were when their last byte came: by the stamp that bench.Picture leaves, else by the clock
	// in Tutti's onMetaData. FirstFrame is how long after the connection's beginning the first whole frame came.
	Age, FirstFrame bench.Latencies
}

// Viewers are many viewers of one stream.
type Viewers struct {
	target   *url.URL
	counters *Counters
	// Slow is how many bytes a second a viewer takes at most, 0 for all there are. Who is cut off for it comes again.
	Slow    int
	buffers sync.Pool
	cancel  context.CancelFunc
	ctx     context.Context
	running sync.WaitGroup
	count   int

	mu  sync.Mutex
	err error // of the first that failed
	all []*viewer
}

// NewViewers makes viewers of http://host:port/live/{room}.flv or rtmp://host:port/live/{room}. Close ends them.
func NewViewers(address string, counters *Counters) (*Viewers, error) {
	target, err := url.Parse(address)
	if err != nil || target.Scheme != "http" && target.Scheme != "rtmp" || target.Host == "" {
		return nil, fmt.Errorf("liveload: %q is no address of HTTP or RTMP", address)
	}
	v := &Viewers{target: target, counters: counters, buffers: sync.Pool{New: func() any { b := make([]byte, readSize); return &b }}}
	v.ctx, v.cancel = context.WithCancel(context.Background())
	return v, nil
}

// Add lets viewers come, evenly over a time, until there are n. It fails when a viewer has.
func (v *Viewers) Add(ctx context.Context, n int, over time.Duration) error {
	more := n - v.count
	begin := time.Now()
	for i := range more {
		if err := bench.Pause(ctx, time.Until(begin.Add(over*time.Duration(i)/time.Duration(more)))); err != nil {
			return err
		}
		v.count++
		v.running.Go(func() {
			err := v.watch()
			for v.Slow > 0 && v.ctx.Err() == nil {
				v.counters.Failed.Add(1)
				if bench.Pause(v.ctx, time.Second) == nil {
					err = v.watch()
				}
			}
			if err != nil && v.ctx.Err() == nil {
				v.counters.Failed.Add(1)
				v.mu.Lock()
				defer v.mu.Unlock()
				if v.err == nil {
					v.err = err
				}
			}
		})
	}
	return v.Err()
}

// Err is why the first viewer failed that did.
func (v *Viewers) Err() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.err
}

// Silent is how many viewers got nothing for longer than a stall.
func (v *Viewers) Silent() (n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, one := range v.all {
		if time.Since(time.Unix(0, one.heard.Load())) > stallAfter {
			n++
		}
	}
	return n
}

// Close ends all viewers.
func (v *Viewers) Close() {
	v.cancel()
	v.running.Wait()
}

// watch is one viewer.
func (v *Viewers) watch() error {
	begin := time.Now()
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(v.ctx, "tcp", v.target.Host)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(v.ctx, func() { conn.Close() })
	defer stop()
	one := &viewer{counters: v.counters, buffers: &v.buffers, begin: begin}
	if v.target.Scheme == "rtmp" {
		one.parser = &chunks{}
		conn.SetDeadline(time.Now().Add(patience))
		app, stream, _ := strings.Cut(strings.TrimPrefix(v.target.Path, "/"), "/")
		err = playRTMP(conn, v.target.Host, app, stream)
		conn.SetDeadline(time.Time{})
	} else {
		one.parser = &parser{}
		err = one.request(conn, v.target)
	}
	if err != nil {
		return err
	}
	v.mu.Lock()
	v.all = append(v.all, one)
	v.mu.Unlock()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	read := one.read
	for {
		if err := raw.Read(read); err != nil {
			return err
		}
		if one.err != nil {
			return one.err
		}
		if v.Slow > 0 {
			if err := bench.Pause(v.ctx, time.Duration(one.took)*time.Second/time.Duration(v.Slow)); err != nil {
				return err
			}
		}
	}
}

// viewer is what one connection has got so far.
type viewer struct {
	counters *Counters
	buffers  *sync.Pool
	parser   interface {
		feed(b []byte, found func(tag)) error
	}
	begin time.Time
	err   error
	took  int          // by the last read
	heard atomic.Int64 // when something came last, Unix time in ns

	start   time.Time // wall clock at timestamp 0
	last    time.Time // when the last tag came
	picture uint32    // timestamp of the last picture
	seen    bool      // a frame has come
	shown   bool      // a picture has come
}

// request asks for the stream. What came behind the head of the answer goes to the parser.
func (v *viewer) request(conn net.Conn, target *url.URL) error {
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: tutti-bench\r\n\r\n", target.RequestURI(), target.Host); err != nil {
		return err
	}
	br := bufio.NewReaderSize(conn, 4<<10)
	answer, err := http.ReadResponse(br, nil)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("answer %s", answer.Status)
	}
	if len(answer.TransferEncoding) > 0 {
		v.parser = &transfer{inner: v.parser}
	}
	early := make([]byte, br.Buffered())
	if _, err := io.ReadFull(br, early); err != nil {
		return err
	}
	conn.SetDeadline(time.Time{})
	return v.take(early)
}

// read is called when the connection has something; only then does the viewer hold a buffer.
func (v *viewer) read(fd uintptr) (done bool) {
	buffer := v.buffers.Get().(*[]byte)
	defer v.buffers.Put(buffer)
	n, err := syscall.Read(int(fd), *buffer)
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return false
	case err != nil:
		v.err = err
	case n == 0:
		v.err = io.EOF
	default:
		v.err = v.take((*buffer)[:n])
	}
	return true
}

func (v *viewer) take(b []byte) error {
	now := time.Now()
	v.took = len(b)
	v.heard.Store(now.UnixNano())
	if v.counters.Measuring.Load() {
		v.counters.Bytes.Add(uint64(len(b)))
	}
	return v.parser.feed(b, func(t tag) { v.tag(t, now) })
}

func (v *viewer) tag(t tag, now time.Time) {
	c, measuring := v.counters, v.counters.Measuring.Load()
	if t.kind == flv.ScriptTag {
		v.start = flv.ParseMetadata(t.front).Start
		return
	}
	if measuring {
		c.Tags.Add(1)
		if !v.last.IsZero() && now.Sub(v.last) > stallAfter {
			c.Stalls.Add(1)
		}
	}
	v.last = now
	if t.config() {
		return
	}
	if !v.seen {
		v.seen = true
		c.FirstFrame.Add(now.Sub(v.begin))
	}
	if t.kind == flv.VideoTag {
		if measuring {
			v.measure(t, now)
		}
		v.picture, v.shown = t.timestamp, true
	}
}

// measure tells how old a picture is and what is missing before it.
func (v *viewer) measure(t tag, now time.Time) {
	if age, ok := bench.Age(t.front, now); ok {
		v.counters.Age.Add(age)
	} else if !v.start.IsZero() {
		v.counters.Age.Add(now.Sub(v.start.Add(time.Duration(t.timestamp) * time.Millisecond)))
	}
	if gap := time.Duration(int32(t.timestamp-v.picture)) * time.Millisecond; v.shown && gap > lossGap {
		v.counters.Lost.Add(int64(gap))
	}
}
