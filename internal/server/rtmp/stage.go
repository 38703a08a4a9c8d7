package rtmp

import (
	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

// stage is what the door needs of the house.
type stage interface {
	Admit(roomName string, c studio.Credential, a studio.Action) (auth.Claims, error)
	enter(roomName string, j room.Join, obs studio.Observer) (ingest, error)
}

// ingest is what it needs of a participant.
type ingest interface {
	publish(pub room.Publication) (frameWriter, error)
	Self() room.Participant
	Unpublish(sid string) error
	ChangePublication(sid string, change func(*room.Publication)) error
	Update(name, metadata *string, attributes map[string]string) error
	Leave(why room.LeaveReason)
}

// frameWriter is a track born as frames.
type frameWriter interface {
	WriteFrame(f *media.Frame) error
}

type houseStage struct{ *studio.House }

func (h houseStage) enter(roomName string, j room.Join, obs studio.Observer) (ingest, error) {
	p, err := h.Enter(roomName, j, obs)
	if err != nil {
		return nil, err
	}
	return houseIngest{p}, nil
}

type houseIngest struct{ *studio.Participant }

func (p houseIngest) publish(pub room.Publication) (frameWriter, error) { return p.PublishFrames(pub) }
