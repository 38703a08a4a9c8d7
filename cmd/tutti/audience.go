package main

import (
	"context"
	"net/http"

	"github.com/tuttilive/tutti/internal/config"
	"github.com/tuttilive/tutti/internal/server/audience"
	"github.com/tuttilive/tutti/internal/studio"
)

// openAudience opens the door for those who watch.
func (s *server) openAudience(c config.Server, house *studio.House, doors map[string]http.Handler) {
	s.crowd = audience.New(audience.Config{House: house, PerAddress: c.AudiencePerAddress, Log: s.log})
	s.onClose(func(ctx context.Context) {
		if err := s.crowd.Shutdown(ctx); err != nil {
			s.log.Warn("ending the audience's connections", "error", err)
		}
	})
	doors["/audience/"] = s.crowd
}
