package record

import (
	"errors"
	"log/slog"
	"time"

	"github.com/tuttilive/tutti/internal/s3"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
)

// Mode is who may record.
type Mode string

const (
	// Off records nothing, ForOperators only what operators begin, ForHosts what hosts begin too, ForAll each show.
	Off          Mode = "off"
	ForOperators Mode = "operators"
	ForHosts     Mode = "hosts"
	ForAll       Mode = "always"
)

// Errors of Start.
var (
	ErrOff     = errors.New("this server does not record")
	ErrRunning = errors.New("this room is being recorded already")
	ErrNoSpace = errors.New("there is not enough space on the server's disk to record")
	// ErrAway tells that a file is in a bucket that cannot be read now.
	ErrAway = errors.New("the recording is in a storage that cannot be reached now")
)

// Options are what a recorder needs.
type Options struct {
	Dir    string
	Mode   Mode
	Limits Limits
	// Keep is after how long recordings are deleted, 0 for never.
	Keep time.Duration
	// Settings keep how rooms are recorded.
	Settings *store.Bucket[Settings]
	// Bucket is where finished files are uploaded to, nil for nowhere. KeepLocal keeps them here too.
	Bucket    *s3.Bucket
	KeepLocal bool
	// Tell tells applications what became of a recording: "recording_started", "recording_finished" or "recording_failed". It must
	// not block; nil tells nobody.
	Tell func(in studio.RoomInfo, event string, r Recording)
	Log  *slog.Logger
}
