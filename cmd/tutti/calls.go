package main

import (
	"context"
	"net/http"

	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/server/call"
	"github.com/tuttilive/tutti/internal/server/probe"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/turn"
)

// openCalls opens the doors for calls between two, and for testing the way to the server.
func (s *server) openCalls(house *studio.House, endpoint *rtc.Endpoint, ice *turn.Directory, doors map[string]http.Handler) {
	calls := call.New(call.Config{House: house, ICE: ice, Log: s.log})
	s.calls = calls
	s.onClose(func(ctx context.Context) {
		if err := calls.Shutdown(ctx); err != nil {
			s.log.Warn("ending calls", "error", err)
		}
	})
	doors["/call/"] = calls

	probes := probe.New(probe.Config{Endpoint: endpoint, ICE: ice, Log: s.log})
	s.onClose(func(ctx context.Context) {
		if err := probes.Shutdown(ctx); err != nil {
			s.log.Warn("ending connectivity tests", "error", err)
		}
	})
	doors["/probe/"] = probes
}
