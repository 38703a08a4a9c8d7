package whip

import (
	"context"
	"fmt"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/studio"
)

// house is what the door uses of studio.House.
type house interface {
	AdmitPlayer(ctx context.Context, roomName, protocol string, c studio.Credential) (auth.Claims, error)
	AdmitEncoder(ctx context.Context, roomName, protocol string, c studio.Credential) (studio.Encoder, error)
	// TurnAway notes for a room's hosts that an encoder was turned away.
	TurnAway(roomName, protocol, code, reason string)
	enter(e studio.Encoder, program room.Program, obs studio.EncoderObserver) (participant, error)
	// Watch opens the program for somebody who is counted as a viewer, or is not.
	Watch(roomName string, counted bool) (watcher, error)
}

// participant is a publisher in the room.
type participant interface {
	Self() room.Participant
	PublishInbound(pub room.Publication, in *rtc.Inbound) error
	Leave(why room.LeaveReason)
}

// watcher is a viewer of the program.
type watcher interface {
	// Picture is the codec of the program's picture now, NoCodec when there is none.
	Picture() media.Codec
	Subscribe(p peer, picture media.Codec) error
	// Layers are the sizes in which the picture can be had, from small to large; Prefer chooses one by its size, or none.
	Layers() []studio.Layer
	Prefer(size media.Size)
	Done() <-chan struct{}
	Close()
}

// endpoint makes peers.
type endpoint interface {
	NewPeer(cfg rtc.PeerConfig) (peer, error)
}

// peer is what the door uses of rtc.Peer.
type peer interface {
	SetOffer(sdp string) error
	CreateAnswer() (string, error)
	Close()
}

type studioHouse struct{ *studio.House }

func (h studioHouse) enter(e studio.Encoder, program room.Program, obs studio.EncoderObserver) (participant, error) {
	p, err := h.EnterEncoder(e, program, obs)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (h studioHouse) Watch(roomName string, counted bool) (watcher, error) {
	open := h.House.Tap
	if counted {
		open = func(name string) (*studio.Watcher, error) { return h.House.Watch(name, "whep") }
	}
	w, err := open(roomName)
	if err != nil {
		return nil, err
	}
	return studioWatcher{w}, nil
}

type studioWatcher struct{ *studio.Watcher }

func (w studioWatcher) Picture() media.Codec {
	if t, _ := w.Program().Picture(); t != nil {
		return t.Info().Codec
	}
	return media.NoCodec
}

func (w studioWatcher) Subscribe(p peer, picture media.Codec) error {
	real, ok := p.(*rtc.Peer)
	if !ok {
		return fmt.Errorf("whip: %T cannot be subscribed", p)
	}
	return w.Watcher.Subscribe(real, picture)
}

type rtcEndpoint struct{ *rtc.Endpoint }

func (e rtcEndpoint) NewPeer(cfg rtc.PeerConfig) (peer, error) {
	p, err := e.Endpoint.NewPeer(cfg)
	if err != nil {
		return nil, err
	}
	return p, nil
}
