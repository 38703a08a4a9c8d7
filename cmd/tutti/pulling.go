package main

import (
	"github.com/tuttilive/tutti/internal/config"
	"github.com/tuttilive/tutti/internal/pull"
	"github.com/tuttilive/tutti/internal/store"
)

// openPuller makes what fetches streams from other servers; nil where that is off. It begins with the house.
func (s *server) openPuller(c config.Server, st *store.Store) (*pull.Puller, error) {
	if c.Pullers() == config.Off {
		return nil, nil
	}
	out, err := dialer(c)
	if err != nil {
		return nil, err
	}
	sources, err := store.OpenBucket[[]pull.Source](st, "pull")
	if err != nil {
		return nil, err
	}
	return pull.New(pull.Options{Dialer: out, Sources: sources, Log: s.log})
}
