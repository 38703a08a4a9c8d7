package livekit

import (
	"fmt"
	"strings"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/media"
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
	for _, p := range s.part.Others() {
		s.others[p.SID] = p
	}
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_Join{Join: s.joinResponse()}})
	for _, p := range s.part.Others() {
		for _, pub := range p.Publications {
			s.remoteCame(p, pub)
		}
	}
	s.token.start(s)
	for _, req := range s.join.addTracks {
		s.addTrack(req)
	}
	if s.join.offer != nil && s.join.offer.Sdp != "" {
		s.takeOffer(s.join.offer)
	}
	s.join.offer, s.join.addTracks = nil, nil
	return nil
}

func (s *session) makeTransports() (err error) {
	if s.onePeer {
		s.publisher, err = s.newTransport("peer", false)
		return err
	}
	if s.publisher, err = s.newTransport("publisher", false); err != nil {
		return err
	}
	if s.subscriber, err = s.newTransport("subscriber", true); err != nil {
		return err
	}
	s.remote.changed = true // the first offer goes out in any case: it brings the data channels
	return s.subscriber.openChannels()
}

func (s *session) joinResponse() *pb.JoinResponse {
	res := &pb.JoinResponse{
		Room: roomInfo(s.part.Room()), Participant: participantInfo(s.self),
		ServerVersion: serverVersion, ServerInfo: serverInfo(),
		SubscriberPrimary: !s.onePeer, FastPublish: !s.onePeer && s.self.Permission.Publish,
		PingInterval: pingInterval, PingTimeout: pingTimeout,
		ClientConfiguration:  &pb.ClientConfiguration{},
		EnabledPublishCodecs: s.publishCodecs(),
	}
	for _, p := range s.part.Others() {
		res.OtherParticipants = append(res.OtherParticipants, participantInfo(p))
	}
	return res
}

func serverInfo() *pb.ServerInfo {
	return &pb.ServerInfo{Edition: pb.ServerInfo_Standard, Version: serverVersion, Protocol: serverProtocol}
}

// publishCodecs are the codecs that the client may publish. Clients publish VP8 by default and otherwise the first video
// codec of this list, so H.264 stands first and VP8 is named only to those that have no H.264: what they publish cannot
// be passed through to live outputs.
func (s *session) publishCodecs() []*pb.Codec {
	codecs := []media.Codec{media.H264, media.VP9, media.AV1}
	if !s.codesH264() {
		codecs = []media.Codec{media.VP8, media.H264, media.VP9, media.AV1}
	}
	var out []*pb.Codec
	for _, c := range append(codecs, media.Opus) {
		out = append(out, &pb.Codec{Mime: mimeType(c)})
	}
	return out
}

// codesH264 tells whether the client can publish H.264: from its first offer, where that came along and has a picture,
// else from what it says it is.
func (s *session) codesH264() bool {
	if sdp := strings.ToLower(s.join.offer.GetSdp()); strings.Contains(sdp, "m=video") {
		return strings.Contains(sdp, fmt.Sprintf(" %s/90000", strings.ToLower(media.H264.RTPName())))
	}
	return !s.client.mayLackH264()
}
