package srt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// sender is the other half: it sends a number of packets a second, remembers them for the latency, and sends again what is reported.
type sender struct {
	first   uint32
	sent    map[uint32]time.Duration // those that are not acknowledged
	repeats int
}

// line carries packets both ways, late, and loses some.
type line struct {
	random *rand.Rand
	delay  time.Duration
	loss   float64
	jitter time.Duration
	queue  [2][]carried // to the flow, to the sender
}

type carried struct {
	at time.Duration
	b  []byte
}

const toFlow, toSender = 0, 1

func (l *line) carry(which int, b []byte, now time.Duration) {
	if l.random.Float64() < l.loss {
		return
	}
	late := l.delay
	if l.jitter > 0 {
		late += time.Duration(l.random.Int64N(int64(l.jitter)))
	}
	l.queue[which] = append(l.queue[which], carried{now + late, b})
}

func (l *line) arrived(which int, now time.Duration) (all [][]byte) {
	rest := l.queue[which][:0]
	for _, c := range l.queue[which] {
		if c.at <= now {
			all = append(all, c.b)
		} else {
			rest = append(rest, c)
		}
	}
	l.queue[which] = rest
	return all
}

func dataPacket(number, message uint32, at time.Duration, payload []byte) packet {
	b := binary.BigEndian.AppendUint32(nil, number)
	b = binary.BigEndian.AppendUint32(b, 0xc0000001|message)
	b = binary.BigEndian.AppendUint32(b, uint32(at.Microseconds()))
	return append(binary.BigEndian.AppendUint32(b, 1), payload...)
}

func (s *sender) hear(p packet, latency time.Duration, l *line, now time.Duration) {
	body := p.body()
	switch p.kind() {
	case kindAck:
		whole := binary.BigEndian.Uint32(body)
		for ; ahead(whole, s.first) > 0; s.first = after(s.first) {
			delete(s.sent, s.first)
		}
		l.carry(toFlow, appendControl(nil, kindAckAck, 0, p.specific(), 0, 1), now)
	case kindNak:
		for len(body) >= 4 {
			from := binary.BigEndian.Uint32(body)
			to := from
			if body = body[4:]; from>>31 != 0 {
				from &= lastNumber
				to = binary.BigEndian.Uint32(body)
				body = body[4:]
			}
			for n := from; ahead(n, to) <= 0; n = after(n) {
				if at, ok := s.sent[n]; ok && now-at < latency {
					s.repeats++
					l.carry(toFlow, dataPacket(n, 1<<26, at, payloadOf(n)), now)
				}
			}
		}
	}
}

func payloadOf(n uint32) []byte {
	return append(binary.BigEndian.AppendUint32(nil, n), make([]byte, 1312)...)
}

// TestHonestFeedsLoseNothing sends over lines that lose much in both directions. All of it arrives in order, in its time, within what a connection may hold.
func TestHonestFeedsLoseNothing(t *testing.T) {
	for name, c := range map[string]struct {
		mbit          float64
		latency       time.Duration
		loss          float64
		delay, jitter time.Duration
		first         uint32
	}{
		"much of everything":             {50, 8 * time.Second, .1, 50 * time.Millisecond, 5 * time.Millisecond, 7},
		"a long way, numbers that begin": {10, 4 * time.Second, .1, 150 * time.Millisecond, 0, lastNumber - 1000},
		"a short latency":                {5, 500 * time.Millisecond, .05, 10 * time.Millisecond, 2 * time.Millisecond, 0},
		"no loss, much reordering":       {20, time.Second, 0, 20 * time.Millisecond, 40 * time.Millisecond, 1 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			l := &line{random: rand.New(rand.NewPCG(1, 2)), delay: c.delay, jitter: c.jitter, loss: c.loss}
			s := &sender{first: c.first, sent: map[uint32]time.Duration{}}
			now := time.Duration(0)
			f := startFlow(c.first, 0, 0)
			f.latency, f.peer = c.latency, 2
			f.send = func(b []byte) { l.carry(toSender, b, now) }
			perSecond := c.mbit * 1e6 / 8 / 1316
			next, want, most := c.first, c.first, 0
			const forSo, step = 12 * time.Second, time.Millisecond
			for count := 0; now < forSo+2*c.latency; now += step {
				for ; now < forSo && float64(count) < perSecond*now.Seconds(); count++ {
					s.sent[next] = now
					l.carry(toFlow, dataPacket(next, 0, now, payloadOf(next)), now)
					next = after(next)
				}
				if now >= forSo && now%(100*time.Millisecond) == 0 { // else the last could be lost without anybody knowing
					l.carry(toFlow, dataPacket(next, 0, now, payloadOf(next)), now)
					s.sent[next] = now
					next = after(next)
				}
				for _, b := range l.arrived(toFlow, now) {
					if err := f.hear(b, now); err != nil {
						t.Fatalf("after %v: %v", now, err)
					}
				}
				if now%ackEvery == 0 {
					for {
						b, ok := f.deliver(now)
						if !ok {
							break
						}
						if got := binary.BigEndian.Uint32(b); got != want {
							t.Fatalf("after %v: %d comes where %d is next", now, got, want)
						}
						want = after(want)
					}
					if err := f.tick(now); err != nil {
						t.Fatal(err)
					}
				}
				for _, b := range l.arrived(toSender, now) {
					s.hear(b, c.latency, l, now)
				}
				most = max(most, f.size)
			}
			if f.counts.Dropped != 0 || f.counts.Lost != f.counts.Recovered || ahead(want, c.first) < int(perSecond*forSo.Seconds()) {
				t.Errorf("%d delivered of %+v", ahead(want, c.first), f.counts)
			}
			t.Logf("at most %d KB wait; %d repeats, %d of them in vain", most>>10, s.repeats, f.counts.Again)
		})
	}
}

// TestNobodyHoldsForLong: whatever a packet says of when it was sent, it waits for the latency and a second at most.
func TestNobodyHoldsForLong(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	f := startFlow(0, 0, 0)
	f.latency, f.send = time.Second, func([]byte) {}
	for i := range uint32(20_000) {
		now := time.Duration(i) * time.Millisecond
		if err := f.hear(dataPacket(i, 0, time.Duration(random.Uint32())*time.Microsecond, []byte("x")), now); err != nil {
			t.Fatal(err)
		}
		if due := f.at(i).due; due > now+f.latency+early {
			t.Fatalf("packet %d waits for %v", i, due-now)
		}
		for {
			if _, ok := f.deliver(now); !ok {
				break
			}
		}
		if n := ahead(f.end, f.next); n > 2001 {
			t.Fatalf("%d wait", n)
		}
	}
}

// TestWhoIsTooFarAheadIsEnded: nothing is kept for numbers that no feed of a rate that is taken has.
func TestWhoIsTooFarAheadIsEnded(t *testing.T) {
	f := startFlow(0, 0, 0)
	f.latency, f.send = time.Minute, func([]byte) {}
	if err := f.hear(dataPacket(1<<29, 0, 0, nil), 0); err != nil {
		t.Errorf("a pause in which much was sent ends it: %v", err)
	}
	if err := f.hear(dataPacket(1<<29+mostWaiting-1, 0, 0, nil), 0); err != nil {
		t.Error(err)
	}
	if err := f.hear(dataPacket(1<<29+mostWaiting, 0, 0, nil), 0); err != ErrFull {
		t.Errorf("it is held: %v", err)
	}
	if most := mostWaiting * 33; f.size > most {
		t.Errorf("%d bytes for two packets", f.size)
	}
}

// TestSilenceEnds, and keep-alives go out until then.
func TestSilenceEnds(t *testing.T) {
	f := startFlow(0, 0, 0)
	var kinds []uint16
	f.send = func(b []byte) { kinds = append(kinds, packet(b).kind()) }
	for now := time.Duration(0); ; now += 100 * time.Millisecond {
		if err := f.tick(now); err != nil {
			if now < silentFor || len(kinds) != 5 || kinds[0] != kindKeepAlive {
				t.Errorf("%v after %v, in which it said %v", err, now, kinds)
			}
			return
		}
		if now > time.Minute {
			t.Fatal("it lasts")
		}
	}
}

// TestRedundancyIsNoData: an encoder that is set to add some does so unasked, under the numbers of packets that may have been lost.
func TestRedundancyIsNoData(t *testing.T) {
	f := startFlow(0, 0, 0)
	f.send = func([]byte) {}
	redundant := dataPacket(0, 0, 0, []byte("redundant"))
	binary.BigEndian.PutUint32(redundant[4:], 0xc0000000)
	f.hear(redundant, 0)
	f.hear(dataPacket(0, 1<<26, 0, []byte("data")), 0)
	if got, _ := f.deliver(0); string(got) != "data" {
		t.Errorf("%q comes", got)
	}
}

func dropRequest(from, to uint32) packet {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(appendControl(nil, kindDrop, 0, 1, 0, 1), from), to)
}

// TestWhatAnEncoderLetsGoIsNotWaitedFor: it is not asked for any more, and taken if it comes nevertheless.
func TestWhatAnEncoderLetsGoIsNotWaitedFor(t *testing.T) {
	for _, first := range []uint32{0, lastNumber - 2} {
		now := time.Duration(0)
		f := startFlow(first, 0, 0)
		f.latency = time.Second
		var said []packet
		f.send = func(b []byte) { said = append(said, b) }
		n := func(i uint32) uint32 { return (first + i) & lastNumber }
		says := func(what string, packets ...packet) {
			t.Helper()
			for _, p := range packets {
				if err := f.hear(p, now); err != nil {
					t.Fatal(err)
				}
			}
			said, now = nil, now+usualRTT+4*usualVariance
			if err := f.tick(now); err != nil {
				t.Fatal(err)
			}
			var got string
			for _, p := range said {
				switch b := p.body(); p.kind() {
				case kindAck:
					got += fmt.Sprint("has all before ", ahead(binary.BigEndian.Uint32(b), first), ";")
				case kindNak:
					for got += "misses"; len(b) > 0; b = b[4:] {
						got += fmt.Sprint(" ", ahead(binary.BigEndian.Uint32(b)&lastNumber, first))
						if b[0]>>7 != 0 {
							got += " to"
						}
					}
					got += ";"
				}
			}
			if got != what {
				t.Errorf("it says %q, want %q", got, what)
			}
		}
		says("has all before 1;misses 1 to 4;", dataPacket(n(0), 0, 0, []byte{0}), dataPacket(n(5), 0, 0, []byte{5}))
		says("misses 1 to 4;", dropRequest(n(4), n(2)), dropRequest(n(0), 1<<31|n(4)), dropRequest(n(0), n(4))[:headerSize+7], dropRequest(n(0), n(0)), dropRequest(n(6), n(9)))
		says("misses 1 4;", dropRequest(n(2), n(3)))
		says("has all before 6;", dropRequest(n(1), n(1)), dropRequest(n(4), n(1<<29)))
		says("", dataPacket(n(2), 1<<26, 0, []byte{2}))
		var got []byte
		for {
			b, ok := f.deliver(time.Minute)
			if !ok {
				break
			}
			got = append(got, b...)
		}
		if want := (Counts{Received: 3, Bytes: 3, Lost: 4, Recovered: 1, Dropped: 3, Repeated: 1}); !bytes.Equal(got, []byte{0, 2, 5}) || f.counts != want {
			t.Errorf("%v comes, %+v", got, f.counts)
		}
		says("misses 6;", dataPacket(n(7), 0, 0, []byte{7}))
	}
}

// TestMuchIsLetGoInPieces: a packet costs little whatever it says, and said often enough it is all done.
func TestMuchIsLetGoInPieces(t *testing.T) {
	f := startFlow(0, 0, 0)
	f.send = func([]byte) {}
	const missing = 10 * mostLetGo
	f.hear(dataPacket(missing, 0, 0, nil), 0)
	for i := range 10 {
		if want := uint32(i * mostLetGo); f.whole != want {
			t.Errorf("after %d packets all before %d is done, want %d", i, f.whole, want)
		}
		f.hear(dropRequest(0, missing-1), 0)
	}
	if f.whole != missing+1 {
		t.Errorf("all before %d is done", f.whole)
	}
}

// TestALongWayIsMeasured, so that what is on its way over a satellite is not asked for again and again.
func TestALongWayIsMeasured(t *testing.T) {
	for _, takes := range []time.Duration{10 * time.Millisecond, 700 * time.Millisecond, 3 * time.Second} {
		f := startFlow(0, 0, 0)
		l := line{random: rand.New(rand.NewPCG(5, 6)), delay: takes}
		now := time.Duration(0)
		f.send = func(b []byte) { l.carry(toSender, b, now) }
		for i := uint32(0); now < 2*takes+5*time.Second; i, now = i+1, now+ackEvery {
			f.hear(dataPacket(i, 0, now, []byte("x")), now)
			f.deliver(now)
			f.tick(now)
			for _, b := range l.arrived(toSender, now) {
				if p := packet(b); p.kind() == kindAck {
					f.hear(appendControl(nil, kindAckAck, 0, p.specific(), 0, 1), now)
				}
			}
		}
		if (f.rtt - takes).Abs() > ackEvery {
			t.Errorf("%v are taken for %v", takes, f.rtt)
		}
	}
}

// TestClocksThatDrift: an encoder's clock that is off by some in a thousand neither eats up the latency nor lets more and more wait.
func TestClocksThatDrift(t *testing.T) {
	for _, off := range []float64{-.002, .002} {
		c := startClock(0, 0)
		for i := range 600_000 {
			now := time.Duration(i) * 10 * time.Millisecond
			theirs := time.Duration(float64(now) * (1 + off))
			jitter := time.Duration(i%7) * time.Millisecond
			if took := now + jitter - c.sent(uint32(theirs.Microseconds()), false, now+jitter); took < -50*time.Millisecond || took > 50*time.Millisecond {
				t.Fatalf("off by %v in a thousand: after %v a packet took %v", 1000*off, now, took)
			}
		}
	}
}

// TestTimestampsThatJump are believed after a while at most.
func TestTimestampsThatJump(t *testing.T) {
	for _, jump := range []time.Duration{-time.Hour, -time.Minute, time.Minute, 30 * time.Minute} {
		c := startClock(1<<31, 0)
		for i := range 3000 {
			now := time.Duration(i) * 10 * time.Millisecond
			theirs := now
			if i >= 1000 {
				theirs += jump
			}
			took := now - c.sent(1<<31+uint32(theirs.Microseconds()), false, now)
			if i >= 2100 && (took < -early || took > 50*time.Millisecond) {
				t.Fatalf("%v: %v after it a packet took %v", jump, now-10*time.Second, took)
			}
		}
	}
}

// BenchmarkWorstPackets is what a packet costs where most of what may wait waits: whatever its place, and with as many gaps as there can be.
func BenchmarkWorstPackets(b *testing.B) {
	for name, next := range map[string]func(i int) uint32{
		"in order":         func(i int) uint32 { return uint32(i) & lastNumber },
		"again":            func(i int) uint32 { return 1 },
		"in swapped pairs": func(i int) uint32 { return uint32(i^1) & lastNumber },
		"each second":      func(i int) uint32 { return uint32(2*i) & lastNumber },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			f := startFlow(0, 0, 0)
			f.latency, f.send = time.Second, func([]byte) {}
			const between = 25 * time.Microsecond // 40,000 a second
			p := dataPacket(0, 0, 0, make([]byte, 1316))
			for i := range b.N {
				now := time.Duration(i) * between
				binary.BigEndian.PutUint32(p, next(i))
				binary.BigEndian.PutUint32(p[8:], uint32(now.Microseconds()))
				if err := f.hear(p, now); err == ErrFull {
					f = startFlow(0, 0, 0)
					f.latency, f.send = time.Second, func([]byte) {}
				}
				if i%400 == 0 {
					for {
						if _, ok := f.deliver(now); !ok {
							break
						}
					}
					f.tick(now)
				}
			}
		})
	}
	b.Run("what is let go, after a gap", func(b *testing.B) {
		f := startFlow(0, 0, 0)
		f.send = func([]byte) {}
		f.hear(dataPacket(mostWaiting-1, 0, 0, nil), 0)
		for b.Loop() {
			f.hear(dropRequest(1, mostWaiting), 0)
		}
	})
}
