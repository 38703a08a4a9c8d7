package record

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/s3"
)

// State is how far a recording is.
type State string

const (
	// Running recordings grow, Finishing ones are being made seekable, Done ones are whole. Failed ones ended before they should
	// have; what was recorded until then is there.
	Running   State = "recording"
	Finishing State = "finishing"
	Done      State = "done"
	Failed    State = "failed"
)

// Codes of what a recording failed for.
const (
	DiskFull    = "disk_full"
	WriteFailed = "write_failed"
	Empty       = "empty"
)

// Recording is what is known of one.
type Recording struct {
	ID    string `json:"id"`
	Room  string `json:"room"`
	Title string `json:"title"`
	State State  `json:"state"`
	// By is the identity that began it, or "always" where a setting did.
	By        string    `json:"by"`
	StartedAt time.Time `json:"startedAt"`
	// EndedAt is when it took its last picture, not when its files were finished.
	EndedAt time.Time `json:"endedAt,omitzero"`
	// ExpiresAt is when it is deleted, zero for never.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// Duration is in seconds, as Bytes of all files together.
	Duration float64 `json:"duration"`
	Bytes    int64   `json:"bytes"`
	// Published recordings may be played by all who may watch the room.
	Published bool `json:"published"`
	// Error says why it failed.
	Error string `json:"error,omitempty"`
	Files []File `json:"files"`
	// Pictured tells that there is a picture of it, Strip what the strip of small ones has.
	Pictured bool   `json:"pictured,omitempty"`
	Strip    *Strip `json:"strip,omitempty"`
	// Upload is its way into the bucket, nil where there is none.
	Upload *Upload `json:"upload,omitempty"`
}

// File is one movie of a recording.
type File struct {
	Name      string    `json:"name"`
	StartedAt time.Time `json:"startedAt"`
	Duration  float64   `json:"duration"`
	Bytes     int64     `json:"bytes"`
	Video     string    `json:"video,omitempty"`
	Audio     string    `json:"audio,omitempty"`
	Width     int       `json:"width,omitempty"`
	Height    int       `json:"height,omitempty"`
	// Finished files have an index and can be sought in.
	Finished bool `json:"finished"`
	// Stored files are in the bucket, and those that are Away nowhere else.
	Stored bool `json:"stored,omitempty"`
	Away   bool `json:"away,omitempty"`
}

// end is when it took its last picture.
func (f File) end() time.Time {
	return f.StartedAt.Add(time.Duration(f.Duration * float64(time.Second)))
}

// Settings are how a room is recorded.
type Settings struct {
	// Always records each show from its beginning; nil leaves it to the room's scene and the server.
	Always *bool `json:"always,omitempty"`
	// Publish lets all who may watch the room play its new recordings.
	Publish bool `json:"publish"`
	// Keep is after how many seconds recordings are deleted, 0 for what the server has.
	Keep float64 `json:"keep"`
}

func (s Settings) always() bool { return s.Always != nil && *s.Always }

// entry is a recording as it is kept.
type entry struct {
	Recording
	// Created is when the room was that it is of: a later room of the same name is another's.
	Created time.Time `json:"created,omitzero"`
	// Interrupted tells that the server ended before the show did.
	Interrupted bool `json:"interrupted,omitempty"`
	// Declined is when the show began of which somebody stopped it: no setting begins another of that show.
	Declined time.Time `json:"declined,omitzero"`
	// Uploads are those of its files that have begun.
	Uploads map[string]s3.Upload `json:"uploads,omitempty"`
	// Dropped are the names of files that it has no more, and that may still be in the bucket.
	Dropped []string `json:"dropped,omitempty"`
	// Deleted recordings are there for nobody, until they are out of the bucket too.
	Deleted bool `json:"deleted,omitempty"`
	// lost are the names of files that cannot be finished, whatever room there is, as far as that was tried since the start.
	lost map[string]bool
	// writing is held by who writes it down, and taken before the library's lock.
	writing *sync.Mutex
}

// add counts the files together.
func (e *entry) add() {
	e.Duration, e.Bytes = 0, 0
	for _, f := range e.Files {
		e.Duration += f.Duration
		e.Bytes += f.Bytes
	}
}

// file finds one by its name.
func (e *entry) file(name string) *File {
	if i := slices.IndexFunc(e.Files, func(f File) bool { return f.Name == name }); i >= 0 {
		return &e.Files[i]
	}
	return nil
}

// isUnfinished tells whether it has files without an index.
func (e *entry) isUnfinished() bool {
	return slices.ContainsFunc(e.Files, func(f File) bool { return !f.Finished })
}

// lastNumber is that of its last file, 0 for none: those before it may be gone.
func (e *entry) lastNumber() (last int) {
	for _, f := range e.Files {
		number, _ := strings.CutPrefix(strings.TrimSuffix(f.Name, ".mp4"), e.ID+"-")
		if n, err := strconv.Atoi(number); err == nil {
			last = max(last, n)
		}
	}
	return last
}

// snapshot is what others may have.
func (e *entry) snapshot() Recording {
	r := e.Recording
	r.Files = append([]File{}, e.Files...)
	return r
}

// copy is one that changes no more.
func (e *entry) copy() entry {
	c := *e
	c.Recording, c.Uploads, c.lost = e.snapshot(), maps.Clone(e.Uploads), maps.Clone(e.lost)
	c.Dropped = slices.Clone(e.Dropped)
	return c
}
