package sfu

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/remb"
	"github.com/tuttilive/tutti/internal/sfu/netsim"
)

// bounded is a publisher that does as REMB says, and grows by 8 % a second otherwise, over a simulated link.
type bounded struct {
	t    *testing.T
	now  time.Duration
	link *netsim.Link[framePacket]
	e    remb.Estimator
	rate float64
	told float64
	seq  int
}

type framePacket struct {
	timestamp uint32
	size      int
	sent      time.Duration
}

func (b *bounded) run(what string, d time.Duration, carries float64) (used float64, congested time.Duration) {
	b.t.Helper()
	bytes := 0
	var delays []time.Duration
	for end := b.now + d; b.now < end; b.now += ms {
		if b.now%(33*ms) == 0 {
			b.rate = min(b.rate*1.003, 4*mbit)
			if b.told > 0 {
				b.rate = min(b.rate, b.told)
			}
			b.seq++
			size := b.rate / 8 / 30
			if b.seq%300 == 1 {
				size *= 4 // a keyframe
			}
			for ; size > 0; size -= 1200 {
				b.link.Send(b.now, int(min(size, 1200)), framePacket{uint32(b.now / ms * 90), int(min(size, 1200)), b.now})
			}
		}
		for {
			p, at, ok := b.link.Receive(b.now)
			if !ok {
				break
			}
			bytes += p.size
			delays = append(delays, at-p.sent)
			b.e.Note(7, p.timestamp, 90000, p.size, at)
		}
		if b.link.Waiting(b.now) > 250*ms {
			congested += ms
		}
		if rate, ok := b.e.Due(b.now); ok {
			b.told = rate // the way back takes no time
		}
	}
	used = float64(bytes*8) / d.Seconds() / carries
	slices.Sort(delays)
	b.t.Logf("%-28s %4.1fs: %3.0f %% of %.1f Mbit/s, delay p95 %d ms, congested %d ms, bound %.2f", what, d.Seconds(), 100*used, carries/mbit, delays[len(delays)*95/100]/ms, congested/ms, b.told/mbit)
	return used, congested
}

func TestPublishersWithoutReportsAreBounded(t *testing.T) {
	for _, jitter := range []time.Duration{0, 40 * ms} {
		link := netsim.Config{Rate: 1.5 * mbit, Delay: 30 * ms, Jitter: jitter}
		b := &bounded{t: t, now: time.Second, link: netsim.New[framePacket](link, 3), rate: 0.3 * mbit}
		b.run("start", 30*time.Second, link.Rate)
		if used, congested := b.run("1.5 Mbit/s", 30*time.Second, link.Rate); used < 0.75 || congested > 500*ms {
			t.Errorf("%.0f %% used, a queue for %v", 100*used, congested)
		}
		link.Rate = 0.5 * mbit
		b.link.Change(link)
		b.run("0.5 Mbit/s, first", 3*time.Second, link.Rate)
		if used, congested := b.run("0.5 Mbit/s", 20*time.Second, link.Rate); used < 0.75 || congested > 500*ms {
			t.Errorf("%.0f %% used, a queue for %v", 100*used, congested)
		}
		link.Rate = 1.5 * mbit
		b.link.Change(link)
		b.run("1.5 Mbit/s again, first", 20*time.Second, link.Rate)
		if used, congested := b.run("1.5 Mbit/s again", 20*time.Second, link.Rate); used < 0.75 || congested > 500*ms {
			t.Errorf("%.0f %% used, a queue for %v", 100*used, congested)
		}
	}
}

// A pion client that knows nothing of transport-wide congestion control hears how much it may send.
func TestClientsWithoutTransportFeedbackHearOfTheirBound(t *testing.T) {
	e := listen(t)
	c := newClient(t, e)
	camera := c.publishes("")[0]
	c.connect()
	c.received(media.NoCodec)
	bounds := make(chan float32, 1)
	go func() {
		for {
			packets, _, err := camera.sender.ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range packets {
				if r, ok := p.(*rtcp.ReceiverEstimatedMaximumBitrate); ok && slices.Equal(r.SSRCs, []uint32{camera.ssrc}) {
					select {
					case bounds <- r.Bitrate:
					default:
					}
				}
			}
		}
	}()
	for _, encoding := range camera.sender.GetParameters().Encodings {
		camera.ssrc = uint32(encoding.SSRC)
	}
	go camera.run(t.Context(), 2, 33*ms)
	if bound := wait(t, bounds, "a bound"); bound < 100e3 {
		t.Errorf("the bound is %.0f bit/s", bound)
	}
}
