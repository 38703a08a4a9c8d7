package api

import (
	"errors"
	"io"
	"net/http"

	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// maxComposition bounds the settings of a composition in bytes.
const maxComposition = 64 << 10

func (a *API) getProgram(w http.ResponseWriter, r *http.Request) {
	s, err := a.house.Studio(r.PathValue("room"))
	if err != nil {
		refusal.Write(w, err)
		return
	}
	answer(w, http.StatusOK, s.Composition())
}

func (a *API) changeProgram(w http.ResponseWriter, r *http.Request) {
	s, err := a.house.Studio(r.PathValue("room"))
	if err != nil {
		refusal.Write(w, err)
		return
	}
	patch, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxComposition))
	if err != nil {
		refusal.Write(w, errBadBody)
		return
	}
	if err := s.Compose(patch); err != nil {
		if errors.Is(err, studio.ErrBadComposition) {
			err = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: err.Error()}
		}
		refusal.Write(w, err)
		return
	}
	answer(w, http.StatusOK, s.Composition())
}
