package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/tuttilive/tutti/internal/studio/refusal"
	"github.com/tuttilive/tutti/internal/webhook"
)

// Webhooks remembers what applications were told; package webhook has it.
type Webhooks interface {
	Deliveries() []webhook.Delivery
	Replay(ctx context.Context, id string) (webhook.Delivery, error)
}

// operated lets a handler through for operators alone.
func (a *API) operated(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !a.isOperator(r) {
			a.refuseStranger(w, r)
			return
		}
		next(w, r)
	}
}

func (a *API) getDeliveries(w http.ResponseWriter, _ *http.Request) {
	out := struct {
		Deliveries []webhook.Delivery `json:"deliveries"`
	}{[]webhook.Delivery{}}
	if a.webhooks != nil {
		out.Deliveries = append(out.Deliveries, a.webhooks.Deliveries()...)
	}
	answer(w, http.StatusOK, out)
}

// replayDelivery sends a delivery once more and tells how that went.
func (a *API) replayDelivery(w http.ResponseWriter, r *http.Request) {
	err := webhook.ErrNoDelivery
	var d webhook.Delivery
	if a.webhooks != nil {
		d, err = a.webhooks.Replay(r.Context(), r.PathValue("id"))
	}
	switch {
	case errors.Is(err, webhook.ErrNoDelivery):
		err = &refusal.Error{Status: http.StatusNotFound, Code: "not_found", Message: err.Error()}
	case errors.Is(err, webhook.ErrPending):
		err = &refusal.Error{Status: http.StatusConflict, Code: "pending", Message: err.Error()}
	}
	if err != nil {
		refusal.Write(w, err)
		return
	}
	answer(w, http.StatusOK, d)
}
