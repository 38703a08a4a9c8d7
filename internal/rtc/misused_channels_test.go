package rtc

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/sctp"
)

// lawless is a client that speaks SCTP by hand, within a proper DTLS session.
type lawless struct {
	*light
	a      *sctp.Association
	events []sctp.Event
	buffer [maxDatagram]byte
}

func newLawless(t *testing.T, e, client *Endpoint) *lawless {
	t.Helper()
	l := &lawless{light: newLight(t, e, lightOffer(client, dataSection), nil)}
	l.shake(client)
	l.a = sctp.New(sctp.Config{MTU: sctpMTU, MaxMessage: maxMessageSize, Window: receiveWindow, MaxStreams: 1 << 16, Random: randomNumber}, media.Now(), 0)
	l.until("association", func() bool { return l.has(func(e sctp.Event) bool { return e.Kind == sctp.Established }) })
	return l
}

func (l *lawless) has(match func(sctp.Event) bool) bool {
	for _, e := range l.events {
		if match(e) {
			return true
		}
	}
	return false
}

// until goes on until something has happened.
func (l *lawless) until(what string, happened func() bool) {
	l.t.Helper()
	for end := time.Now().Add(time.Minute); !happened(); {
		if time.Now().After(end) {
			l.t.Fatalf("no %s: %v", what, l.events)
		}
		if l.a.Deadline() <= media.Now() {
			l.a.Advance(media.Now())
		}
		packets, events := l.a.Take()
		for _, p := range packets {
			if _, err := l.session.Write(p); err != nil {
				l.t.Fatal(err)
			}
		}
		for _, e := range events {
			if e.Kind == sctp.Message {
				l.a.Consumed(1, len(e.Data), media.Now())
			}
		}
		l.events = append(l.events, events...)
		if len(packets)+len(events) > 0 {
			continue
		}
		_ = l.session.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		n, err := l.session.Read(l.buffer[:])
		var late net.Error
		if err != nil && !(errors.As(err, &late) && late.Timeout()) {
			l.t.Fatalf("no %s: %v, %v", what, err, l.events)
		}
		if n > 0 {
			l.a.Receive(l.buffer[:n], media.Now())
		}
	}
}

func (l *lawless) send(stream uint16, ppid uint32, data []byte) {
	l.t.Helper()
	if err := l.a.Send(stream, ppid, data, sctp.Reliability{}, media.Now()); err != nil {
		l.t.Fatal(err)
	}
}

// acked tells whether a channel was opened, ended whether the other side ended its stream.
func (l *lawless) acked(stream uint16) bool {
	return l.has(func(e sctp.Event) bool {
		return e.Kind == sctp.Message && e.Stream == stream && e.PPID == ppidControl && bytes.Equal(e.Data, []byte{channelAck})
	})
}

func (l *lawless) reset(stream uint16) bool {
	return l.has(func(e sctp.Event) bool { return e.Kind == sctp.Reset && e.Stream == stream })
}

// What opens channels, and what comes in them, against the rules (RFC 8832): the stream ends, or it means nothing, and the channel that was
// opened properly goes on.
func TestEveryKindOfChannelMessageMisused(t *testing.T) {
	e, client := testEndpoint(t), idleEndpoint(t)
	l := newLawless(t, e, client)
	proper := channelOpening{label: "_reliable"}.marshal()
	open := func(stream uint16) {
		l.send(stream, ppidControl, proper)
		l.until("channel", func() bool { return l.acked(stream) })
	}
	open(0)
	lives := func(after string) {
		t.Helper()
		l.send(0, ppidBinary, []byte("still here"))
		stream := uint16(1000)
		for l.acked(stream) || l.reset(stream) {
			stream += 2
		}
		open(stream)
		if l.reset(0) || !l.peer.Connected() {
			t.Fatalf("%s: the channel that was there has ended", after)
		}
		l.a.CloseStream(stream, media.Now())
		l.until("end of a stream", func() bool { return l.reset(stream) })
	}
	stream := uint16(2)
	for name, message := range map[string][]byte{
		"an opening that is cut": proper[:openHeader-1], "a label that is not there": proper[:len(proper)-1], "a long label": channelOpening{label: strings.Repeat("x", maxLabel+1)}.marshal(),
		"a kind that nobody knows": append([]byte{channelOpen, 0x7f}, proper[2:]...), "an acknowledgement of nothing": {channelAck}, "a message that nobody knows": {9, 9, 9},
	} {
		l.send(stream, ppidControl, message)
		l.until("end of a stream after "+name, func() bool { return l.reset(stream) })
		if l.acked(stream) {
			t.Errorf("%s opens a channel", name)
		}
		lives(name)
		stream += 2
	}
	l.send(1, ppidControl, proper) // a stream that is ours to open
	l.until("end of our stream", func() bool { return l.reset(1) })
	for range 100 {
		l.send(0, ppidControl, proper)             // again
		l.send(0, ppidControl, []byte{channelAck}) // of what we opened
		l.send(0, ppidControl, []byte{0})
		l.send(0, 12345, []byte("of an unknown kind"))
		l.send(0, ppidEmptyText, []byte{0})
		l.send(500, ppidText, []byte("in a stream that was never opened"))
	}
	lives("messages that mean nothing")
	for id := uint16(3000); id < 3000+4*maxChannels; id += 2 {
		l.send(id, ppidControl, proper)
	}
	// Those that are too many end; those beyond twice as many, whose streams nobody keeps, get no answer.
	opened, refused := 0, 0
	l.until("channels and their refusal", func() bool {
		opened, refused = 0, 0
		for id := uint16(3000); id < 3000+4*maxChannels; id += 2 {
			if l.acked(id) {
				opened++
			} else if l.reset(id) {
				refused++
			}
		}
		return opened >= maxChannels-1 && refused > 0
	})
	if opened > maxChannels-1 {
		t.Errorf("%d channels beside the first are opened", opened)
	}
	if l.reset(0) {
		t.Error("too many channels end the one that was there")
	}
}

// Records of each type, epoch and length, at each time: they prove nothing, so they end nothing, and the session goes on (RFC 6347, section 4.1.2.7).
func TestEveryKindOfRecordMisused(t *testing.T) {
	e, client := testEndpoint(t), idleEndpoint(t)
	c := newLight(t, e, lightOffer(client, audioSection("recvonly"), dataSection), nil)
	storm := func() {
		for kind := byte(20); kind < 64; kind++ {
			for _, epoch := range []byte{0, 1, 2, 0xff} {
				for _, size := range []int{0, 1, 2, 12, 25, 40, 200} {
					for _, version := range []byte{253, 255, 0} {
						b := append([]byte{kind, 254, version, 0, epoch, 0, 0, 0, 0, 7, 7, byte(size >> 8), byte(size)}, bytes.Repeat([]byte{1}, size)...)
						c.write(b)
						c.write(b[:len(b)/2])
					}
				}
			}
			time.Sleep(time.Millisecond) // or the kernel drops most of them
		}
	}
	c.shake(client)
	storm()
	a := &lawless{light: c, a: sctp.New(sctp.Config{MTU: sctpMTU, MaxMessage: maxMessageSize, Window: receiveWindow, MaxStreams: 16, Random: randomNumber}, media.Now(), 0)}
	a.until("association after the storm", func() bool { return a.has(func(e sctp.Event) bool { return e.Kind == sctp.Established }) })
	storm()
	a.send(0, ppidControl, channelOpening{label: "_reliable"}.marshal())
	a.until("channel", func() bool { return a.acked(0) })
	select {
	case err := <-c.events.closed:
		t.Errorf("closed because of %v", err)
	default:
	}
}
