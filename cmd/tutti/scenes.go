package main

import (
	"fmt"
	"os"

	"github.com/tuttilive/tutti/internal/config"
	"github.com/tuttilive/tutti/internal/room/scenes"
)

// openScenes reads the kinds of rooms: those that come along and those of the operator.
func openScenes(c config.Server) (*scenes.Set, error) {
	all := scenes.Builtin()
	if c.Scenes == "" {
		return all, nil
	}
	all, err := all.With(os.DirFS(c.Scenes))
	if err != nil {
		return nil, fmt.Errorf("--scenes %s: %w", c.Scenes, err)
	}
	return all, nil
}
