package livekit

import (
	"fmt"
	"strings"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio/lkinfo"
)

// How often clients ping, in seconds, and after how long without an answer they take the connection for lost.
const (
	pingInterval = 5
	pingTimeout  = 15
)

// begin makes the peers and sends the join response; the SDP with the tracks that were there already follows at once.
func (s *session) begin() error {
	if err := s.makeTransports(); err != nil {
		return err
	}
	s.findOutH264()
	others := s.part.Others()
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_Join{Join: s.joinResponse(others)}})
	for _, p := range others {
		for _, pub := range p.Publications {
			s.remoteCame(p, pub)
		}
	}
	s.sendQualities(s.part.Qualities())
	s.token.start(s)
	for _, req := range s.join.addTracks {
		s.addTrack(req)
	}
	if s.client.appliesOfferLate() {
		s.after(lateOfferDelay, offerApplied{})
	} else {
		s.takeJoinOffer()
	}
	s.join.addTracks = nil
	return nil
}

// offerApplied: the client can take the answer to the offer in its join request now.
type offerApplied struct{}

func (s *session) takeJoinOffer() {
	if s.join.offer.GetSdp() != "" {
		s.takeOffer(s.join.offer)
	}
	s.join.offer = nil
}

func (s *session) makeTransports() (err error) {
	if s.onePeer {
		s.publisher, err = s.newTransport("peer", false, true)
		return err
	}
	if s.publisher, err = s.newTransport("publisher", false, false); err != nil {
		return err
	}
	if s.subscriber, err = s.newTransport("subscriber", true, true); err != nil {
		return err
	}
	s.remote.changed = true // the first offer goes out in any case: it brings the data channels
	return s.subscriber.openChannels()
}

func (s *session) joinResponse(others []room.Participant) *pb.JoinResponse {
	res := &pb.JoinResponse{
		Room: lkinfo.Room(s.part.Room()), Participant: lkinfo.Participant(s.self),
		ServerVersion: serverVersion, ServerInfo: serverInfo(),
		SubscriberPrimary: !s.onePeer, FastPublish: !s.onePeer && s.self.Permission.Publish,
		PingInterval: pingInterval, PingTimeout: pingTimeout,
		ClientConfiguration:  s.clientConfiguration(),
		EnabledPublishCodecs: s.publishCodecs(),
		IceServers:           s.iceServers(),
	}
	res.OtherParticipants = s.introduce(others)
	return res
}

func (s *session) clientConfiguration() *pb.ClientConfiguration {
	if s.relayed {
		return &pb.ClientConfiguration{ForceRelay: pb.ClientConfigSetting_ENABLED}
	}
	return &pb.ClientConfiguration{}
}

func serverInfo() *pb.ServerInfo {
	return &pb.ServerInfo{Edition: pb.ServerInfo_Standard, Version: serverVersion, Protocol: serverProtocol}
}

// publishCodecs are the codecs that the client may publish. Clients publish VP8 by default; where it is not in this list they
// take the first picture codec that is. So only those that may have no H.264 are told of VP8: what they publish cannot be
// passed through to live outputs. VP9 and AV1 are for applications that choose them.
func (s *session) publishCodecs() []*pb.Codec {
	codecs := []media.Codec{media.H264, media.VP9, media.AV1, media.Opus}
	if s.lacksH264 {
		codecs = []media.Codec{media.VP8, media.VP9, media.AV1, media.H264, media.Opus}
	}
	var out []*pb.Codec
	for _, c := range codecs {
		out = append(out, &pb.Codec{Mime: lkinfo.MimeType(c)})
	}
	return append(out, &pb.Codec{Mime: "audio/red"})
}

// findOutH264 notes whether the client can publish H.264: from its first offer, where that came along and has a picture,
// else from what it says it is.
func (s *session) findOutH264() {
	s.lacksH264 = s.client.mayLackH264()
	if sdp := strings.ToLower(s.join.offer.GetSdp()); strings.Contains(sdp, "m=video") {
		s.lacksH264 = !strings.Contains(sdp, fmt.Sprintf(" %s/90000", strings.ToLower(media.H264.RTPName())))
	}
}
