package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/config"
	"github.com/tuttilive/tutti/internal/room/words"
	"github.com/tuttilive/tutti/internal/server/audience"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/webhook"
)

// chatHookPatience bounds a question about a message; whoever asks waits for less.
const chatHookPatience = 5 * time.Second

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

// openModeration reads the list of words that are not said, and finds whom to ask about messages; either may be nil.
func (s *server) openModeration(c config.Server, keys auth.Keys) (*words.List, studio.Reviewer, error) {
	var list *words.List
	if c.ChatWords != "" {
		file, err := os.Open(c.ChatWords)
		if err != nil {
			return nil, nil, fmt.Errorf("opening the list of words: %w", err)
		}
		defer file.Close()
		if list, err = words.Read(file); err != nil {
			return nil, nil, fmt.Errorf("reading the list of words %s: %w", c.ChatWords, err)
		}
	}
	if c.ChatHook == "" {
		return list, nil, nil
	}
	out, err := dialer(c)
	if err != nil {
		return nil, nil, err
	}
	return list, webhook.NewReviewer(c.ChatHook, c.ChatHookFail == "allow", keys, out.Client(chatHookPatience), s.log), nil
}
