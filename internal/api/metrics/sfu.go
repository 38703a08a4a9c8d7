package metrics

import (
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/sfu"
)

var (
	metricInPackets   = counter("tutti_sfu_in_packets_total", "Packets of media that publishers sent.", "kind")
	metricInBytes     = counter("tutti_sfu_in_bytes_total", "Payload that publishers sent.", "kind")
	metricInLost      = counter("tutti_sfu_in_lost_packets_total", "Packets of publishers that did not come at first.", "kind")
	metricInRepaired  = counter("tutti_sfu_in_repaired_packets_total", "Packets of publishers that came on request.", "kind")
	metricInNacks     = counter("tutti_sfu_in_nacked_packets_total", "Packets that publishers were asked for again.", "kind")
	metricInPLIs      = counter("tutti_sfu_in_keyframe_requests_total", "Requests to publishers for a keyframe.")
	metricInKeyframes = counter("tutti_sfu_in_keyframes_total", "Keyframes that came from publishers.")
	metricInFreezes   = counter("tutti_sfu_in_freezes_total", "Gaps between the pictures of publishers that somebody who watches notices.")
	metricInLoss      = histogram("tutti_sfu_in_loss_ratio", "Share of packets that did not come at first, of each stream of a publisher, once a second.", "kind")
	metricInJitter    = histogram("tutti_sfu_in_jitter_seconds", "Jitter of each stream of a publisher, once a second.", "kind")

	metricOutPackets  = counter("tutti_sfu_out_packets_total", "Packets of media that went to subscribers.", "kind")
	metricOutBytes    = counter("tutti_sfu_out_bytes_total", "Payload that went to subscribers.", "kind")
	metricOutNacks    = counter("tutti_sfu_out_nacked_packets_total", "Packets that subscribers asked for again.", "kind")
	metricOutRepaired = counter("tutti_sfu_out_repaired_packets_total", "Packets that were sent to subscribers again.", "kind")
	metricOutPLIs     = counter("tutti_sfu_out_keyframe_requests_total", "Requests of subscribers for a keyframe.")
	metricOutLoss     = histogram("tutti_sfu_out_loss_ratio", "Share of packets that subscribers reported lost, with each of their reports.", "kind")
	metricRTT         = histogram("tutti_sfu_rtt_seconds", "Round trip to subscribers, with each of their reports.")

	metricDownlinks = gauge("tutti_sfu_downlinks", "Ways to subscribers that are estimated; full ones were seen to carry no more within the last half minute.", "state")
	metricEstimate  = histogram("tutti_sfu_estimate_bits_per_second", "What full ways to subscribers carry, each once a second.")
	metricSuspended = gauge("tutti_sfu_suspended_subscriptions", "Pictures that do not go out because the way does not carry their smallest layer.")
	metricBehind    = gauge("tutti_sfu_paced_subscriptions", "Pictures of which something waits for its turn on the way.")
	metricSkips     = counter("tutti_sfu_skips_total", "How often a picture was so late on its way that it went on at another keyframe.")
)

func (s sink) sfu() {
	t := sfu.ReadTotals()
	for _, kind := range []media.Kind{media.Audio, media.Video} {
		name, in, out := kind.String(), t.In[kind], t.Out[kind]
		s.count(metricInPackets, in.Packets, name)
		s.count(metricInBytes, in.Bytes, name)
		s.count(metricInLost, in.Lost, name)
		s.count(metricInRepaired, in.Repaired, name)
		s.count(metricInNacks, in.Nacked, name)
		s.distribution(metricInLoss, in.LossShare, name)
		s.distribution(metricInJitter, in.Jitter, name)
		s.count(metricOutPackets, out.Packets, name)
		s.count(metricOutBytes, out.Bytes, name)
		s.count(metricOutNacks, out.Nacked, name)
		s.count(metricOutRepaired, out.Repaired, name)
		s.distribution(metricOutLoss, out.LossShare, name)
	}
	in, out := t.In[media.Video], t.Out[media.Video]
	s.count(metricInPLIs, in.KeyframesWanted)
	s.count(metricInKeyframes, in.Keyframes)
	s.count(metricInFreezes, in.Freezes)
	s.count(metricOutPLIs, out.KeyframesWanted)
	s.distribution(metricRTT, t.RTT)
	s.put(metricDownlinks, float64(t.Full), "full")
	s.put(metricDownlinks, float64(t.Downlinks-t.Full), "open")
	s.distribution(metricEstimate, t.Estimate)
	s.put(metricSuspended, float64(t.Suspended))
	s.put(metricBehind, float64(t.Behind))
	s.count(metricSkips, t.Skips)
}
