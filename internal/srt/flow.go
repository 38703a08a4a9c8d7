package srt

import (
	"encoding/binary"
	"errors"
	"io"
	"time"
)

const (
	ackEvery   = 10 * time.Millisecond // section 4.8.1
	nakAtLeast = 20 * time.Millisecond // section 4.8.2
	aliveEvery = time.Second
	silentFor  = 5 * time.Second
	// mostGaps are reported at once: as many as a packet takes.
	mostGaps = 170
	// timed is how many acknowledgements are remembered until they are answered: those of ten seconds.
	timed = 1024
)

var errSilent = errors.New("nothing comes any more")

// flow is what a connection does when packets come and as time passes. It has no socket and no clock: times count from when the connection began.
type flow struct {
	waiting
	clock
	keys    *keys // nil for none
	latency time.Duration
	peer    uint32 // the encoder's socket
	send    func([]byte)

	heard, said time.Duration // when something came and went last

	rtt, variance time.Duration
	measured      bool
	ack           uint32               // number of the last acknowledgement
	acked         uint32               // what it acknowledged
	ackedAt       [timed]time.Duration // by its number
	answered      bool
	nakAt         time.Duration // when gaps are reported again
}

// Until it is measured (section 4.10).
const usualRTT, usualVariance = 100 * time.Millisecond, 50 * time.Millisecond

func startFlow(first, timestamp uint32, now time.Duration) flow {
	return flow{
		waiting: startWaiting(first), clock: startClock(timestamp, now), heard: now, said: now,
		acked: first, answered: true, rtt: usualRTT, variance: usualVariance,
	}
}

// hear takes a packet, of which it keeps nothing. io.EOF is the encoder's end.
func (f *flow) hear(p packet, now time.Duration) error {
	f.heard = now
	if !p.isControl() {
		return f.hearData(p, now)
	}
	switch p.kind() {
	case kindAckAck:
		f.hearAnswer(p.specific(), now)
	case kindDrop:
		f.hearDrop(p.body())
	case kindShutdown:
		return io.EOF
	case kindUser:
		if p.subtype() == extKeys && f.keys != nil && f.keys.open(p.body(), now) == nil { // new ones; else the encoder asks again
			f.say(kindUser, extKeysAnswer, 0, now, p.body())
		}
	}
	return nil
}

func (f *flow) hearData(p packet, now time.Duration) error {
	if p.isRepeat() {
		f.counts.Repeated++
	}
	if p.isFilters() || (p.key() != 0) != (f.keys != nil) || !f.isNew(p.number()) {
		return nil
	}
	payload := append(make([]byte, 0, max(len(p)-headerSize, 1)), p.body()...)
	if f.keys != nil && !f.keys.decrypt(payload, p.key(), p.number()) {
		return nil
	}
	due := f.sent(p.timestamp(), p.isRepeat(), now) + f.latency
	gap, missing, err := f.take(p.number(), due, payload)
	if missing {
		f.report([]span{gap}, now)
		if f.nakAt <= now {
			f.nakAt = now + f.nakEvery()
		}
	}
	return err
}

// hearDrop is told what will not be sent again (section 3.2.9): the first number and the last.
func (f *flow) hearDrop(body []byte) {
	if len(body) < 8 {
		return
	}
	from, to := binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:])
	if from > lastNumber || to > lastNumber || ahead(to, from) < 0 {
		return
	}
	f.drop(from, to)
}

// hearAnswer measures how long an acknowledgement and its answer took.
func (f *flow) hearAnswer(n uint32, now time.Duration) {
	at := &f.ackedAt[n%timed]
	if f.ack-n >= timed || *at == 0 {
		return
	}
	took := now - *at
	*at = 0
	f.answered = f.answered || n == f.ack
	if !f.measured {
		f.measured, f.rtt, f.variance = true, took, took/2
		return
	}
	f.variance = (3*f.variance + (f.rtt - took).Abs()) / 4
	f.rtt = (7*f.rtt + took) / 8
}

func (f *flow) nakEvery() time.Duration { return max((f.rtt+4*f.variance)/2, nakAtLeast) }

// isIdle tells that nothing is to be done before aliveEvery has passed, unless something comes.
func (f *flow) isIdle() bool { return f.isEmpty() && f.acked == f.whole && f.answered }

// tick sends what is to be sent. It is called each ackEvery while the flow is not idle.
func (f *flow) tick(now time.Duration) error {
	if now-f.heard > silentFor {
		return errSilent
	}
	if f.acked != f.whole || !f.answered && now-f.said > f.rtt+4*f.variance {
		f.acknowledge(now)
	}
	if f.whole != f.end && now >= f.nakAt {
		f.report(f.missing(mostGaps), now)
		f.nakAt = now + f.nakEvery()
	}
	if now-f.said >= aliveEvery {
		f.say(kindKeepAlive, 0, 0, now, nil)
	}
	return nil
}

// acknowledge says how far everything has come (section 3.2.4). Rates are not measured: those who send live streams do not go by them.
func (f *flow) acknowledge(now time.Duration) {
	f.ack++
	f.acked, f.answered, f.ackedAt[f.ack%timed] = f.whole, false, now
	var body []byte
	for _, v := range []uint32{f.whole, uint32(f.rtt.Microseconds()), uint32(f.variance.Microseconds()), mostWaiting, 0, 0, 0} {
		body = binary.BigEndian.AppendUint32(body, v)
	}
	f.say(kindAck, 0, f.ack, now, body)
}

// report says what is missing (section 3.2.5).
func (f *flow) report(gaps []span, now time.Duration) {
	const isSpan = 1 << 31
	var body []byte
	for _, gap := range gaps {
		if gap.from != gap.to {
			body = binary.BigEndian.AppendUint32(body, gap.from|isSpan)
		}
		body = binary.BigEndian.AppendUint32(body, gap.to)
	}
	f.say(kindNak, 0, 0, now, body)
}

func (f *flow) sayShutdown(now time.Duration) { f.say(kindShutdown, 0, 0, now, make([]byte, 4)) }

func (f *flow) say(kind, subtype uint16, specific uint32, now time.Duration, body []byte) {
	f.said = now
	f.send(append(appendControl(make([]byte, 0, headerSize+len(body)), kind, subtype, specific, uint32(now.Microseconds()), f.peer), body...))
}
