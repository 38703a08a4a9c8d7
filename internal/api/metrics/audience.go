package metrics

import "github.com/tuttilive/tutti/internal/server/audience"

var (
	metricAudience         = gauge("tutti_audience_connections", "Viewers' WebSockets.")
	metricAudienceRooms    = gauge("tutti_audience_rooms", "Rooms with an audience.")
	metricAudienceSent     = counter("tutti_audience_sent_bytes_total", "Bytes written to viewers' WebSockets.")
	metricAudienceRequests = counter("tutti_audience_requests_total", "What viewers asked for, by kind.", "kind")
	metricAudienceRefused  = counter("tutti_audience_refused_total", "Requests and connections of viewers that were refused, by code.", "code")
	metricAudienceLost     = counter("tutti_audience_lost_total", "Viewers who were cut off or began anew, by reason.", "reason")
	metricAudienceShed     = counter("tutti_audience_shed_total", "What viewers sent too much of, so that nobody was told, by kind.", "kind")
)

func (s sink) audience(a audience.Stats) {
	s.put(metricAudience, float64(a.Connections))
	s.put(metricAudienceRooms, float64(a.Rooms))
	s.count(metricAudienceSent, a.Sent)
	s.each(metricAudienceRequests, a.Requests)
	s.each(metricAudienceRefused, a.Refused)
	s.each(metricAudienceLost, a.Lost)
}
