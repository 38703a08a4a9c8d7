package rtc

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/srtp"
)

// benchPayload is a usual size of a video packet.
const benchPayload = 1200

var benchProfiles = map[string]srtp.Profile{"GCM": srtp.AEADAES128GCM, "CM": srtp.AES128CMHMACSHA180}

// processor measures the processor time of a benchmark, which other work on the machine disturbs less than the clock.
// Call it where the clock starts, and what it gives at the end.
func processor(b *testing.B) func() {
	used := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/packet") }
}

// swallow is a socket that receives nothing of what comes: its buffer is full at once, so that a benchmark measures
// sending and not a reader.
func swallow(b *testing.B) netip.AddrPort {
	b.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	_ = conn.SetReadBuffer(4096)
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// sendingPeer is a peer with an outbound that can send to an address.
func sendingPeer(b *testing.B, e *Endpoint, profile srtp.Profile, to netip.AddrPort) *Outbound {
	b.Helper()
	p := testPeer(b, e)
	seal, _, err := srtp.Split(profile, make([]byte, profile.MaterialSize()), false)
	if err != nil {
		b.Fatal(err)
	}
	p.seal.Store(seal)
	p.home.Store(e.shards[0])
	p.remote.Store(e.shards[0].socket.destination(to))
	o := addOutbound(b, p, media.VP8, nil)
	o.format.Store(newSendFormat(media.VP8, 96, 97, o.ssrc, o.rtx, "0", &[extensionCount]uint8{extMid: 1}))
	return o
}

// BenchmarkSend is the whole way of a packet out: header, encryption and system call, for trains of several lengths.
func BenchmarkSend(b *testing.B) {
	for name, profile := range benchProfiles {
		for _, length := range []int{1, 2, 8, 48} {
			b.Run(fmt.Sprintf("%s/train=%d", name, length), func(b *testing.B) {
				e := idleEndpoint(b)
				o := sendingPeer(b, e, profile, swallow(b))
				tx := newTx(e.shards[0])
				packets := make([]Packet, length)
				payload := make([]byte, benchPayload)
				seq := uint16(0)
				defer processor(b)()
				for n := 0; n < b.N; n += length {
					for i := range packets {
						seq++
						packets[i] = Packet{Seq: seq, Payload: payload}
					}
					tx.Send(o, packets)
					tx.flush()
				}
			})
		}
	}
}

// BenchmarkSendToMany sends one packet each to many peers in one work, as sound goes out.
func BenchmarkSendToMany(b *testing.B) {
	for name, profile := range benchProfiles {
		b.Run(name, func(b *testing.B) {
			e := idleEndpoint(b)
			outs := make([]*Outbound, 64)
			for i := range outs {
				outs[i] = sendingPeer(b, e, profile, swallow(b))
			}
			tx := newTx(e.shards[0])
			packets := []Packet{{Payload: make([]byte, 120)}}
			defer processor(b)()
			for n := 0; n < b.N; n += len(outs) {
				packets[0].Seq++
				for _, o := range outs {
					tx.Send(o, packets)
				}
				tx.flush()
			}
		})
	}
}

// BenchmarkSendFloor is what the kernel takes for the same datagrams, unencrypted.
func BenchmarkSendFloor(b *testing.B) {
	b.Run("plain", func(b *testing.B) {
		e := idleEndpoint(b)
		to, payload := swallow(b), make([]byte, benchPayload+36)
		defer processor(b)()
		for range b.N {
			e.shards[0].socket.writeTo(payload, to)
		}
	})
	for _, length := range []int{1, 2, 8, 48} {
		b.Run(fmt.Sprintf("train=%d", length), func(b *testing.B) {
			e := idleEndpoint(b)
			to := e.shards[0].socket.destination(swallow(b))
			t := newTrain(e.shards[0].socket, &e.shards[0].counts)
			defer processor(b)()
			for n := 0; n < b.N; n += length {
				for range length {
					t.room()
					t.add(to, benchPayload+36)
				}
				t.flush()
			}
		})
	}
}

// BenchmarkReceive is the way of a packet in, from the read buffer to the sink, without the system call.
func BenchmarkReceive(b *testing.B) {
	e := idleEndpoint(b)
	p, remote := receivingPeer(b, e)
	p.home.Store(e.shards[0])
	sink := countSink{new(count)}
	p.Inbounds()[0].Receive(func(*Stream) Sink { return sink })
	r := strayReader(e)
	from := netip.MustParseAddrPort("127.0.0.1:5000")
	r.paths[keyOf(from)] = &path{peer: p, addr: from, shard: e.shards[0]}
	const window = 1 << 14
	packets := make([][]byte, window)
	payload := make([]byte, benchPayload)
	for i := range packets {
		packets[i] = sealed(b, remote, 1, 96, uint16(i), "q", payload)
	}
	done := processor(b)
	for i := range b.N {
		if i%window == 0 {
			// The same packets again: forget that they have come.
			b.StopTimer()
			clear(p.rx.sources)
			p.rx.last = nil
			b.StartTimer()
		}
		r.datagram(packets[i%window], from)
		if i%batchSize == 0 {
			r.flush()
		}
	}
	done()
	if sink.packets < b.N {
		b.Fatalf("%d of %d packets reached the sink", sink.packets, b.N)
	}
}
