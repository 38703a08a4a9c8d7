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

// kind is how tags are carried, and of which codecs. All viewers of one kind share a stream, and those of kinds that come to the same.
type kind struct {
	name   string
	form   fanout.Form
	codecs fanout.Codecs
}

var (
	overHTTP      = kind{name: "flv", form: fanout.FLV}
	overWebSocket = kind{name: "flv in messages", form: fanout.FLVMessages}
)

type houseGate struct {
	house *studio.House
	tick  time.Duration
	log   *slog.Logger
}

func (g *houseGate) open(ctx context.Context, room string, c studio.Credential, k kind) (fanout.Watcher, *fanout.Stream, error) {
	if _, err := g.house.AdmitPlayer(ctx, room, "flv", c); err != nil {
		return nil, nil, err
	}
	w, err := g.house.Watch(room, "flv")
	if err != nil {
		return nil, nil, err
	}
	conversion := g.house.VideoConversion()
	share := k.codecs.Share(w.Program(), conversion)
	demand := share.Demand(conversion)
	s, err := studio.Shared(w, k.name+share.String(), studio.Briefly, func(p *program.Program) (*fanout.Stream, func(), error) {
		reader, err := p.Read(demand)
		if err != nil {
			return nil, nil, err
		}
		s := fanout.New(reader, fanout.Expected(p, demand, share), g.tick, k.form, g.log.With("room", room))
		return s, s.Close, nil
	})
	if err != nil {
		w.Close()
		return nil, nil, err
	}
	return w, s, nil
}
