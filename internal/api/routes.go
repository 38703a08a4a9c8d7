package api

import (
	"net/http"

	"github.com/tuttilive/tutti/internal/api/openapi"
)

// routes is a ServeMux that knows what it was given.
type routes struct {
	*http.ServeMux
	patterns []string
}

// Handle implements what a ServeMux does.
func (r *routes) Handle(pattern string, h http.Handler) {
	r.patterns = append(r.patterns, pattern)
	r.ServeMux.Handle(pattern, h)
}

// HandleFunc implements what a ServeMux does.
func (r *routes) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	r.Handle(pattern, http.HandlerFunc(h))
}

// describe serves the description of all routes, to programs and people. It comes after them.
func (a *API) describe(mux *routes) {
	const document, page = "GET /api/openapi.json", "GET /api/docs"
	d, err := openapi.New(append(mux.patterns, document, page))
	if err != nil {
		panic(err) // it is part of the program, and tested
	}
	a.description = d
	mux.HandleFunc(document, d.ServeJSON)
	mux.HandleFunc(page, d.ServePage)
}
