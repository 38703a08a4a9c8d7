package livekit

import (
	"errors"
	"strings"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/lkinfo"
)

// remoteTracks is what others publish and what the client wants of it.
type remoteTracks struct {
	// auto subscribes to every track that comes, but for the composed picture: it shows what the others do.
	auto   bool
	tracks map[string]*remoteTrack // by SID
	// changed tells that subscriptions came or went since the last negotiation.
	changed bool
	// ending are tracks, by SID, whose end is not agreed on yet; true where the client has been told. Until it is, they are not sent again:
	// programs that hear of an end and a beginning under one name at once take the one for the end of the other.
	ending map[string]bool
	// full tells that there were more than the connection takes, which is logged once.
	full bool
}

// remoteTrack is one publication of somebody else.
type remoteTrack struct {
	sid          string
	publisher    string // identity
	publisherSID string
	stream       string // groups picture and sound
	wanted       bool
	allowed      bool
	sub          *studio.Subscription // nil while not subscribed
	fruitless    int                  // offers of the client in a row that had no section for it
	failed       bool                 // the client was told that it cannot be subscribed
	away         bool                 // its publisher is changing the codec; it comes anew
	suspended    bool                 // the way to the client does not carry it
	// saidAllowed and saidSuspended tell that there was something to say of these: else they are as every client takes them for granted.
	saidAllowed, saidSuspended bool
	settings                   *trackSettings // nil when the client never said how it wants the track
}

// trackSettings is how the client wants a track.
type trackSettings struct {
	paused        bool
	quality       pb.VideoQuality
	width, height int
	// priority is 1 for the first, 0 where the server decides.
	priority uint32
	fps      int // 0 for all there are
}

// remoteCame handles a new publication.
func (s *session) remoteCame(p room.Participant, pub room.Publication) {
	if s.remote.tracks == nil {
		s.remote.tracks = map[string]*remoteTrack{}
	}
	if t := s.remote.tracks[pub.SID]; t != nil {
		t.away = false
		s.review(t)
		return
	}
	t := &remoteTrack{
		sid: pub.SID, publisher: p.Identity, publisherSID: p.SID, stream: streamName(pub.Stream),
		wanted: s.remote.auto && p.Kind != room.Composed, allowed: s.mayHave(p.Identity, pub.SID),
	}
	s.remote.tracks[pub.SID] = t
	if !t.allowed {
		s.sendAllowed(t)
	}
	s.review(t)
}

// remoteWent handles a publication that ended.
func (s *session) remoteWent(sid string) {
	t := s.remote.tracks[sid]
	if t == nil {
		return
	}
	delete(s.remote.tracks, sid)
	s.drop(t)
}

// remoteMoves handles a publication that comes anew in another codec. Whether the client wants it stays; how it wants it, and whether it
// can have it, is to be seen.
func (s *session) remoteMoves(sid string) {
	if t := s.remote.tracks[sid]; t != nil {
		t.away, t.failed, t.settings = true, false, nil
		s.drop(t)
	}
}

// reviewSubscriptions looks at all tracks again, after the client's own permission changed.
func (s *session) reviewSubscriptions() {
	for _, t := range s.remote.tracks {
		s.review(t)
	}
}

// review subscribes to a track or gives it up, as it is wanted and allowed now.
func (s *session) review(t *remoteTrack) {
	want := t.wanted && t.allowed && s.self.Permission.Subscribe && !t.away
	_, ending := s.remote.ending[t.sid]
	switch {
	case want && t.sub == nil && !t.failed && !ending:
		s.subscribe(t)
	case !want && t.sub != nil:
		s.drop(t)
	}
}

func (s *session) subscribe(t *remoteTrack) {
	sub, err := s.part.Subscribe(t.sid, s.receivingPeer(), s.streamID(t), func(suspended bool) {
		s.inbox.put(trackSuspended{t.sid, suspended}, 0)
	})
	if errors.Is(err, room.ErrNoPublication) && s.remote.auto || errors.Is(err, room.ErrNoParticipant) {
		return // the publication, or the session itself, has just ended; that is on its way
	}
	if err != nil {
		full := errors.Is(err, rtc.ErrFull)
		if !full || !s.remote.full {
			s.log.Warn("cannot subscribe", "track", t.sid, "error", err)
		}
		s.remote.full = s.remote.full || full
		s.refuseSubscription(t, subscriptionError(err))
		return
	}
	t.sub, t.fruitless = sub, 0
	s.remote.changed = true
	if t.settings != nil {
		t.apply()
	}
	if publisher := s.server.find(place{s.place.room, t.publisher}); publisher != nil {
		publisher.inbox.put(trackTaken{t.sid}, 0)
	}
}

// streamID names the media stream that a track comes in. Browsers play the tracks of one stream in sync, so picture and
// sound of a camera share one. But clients that do not offer know a track by the stream's name where a section has been
// used for another track before (the browser keeps that one's ID), and Firefox does not sync, so there each has its own.
func (s *session) streamID(t *remoteTrack) string {
	if !s.onePeer || s.client.isFirefox() || t.stream == "" {
		return t.publisherSID + "|" + t.sid
	}
	return t.publisherSID + "|" + t.stream
}

// streamName is what a publisher calls a stream where that can be part of a stream's ID (RFC 8830), and nobody can take it
// for a track's SID; else empty.
func streamName(name string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-'
	}
	if len(name) > 48 || strings.HasPrefix(name, "TR") || strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }) {
		return ""
	}
	return name
}

// trackTaken: somebody subscribed to the track of the session that gets this.
type trackTaken struct{ sid string }

// trackSuspended: the way to the client does not carry a track any more, or does again.
type trackSuspended struct {
	sid       string
	suspended bool
}

func (s *session) tellSuspended(e trackSuspended) {
	if t := s.remote.tracks[e.sid]; t != nil {
		t.suspended, t.saidSuspended = e.suspended, true
		s.sendStates(t.state())
	}
}

func (t *remoteTrack) state() *pb.StreamStateInfo {
	info := &pb.StreamStateInfo{ParticipantSid: t.publisherSID, TrackSid: t.sid, State: pb.StreamState_ACTIVE}
	if t.suspended {
		info.State = pb.StreamState_PAUSED
	}
	return info
}

func (s *session) sendStates(states ...*pb.StreamStateInfo) {
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_StreamStateUpdate{StreamStateUpdate: &pb.StreamStateUpdate{StreamStates: states}}})
}

// tellStates tells a client that was away which tracks of others it may have, and which its way carries, where that has ever changed.
func (s *session) tellStates() {
	var states []*pb.StreamStateInfo
	for _, t := range s.remote.tracks {
		if t.saidAllowed || t.saidSuspended {
			s.tellBefore(t.publisherSID)
		}
		if t.saidAllowed {
			s.sendAllowed(t)
		}
		if t.saidSuspended {
			states = append(states, t.state())
		}
	}
	if len(states) > 0 {
		s.sendStates(states...)
	}
}

func (s *session) drop(t *remoteTrack) {
	if t.sub == nil {
		return
	}
	if t.sub.Outbound().Mid() != "" { // else the client never heard of it
		if s.remote.ending == nil {
			s.remote.ending = map[string]bool{}
		}
		s.remote.ending[t.sid] = false
		s.remote.changed = true
	}
	t.sub.Close()
	t.sub = nil
	t.suspended, t.saidSuspended = false, false // the next subscription is another stream
}

// tellEnds notes that a description is made in which nothing is sent any more of what has ended.
func (r *remoteTracks) tellEnds() {
	for sid := range r.ending {
		r.ending[sid] = true
	}
}

// endsAgreed follows a negotiation: what ended with it may begin again.
func (s *session) endsAgreed() {
	for sid, told := range s.remote.ending {
		if !told {
			continue
		}
		delete(s.remote.ending, sid)
		if t := s.remote.tracks[sid]; t != nil {
			s.review(t)
		}
	}
}

// refuseSubscription tells the client not to wait for a track.
func (s *session) refuseSubscription(t *remoteTrack, why pb.SubscriptionError) {
	t.failed = true
	s.sendSubscriptionError(t.sid, why)
}

func (s *session) sendSubscriptionError(sid string, why pb.SubscriptionError) {
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_SubscriptionResponse{SubscriptionResponse: &pb.SubscriptionResponse{
		TrackSid: sid, Err: why,
	}}})
}

func subscriptionError(err error) pb.SubscriptionError {
	if errors.Is(err, room.ErrNoPublication) {
		return pb.SubscriptionError_SE_TRACK_NOTFOUND
	}
	return pb.SubscriptionError_SE_UNKNOWN
}

// settleCodecs follows a negotiation: subscriptions go on in the codec that the client has agreed to; those to tracks in
// codecs that it has turned down, or whose section it has rejected, are given up, and so are those for which one who offers had none too often.
func (s *session) settleCodecs() {
	for _, t := range s.remote.tracks {
		if t.sub == nil {
			continue
		}
		switch out := t.sub.Outbound(); {
		case out.Codec() != media.NoCodec:
			t.fruitless = 0
			t.sub.Negotiated()
		case out.Mid() != "" || out.Refused() || t.fruitless == maxFruitless:
			s.drop(t)
			s.refuseSubscription(t, pb.SubscriptionError_SE_CODEC_UNSUPPORTED)
		case s.onePeer:
			t.fruitless++
		}
	}
}

// updateSubscription is the client's explicit wish.
func (s *session) updateSubscription(u *pb.UpdateSubscription) {
	s.setSubscribed(lkinfo.TrackSIDs(u), u.GetSubscribe())
}

// setSubscribed follows the client's wish, or the server's word in its place.
func (s *session) setSubscribed(sids []string, wanted bool) {
	for _, sid := range sids {
		t := s.remote.tracks[sid]
		if t == nil {
			if wanted {
				s.sendSubscriptionError(sid, pb.SubscriptionError_SE_TRACK_NOTFOUND)
			}
			continue
		}
		t.wanted, t.failed = wanted, false
		s.review(t)
	}
}

// updateSettings is how the client wants tracks: paused, or in some size.
func (s *session) updateSettings(u *pb.UpdateTrackSettings) {
	settings := &trackSettings{
		quality: u.GetQuality(), width: int(min(u.GetWidth(), maxPixels)), height: int(min(u.GetHeight(), maxPixels)),
		fps:      int(min(u.GetFps(), maxRate)),
		priority: u.GetPriority(),
	}
	sized := settings.width > 0 && settings.height > 0
	settings.paused = u.GetDisabled() || u.GetQuality() == pb.VideoQuality_OFF && !sized
	for _, sid := range u.GetTrackSids() {
		if t := s.remote.tracks[sid]; t != nil {
			t.settings = settings
			if t.sub != nil {
				t.apply()
			}
		}
	}
}

func (t *remoteTrack) apply() {
	t.sub.SetPaused(t.settings.paused)
	t.sub.SetRate(t.settings.fps)
	t.sub.SetPriority(t.settings.priority)
	switch q := t.settings.quality; {
	case t.settings.width > 0 && t.settings.height > 0:
		t.sub.SetSize(t.settings.width, t.settings.height)
	case q >= pb.VideoQuality_LOW && q <= pb.VideoQuality_HIGH:
		t.sub.SetLayer(int(q))
	}
}

// trackMids says in which section of the SDP each subscribed track is. Clients that offer know tracks by nothing else.
func (s *session) trackMids() map[string]string {
	mids := map[string]string{}
	for _, t := range s.remote.tracks {
		if t.sub == nil {
			continue
		}
		if mid := t.sub.Outbound().Mid(); mid != "" {
			mids[mid] = t.sid
		}
	}
	return mids
}
