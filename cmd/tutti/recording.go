package main

import (
	"path/filepath"

	"github.com/tuttilive/tutti/internal/config"
	"github.com/tuttilive/tutti/internal/record"
	"github.com/tuttilive/tutti/internal/s3"
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
	bucket, err := openBucket(c)
	if err != nil {
		return nil, err
	}
	s.recorder, err = record.New(record.Options{
		Bucket: bucket, KeepLocal: c.S3Local == "keep",
		Dir: dir, Mode: record.Mode(c.Recorders()), Settings: settings, Keep: c.RecordKeep, Log: s.log,
		Limits: record.Limits{Split: c.RecordSplit, SplitBytes: c.SplitSize(), Reserve: c.ReserveSize()},
		Tell:   func(in studio.RoomInfo, event string, r record.Recording) { s.webhooks.Tell(in, event, "recording", r) },
	})
	return s.recorder, err
}

// openBucket makes where recordings are uploaded to, nil for nowhere.
func openBucket(c config.Server) (*s3.Bucket, error) {
	if c.S3Endpoint == "" {
		return nil, nil
	}
	out, err := dialer(c)
	if err != nil {
		return nil, err
	}
	return s3.Open(s3.Config{
		Endpoint: c.S3Endpoint, Region: c.S3Region, Bucket: c.S3Bucket, Prefix: c.S3Prefix, PathStyle: c.S3PathStyle, Key: c.S3Key, Secret: c.S3Secret,
	}, out)
}
