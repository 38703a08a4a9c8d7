package api

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// limit is how often one address may do something.
type limit struct {
	name   string
	perSec rate.Limit
	burst  int
}

var (
	perAddressCreate = limit{"create", 0.5, 20}
	perAddressJoin   = limit{"join", 5, 100}
	perAddressEvents = limit{"events", 10, 200}
	perAddressGuess  = limit{"guess", 0.5, 20}
)

// maxAddresses bounds the memory of limits; beyond it all start anew.
const maxAddresses = 50_000

// rates remembers who did how much of what.
type rates struct {
	mu     sync.Mutex
	owners map[owner]*rate.Limiter
}

type owner struct {
	limit string
	from  netip.Prefix
}

func newRates() *rates { return &rates{owners: map[owner]*rate.Limiter{}} }

// allow counts one deed of whoever sent the request.
func (r *rates) allow(l limit, req *http.Request) bool {
	who := owner{l.name, networkOf(req)}
	r.mu.Lock()
	defer r.mu.Unlock()
	lim := r.owners[who]
	if lim == nil {
		if len(r.owners) >= maxAddresses {
			clear(r.owners)
		}
		lim = rate.NewLimiter(l.perSec, l.burst)
		r.owners[who] = lim
	}
	return lim.AllowN(time.Now(), 1)
}

// networkOf is the client's address, for IPv6 its /64, since that is what one client has.
func networkOf(req *http.Request) netip.Prefix {
	host, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}
	}
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

func (a *API) limited(l limit, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !a.rates.allow(l, r) {
			refusal.Write(w, refusal.TooOften)
			return
		}
		next(w, r)
	}
}
