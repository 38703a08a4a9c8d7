package sfu

import (
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

// BenchmarkForwardToTheWire is the whole way of a packet with encryption and the socket: 200 subscribers that have
// connected and then read no more, so that the process's CPU time is the server's. Where it is cold, other work has had the core before
// each frame, as on a server: its time does not count.
func BenchmarkForwardToTheWire(b *testing.B) {
	const subscribers = 200
	for _, test := range []struct {
		name             string
		packets, payload int
		cold             bool
	}{
		{"frames of 7", 7, 1010, false},
		{"frames of 7, cold", 7, 1010, true},
		{"keyframes of 45", 45, 1180, false},
		{"sound", 1, 160, false},
		{"sound, cold", 1, 160, true},
	} {
		b.Run(test.name, func(b *testing.B) {
			e, err := rtc.Listen(rtc.Config{Listen: "127.0.0.1:0", Shards: 1, Addresses: loopback})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { e.Close() })
			codec := media.VP8
			if test.packets == 1 {
				codec = media.Opus
			}
			tr := track.NewFromPackets(track.Info{Kind: codec.Kind(), Codec: codec}, nil)
			b.Cleanup(tr.Close)
			layer := tr.AddLayer("")
			var senders []*Sender
			var clients []*client
			var conns []*frozenConn
			for range subscribers {
				conn := freezingConn(b)
				c := newClientWith(b, e, circumstances{conn: conn})
				c.receives(webrtc.NewRTPCodecType(codec.Kind().String()))
				senders = append(senders, c.sends(tr))
				c.negotiate()
				clients, conns = append(clients, c), append(conns, conn)
			}
			for _, c := range clients {
				wait(b, c.up, "the connection")
			}
			for _, conn := range conns {
				conn.frozen.Store(true)
			}
			payload := append([]byte{0x90, 0xc0, 0x80, 1, 1, 0}, make([]byte, test.payload)...)
			seq, done := uint64(1<<16), make(posted, 1)
			frame := func() {
				now := media.Now()
				packets := make([]media.Packet, test.packets)
				for i := range packets {
					p := &packets[i]
					*p = media.Packet{Seq: seq, Timestamp: uint32(ticks(now, 90000)), Arrival: now, Payload: payload, SSRC: 1}
					rtpfmt.Parse(codec, p)
					p.Start, p.Keyframe = i == 0, i == 0 && seq == 1<<16
					seq++
					layer.Write(p)
				}
				layer.Flush()
				e.Shards()[0].Post(done)
				<-done
			}
			frame()
			other := new(otherWork)
			var elapsed, cpu time.Duration
			before := sentBy(senders)
			b.ReportAllocs()
			for b.Loop() {
				if test.cold {
					other.run()
				}
				began, used := time.Now(), processTime()
				frame()
				cpu += processTime() - used
				elapsed += time.Since(began)
			}
			packets := float64(sentBy(senders) - before)
			b.ReportMetric(float64(elapsed.Nanoseconds())/packets, "ns/packet")
			b.ReportMetric(float64(cpu.Nanoseconds())/packets, "cpu-ns/packet")
			if want := float64(b.N * test.packets * subscribers); packets != want {
				b.Errorf("%v packets were sent, want %v", packets, want)
			}
		})
	}
}

// otherWork takes a core's own caches from whatever used them before.
type otherWork struct{ memory [8 << 20]byte }

func (o *otherWork) run() {
	for i := 0; i < len(o.memory); i += 64 {
		o.memory[i]++
	}
}

// posted is work that tells when everything posted before it is done.
type posted chan struct{}

func (p posted) Run(*rtc.Tx) { p <- struct{}{} }

func sentBy(senders []*Sender) (packets uint64) {
	for _, s := range senders {
		packets += s.Stats().Packets
	}
	return packets
}

// processTime is user and system time.
func processTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// frozenConn is a socket that can stop reading.
type frozenConn struct {
	net.PacketConn
	frozen atomic.Bool
	closed chan struct{}
}

func freezingConn(t testing.TB) *frozenConn {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	c := &frozenConn{PacketConn: conn, closed: make(chan struct{})}
	t.Cleanup(func() { close(c.closed) })
	return c
}

func (c *frozenConn) ReadFrom(b []byte) (int, net.Addr, error) {
	if c.frozen.Load() {
		<-c.closed
		return 0, nil, net.ErrClosed
	}
	return c.PacketConn.ReadFrom(b)
}
