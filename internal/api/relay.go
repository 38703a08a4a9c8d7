package api

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tuttilive/tutti/internal/turn"
)

var (
	metricAllocations     = prometheus.NewDesc("tutti_turn_allocations", "TURN allocations that are open.", nil, nil)
	metricTURNConnections = prometheus.NewDesc("tutti_turn_connections", "TCP and TLS connections to the TURN server.", nil, nil)
	metricAllocated       = prometheus.NewDesc("tutti_turn_allocations_total", "TURN allocations since the start.", nil, nil)
	metricRelayed         = prometheus.NewDesc("tutti_turn_relayed_bytes_total", "Payload that was relayed.", []string{"to"}, nil)
	metricTURNRefused     = prometheus.NewDesc("tutti_turn_refused_total", "TURN requests and packets that were not served.", []string{"reason"}, nil)
)

// relayCollector reads the TURN server's figures when somebody asks.
type relayCollector struct{ stats func() turn.Stats }

func (c relayCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{metricAllocations, metricTURNConnections, metricAllocated, metricRelayed, metricTURNRefused} {
		ch <- d
	}
}

func (c relayCollector) Collect(ch chan<- prometheus.Metric) {
	figure := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	s := c.stats()
	figure(metricAllocations, prometheus.GaugeValue, float64(s.Allocations))
	figure(metricTURNConnections, prometheus.GaugeValue, float64(s.Connections))
	figure(metricAllocated, prometheus.CounterValue, float64(s.Allocated))
	figure(metricRelayed, prometheus.CounterValue, float64(s.ToPeers), "peers")
	figure(metricRelayed, prometheus.CounterValue, float64(s.ToClients), "clients")
	for reason, n := range s.Refused {
		figure(metricTURNRefused, prometheus.CounterValue, float64(n), reason)
	}
}
