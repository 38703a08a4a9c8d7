package metrics

import (
	"strconv"

	"github.com/tuttilive/tutti/internal/rtc"
)

var (
	metricPeers        = gauge("tutti_rtc_peers", "WebRTC connections by how they are reached: udp, tcp, relay, or none while they are not.", "path")
	metricConnected    = counter("tutti_rtc_connected_total", "WebRTC connections that came up.")
	metricPeersEnded   = counter("tutti_rtc_ended_total", "WebRTC connections that ended: closed by us, remote, consent (checks stopped), ice (there never were any), dtls (handshake failed) or other.", "reason")
	metricConnect      = histogram("tutti_rtc_connect_seconds", "From our first description until a WebRTC connection was up.")
	metricReceived     = counter("tutti_rtc_received_packets_total", "Packets that a shard received.", "shard")
	metricReceivedSize = counter("tutti_rtc_received_bytes_total", "Bytes that a shard received, without UDP and IP.", "shard")
	metricSent         = counter("tutti_rtc_sent_packets_total", "Packets that a shard sent.", "shard")
	metricSentSize     = counter("tutti_rtc_sent_bytes_total", "Bytes that a shard sent, without UDP and IP.", "shard")
	metricSends        = counter("tutti_rtc_sends_total", "Messages that a shard gave to the kernel, each of one packet or a run of them.", "shard")
	metricBusy         = counter("tutti_rtc_busy_seconds_total", "How long a shard's reader and sender were at work: a rate of 1 means that it can do no more.", "shard", "side")
	metricDropped      = counter("tutti_rtc_dropped_packets_total", "Incoming packets that went nowhere: of strangers, forged, repeated, unrouted, forwarded to a shard that was too busy, or crowded: of more sources than a peer may have.", "reason")
	metricTCP          = gauge("tutti_rtc_tcp_connections", "Connections to the WebRTC port over TCP.")
	metricTCPRefused   = counter("tutti_rtc_tcp_refused_total", "TCP connections beyond the limits.")
	metricTCPDropped   = counter("tutti_rtc_tcp_dropped_packets_total", "Packets that did not fit a slow TCP connection.")
)

func (s sink) rtc(r rtc.Stats) {
	for path, n := range r.Peers {
		s.put(metricPeers, float64(n), path)
	}
	s.count(metricConnected, r.Connected)
	s.each(metricPeersEnded, r.Ended)
	s.distribution(metricConnect, r.Connect)
	dropped := map[string]uint64{}
	for i, shard := range r.Shards {
		name := strconv.Itoa(i)
		s.count(metricReceived, shard.ReceivedPackets, name)
		s.count(metricReceivedSize, shard.ReceivedBytes, name)
		s.count(metricSent, shard.SentPackets, name)
		s.count(metricSentSize, shard.SentBytes, name)
		s.count(metricSends, shard.Sends, name)
		s.put(metricBusy, shard.Reading.Seconds(), name, "read")
		s.put(metricBusy, shard.Sending.Seconds(), name, "send")
		for reason, n := range shard.Dropped {
			dropped[reason] += n
		}
	}
	s.each(metricDropped, dropped)
	s.put(metricTCP, float64(r.TCP.Connections))
	s.count(metricTCPRefused, r.TCP.Refused)
	s.count(metricTCPDropped, r.TCP.Dropped)
}
