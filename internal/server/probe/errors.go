package probe

import (
	"net/http"

	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// What this door refuses by itself.
var (
	errOrigin    = &refusal.Error{Status: http.StatusForbidden, Code: "forbidden", Message: "pages of another site cannot test the way to this server"}
	errClosed    = &refusal.Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "the server is shutting down"}
	errFull      = &refusal.Error{Status: http.StatusServiceUnavailable, Code: "full", Message: "too many tests are under way on this server: try again in a moment"}
	errBusy      = &refusal.Error{Status: http.StatusTooManyRequests, Code: "rate_limited", Message: "too many tests are under way from this address"}
	errSpent     = &refusal.Error{Status: http.StatusTooManyRequests, Code: "rate_limited", Message: "this address has transferred enough for now: wait a minute"}
	errBytes     = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: "bytes must be a number from 1 to 16777216"}
	errNoLength  = &refusal.Error{Status: http.StatusLengthRequired, Code: "bad_request", Message: "the request must say how long it is (Content-Length)"}
	errTooLarge  = &refusal.Error{Status: http.StatusRequestEntityTooLarge, Code: "bad_request", Message: "at most 16777216 bytes can be sent at once"}
	errBroken    = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: "the request's body did not come completely, or not within 30 seconds"}
	errNotSDP    = &refusal.Error{Status: http.StatusUnsupportedMediaType, Code: "bad_request", Message: "the body must be an offer with Content-Type: application/sdp"}
	errLongSDP   = &refusal.Error{Status: http.StatusRequestEntityTooLarge, Code: "bad_request", Message: "SDP of more than 64 KiB is not taken"}
	errBadOffer  = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: "the body is not an SDP offer with data channels"}
	errTransport = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: "transport must be udp or tcp"}
	errNoTCP     = &refusal.Error{Status: http.StatusNotFound, Code: "not_found", Message: "WebRTC over TCP is switched off on this server"}
)
