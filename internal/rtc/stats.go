package rtc

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/tally"
)

// Stats are an endpoint's figures; all but those of now are totals since the start.
type Stats struct {
	Shards []ShardStats
	// Peers are those that exist now by how they are reached: "udp", "tcp", "relay", or "none" while they are not.
	Peers map[string]int
	// Connected counts peers that came up, Ended those that ended, by why: "closed", "remote" (it said good-bye), "consent" (no
	// more checks), "ice" (there never was a valid check), "dtls" (the handshake failed) or "other".
	Connected uint64
	Ended     map[string]uint64
	// Connect is how many seconds it took from our first description until a peer was connected.
	Connect tally.Distribution
	TCP     TCPStats
}

// ShardStats are the figures of one shard. Packets are datagrams.
type ShardStats struct {
	ReceivedPackets, ReceivedBytes uint64
	SentPackets, SentBytes         uint64
	// Sends are messages given to the kernel, each of one packet or a run that it cuts up.
	Sends uint64
	// Dropped counts incoming packets that were not for anybody, by why.
	Dropped map[string]uint64
	// Reading and Sending are how long the two goroutines were at work.
	Reading, Sending time.Duration
}

// drop is why an incoming packet went nowhere.
type drop uint8

const (
	dropStranger  drop = iota // not from a validated address, or for no known user
	dropForged                // not authentic
	dropRepeated              // the same number again, or too old to tell
	dropUnrouted              // for no section that was negotiated, or not wanted
	dropForwarded             // too many waited for another shard
	dropCrowded               // of a source more than a peer may have
	dropCount
)

var dropNames = [dropCount]string{"stranger", "forged", "repeated", "unrouted", "forwarded", "crowded"}

// shardCounts are written by a shard's goroutines once for a batch, or where something is wrong, and read by anybody.
type shardCounts struct {
	receivedPackets, receivedBytes atomic.Uint64
	sentPackets, sentBytes, sends  atomic.Uint64
	reading, sending               atomic.Int64
	dropped                        [dropCount]atomic.Uint64
}

func (c *shardCounts) read() ShardStats {
	s := ShardStats{
		ReceivedPackets: c.receivedPackets.Load(), ReceivedBytes: c.receivedBytes.Load(),
		SentPackets: c.sentPackets.Load(), SentBytes: c.sentBytes.Load(), Sends: c.sends.Load(),
		Dropped: make(map[string]uint64, dropCount),
		Reading: time.Duration(c.reading.Load()), Sending: time.Duration(c.sending.Load()),
	}
	for why := range c.dropped {
		s.Dropped[dropNames[why]] = c.dropped[why].Load()
	}
	return s
}

// peerCounts are an endpoint's counts of peers.
type peerCounts struct {
	connected atomic.Uint64
	ended     tally.Reasons
	connect   *tally.Histogram
}

// newConnectHistogram reaches from a local network to the time after which a client has given up.
func newConnectHistogram() *tally.Histogram {
	return tally.NewHistogram(.025, .05, .1, .2, .35, .5, .75, 1, 1.5, 2, 3, 5, 10, 20)
}

// Stats gives the figures.
func (e *Endpoint) Stats() Stats {
	s := Stats{
		Connected: e.counts.connected.Load(), Ended: e.counts.ended.Read(), Connect: e.counts.connect.Read(), TCP: e.TCPStats(),
		Peers: map[string]int{"udp": 0, "tcp": 0, "relay": 0, "none": 0},
	}
	for _, shard := range e.shards {
		s.Shards = append(s.Shards, shard.counts.read())
	}
	for _, p := range e.everyPeer() {
		s.Peers[p.wayName()]++
	}
	return s
}

func (p *Peer) wayName() string {
	w, ok := p.Way()
	switch {
	case !ok:
		return "none"
	case w.Candidate == "relay":
		return "relay"
	case w.Transport == TCP:
		return "tcp"
	}
	return "udp"
}

// endNames are what endName says.
var endNames = [...]string{"closed", "remote", "consent", "ice", "dtls", "other"}

// endName says why a peer ended; connected tells whether it was up before.
func endName(reason error, connected bool) string {
	switch {
	case errors.Is(reason, ErrClosed):
		return "closed"
	case errors.Is(reason, ErrRemoteClosed):
		return "remote"
	case errors.Is(reason, ErrTimeout) && connected:
		return "consent"
	case errors.Is(reason, ErrTimeout):
		return "ice"
	case errors.Is(reason, errHandshake), errors.Is(reason, errFingerprint):
		return "dtls"
	}
	return "other"
}
