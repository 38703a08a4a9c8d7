// Package metrics tells Prometheus what the server does. Figures are read where they lie when somebody asks, so what nobody asks
// for costs nothing. Labels have few values, all of them constants of the program or of its configuration: names of rooms and
// people are never among them. docs/operations.md says what each metric means and what to do about it.
package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/server/audience"
	"github.com/tuttilive/tutti/internal/server/call"
	"github.com/tuttilive/tutti/internal/server/livekit"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/tally"
	"github.com/tuttilive/tutti/internal/turn"
	"github.com/tuttilive/tutti/internal/webhook"
)

// Sources are where figures come from. All but House may be nil.
type Sources struct {
	Version string
	House   *studio.House
	RTC     func() rtc.Stats
	Rooms   func() livekit.Stats
	Relay   func() turn.Stats
	Calls   func() call.Stats
	// Audience are those who watch over their own WebSockets.
	Audience func() audience.Stats
	// Webhooks are the application's receivers.
	Webhooks func() []webhook.Stats
	// Workers is how many conversions of pictures run.
	Workers func() int
	// Store is how many bytes the store takes on disk.
	Store func() uint64
	// Connections are those over HTTP, with those that doors took over.
	Connections *limit.Connections
	// Requests counts HTTP requests by door, Refusals those that were refused, by code.
	Requests, Refusals func() map[string]uint64
}

// Registry holds the server's metrics, with those of the Go runtime and the process.
func Registry(s Sources) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collector{s})
	return reg
}

// Handler serves the metrics in Prometheus' format.
func Handler(s Sources) http.Handler { return promhttp.HandlerFor(Registry(s), promhttp.HandlerOpts{}) }

// metric is one that this package knows, catalogue are all of them.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

var catalogue []*prometheus.Desc

func newMetric(kind prometheus.ValueType, name, help string, labels []string) metric {
	d := prometheus.NewDesc(name, help, labels, nil)
	catalogue = append(catalogue, d)
	return metric{d, kind}
}

func gauge(name, help string, labels ...string) metric {
	return newMetric(prometheus.GaugeValue, name, help, labels)
}

func counter(name, help string, labels ...string) metric {
	return newMetric(prometheus.CounterValue, name, help, labels)
}

func histogram(name, help string, labels ...string) metric {
	return newMetric(prometheus.UntypedValue, name, help, labels)
}

// sink is where a scrape's figures go.
type sink chan<- prometheus.Metric

func (s sink) put(m metric, v float64, labels ...string) {
	s <- prometheus.MustNewConstMetric(m.desc, m.kind, v, labels...)
}

func (s sink) count(m metric, n uint64, labels ...string) { s.put(m, float64(n), labels...) }

// each puts a figure for each value of a metric's only label.
func (s sink) each(m metric, counts map[string]uint64) {
	for label, n := range counts {
		s.count(m, n, label)
	}
}

func (s sink) distribution(m metric, d tally.Distribution, labels ...string) {
	s <- prometheus.MustNewConstHistogram(m.desc, d.Count, d.Sum, d.Below, labels...)
}

type collector struct{ Sources }

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range catalogue {
		ch <- d
	}
}

func (c collector) Collect(ch chan<- prometheus.Metric) {
	s := sink(ch)
	s.put(metricInfo, 1, c.Version)
	s.house(c.House)
	s.sfu()
	if c.RTC != nil {
		s.rtc(c.RTC())
	}
	if c.Rooms != nil {
		s.rooms(c.Rooms())
	}
	if c.Relay != nil {
		s.relay(c.Relay())
	}
	if c.Calls != nil {
		s.calls(c.Calls())
	}
	s.each(metricAudienceShed, c.House.Shed())
	if c.Audience != nil {
		s.audience(c.Audience())
	}
	if c.Webhooks != nil {
		s.webhooks(c.Webhooks())
	}
	if c.Workers != nil {
		s.put(metricWorkers, float64(c.Workers()))
	}
	if c.Store != nil {
		s.count(metricStore, c.Store())
	}
	if c.Connections != nil {
		s.put(metricConnections, float64(c.Connections.Taken()))
		s.each(metricConnectionsRefused, c.Connections.Refused())
	}
	if c.Requests != nil {
		s.each(metricRequests, c.Requests())
	}
	if c.Refusals != nil {
		s.each(metricRefusals, c.Refusals())
	}
}

var (
	metricConnections        = gauge("tutti_http_connections", "HTTP connections that are open, with those that doors took over.")
	metricConnectionsRefused = counter("tutti_connections_refused_total", "Connections over TCP that were closed as they came, by reason.", "reason")

	metricInfo     = gauge("tutti_info", "Always 1; the label has the version.", "version")
	metricWorkers  = gauge("tutti_workers", "ffmpeg processes that convert pictures.")
	metricStore    = gauge("tutti_store_bytes", "What the store takes on disk.")
	metricRequests = counter("tutti_http_requests_total", "HTTP requests by the door that they came to.", "door")
	metricRefusals = counter("tutti_http_refusals_total", "HTTP requests that were refused, by the code in the answer.", "code")
)
