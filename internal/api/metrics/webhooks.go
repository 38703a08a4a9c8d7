package metrics

import "github.com/tuttilive/tutti/internal/webhook"

var (
	metricWebhookEvents   = counter("tutti_webhook_events_total", "Webhook events by receiver: sent and accepted, or dropped.", "receiver", "outcome")
	metricWebhookFailures = counter("tutti_webhook_failures_total", "Attempts to send a webhook event that did not succeed.", "receiver")
	metricWebhookWaiting  = gauge("tutti_webhook_waiting", "Webhook events that wait to be sent.", "receiver")
)

func (s sink) webhooks(all []webhook.Stats) {
	seen := map[string]bool{}
	for _, r := range all {
		if seen[r.Receiver] { // two that differ in what is not shown
			continue
		}
		seen[r.Receiver] = true
		s.count(metricWebhookEvents, r.Sent, r.Receiver, "sent")
		s.count(metricWebhookEvents, r.Dropped, r.Receiver, "dropped")
		s.count(metricWebhookFailures, r.Failed, r.Receiver)
		s.put(metricWebhookWaiting, float64(r.Waiting), r.Receiver)
	}
}
