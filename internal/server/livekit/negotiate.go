package livekit

import (
	"encoding/json"
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio/chronicle"
)

// negotiationPatience is how long the client may take to answer an offer, or to send one that it was asked for.
const negotiationPatience = 15 * time.Second

// maxCandidateBytes bounds what a client says of one of its addresses.
const maxCandidateBytes = 1024

// offering is the state of the connection that we offer (v0): one offer at a time.
type offering struct {
	id      uint32 // of the newest offer
	pending bool   // it is not answered yet
}

// asking is the state of the connection that the client offers (v1), when we need an offer.
type asking struct {
	// begun tells that the client has offered once. It does so by itself, so it is not asked before.
	begun   bool
	id      uint32 // counts the times we asked
	pending bool   // the client has not offered since
	// audio and video are how many sections the client was asked to add and has not offered yet.
	audio, video int
}

// maxFruitless is how many offers in a row may have no section for a track: with one more it is not asked for any more, nor waited for.
const maxFruitless = 5

// negotiationLate looks, some time after an offer was sent or asked for, whether the client has reacted.
type negotiationLate struct {
	onePeer bool
	id      uint32
}

// negotiate brings the SDP up to the subscriptions, if the client is there.
func (s *session) negotiate() {
	if !s.remote.changed || s.conn == nil || s.ended {
		return
	}
	s.sendUpdates() // the SDP may carry tracks that the client must know by then
	switch {
	case !s.onePeer:
		s.sendOffer()
	case s.asking.begun:
		s.askForOffer()
	}
}

// sendOffer offers the subscriber connection.
func (s *session) sendOffer() {
	if s.offering.pending {
		return // when it is answered
	}
	s.remote.changed = false
	sdp, err := s.subscriber.peer.CreateOffer()
	if err != nil {
		s.failNegotiation("creating an offer", err)
		return
	}
	s.remote.tellEnds()
	s.offering.id++
	s.offering.pending = true
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_Offer{Offer: &pb.SessionDescription{
		Type: "offer", Sdp: sdp, Id: s.offering.id, MidToTrackId: s.trackMids(),
	}}})
	s.after(s.server.patience, negotiationLate{onePeer: false, id: s.offering.id})
}

// takeAnswer handles the client's answer. One to an older offer, or to none, is passed over; clients that do not number
// send 0.
func (s *session) takeAnswer(sd *pb.SessionDescription) {
	if s.subscriber == nil || !s.offering.pending || sd.GetId() != 0 && sd.GetId() != s.offering.id {
		return
	}
	if err := s.subscriber.peer.SetAnswer(sd.GetSdp()); err != nil {
		s.failNegotiation("applying an answer", err)
		return
	}
	s.offering.pending = false
	s.endsAgreed()
	s.settleCodecs()
}

// askForOffer asks the client to offer, with as many more sections as our outbounds need.
func (s *session) askForOffer() {
	audio, video := s.publisher.peer.Missing()
	if s.asking.pending && audio <= s.asking.audio && video <= s.asking.video {
		s.remote.changed = false
		return // the offer to come will do
	}
	s.remote.changed = false
	more := &pb.MediaSectionsRequirement{
		NumAudios: uint32(max(0, audio-s.asking.audio)), NumVideos: uint32(max(0, video-s.asking.video)),
	}
	s.asking.audio, s.asking.video = max(audio, s.asking.audio), max(video, s.asking.video)
	s.asking.pending = true
	s.asking.id++
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_MediaSectionsRequirement{MediaSectionsRequirement: more}})
	s.after(s.server.patience, negotiationLate{onePeer: true, id: s.asking.id})
}

// takeOffer answers the client's offer of the connection it publishes on, which with onePeer is the only one.
func (s *session) takeOffer(sd *pb.SessionDescription) {
	s.sendUpdates() // the answer may carry tracks that the client must know by then
	peer := s.publisher.peer
	if err := peer.SetOffer(sd.GetSdp()); err != nil {
		s.failNegotiation("applying an offer", err)
		return
	}
	answer, err := peer.CreateAnswer()
	if err != nil {
		s.failNegotiation("creating an answer", err)
		return
	}
	if s.onePeer {
		s.remote.tellEnds()
	}
	res := &pb.SessionDescription{Type: "answer", Sdp: answer, Id: sd.GetId()}
	if s.onePeer {
		res.MidToTrackId = s.trackMids()
	}
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_Answer{Answer: res}})
	s.decided()
	if s.onePeer {
		s.offerCame()
	}
}

// hearCandidate takes one of the client's addresses. Our peers learn them from its connectivity checks (ICE-lite, RFC 8445), but
// only the client knows of what kind they are.
func (s *session) hearCandidate(m *pb.TrickleRequest) {
	t := s.publisher
	if m.GetTarget() == pb.SignalTarget_SUBSCRIBER && s.subscriber != nil {
		t = s.subscriber
	}
	var init struct {
		Candidate string `json:"candidate"`
	}
	if len(m.GetCandidateInit()) <= maxCandidateBytes && json.Unmarshal([]byte(m.GetCandidateInit()), &init) == nil {
		t.peer.TellCandidate(init.Candidate)
	}
}

// offerCame looks whether the client's offer had a place for everything. What ended with the answer may begin in the next one: a client
// offers again only when it has applied this.
func (s *session) offerCame() {
	s.asking.begun, s.asking.pending, s.asking.audio, s.asking.video = true, false, 0, 0
	s.remote.changed = false
	s.settleCodecs()
	if audio, video := s.publisher.peer.Unplaced(); audio+video > 0 {
		s.remote.changed = true
	}
	s.endsAgreed()
}

// checkNegotiation runs some time after an offer was sent or asked for. A client that did not answer an offer is out of
// step; one that did not send an offer may be asked again.
func (s *session) checkNegotiation(late negotiationLate) {
	switch {
	case s.conn == nil:
	case late.onePeer && s.asking.pending && late.id == s.asking.id:
		s.asking.pending, s.asking.audio, s.asking.video = false, 0, 0
	case !late.onePeer && s.offering.pending && late.id == s.offering.id:
		s.log.Info("client did not answer an offer")
		s.part.Note(chronicle.Failed, "", "the client did not answer an offer")
		s.end(leave(pb.DisconnectReason_STATE_MISMATCH, pb.LeaveRequest_RECONNECT), room.LeftTimeout)
	}
}

// failNegotiation ends a session whose SDP cannot be brought together: a new one starts from nothing.
func (s *session) failNegotiation(doing string, err error) {
	s.log.Warn("negotiation failed", "doing", doing, "error", err)
	s.server.counts.negotiationFailed.Add(1)
	s.part.Note(chronicle.Failed, "", doing+": "+err.Error())
	s.end(leave(pb.DisconnectReason_STATE_MISMATCH, pb.LeaveRequest_RECONNECT), room.LeftByItself)
}
