package webhook

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/dial"
)

// What is remembered of each receiver's deliveries.
const (
	maxDeliveries      = 100
	maxDeliveriesBytes = 4 << 20
)

// Outcome says how a delivery went.
type Outcome string

const (
	// Pending deliveries are being tried, Delivered ones were taken, Failed ones given up.
	Pending   Outcome = "pending"
	Delivered Outcome = "delivered"
	Failed    Outcome = "failed"
)

// Delivery is one event on its way to one receiver. A new one is noted when it is tried first.
type Delivery struct {
	ID string `json:"id"`
	// Event is its name, EventID what stays the same when it is sent again, Receiver the URL without secrets.
	Event    string `json:"event"`
	EventID  string `json:"eventId"`
	Room     string `json:"room"`
	Receiver string `json:"receiver"`
	// At is when it was tried first, Tried when last.
	At       time.Time `json:"at"`
	Tried    time.Time `json:"tried,omitzero"`
	Attempts int       `json:"attempts"`
	Outcome  Outcome   `json:"outcome"`
	// Error says why the last attempt failed, Reason in a word; Code is the HTTP status with which the receiver refused.
	Error  string       `json:"error,omitempty"`
	Reason dial.Trouble `json:"reason,omitempty"`
	Code   string       `json:"code,omitempty"`
	// Body is what was sent.
	Body json.RawMessage `json:"body"`
}

// history is the last deliveries of a receiver.
type history struct {
	mu    sync.Mutex
	list  []*Delivery // the oldest first
	bytes int
}

// begin notes a delivery.
func (r *receiver) begin(e *event, body []byte) *Delivery {
	d := &Delivery{
		ID: "WD_" + rand.Text()[:12], Event: e.Event, EventID: e.Id, Room: e.Room.GetName(), Receiver: withoutSecrets(r.url),
		At: time.Now(), Outcome: Pending, Body: body,
	}
	h := &r.history
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, d)
	h.bytes += len(body)
	for len(h.list) > maxDeliveries || h.bytes > maxDeliveriesBytes && len(h.list) > 1 {
		h.bytes -= len(h.list[0].Body)
		h.list[0] = nil
		h.list = h.list[1:]
	}
	return d
}

// end notes that no attempt follows by itself any more.
func (h *history) end(d *Delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d.Outcome = Failed
}

// tried notes an attempt; after the final one no other follows by itself.
func (h *history) tried(d *Delivery, err error, final bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d.Attempts++
	d.Tried = time.Now()
	d.Error, d.Reason, d.Code = "", "", ""
	switch {
	case err == nil:
		d.Outcome = Delivered
	case final:
		d.Outcome = Failed
	}
	if err != nil {
		d.Error = err.Error()
		d.Reason, d.Code = reasonOf(err)
	}
}

// Deliveries are the last ones to all receivers, the newest first; none of a nil notifier.
func (n *Notifier) Deliveries() []Delivery {
	if n == nil {
		return nil
	}
	var all []Delivery
	for _, r := range n.receivers {
		r.history.mu.Lock()
		for _, d := range r.list {
			all = append(all, *d)
		}
		r.history.mu.Unlock()
	}
	slices.SortStableFunc(all, func(a, b Delivery) int { return b.At.Compare(a.At) })
	return all
}

// Errors of Replay.
var (
	ErrNoDelivery = errors.New("no such delivery, or not any more")
	ErrPending    = errors.New("this delivery is still being tried")
)

// Replay sends a delivery once more, with the same event id, and tells how it is then.
func (n *Notifier) Replay(ctx context.Context, id string) (Delivery, error) {
	if n == nil {
		return Delivery{}, ErrNoDelivery
	}
	for _, r := range n.receivers {
		d, err := r.find(id)
		if d == nil && err == nil {
			continue
		}
		if err != nil {
			return Delivery{}, err
		}
		err = r.post(ctx, d.Body)
		if err == nil {
			r.sent.Add(1)
		} else {
			r.failed.Add(1)
		}
		r.tried(d, err, true)
		r.history.mu.Lock()
		defer r.history.mu.Unlock()
		return *d, nil
	}
	return Delivery{}, ErrNoDelivery
}

// find gives a delivery to be sent again, which counts as pending until then.
func (h *history) find(id string) (*Delivery, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.list {
		if d.ID != id {
			continue
		}
		if d.Outcome == Pending {
			return nil, ErrPending
		}
		d.Outcome = Pending
		return d, nil
	}
	return nil, nil
}
