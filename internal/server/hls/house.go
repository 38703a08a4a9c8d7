package hls

import (
	"context"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/studio"
)

// house is what the door uses of studio.House.
type house interface {
	// Admit tells why a credential does not permit to watch.
	Admit(ctx context.Context, roomName string, c studio.Credential) error
	Watch(roomName string) (watcher, error)
	// Tap is Watch for what is no viewer.
	Tap(roomName string) (watcher, error)
}

// watcher is one viewer of a program, or what watches it for others.
type watcher interface {
	// Program identifies the program.
	Program() any
	Done() <-chan struct{}
	// Output keeps the program's HLS output open until Close, and for some time more. open runs when nobody else does.
	Output(stays time.Duration, open func(source) (stop func(), err error)) error
	Sent(bytes int)
	// Left tells when the viewer asked last, before Close.
	Left(at time.Time)
	Close()
}

// source is what a program's output is made of.
type source interface {
	Read(program.Demand) (reader, error)
	// Sizes are those in which the picture can be had now, from small to large.
	Sizes() []media.Size
	// SendsPicture tells whether a picture is being sent that a reader with this demand is given at its next keyframe at the latest.
	SendsPicture(program.Demand) bool
}

// reader gives a program's frames.
type reader interface {
	Next(ctx context.Context) (*media.Frame, error)
	Close()
}

// studioHouse is the real house.
type studioHouse struct{ *studio.House }

func (h studioHouse) Admit(ctx context.Context, roomName string, c studio.Credential) error {
	_, err := h.House.AdmitPlayer(ctx, roomName, "hls", c)
	return err
}

func (h studioHouse) Watch(roomName string) (watcher, error) {
	w, err := h.House.Watch(roomName, "hls")
	if err != nil {
		return nil, err
	}
	return studioWatcher{w}, nil
}

func (h studioHouse) Tap(roomName string) (watcher, error) {
	w, err := h.House.Tap(roomName)
	if err != nil {
		return nil, err
	}
	return studioWatcher{w}, nil
}

type studioWatcher struct{ *studio.Watcher }

func (w studioWatcher) Program() any { return w.Watcher.Program() }

func (w studioWatcher) Output(stays time.Duration, open func(source) (func(), error)) error {
	_, err := studio.Shared(w.Watcher, "hls", stays, func(p *program.Program) (struct{}, func(), error) {
		stop, err := open(programSource{p})
		return struct{}{}, stop, err
	})
	return err
}

type programSource struct{ *program.Program }

func (s programSource) Read(d program.Demand) (reader, error) { return s.Program.Read(d) }
