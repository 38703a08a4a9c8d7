// Package program makes one picture and one sound of the tracks on a room's stage, on one continuous timeline.
package program

import (
	"context"
	"errors"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/track"
)

// Program is what everybody watches who is not in the room. It is made when a room goes live and closed when that ends.
// The sound is the mix of all sound on stage (a single source passes through); the picture is one of the tracks on stage.
type Program struct{}

// New makes a program without sources. label is used in logs.
func New(label string) *Program { return nil }

// Add puts a track on the stage; it leaves by itself when it is closed. prefer marks a track that is shown rather than
// others (an ingest, the host's choice): the highest wins, then the first.
func (p *Program) Add(t *track.Track, prefer int) {}
func (p *Program) Remove(t *track.Track)          {}

// Show chooses the picture; nil lets the program choose.
func (p *Program) Show(t *track.Track) {}

// Picture and Sound are the tracks that hold the program now, nil when there is none, and a channel that is closed when
// that changes. They are for readers of packets: switch to the new track at its next keyframe.
func (p *Program) Picture() (*track.Track, <-chan struct{}) { return nil, nil }
func (p *Program) Sound() (*track.Track, <-chan struct{})   { return nil, nil }

// Demand is what a reader can take: codecs in order of preference. The first that can be had without conversion is
// given, else the first that can be had at all.
type Demand struct {
	Video, Audio []media.Codec
}

// Read opens the program for a muxer. There is one reader for a format, not one for a viewer.
func (p *Program) Read(d Demand) (*Reader, error) { return nil, errors.ErrUnsupported }

// Done is closed when the program ends.
func (p *Program) Done() <-chan struct{} { return nil }

// Warnings says in plain words what some viewers cannot have and why, for the host.
func (p *Program) Warnings() []Warning { return nil }
func (p *Program) Close()              {}

// Warning is a stable code with an English sentence; the page translates codes.
type Warning struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// Reader gives the program's frames, picture and sound merged in order of DTS, on a timeline that never steps back.
// Sound never waits for pictures. While the source is muted or gone its last keyframe is repeated each second.
type Reader struct{}

// Next waits for the next frame. It fails with io.EOF when the program ends.
func (r *Reader) Next(ctx context.Context) (*media.Frame, error) { return nil, errors.ErrUnsupported }

// Close releases what the reader demanded.
func (r *Reader) Close() {}
