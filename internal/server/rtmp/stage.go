package rtmp

import (
	"context"
	"log/slog"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/fanout"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// stage is what the door needs of the house.
type stage interface {
	AdmitPlayer(ctx context.Context, roomName, protocol string, c studio.Credential) (auth.Claims, error)
	AdmitEncoder(ctx context.Context, roomName, protocol string, c studio.Credential) (studio.Encoder, error)
	// TurnAway notes for a room's hosts that an encoder was turned away.
	TurnAway(roomName, protocol, code, reason string)
	enter(e studio.Encoder, program room.Program, obs studio.EncoderObserver) (ingest.Participant, error)
	// watch gives a room's program in the form of messages, shared by all players whose wishes come to the same.
	watch(roomName string, codecs fanout.Codecs) (fanout.Watcher, *fanout.Stream, error)
}

type houseStage struct {
	*studio.House
	tick time.Duration
	log  *slog.Logger
}

func (h houseStage) enter(e studio.Encoder, program room.Program, obs studio.EncoderObserver) (ingest.Participant, error) {
	p, err := h.EnterEncoder(e, program, obs)
	if err != nil {
		return nil, err
	}
	return ingest.Of(p), nil
}

func (h houseStage) watch(roomName string, codecs fanout.Codecs) (fanout.Watcher, *fanout.Stream, error) {
	w, err := h.Watch(roomName, "rtmp")
	if err != nil {
		return nil, nil, err
	}
	conversion := h.VideoConversion()
	share := codecs.Share(w.Program(), conversion)
	demand := share.Demand(conversion)
	s, err := studio.Shared(w, "rtmp"+share.String(), studio.Briefly, func(p *program.Program) (*fanout.Stream, func(), error) {
		reader, err := p.Read(demand)
		if err != nil {
			return nil, nil, err
		}
		s := fanout.New(reader, fanout.Expected(p, demand, share), h.tick, fanout.RTMP, h.log.With("room", roomName))
		return s, s.Close, nil
	})
	if err != nil {
		w.Close()
		return nil, nil, err
	}
	return w, s, nil
}
