package main

import (
	"path/filepath"

	"github.com/tuttilive/tutti/internal/config"
	"github.com/tuttilive/tutti/internal/record"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
)

// openRecorder finds what was recorded before. The recorder begins with the house.
func (s *server) openRecorder(c config.Server, st *store.Store) (*record.Recorder, error) {
	settings, err := store.OpenBucket[record.Settings](st, "record")
	if err != nil {
		return nil, err
	}
	dir := c.RecordDir
	if dir == "" {
		dir = filepath.Join(c.Data, "recordings")
	}
	s.recorder, err = record.New(record.Options{
		Dir: dir, Mode: record.Mode(c.Recorders()), Settings: settings, Keep: c.RecordKeep, Log: s.log,
		Limits: record.Limits{Split: c.RecordSplit, SplitBytes: c.SplitSize(), Reserve: c.ReserveSize()},
		Tell:   func(in studio.RoomInfo, event string, r record.Recording) { s.webhooks.Tell(in, event, "recording", r) },
	})
	return s.recorder, err
}
