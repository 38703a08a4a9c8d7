package sfu

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/sfu/netsim"
	"github.com/tuttilive/tutti/internal/track"
)

// narrowConn is a socket that datagrams come to over a simulated link.
type narrowConn struct {
	net.PacketConn
	mu     sync.Mutex
	link   *netsim.Link[datagram]
	begin  time.Time
	came   chan datagram
	closed chan struct{}
}

type datagram struct {
	bytes []byte
	from  net.Addr
}

func narrow(t testing.TB, link netsim.Config) *narrowConn {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	c := &narrowConn{
		PacketConn: conn, link: netsim.New[datagram](link, 3), begin: time.Now(),
		came: make(chan datagram, 64), closed: make(chan struct{}),
	}
	var running sync.WaitGroup
	running.Go(c.read)
	running.Go(c.deliver)
	t.Cleanup(func() {
		close(c.closed)
		conn.Close()
		running.Wait()
	})
	return c
}

func (c *narrowConn) change(link netsim.Config) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link.Change(link)
}

func (c *narrowConn) read() {
	b := make([]byte, 2048)
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if err != nil {
			return
		}
		c.mu.Lock()
		c.link.Send(time.Since(c.begin), n, datagram{slices.Clone(b[:n]), from})
		c.mu.Unlock()
	}
}

func (c *narrowConn) deliver() {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-c.closed:
			return
		case <-ticker.C:
		}
		for {
			c.mu.Lock()
			d, _, ok := c.link.Receive(time.Since(c.begin))
			c.mu.Unlock()
			if !ok {
				break
			}
			select {
			case c.came <- d:
			case <-c.closed:
				return
			}
		}
	}
}

func (c *narrowConn) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case d := <-c.came:
		return copy(b, d.bytes), d.from, nil
	case <-c.closed:
		return 0, nil, net.ErrClosed
	}
}

// A viewer whose way becomes narrow gets a smaller layer, on a way that carries none it gets nothing and is told so, and on
// a wide one everything again.
func TestDownlinkFitsLayersToTheWay(t *testing.T) {
	t.Parallel() // most of it is waiting
	e := listen(t)
	publisher := newClient(t, e)
	cameras := publisher.publishes("q", "h", "f") // of about 0.25, 0.75 and 1.5 Mbit/s
	publisher.connect()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	receiver := publisher.received(media.NoCodec)
	exists := make(chan *track.Track, 1)
	receiver.OnTrack(func(tr *track.Track) { exists <- tr })
	for i, camera := range cameras {
		camera.start()
		go camera.run(ctx, []int{1, 3, 6}[i], 33*ms)
	}
	tr := wait(t, exists, "the track")

	wide := netsim.Config{Delay: 10 * ms}
	conn, downlink := narrow(t, wide), NewDownlink()
	viewer := newClientWith(t, e, circumstances{conn: conn, downlink: downlink})
	viewer.receives(webrtc.RTPCodecTypeVideo)
	view := viewer.views()
	view.patience = 2 * time.Minute // delays that a busy machine makes look like queues, and are answered like them
	suspensions := make(chan bool, 16)
	sender, err := NewSender(viewer.peer, tr, SenderConfig{StreamID: "s", TrackID: "t", OnSuspended: func(s bool) { suspensions <- s }})
	must(t, err)
	t.Cleanup(sender.Close)
	viewer.connect()
	comes := func(rid string) {
		t.Helper()
		view.until(t, "layer "+rid, func(p []viewed) bool {
			return len(p) > 40 && !slices.ContainsFunc(p[len(p)-40:], func(x viewed) bool { return x.rid != rid })
		})
	}
	comes("f")
	conn.change(netsim.Config{Rate: 1.1e6, Delay: 10 * ms})
	comes("h")
	conn.change(netsim.Config{Rate: 60e3, Delay: 10 * ms})
	for !wait(t, suspensions, "word that nothing can be sent") {
	}
	conn.change(wide)
	for wait(t, suspensions, "word that something is sent again") {
	}
	comes("f")
}
