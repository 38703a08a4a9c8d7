package pull

import (
	"context"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// mostBefore is how much of what a host is to hear is kept until there is somebody to tell it of.
const mostBefore = 16

// reception takes what a source sends into its room. It comes in with the first frame. It belongs to one goroutine.
type reception struct {
	session  *session
	ctx      context.Context
	cancel   context.CancelCauseFunc
	protocol string
	quiet    *time.Timer // ends it when nothing comes

	publisher *ingest.Publisher // nil before the first frame
	began     time.Time
	before    []func(*ingest.Publisher)
}

func (r *reception) Write(f *media.Frame) error {
	if r.publisher == nil {
		publisher, err := r.session.enter(r.ctx, r.cancel, r.protocol)
		if err != nil {
			return err
		}
		r.publisher, r.began = publisher, time.Now()
		for _, tell := range r.before {
			tell(publisher)
		}
		if r.session.source.Mode == Demand {
			go r.session.leaveUnwatched(r.ctx, r.cancel)
		}
	}
	r.quiet.Stop() // what is held back is no silence
	defer r.quiet.Reset(silence)
	return r.publisher.Write(f)
}

func (r *reception) More() {
	if r.publisher != nil { // what never becomes a frame is nothing
		r.quiet.Reset(silence)
	}
}

func (r *reception) LeftOut(what string) {
	r.tell(func(p *ingest.Publisher) { p.LeftOut(what) })
}

func (r *reception) Broken(kind media.Kind, why error) {
	r.tell(func(p *ingest.Publisher) { p.Broken(kind, why) })
}

func (r *reception) Rotated(degrees int) {
	r.tell(func(p *ingest.Publisher) { p.Rotated(degrees) })
}

// tell tells the host now, or once the source is in the room.
func (r *reception) tell(what func(*ingest.Publisher)) {
	switch {
	case r.publisher != nil:
		what(r.publisher)
	case len(r.before) < mostBefore:
		r.before = append(r.before, what)
	}
}
