package rtc

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/rtc/sctp"
)

// maxBuffered is how many bytes may wait to be sent on one channel.
const maxBuffered = 1 << 20

// ErrBuffered tells that a data channel's remote does not keep up.
var ErrBuffered = errors.New("rtc: data channel has too much waiting already")

// DataChannel is an open SCTP stream (RFC 8831). It ends with its peer, or by Close on either side.
type DataChannel struct {
	channels *channels
	opening  channelOpening
	id       uint16
	opened   bool // guarded by the lock of channels

	mu        sync.Mutex
	inbox     []sctp.Event // messages that nobody has taken
	giving    bool         // there is a goroutine that gives them out
	onMessage func([]byte, bool)
	onClose   func()
	closed    bool
}

func newDataChannel(c *channels, o channelOpening) *DataChannel {
	return &DataChannel{channels: c, opening: o}
}

func (d *DataChannel) Label() string { return d.opening.label }
func (d *DataChannel) Ordered() bool { return !d.opening.reliability.Unordered }

// OnMessage sets who gets messages, one at a time, from a goroutine that may be held up: those that come meanwhile, or came before,
// are kept, and the remote waits when there are too many. The function owns the data. It may be set once.
func (d *DataChannel) OnMessage(f func(data []byte, text bool)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.onMessage == nil && f != nil {
		d.onMessage = f
		d.wake()
	}
}

// OnClose sets who hears that the channel has ended; at once if it has.
func (d *DataChannel) OnClose(f func()) {
	d.mu.Lock()
	d.onClose = f
	closed := d.closed
	d.mu.Unlock()
	if closed && f != nil {
		f()
	}
}

// push takes a message. It is false when nobody will have it.
func (d *DataChannel) push(e sctp.Event) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.inbox = append(d.inbox, e)
	d.wake()
	return true
}

// wake sees to it that messages are given out. The lock is held.
func (d *DataChannel) wake() {
	if d.onMessage != nil && len(d.inbox) > 0 && !d.giving && !d.closed {
		d.giving = true
		d.channels.peer.endpoint.tasks.Go(d.give)
	}
}

// give gives messages to whoever listens; it ends when there are none. What has been heard makes room for more.
func (d *DataChannel) give() {
	messages, bytes := 0, 0
	for {
		d.mu.Lock()
		if len(d.inbox) == 0 || d.closed {
			d.giving, d.inbox = false, nil
			d.mu.Unlock()
			if messages > 0 { // closed while these were heard
				d.channels.consumed(messages, bytes)
			}
			return
		}
		e := d.inbox[0]
		d.inbox[0] = sctp.Event{}
		d.inbox = d.inbox[1:]
		last := len(d.inbox) == 0
		d.mu.Unlock()
		messages++
		bytes += len(e.Data)
		data := e.Data
		if e.PPID == ppidEmptyText || e.PPID == ppidEmptyBinary {
			data = nil // SCTP has no empty messages: a byte stands for nothing (RFC 8831, section 6.6)
		}
		d.onMessage(data, e.PPID == ppidText || e.PPID == ppidEmptyText)
		if last || bytes >= receiveWindow/4 {
			d.channels.consumed(messages, bytes)
			messages, bytes = 0, 0
		}
	}
}

// Send queues a message, which must not be changed any more. It is an error when more than 1 MiB waits already: the message is dropped.
func (d *DataChannel) Send(data []byte, text bool) error {
	return d.sendAs(data, text, d.opening.reliability)
}

// SendWithin is Send for a message that is of no use later: it is dropped, without an error, when others hold it up for longer.
func (d *DataChannel) SendWithin(lifetime time.Duration, data []byte, text bool) error {
	rules := d.opening.reliability
	rules.Lifetime = lifetime
	return d.sendAs(data, text, rules)
}

func (d *DataChannel) sendAs(data []byte, text bool, rules sctp.Reliability) error {
	if len(data) > maxMessageSize {
		return fmt.Errorf("rtc: message of %d bytes, at most %d", len(data), maxMessageSize)
	}
	ppid := uint32(ppidBinary)
	if text {
		ppid = ppidText
	}
	if len(data) == 0 {
		ppid, data = ppidEmptyBinary, []byte{0}
		if text {
			ppid = ppidEmptyText
		}
	}
	err := d.channels.send(d, ppid, data, rules)
	if err != nil && !errors.Is(err, ErrBuffered) {
		return fmt.Errorf("rtc: send on data channel %q: %w", d.Label(), err)
	}
	return err
}

// Buffered is how many bytes the remote has not acknowledged.
func (d *DataChannel) Buffered() int {
	c := d.channels
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.association == nil {
		return 0
	}
	return c.association.Buffered(d.id)
}

// Close ends the channel. What was sent still arrives.
func (d *DataChannel) Close() error {
	d.end()
	return nil
}

func (d *DataChannel) end() {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return
	}
	d.closed = true
	f, unheard := d.onClose, d.inbox
	d.inbox = nil
	d.mu.Unlock()
	bytes := 0
	for _, e := range unheard {
		bytes += len(e.Data)
	}
	if len(unheard) > 0 {
		d.channels.consumed(len(unheard), bytes)
	}
	d.channels.forget(d)
	if f != nil {
		f()
	}
}
