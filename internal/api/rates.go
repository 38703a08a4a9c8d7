package api

import (
	"net/http"

	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

var (
	perAddressCreate = limit.Rate{Name: "create", PerSecond: 0.5, Burst: 20}
	perAddressJoin   = limit.Rate{Name: "join", PerSecond: 5, Burst: 100}
	perAddressEvents = limit.Rate{Name: "events", PerSecond: 10, Burst: 200}
	perAddressShots  = limit.Rate{Name: "snapshots", PerSecond: 10, Burst: 200}
	perAddressImages = limit.Rate{Name: "images", PerSecond: 0.5, Burst: 20}
)

// limited lets a handler through for addresses that stay within a rate.
func (a *API) limited(l limit.Rate, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !a.rates.Allow(l, limit.Network(r.RemoteAddr)) {
			refusal.Write(w, refusal.TooOften)
			return
		}
		next(w, r)
	}
}
