package sfu

import (
	"time"

	"github.com/pion/rtcp"

	"github.com/tuttilive/tutti/internal/rtc"
)

// exit is the way out of the server as senders use it, an *rtc.Tx. It is valid during one piece of work.
type exit interface {
	Now() time.Duration
	Send(o *rtc.Outbound, packets []rtc.Packet)
	SendReport(o *rtc.Outbound, ntp uint64, timestamp uint32)
}

// queue is where a shard's work waits, an *rtc.Shard.
type queue interface {
	Post(w rtc.Work)
	PostLater(w rtc.Work)
}

// publisher is the way back to the remote that sends a stream, an *rtc.Stream.
type publisher interface {
	RTT() time.Duration
	SendRTCP(packets ...rtcp.Packet)
}

// remote is the publisher of a real stream.
type remote struct{ *rtc.Stream }

// RTT is the round-trip time to the publisher, 0 while unknown.
func (r remote) RTT() time.Duration { return r.Inbound.Peer().RTT() }

// subscriber is the peer that a sender sends to, an *rtc.Peer.
type subscriber interface {
	Home() *rtc.Shard
	RTT() time.Duration
	RemoveOutbound(o *rtc.Outbound)
}
