//go:build linux && (amd64 || arm64)

package rtc

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"
)

// opened is a socket and a way to it.
func opened(t *testing.T) (*socket, *net.UDPConn) {
	t.Helper()
	s, err := listenOne("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.local))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return s, conn
}

// Each datagram arrives whatever the distance to the one before: the gate changes between the socket and the clock
// without losing an opening.
func TestAGateOpensForEach(t *testing.T) {
	const all = 600
	s, conn := opened(t)
	arrived := make(chan uint32, all)
	var r *receiver
	r = s.receiver(func(n int) {
		for i := range n {
			b, _ := r.datagram(i)
			arrived <- binary.BigEndian.Uint32(b)
		}
	})
	ended := make(chan error, 1)
	go func() {
		for {
			if err := r.read(); err != nil {
				ended <- err
				return
			}
		}
	}()
	random := rand.New(rand.NewPCG(1, 2))
	next := func(i uint32) {
		t.Helper()
		select {
		case got := <-arrived:
			if got != i {
				t.Fatalf("datagram %d came for %d", got, i)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("datagram %d waits behind a closed gate", i)
		}
	}
	var b [4]byte
	for i := range uint32(all) {
		binary.BigEndian.PutUint32(b[:], i)
		if _, err := conn.Write(b[:]); err != nil {
			t.Fatal(err)
		}
		if i%3 > 0 {
			next(i - 1)
		}
		if i%3 == 2 {
			next(i) // nothing is on its way now
			time.Sleep(time.Duration(random.Int64N(int64(2 * gathering / 5))))
		}
	}
	s.interrupt()
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("an interrupted reader ends with %v", err)
	}
}

// What comes in close succession is taken in batches, one for each time of gathering.
func TestAGateGathers(t *testing.T) {
	s, conn := opened(t)
	batches, datagrams := 0, 0
	r := s.receiver(func(n int) { batches, datagrams = batches+1, datagrams+n })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for r.read() == nil {
		}
	}()
	const each = gathering / 20
	start := time.Now()
	sent := 0
	for time.Since(start) < 200*time.Millisecond {
		if _, err := conn.Write([]byte("datagram")); err != nil {
			t.Fatal(err)
		}
		sent++
		for next := time.Now().Add(each); time.Now().Before(next); {
		}
	}
	took := time.Since(start)
	time.Sleep(2 * gathering)
	s.interrupt()
	<-ended
	if datagrams != sent {
		t.Errorf("%d of %d datagrams", datagrams, sent)
	}
	// One for each time, those that were full, and what the change to the clock takes.
	if most := int(took/gathering) + datagrams/batchSize + 10; batches > most {
		t.Errorf("%d batches in %v, %d would be enough", batches, took, most)
	}
}

// What comes just as a gate goes back from the clock to the socket opens it, too.
func TestAGateMissesNothingAsItGoesBack(t *testing.T) {
	s, conn := opened(t)
	datagrams := 0
	r := s.receiver(func(n int) { datagrams += n })
	sent := 0
	send := func() {
		if _, err := conn.Write([]byte("datagram")); err != nil {
			t.Error(err)
		}
		sent++
	}
	send()
	send()
	done := make(chan error, 1)
	rounds := 0
	go func() {
		done <- s.gate.wait(func() (int, error) {
			wasTimed := s.gate.timed
			n, err := r.batch()
			switch {
			case err != nil:
				return n, err
			case n > 0 && rounds < 20:
				// Another soon, so that the clock opens the gate, and once more.
				if !wasTimed {
					send()
				}
			case n == 0 && wasTimed && rounds < 20:
				rounds++
				send() // after reading, and before the socket opens the gate again
			}
			if rounds == 20 && datagrams == sent {
				return batchSize, nil // the end
			}
			return n, err
		})
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("%d of %d datagrams came, %d times back from the clock", datagrams, sent, rounds)
	}
}
