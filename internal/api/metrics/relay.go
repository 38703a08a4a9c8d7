package metrics

import "github.com/tuttilive/tutti/internal/turn"

var (
	metricAllocations     = gauge("tutti_turn_allocations", "TURN allocations that are open.")
	metricTURNConnections = gauge("tutti_turn_connections", "TCP and TLS connections to the TURN server.")
	metricAllocated       = counter("tutti_turn_allocations_total", "TURN allocations.")
	metricRelayed         = counter("tutti_turn_relayed_bytes_total", "Payload that was relayed.", "to")
	metricTURNRefused     = counter("tutti_turn_refused_total", "TURN requests and packets that were not served.", "reason")
)

func (s sink) relay(t turn.Stats) {
	s.put(metricAllocations, float64(t.Allocations))
	s.put(metricTURNConnections, float64(t.Connections))
	s.put(metricAllocated, float64(t.Allocated))
	s.put(metricRelayed, float64(t.ToPeers), "peers")
	s.put(metricRelayed, float64(t.ToClients), "clients")
	for reason, n := range t.Refused {
		s.put(metricTURNRefused, float64(n), reason)
	}
}
