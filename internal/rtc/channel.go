package rtc

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/pion/datachannel"
	"github.com/pion/sctp"
)

const (
	sctpPort = 5000
	// maxChannels bounds the data channels of one peer.
	maxChannels = 64
	// maxBuffered is how many bytes may wait to be sent on one channel.
	maxBuffered = 1 << 20
	// receiveWindow bounds what SCTP keeps for us, for all channels of a peer.
	receiveWindow = 512 << 10
	maxLabel      = 1024
)

// ErrBuffered tells that a data channel's remote does not keep up.
var ErrBuffered = errors.New("rtc: data channel has too much waiting already")

// channels are a peer's data channels and the SCTP association that carries them.
type channels struct {
	peer *Peer

	mu      sync.Mutex
	started bool
	closed  bool
	client  bool // of DTLS: it opens even streams (RFC 8832, section 6)
	sctp    *sctp.Association
	open    map[uint16]*DataChannel
	waiting []channelRequest // opened before there is an association
}

type channelRequest struct {
	label          string
	ordered        bool
	maxRetransmits *uint16
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

// start runs the association on a DTLS session.
func (c *channels) start(session net.Conn, client bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started || c.closed {
		return
	}
	c.started, c.client = true, client
	c.peer.endpoint.tasks.Go(func() { c.run(session) })
}

// run lives as long as the association does.
func (c *channels) run(session net.Conn) {
	association, err := sctp.ClientWithOptions(
		sctp.WithNetConn(session), sctp.WithLoggerFactory(quiet{}), sctp.WithMaxReceiveBufferSize(receiveWindow),
		sctp.WithMaxMessageSize(maxMessageSize), sctp.WithMTU(dtlsMTU-64), sctp.WithEnableZeroChecksum(true))
	if err != nil {
		c.peer.closeWith(fmt.Errorf("%w: SCTP: %w", ErrRemoteClosed, err))
		return
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		association.Abort("closed")
		return
	}
	c.sctp = association
	waiting := c.waiting
	c.waiting = nil
	c.mu.Unlock()
	for _, r := range waiting {
		if err := c.dial(r); err != nil {
			c.peer.log.Warn("cannot open data channel", "label", r.label, "error", err)
		}
	}
	for {
		stream, err := association.AcceptStream()
		if err != nil {
			break
		}
		c.peer.endpoint.tasks.Go(func() { c.accept(stream) })
	}
	// The association ends with the DTLS session: by our Close, or because the remote is gone.
	c.peer.closeWith(ErrRemoteClosed)
}

// OpenDataChannel opens a channel from our side (RFC 8832). The handler hears of it when it is open. A label has at
// most 1024 bytes; maxRetransmits nil means reliable.
func (p *Peer) OpenDataChannel(label string, ordered bool, maxRetransmits *uint16) error {
	c := &p.channels
	if len(label) > maxLabel {
		return fmt.Errorf("rtc: data channel label of %d bytes, at most %d", len(label), maxLabel)
	}
	r := channelRequest{label, ordered, maxRetransmits}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return ErrClosed
	}
	if c.sctp == nil {
		defer c.mu.Unlock()
		if len(c.waiting) >= maxChannels {
			return fmt.Errorf("rtc: more than %d data channels", maxChannels)
		}
		c.waiting = append(c.waiting, r)
		return nil
	}
	c.mu.Unlock()
	return c.dial(r)
}

func (r *channelRequest) config() *datachannel.Config {
	cfg := &datachannel.Config{Label: r.label, LoggerFactory: quiet{}, ChannelType: datachannel.ChannelTypeReliable}
	if r.maxRetransmits != nil {
		cfg.ChannelType = datachannel.ChannelTypePartialReliableRexmit
		cfg.ReliabilityParameter = uint32(*r.maxRetransmits)
	}
	if !r.ordered {
		cfg.ChannelType |= 0x80
	}
	return cfg
}

// dial opens a channel on a free stream of our parity.
func (c *channels) dial(r channelRequest) error {
	d := &DataChannel{channels: c, label: r.label, ordered: r.ordered, ended: make(chan struct{}), heard: make(chan struct{})}
	c.mu.Lock()
	id := uint16(1)
	if c.client {
		id = 0
	}
	for c.open[id] != nil {
		id += 2
	}
	if !c.reserve(id, d) {
		c.mu.Unlock()
		return fmt.Errorf("rtc: more than %d data channels", maxChannels)
	}
	association := c.sctp
	c.mu.Unlock()
	channel, err := datachannel.Dial(association, id, r.config())
	if err != nil {
		c.forget(d)
		return fmt.Errorf("rtc: open data channel %q: %w", r.label, err)
	}
	d.set(channel)
	channel.OnOpen(func() { c.peer.events.post(func() { c.peer.cfg.Handler.DataChannel(d) }) })
	c.peer.endpoint.tasks.Go(func() { d.read(channel) })
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

func (c *channels) forget(d *DataChannel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[d.id] == d {
		delete(c.open, d.id)
	}
}

// accept takes a stream that the remote has opened.
func (c *channels) accept(stream *sctp.Stream) {
	stream.SetDefaultPayloadType(sctp.PayloadTypeWebRTCBinary)
	channel, err := datachannel.Server(stream, &datachannel.Config{LoggerFactory: quiet{}})
	if err != nil {
		stream.Close()
		return
	}
	d := &DataChannel{
		channels: c, label: channel.Label, ordered: channel.ChannelType&0x80 == 0, ended: make(chan struct{}), heard: make(chan struct{}),
	}
	c.mu.Lock()
	ok := c.open[stream.StreamIdentifier()] == nil && c.reserve(stream.StreamIdentifier(), d)
	c.mu.Unlock()
	if !ok {
		channel.Close()
		return
	}
	d.set(channel)
	c.peer.events.post(func() { c.peer.cfg.Handler.DataChannel(d) })
	d.read(channel)
}

// close ends all channels.
func (c *channels) close() {
	c.mu.Lock()
	c.closed = true
	association := c.sctp
	open := make([]*DataChannel, 0, len(c.open))
	for _, d := range c.open {
		open = append(open, d)
	}
	c.waiting = nil
	c.mu.Unlock()
	if association != nil {
		association.Abort("closed")
	}
	for _, d := range open {
		d.end()
	}
}

// DataChannel is an open SCTP stream (RFC 8831). It ends with its peer, or by Close on either side.
type DataChannel struct {
	channels *channels
	id       uint16
	label    string
	ordered  bool

	mu        sync.Mutex
	channel   *datachannel.DataChannel
	onMessage func([]byte, bool)
	onClose   func()
	closed    bool
	heard     chan struct{} // closed when somebody listens
	ended     chan struct{} // closed at the end
}

func (d *DataChannel) Label() string { return d.label }
func (d *DataChannel) Ordered() bool { return d.ordered }

func (d *DataChannel) set(channel *datachannel.DataChannel) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.channel = channel
}

// OnMessage sets who gets messages, from a goroutine of the channel's own; those that came before are kept for it: the
// remote waits when there are too many. The function owns the data. It may be set once.
func (d *DataChannel) OnMessage(f func(data []byte, text bool)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.onMessage == nil && f != nil {
		d.onMessage = f
		close(d.heard)
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

// read gives messages to whoever listens until the channel ends. It waits with room for a byte, which the remote's consent to the
// channel takes: that a message is too long for it tells that there is one.
func (d *DataChannel) read(channel *datachannel.DataChannel) {
	defer d.end()
	var short [1]byte
	buffer := short[:]
	for {
		n, text, err := channel.ReadDataChannel(buffer)
		if errors.Is(err, io.ErrShortBuffer) && len(buffer) < maxMessageSize {
			buffer = make([]byte, min(max(2048, 4*len(buffer)), maxMessageSize))
			continue
		}
		if err != nil {
			return
		}
		select {
		case <-d.heard:
		case <-d.ended:
			return
		}
		d.onMessage(append([]byte(nil), buffer[:n]...), text)
		buffer = short[:]
	}
}

// Send queues a message. It is an error when more than 1 MiB waits already: the message is dropped.
func (d *DataChannel) Send(data []byte, text bool) error {
	d.mu.Lock()
	channel, closed := d.channel, d.closed
	d.mu.Unlock()
	if closed || channel == nil {
		return fmt.Errorf("rtc: send on data channel %q: %w", d.label, ErrClosed)
	}
	if len(data) > maxMessageSize {
		return fmt.Errorf("rtc: message of %d bytes, at most %d", len(data), maxMessageSize)
	}
	if channel.BufferedAmount()+uint64(len(data)) > maxBuffered {
		return ErrBuffered
	}
	if _, err := channel.WriteDataChannel(data, text); err != nil {
		return fmt.Errorf("rtc: send on data channel %q: %w", d.label, err)
	}
	return nil
}

// Buffered is how many bytes wait to be sent.
func (d *DataChannel) Buffered() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.channel == nil {
		return 0
	}
	return int(d.channel.BufferedAmount())
}

// Close ends the channel.
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
	channel, f := d.channel, d.onClose
	d.mu.Unlock()
	close(d.ended)
	if channel != nil {
		channel.Close()
	}
	d.channels.forget(d)
	if f != nil {
		f()
	}
}
