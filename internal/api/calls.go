package api

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tuttilive/tutti/internal/server/call"
)

var (
	metricCalls        = prometheus.NewDesc("tutti_calls", "Calls by how their media goes: alone, direct (peer to peer) or room.", []string{"path"}, nil)
	metricCallMembers  = prometheus.NewDesc("tutti_call_members", "People in calls.", nil, nil)
	metricCallVisitors = prometheus.NewDesc("tutti_call_visitors", "People at the door of calls.", nil, nil)
	metricCallResumes  = prometheus.NewDesc("tutti_call_resumes_total", "Calls' sessions that went on over a new connection since the start.", nil, nil)
)

// callCollector reads the figures of calls when somebody asks.
type callCollector struct{ stats func() call.Stats }

func (c callCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{metricCalls, metricCallMembers, metricCallVisitors, metricCallResumes} {
		ch <- d
	}
}

func (c callCollector) Collect(ch chan<- prometheus.Metric) {
	figure := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	s := c.stats()
	figure(metricCalls, prometheus.GaugeValue, float64(s.Calls-s.Direct-s.Room), "alone")
	figure(metricCalls, prometheus.GaugeValue, float64(s.Direct), "direct")
	figure(metricCalls, prometheus.GaugeValue, float64(s.Room), "room")
	figure(metricCallMembers, prometheus.GaugeValue, float64(s.Members))
	figure(metricCallVisitors, prometheus.GaugeValue, float64(s.Visitors))
	figure(metricCallResumes, prometheus.CounterValue, float64(s.Resumes))
}
