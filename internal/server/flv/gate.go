package flv

import (
	"context"
	"log/slog"
	"time"

	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/fanout"
)

// gate lets viewers in.
type gate interface {
	// open admits a viewer and gives the stream that it shares with the others.
	open(ctx context.Context, room string, c studio.Credential, k kind) (fanout.Watcher, *fanout.Stream, error)
}

// kind is how tags are carried. All viewers of one kind share a stream.
type kind struct {
	name string
	form fanout.Form
}

var (
	overHTTP      = kind{"flv", fanout.FLV}
	overWebSocket = kind{"flv in messages", fanout.FLVMessages}
)

type houseGate struct {
	house  *studio.House
	demand program.Demand
	tick   time.Duration
	log    *slog.Logger
}

func (g *houseGate) open(ctx context.Context, room string, c studio.Credential, k kind) (fanout.Watcher, *fanout.Stream, error) {
	if _, err := g.house.AdmitPlayer(ctx, room, "flv", c); err != nil {
		return nil, nil, err
	}
	w, err := g.house.Watch(room, "flv")
	if err != nil {
		return nil, nil, err
	}
	s, err := studio.Shared(w, k.name, func(p *program.Program) (*fanout.Stream, func(), error) {
		reader, err := p.Read(g.demand)
		if err != nil {
			return nil, nil, err
		}
		s := fanout.New(reader, fanout.Expected(p, g.demand), g.tick, k.form, g.log.With("room", room))
		return s, s.Close, nil
	})
	if err != nil {
		w.Close()
		return nil, nil, err
	}
	return w, s, nil
}
