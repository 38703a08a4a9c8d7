package livekit

import (
	"errors"
	"fmt"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/chronicle"
)

// Labels of the data channels: messages go over the first two, data tracks over the third.
const (
	reliableLabel  = "_reliable"
	lossyLabel     = "_lossy"
	dataTrackLabel = "_data_track"
)

// transport is one WebRTC connection of a session. It hands what happens to its peer to the session, which owns it.
type transport struct {
	session *session
	name    string
	peer    *rtc.Peer
}

// peerEvent is something that happened to a transport's peer.
type peerEvent struct {
	from *transport
	what any
}

type (
	peerConnected  struct{}
	wayChanged     struct{}
	peerClosed     struct{ err error }
	inboundAdded   struct{ in *rtc.Inbound }
	inboundRemoved struct{ in *rtc.Inbound }
	channelOpened  struct{ channel *rtc.DataChannel }
)

// acceptedCodecs are those that clients may publish, the preferred first: H.264, because live outputs can pass it through.
var acceptedCodecs = []media.Codec{media.Opus, media.H264, media.VP8, media.VP9, media.AV1}

// newTransport makes a connection; receives tells that subscribed tracks will go to the client over it.
func (s *session) newTransport(name string, dataChannels, receives bool) (*transport, error) {
	t := &transport{session: s, name: name}
	cfg := rtc.PeerConfig{
		Label: name, Log: s.log, Handler: t, Codecs: acceptedCodecs, DataChannels: dataChannels,
		Prefer: func(streamID, trackID string) media.Codec {
			return s.publishing.codecFor(s.client.sendsWhatItSays(), streamID, trackID)
		},
		RefuseRED: s.refusesRED, FreshSections: s.client.forgetsNoSection(),
		Transport: s.candidates, WayChanged: func() { t.put(wayChanged{}) },
	}
	if receives {
		cfg.Congestion = studio.Congestion()
	}
	peer, err := s.server.endpoint.NewPeer(cfg)
	if err != nil {
		return nil, fmt.Errorf("making the %s peer: %w", name, err)
	}
	t.peer = peer
	s.part.Over(name, peer)
	return t, nil
}

// openChannels opens the data channels of a connection that we offer.
func (t *transport) openChannels() error {
	if err := t.peer.OpenDataChannel(reliableLabel, true, nil); err != nil {
		return fmt.Errorf("opening the reliable data channel: %w", err)
	}
	none := uint16(0)
	for _, label := range []string{lossyLabel, dataTrackLabel} {
		if err := t.peer.OpenDataChannel(label, false, &none); err != nil {
			return fmt.Errorf("opening the data channel %s: %w", label, err)
		}
	}
	return nil
}

func (t *transport) put(what any) { t.session.inbox.put(peerEvent{t, what}, 0) }

func (t *transport) PeerConnected()                  { t.put(peerConnected{}) }
func (t *transport) PeerClosed(err error)            { t.put(peerClosed{err}) }
func (t *transport) InboundAdded(in *rtc.Inbound)    { t.put(inboundAdded{in}) }
func (t *transport) InboundRemoved(in *rtc.Inbound)  { t.put(inboundRemoved{in}) }
func (t *transport) DataChannel(dc *rtc.DataChannel) { t.put(channelOpened{dc}) }

// hearPeer handles what happened to a peer.
func (s *session) hearPeer(e peerEvent) {
	switch what := e.what.(type) {
	case peerConnected:
		s.part.Connected()
		s.part.NoteWay(chronicle.Connected, e.from.name, e.from.peer)
		s.arrived()
	case wayChanged:
		if e.from.peer.Connected() { // else it is told of when it is
			s.part.NoteWay(chronicle.WayChanged, e.from.name, e.from.peer)
		}
	case inboundAdded:
		s.inboundCame(what.in)
	case inboundRemoved:
		s.inboundWent(what.in)
	case channelOpened:
		s.channelCame(e.from, what.channel)
	case peerClosed:
		if errors.Is(what.err, rtc.ErrClosed) {
			return
		}
		// A connection that is gone cannot be resumed; the client, if it is there at all, has to start over.
		s.log.Info("peer lost", "peer", e.from.name, "error", what.err)
		s.part.Note(chronicle.Failed, "", e.from.name+": "+what.err.Error())
		s.end(leave(pb.DisconnectReason_CONNECTION_TIMEOUT, pb.LeaveRequest_RECONNECT), room.LeftTimeout)
	}
}
