package rtcload

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/pion/dtls/v3/pkg/crypto/fingerprint"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"

	"github.com/tuttilive/tutti/internal/bench"
)

// Plan is what to measure.
type Plan struct {
	Subscribers int
	// Bitrate of the picture in bit/s.
	Bitrate  int
	Duration time.Duration
	// Core that the server is pinned to, -1 for none.
	Core int
}

// Result is what came out.
type Result struct {
	Subscribers int
	Seconds     float64
	Packets     uint64
	Mbit        float64
	CPU         time.Duration
	// MemoryEach is the slope of memory over subscribers, in bytes.
	MemoryEach        int64
	Memory            int64
	Lost, Stalls      uint64
	Ages, FirstFrames []time.Duration
	Floor             time.Duration
	FloorSize         int
	Undecryptable     uint64
}

var shares = []float64{0.5, 0.99}

// settle is how long the load runs before anything is measured.
const settle = 3 * time.Second

// Run measures a server.
func Run(ctx context.Context, server *bench.Server, plan Plan, progress func(string)) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	const room = "bench-rtc"
	r := Result{Subscribers: plan.Subscribers, FloorSize: 1200}
	p, err := publish(ctx, server.HTTP, room, plan.Bitrate)
	if err != nil {
		return r, err
	}
	go p.run(ctx)
	cert, print, err := certificate()
	if err != nil {
		return r, err
	}
	if err := waitLive(ctx, server.HTTP, room); err != nil {
		return r, err
	}

	var counters Counters
	var open []*transport
	defer func() {
		for _, t := range open {
			t.close()
		}
	}()
	connectTo := func(n int) error {
		for len(open) < n {
			dial, done := context.WithTimeout(ctx, 10*time.Second)
			t, _, err := subscribe(dial, server.HTTP, room, cert, print, &counters)
			done()
			if err != nil {
				return fmt.Errorf("subscriber %d: %w", len(open)+1, err)
			}
			open = append(open, t)
		}
		return pause(ctx, settle)
	}
	progress(fmt.Sprintf("connecting %d subscribers", plan.Subscribers))
	if err := connectTo(max(1, plan.Subscribers/4)); err != nil {
		return r, err
	}
	fewMemory, err := server.Memory()
	if err != nil {
		return r, err
	}
	few := len(open)
	if err := connectTo(plan.Subscribers); err != nil {
		return r, err
	}
	progress(fmt.Sprintf("measuring for %v", plan.Duration))
	counters.Age.Reset() // what came before began in the past: a subscriber starts at the last keyframe
	cpu0, err0 := server.CPU()
	packets0, bytes0, lost0, stalls0, at0 := counters.Packets.Load(), counters.Bytes.Load(), counters.Lost.Load(), counters.Stalls.Load(), time.Now()
	if err := pause(ctx, plan.Duration); err != nil {
		return r, err
	}
	cpu1, err1 := server.CPU()
	memory, err2 := server.Memory()
	if err := errors.Join(err0, err1, err2); err != nil {
		return r, err
	}
	r.Seconds = time.Since(at0).Seconds()
	r.Packets = counters.Packets.Load() - packets0
	r.Mbit = float64(counters.Bytes.Load()-bytes0) * 8 / 1e6
	r.Lost, r.Stalls = counters.Lost.Load()-lost0, counters.Stalls.Load()-stalls0
	r.Undecryptable = counters.Undecryptable.Load()
	r.CPU, r.Memory = cpu1-cpu0, memory
	if len(open) > few {
		r.MemoryEach = (memory - fewMemory) / int64(len(open)-few)
	}
	r.Ages, r.FirstFrames = counters.Age.Percentiles(shares...), counters.FirstFrame.Percentiles(shares...)
	progress("measuring the floor")
	r.Floor, err = bench.UDPFloor(plan.Core, r.FloorSize)
	return r, err
}

// Print writes the result for people.
func (r Result) Print(w io.Writer) {
	perPacket := float64(r.CPU.Microseconds()) / float64(max(r.Packets, 1))
	floor := float64(r.Floor.Nanoseconds()) / 1000
	fmt.Fprintf(w, "subscribers        %d, %.0f packets/s and %.2f Mbit/s each\n", r.Subscribers,
		float64(r.Packets)/r.Seconds/float64(r.Subscribers), r.Mbit/r.Seconds/float64(r.Subscribers))
	fmt.Fprintf(w, "server CPU         %.0f %% of a core\n", 100*r.CPU.Seconds()/r.Seconds)
	fmt.Fprintf(w, "  per packet       %.2f us   (floor, one bare send of %d bytes: %.2f us; ratio %.2f)\n", perPacket, r.FloorSize, floor, perPacket/floor)
	fmt.Fprintf(w, "  per Mbit         %.0f us\n", float64(r.CPU.Microseconds())/r.Mbit)
	fmt.Fprintf(w, "memory             %.1f MB in all, %.0f KB a subscriber\n", float64(r.Memory)/1e6, float64(r.MemoryEach)/1e3)
	fmt.Fprintf(w, "lost               %d of %d packets, %d stalls over 300 ms, %d undecryptable\n", int64(r.Lost), r.Packets, r.Stalls, r.Undecryptable)
	fmt.Fprintf(w, "latency            p50 %v, p99 %v   (publisher to subscriber, same clock)\n", round(r.Ages[0]), round(r.Ages[1]))
	fmt.Fprintf(w, "first picture      p50 %v, p99 %v   (after the offer was sent)\n", round(r.FirstFrames[0]), round(r.FirstFrames[1]))
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// waitLive waits until the room is on the air.
func waitLive(ctx context.Context, address, room string) error {
	for {
		resp, err := http.Get("http://" + address + "/api/rooms/" + room + "/live")
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// certificate is one for all subscribers, so that making many does not slow the load down.
func certificate() (tls.Certificate, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, "", err
	}
	cert, err := selfsign.SelfSign(key)
	if err != nil {
		return tls.Certificate{}, "", err
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return tls.Certificate{}, "", err
	}
	print, err := fingerprint.Fingerprint(leaf, crypto.SHA256)
	return cert, print, err
}
