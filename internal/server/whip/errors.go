package whip

import (
	"net/http"

	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// What this door refuses by itself.
var (
	errNoSession      = &refusal.Error{Status: http.StatusNotFound, Code: "not_found", Message: "there is no such session, or it has ended"}
	errNotSDP         = &refusal.Error{Status: http.StatusUnsupportedMediaType, Code: "bad_request", Message: "the body must be an offer with Content-Type: application/sdp"}
	errNotFragment    = &refusal.Error{Status: http.StatusUnsupportedMediaType, Code: "bad_request", Message: "the body must have Content-Type: application/trickle-ice-sdpfrag"}
	errTooLarge       = &refusal.Error{Status: http.StatusRequestEntityTooLarge, Code: "bad_request", Message: "SDP of more than 64 KiB is not taken"}
	errBadBody        = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: "the request's body could not be read"}
	errBadOffer       = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: "the body is not an SDP offer that can be answered"}
	errBadFragment    = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: "the body is not an SDP fragment with ICE credentials or candidates"}
	errNothingSent    = &refusal.Error{Status: http.StatusNotAcceptable, Code: "bad_request", Message: "the offer sends neither sound nor pictures in a codec that is known here"}
	errOtherSession   = &refusal.Error{Status: http.StatusPreconditionFailed, Code: "bad_request", Message: "the ICE session has changed: If-Match does not name it"}
	errRestartRefused = &refusal.Error{Status: http.StatusUnprocessableEntity, Code: "bad_request", Message: "this ICE restart is not possible: make a new session"}
	errOrigin         = &refusal.Error{Status: http.StatusForbidden, Code: "forbidden", Message: "pages of another site must show a key to publish"}
	errFull           = &refusal.Error{Status: http.StatusServiceUnavailable, Code: "full", Message: "there is no room for another session on this server: ask again later"}
	errRate           = &refusal.Error{Status: http.StatusTooManyRequests, Code: "rate_limited", Message: "there are too many sessions from this address"}
	errNotJSON        = &refusal.Error{Status: http.StatusUnsupportedMediaType, Code: "bad_request", Message: "the body must have Content-Type: application/json"}
	errBadJSON        = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: "the body is not the JSON that is expected here"}
	errNoLayer        = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: "the picture has no layer of this encodingId now"}
	errNoPicture      = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: "mediaId is not the section of the picture"}
	errWithinLayer    = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: "layers are chosen by encodingId alone"}
)
