package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// What the API refuses by itself.
var (
	errBadBody       = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: "the request's body is not the JSON that is expected here"}
	errOperator      = &refusal.Error{Status: http.StatusUnauthorized, Code: "unauthorized", Message: "this needs the server's API key and secret"}
	errRoomExists    = &refusal.Error{Status: http.StatusConflict, Code: "exists", Message: "there is a room of this name already"}
	errManyStreams   = &refusal.Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "too many follow rooms at the moment: ask again later"}
	errForeignPlayer = &refusal.Error{Status: http.StatusForbidden, Code: "forbidden", Message: "pages of another site may not play from here"}
	errOrigin        = &refusal.Error{Status: http.StatusForbidden, Code: "forbidden", Message: "pages of another site may not do this"}
)

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone when this fails
}

// maxBody bounds what a client may send as JSON.
const maxBody = 64 << 10

// read decodes a JSON body; an empty one leaves v as it is.
func read(w http.ResponseWriter, r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return errBadBody
	}
	return nil
}
