package turn

import "sync/atomic"

// Stats are a server's figures since it started.
type Stats struct {
	// Allocations and Connections (TCP and TLS) are how many there are now, Allocated how many allocations there were.
	Allocations, Connections int
	Allocated                uint64
	// ToPeers and ToClients are bytes of payload that were relayed.
	ToPeers, ToClients uint64
	// Refused are requests and packets that were not served, by reason.
	Refused map[string]uint64
}

// counters are the figures as they are counted.
type counters struct {
	allocations, connections      atomic.Int64
	allocated, toPeers, toClients atomic.Uint64
	refused                       [reasons]atomic.Uint64
}

// reason is why something was not served.
type reason int

const (
	refusedCredential reason = iota // missing in the right form, wrong or expired
	refusedRate                     // too many requests from an address
	refusedQuota                    // too many allocations or permissions, or no port or descriptor free
	refusedTarget                   // a peer that must not be reached
	refusedBandwidth                // more than a user's share
	refusedConnection               // too many connections
	refusedProtocol                 // no STUN or TURN, or something in them that is not offered
	reasons
)

var reasonNames = [reasons]string{"credential", "rate", "quota", "target", "bandwidth", "connection", "protocol"}

func (c *counters) refuse(why reason) { c.refused[why].Add(1) }

// Stats gives the figures.
func (s *Server) Stats() Stats {
	c := &s.count
	stats := Stats{
		Allocations: int(c.allocations.Load()), Connections: int(c.connections.Load()), Allocated: c.allocated.Load(),
		ToPeers: c.toPeers.Load(), ToClients: c.toClients.Load(), Refused: make(map[string]uint64, reasons),
	}
	for i, name := range reasonNames {
		stats.Refused[name] = c.refused[i].Load()
	}
	return stats
}
