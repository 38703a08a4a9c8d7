package rtc

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/sctp"
)

const (
	sctpPort = 5000
	// sctpMTU leaves room for a DTLS record around a packet.
	sctpMTU = dtlsMTU - 64
	// maxChannels bounds the data channels of one peer.
	maxChannels = 64
	// receiveWindow bounds what SCTP keeps for us, for all channels of a peer.
	receiveWindow = 512 << 10
	maxLabel      = 1024
	// patience is how long the remote has for beginning the association. Nearly all do, and at once.
	patience = 300 * time.Millisecond
)

// errChannels tells that there are too many.
var errChannels = fmt.Errorf("rtc: more than %d data channels", maxChannels)

// channels are a peer's data channels and the SCTP association that carries them. It has no goroutine: the home reader brings what
// the remote sends, users bring what they send, and a timer exists once there was something to wait for.
type channels struct {
	peer *Peer

	mu          sync.Mutex
	closed      bool
	client      bool // of DTLS: it opens even streams (RFC 8832, section 6)
	records     *records
	association *sctp.Association // nil before there is a DTLS session
	up          bool
	open        map[uint16]*DataChannel
	waiting     []channelOpening // until the association is up
	timer       *time.Timer
	wakeAt      time.Duration // that the timer is set to
}

// negotiatedData starts SCTP if a section for it has been agreed on.
func (p *Peer) negotiatedData(sections []*section) {
	for _, s := range sections {
		if s.data() && !s.rejected {
			p.secure.needData()
			return
		}
	}
}

// start lets the association begin on a DTLS session.
func (c *channels) start(r *records, client bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.association != nil || c.closed {
		return
	}
	c.records, c.client = r, client
	c.association = sctp.New(sctp.Config{
		MTU: sctpMTU, MaxMessage: maxMessageSize, Window: receiveWindow, MaxStreams: 2 * maxChannels, Random: randomNumber,
	}, media.Now(), patience)
	c.wakeAt = sctp.Never
	c.arm(media.Now())
}

// receive takes an SCTP packet. It is valid during the call only.
func (c *channels) receive(packet []byte) {
	c.drive(func(a *sctp.Association, now time.Duration) { a.Receive(packet, now) })
}

// drive lets the association do something, and then does what came of it.
func (c *channels) drive(do func(a *sctp.Association, now time.Duration)) {
	c.mu.Lock()
	if c.association == nil || c.closed {
		c.mu.Unlock()
		return
	}
	now := media.Now()
	do(c.association, now)
	effects := c.settle(now)
	c.mu.Unlock()
	for _, effect := range effects {
		effect()
	}
}

// settle sends what the association wants to send, handles its events, and sets the timer. What it gives is to be called when the lock,
// which is held, is not any more.
func (c *channels) settle(now time.Duration) (effects []func()) {
	for {
		packets, events := c.association.Take()
		for _, packet := range packets {
			_ = c.peer.secure.sendRecord(c.records, recordData, packet) // as good as lost on the way
		}
		if len(events) == 0 {
			c.arm(now)
			return effects
		}
		for _, e := range events {
			if effect := c.hear(e, now); effect != nil {
				effects = append(effects, effect)
			}
		}
	}
}

// arm sets the timer. It is only moved forward: one that comes early costs a look.
func (c *channels) arm(now time.Duration) {
	at := c.association.Deadline()
	if at == sctp.Never || at >= c.wakeAt {
		return
	}
	c.wakeAt = at
	if c.timer == nil {
		c.timer = time.AfterFunc(at-now, c.wake)
	} else {
		c.timer.Reset(at - now)
	}
}

// wake is called by the timer.
func (c *channels) wake() {
	c.drive(func(a *sctp.Association, now time.Duration) {
		c.wakeAt = sctp.Never
		if now >= a.Deadline() {
			a.Advance(now)
		}
	})
}

// hear handles an event. The lock is held; what it gives is to be called without.
func (c *channels) hear(e sctp.Event, now time.Duration) (effect func()) {
	d := c.open[e.Stream]
	switch e.Kind {
	case sctp.Established:
		c.up = true
		for _, w := range c.waiting {
			if err := c.dial(w, now); err != nil {
				c.peer.log.Warn("cannot open data channel", "label", w.label, "error", err)
			}
		}
		c.waiting = nil
	case sctp.Message:
		if e.PPID == ppidControl {
			c.association.Consumed(1, len(e.Data), now)
			return c.control(e.Stream, e.Data, now)
		}
		if d == nil || !d.push(e) {
			c.association.Consumed(1, len(e.Data), now)
		}
	case sctp.Reset, sctp.Refused:
		if d != nil {
			return d.end
		}
		c.association.CloseStream(e.Stream, now)
	case sctp.Ended:
		c.peer.closeWith(ErrRemoteClosed)
	}
	return nil
}

// control handles a message of the protocol that opens channels.
func (c *channels) control(id uint16, message []byte, now time.Duration) (effect func()) {
	if d := c.open[id]; d != nil {
		if message[0] != channelAck || d.opened {
			return nil
		}
		d.opened = true
		return func() { c.peer.events.post(func() { c.peer.cfg.Handler.DataChannel(d) }) }
	}
	o, ok := parseOpening(message)
	if !ok || (id%2 == 0) == c.client {
		c.association.CloseStream(id, now)
		return nil
	}
	d := newDataChannel(c, o)
	if d.opened = c.reserve(id, d); !d.opened || c.association.Send(id, ppidControl, []byte{channelAck}, sctp.Reliability{}, now) != nil {
		delete(c.open, id)
		c.association.CloseStream(id, now)
		return nil
	}
	return func() { c.peer.events.post(func() { c.peer.cfg.Handler.DataChannel(d) }) }
}

// OpenDataChannel opens a channel from our side (RFC 8832). The handler hears of it when it is open. A label has at
// most 1024 bytes; maxRetransmits nil means reliable.
func (p *Peer) OpenDataChannel(label string, ordered bool, maxRetransmits *uint16) error {
	if len(label) > maxLabel {
		return fmt.Errorf("rtc: data channel label of %d bytes, at most %d", len(label), maxLabel)
	}
	o := channelOpening{label, sctp.Reliability{Unordered: !ordered}}
	if maxRetransmits != nil {
		o.reliability.Limited, o.reliability.Retransmissions = true, uint32(*maxRetransmits)
	}
	c := &p.channels
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return ErrClosed
	case !c.up && len(c.waiting) >= maxChannels:
		return errChannels
	case !c.up:
		c.waiting = append(c.waiting, o)
		return nil
	}
	now := media.Now()
	if err := c.dial(o, now); err != nil {
		return err
	}
	c.settle(now) // sending alone brings no events about
	return nil
}

// dial opens a channel on a free stream of our parity. The lock is held.
func (c *channels) dial(o channelOpening, now time.Duration) error {
	d := newDataChannel(c, o)
	id := uint16(1)
	if c.client {
		id = 0
	}
	for c.open[id] != nil || !c.association.Idle(id) {
		id += 2
	}
	if !c.reserve(id, d) {
		return errChannels
	}
	if err := c.association.Send(id, ppidControl, o.marshal(), sctp.Reliability{}, now); err != nil {
		delete(c.open, id)
		return fmt.Errorf("rtc: open data channel %q: %w", o.label, err)
	}
	return nil
}

// reserve takes a stream for a channel. The lock is held.
func (c *channels) reserve(id uint16, d *DataChannel) bool {
	if len(c.open) >= maxChannels || c.closed {
		return false
	}
	if c.open == nil {
		c.open = make(map[uint16]*DataChannel)
	}
	d.id = id
	c.open[id] = d
	return true
}

// forget takes a channel that has ended off the list, and lets its stream end.
func (c *channels) forget(d *DataChannel) {
	c.drive(func(a *sctp.Association, now time.Duration) {
		if c.open[d.id] == d {
			delete(c.open, d.id)
			a.CloseStream(d.id, now)
		}
	})
}

// consumed tells the association that messages are kept no more.
func (c *channels) consumed(messages, bytes int) {
	c.drive(func(a *sctp.Association, now time.Duration) { a.Consumed(messages, bytes, now) })
}

// send queues a message on a channel.
func (c *channels) send(d *DataChannel, ppid uint32, data []byte, rules sctp.Reliability) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.association == nil || c.open[d.id] != d {
		return ErrClosed
	}
	if c.association.Buffered(d.id)+len(data) > maxBuffered {
		return ErrBuffered
	}
	now := media.Now()
	err := c.association.Send(d.id, ppid, data, rules, now)
	if errors.Is(err, sctp.ErrEnded) {
		return ErrClosed
	}
	c.settle(now) // sending alone brings no events about
	return err
}

// close ends all channels.
func (c *channels) close() {
	c.mu.Lock()
	c.closed = true
	open := make([]*DataChannel, 0, len(c.open))
	for _, d := range c.open {
		open = append(open, d)
	}
	c.waiting = nil
	if c.association != nil {
		c.association.Abort()
		c.settle(media.Now())
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	for _, d := range open {
		d.end()
	}
}
