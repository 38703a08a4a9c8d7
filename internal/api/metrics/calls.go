package metrics

import "github.com/tuttilive/tutti/internal/server/call"

var (
	metricCalls        = gauge("tutti_calls", "Calls by how their media goes: alone, direct (peer to peer) or room.", "path")
	metricCallMembers  = gauge("tutti_call_members", "People in calls.")
	metricCallVisitors = gauge("tutti_call_visitors", "People at the door of calls.")
	metricCallResumes  = counter("tutti_call_resumes_total", "Calls' sessions that went on over a new connection.")
)

func (s sink) calls(c call.Stats) {
	s.put(metricCalls, float64(c.Calls-c.Direct-c.Room), "alone")
	s.put(metricCalls, float64(c.Direct), "direct")
	s.put(metricCalls, float64(c.Room), "room")
	s.put(metricCallMembers, float64(c.Members))
	s.put(metricCallVisitors, float64(c.Visitors))
	s.put(metricCallResumes, float64(c.Resumes))
}
