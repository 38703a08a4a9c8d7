package api

import (
	"errors"
	"io"
	"net/http"

	"github.com/tuttilive/tutti/internal/program/compose"
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
	a.answerProgram(w, s, s.Compose(patch))
}

// setProgramImage takes a background or a logo; DELETE takes it away.
func (a *API) setProgramImage(w http.ResponseWriter, r *http.Request) {
	s, err := a.house.Studio(r.PathValue("room"))
	if err != nil {
		refusal.Write(w, err)
		return
	}
	var body []byte
	if r.Method == http.MethodPut {
		if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, compose.MaxImageBytes)); err != nil || len(body) == 0 {
			refusal.Write(w, errBadBody)
			return
		}
	}
	a.answerProgram(w, s, s.ComposeImage(r.Context(), r.PathValue("image"), body))
}

// answerProgram tells how the program is composed after a change, or why it was not changed.
func (a *API) answerProgram(w http.ResponseWriter, s *studio.Studio, err error) {
	if errors.Is(err, studio.ErrBadComposition) {
		err = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: err.Error()}
	}
	if err != nil {
		refusal.Write(w, err)
		return
	}
	answer(w, http.StatusOK, s.Composition())
}
