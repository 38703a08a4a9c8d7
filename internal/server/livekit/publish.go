package livekit

import (
	"errors"
	"slices"
	"strings"
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/studio/lkinfo"
)

// publishing is what the client publishes. A track comes in two parts, in either order: the request that describes it, and
// the section of the SDP in which it is sent. The client's own name of the track, its cid, is in both.
type publishing struct {
	tracks []*ownTrack
	// unpaired sections have no request yet.
	unpaired []*rtc.Inbound
}

// ownTrack is a track that the client has asked to publish.
type ownTrack struct {
	pub room.Publication
	// codec is the one that the client wants to send, NoCodec when it did not say; guessed tells that it did not say it.
	codec   media.Codec
	guessed bool
	// in is the section, nil before it came.
	in *rtc.Inbound
	// undecided tells that the section's next offer will say in which codec it comes; the track is not published before.
	undecided bool
	// further are the sections of the same picture in other codecs.
	further []*furtherCodec
	// demand is what the client was told last of what is wanted.
	demand *pb.SubscribedQualityUpdate
	// muted is what the client said last, or what it was told; saysMuted is what it said last. Clients confirm what they are told.
	muted, saysMuted bool
	// taken is when the client was told of its first subscriber.
	taken time.Time
}

// pairingPatience is how long a section waits for the request with its cid. After that any request of its kind will do:
// some platforms send another name in the SDP than in the request.
const pairingPatience = 400 * time.Millisecond

// decidingPatience is how long a track is undecided at most.
const decidingPatience = 3 * time.Second

// decidingDue: a track is published as it is, whatever it comes in.
type decidingDue struct{ sid string }

// pairingDue: sections that still have no request take the next of their kind.
type pairingDue struct{}

func (p *publishing) bySID(sid string) *ownTrack {
	return p.find(func(t *ownTrack) bool { return t.pub.SID == sid })
}

func (p *publishing) find(match func(*ownTrack) bool) *ownTrack {
	if i := slices.IndexFunc(p.tracks, match); i >= 0 {
		return p.tracks[i]
	}
	return nil
}

func (p *publishing) remove(t *ownTrack) {
	p.tracks = slices.DeleteFunc(p.tracks, func(other *ownTrack) bool { return other == t })
}

// addTrack answers the request to publish a track.
func (s *session) addTrack(req *pb.AddTrackRequest) {
	refuse := func(reason pb.RequestResponse_Reason, message string) {
		s.respond(&pb.RequestResponse{Reason: reason, Message: message, Request: &pb.RequestResponse_AddTrack{AddTrack: req}})
	}
	pending := s.publishing.find(func(t *ownTrack) bool { return t.in == nil && t.pub.CID == req.GetCid() })
	source := lkinfo.SourceOf(req.GetSource())
	switch {
	case req.GetCid() == "" || len(req.GetCid()) > maxTextBytes:
		refuse(pb.RequestResponse_INVALID_REQUEST, "a track needs a cid of at most 256 bytes")
	case req.GetType() != pb.TrackType_AUDIO && req.GetType() != pb.TrackType_VIDEO:
		refuse(pb.RequestResponse_UNSUPPORTED_TYPE, "only audio and video tracks can be published")
	case req.GetSid() != "":
		s.addCodec(req, refuse)
	case !s.self.Permission.MayPublish(source):
		refuse(pb.RequestResponse_NOT_ALLOWED, "no permission to publish "+source.String())
	case pending != nil:
		s.sendPublished(pending)
	case len(s.publishing.tracks) >= room.MaxPublications:
		refuse(pb.RequestResponse_LIMIT_EXCEEDED, "too many tracks")
	default:
		t := s.newOwnTrack(req, source)
		s.publishing.tracks = append(s.publishing.tracks, t)
		s.sendPublished(t)
		for _, in := range s.publishing.unpaired {
			if t.matches(in) {
				s.pair(t, in)
				break
			}
		}
	}
}

func (s *session) newOwnTrack(req *pb.AddTrackRequest, source room.Source) *ownTrack {
	features := req.GetAudioFeatures()
	pub := room.Publication{
		SID: room.NewSID("TR_"), CID: req.GetCid(), Name: clip(req.GetName()), Kind: media.Audio, Source: source,
		Muted: req.GetMuted(), Stream: clip(req.GetStream()), Encryption: uint8(min(req.GetEncryption(), 2)),
		Stereo:     req.GetStereo() || slices.Contains(features, pb.AudioTrackFeature_TF_STEREO),     // older clients
		DisableDTX: req.GetDisableDtx() || slices.Contains(features, pb.AudioTrackFeature_TF_NO_DTX), // older clients
		// Encryption end to end covers redundancy too, so that nobody could take it out for those who do not know it.
		DisableRED:    req.GetDisableRed() || req.GetEncryption() != pb.Encryption_NONE,
		AudioFeatures: otherAudioFeatures(features), TrailerFeatures: fromEnums(req.GetPacketTrailerFeatures()),
	}
	if pub.Stream == "" {
		pub.Stream = streamOf(source)
	}
	t := &ownTrack{pub: pub, muted: pub.Muted, saysMuted: pub.Muted}
	if req.GetType() == pb.TrackType_VIDEO {
		t.pub.Kind = media.Video
		t.pub.Stereo, t.pub.DisableDTX, t.pub.DisableRED, t.pub.AudioFeatures = false, false, false, nil
		t.pub.Width, t.pub.Height = int(min(req.GetWidth(), maxPixels)), int(min(req.GetHeight(), maxPixels))
		t.pub.Layers = layersFromProto(req.GetLayers())
	}
	if codecs := req.GetSimulcastCodecs(); len(codecs) > 0 {
		t.codec = codecByName(codecs[0].GetCodec())
		t.pub.Backups = backupsFromProto(codecs[1:])
		if len(t.pub.Layers) == 0 {
			t.pub.Layers = layersFromProto(codecs[0].GetLayers())
		}
	}
	if t.codec == media.NoCodec && t.pub.Kind == media.Video {
		t.codec = s.client.unsaidCodec()
		t.guessed = t.codec != media.NoCodec
	}
	return t
}

// refusesRED tells whether a section that the client offers must do without redundant audio. One whose request has not
// come, or has another name for it, does without as soon as any that is still expected must.
func (s *session) refusesRED(streamID, trackID string) bool {
	offered := &rtc.Inbound{Kind: media.Audio, StreamID: streamID, TrackID: trackID}
	for _, t := range s.publishing.tracks {
		if t.in != nil && t.in.TrackID == trackID || t.matches(offered) {
			return t.pub.DisableRED
		}
	}
	return s.publishing.find(func(t *ownTrack) bool { return t.in == nil && t.pub.Kind == media.Audio && t.pub.DisableRED }) != nil
}

// streamOf groups a picture with the sound that belongs to it.
func streamOf(source room.Source) string {
	switch source {
	case room.Camera, room.Microphone:
		return "camera"
	case room.ScreenShare, room.ScreenShareAudio:
		return "screen_share"
	}
	return "unknown"
}

// codecByName takes "h264" as well as "video/H264".
func codecByName(name string) media.Codec {
	if _, after, ok := strings.Cut(name, "/"); ok {
		name = after
	}
	return media.CodecByRTPName(name)
}

func (t *ownTrack) matches(in *rtc.Inbound) bool {
	return t.in == nil && t.pub.Kind == in.Kind && (t.pub.CID == in.TrackID || t.pub.CID == in.StreamID)
}

// sendPublished tells the client the SID of its track.
func (s *session) sendPublished(t *ownTrack) { s.sendPublishedAs(t.pub.CID, t) }

// sendPublishedAs answers a request with a cid, which is that of the track or of a further codec.
func (s *session) sendPublishedAs(cid string, t *ownTrack) {
	info := lkinfo.Track(t.pub)
	if t.pub.Kind == media.Video && info.MimeType == "" {
		// Clients that wait for this before they offer take the codec from here.
		want := t.codec
		switch {
		case s.client.sendsWhatItSays() && want != media.NoCodec:
		case s.lacksH264 && want == media.NoCodec:
			want = media.VP8
		case !s.lacksH264 && (want == media.NoCodec || want == media.VP8):
			want = media.H264
		}
		info.MimeType = lkinfo.MimeType(want)
		info.Codecs[0].MimeType = info.MimeType
	}
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_TrackPublished{TrackPublished: &pb.TrackPublishedResponse{
		Cid: cid, Track: info,
	}}})
}

// inboundCame handles a section in which the client starts to send.
func (s *session) inboundCame(in *rtc.Inbound) {
	s.publishing.unpaired = append(s.publishing.unpaired, in)
	if t := s.publishing.find(func(t *ownTrack) bool { return t.matches(in) }); t != nil {
		s.pair(t, in)
		return
	}
	if t, c := s.publishing.further(func(c *furtherCodec) bool { return c.matches(in) }); c != nil {
		s.pairCodec(t, c, in)
		return
	}
	s.after(pairingPatience, pairingDue{})
}

// pairByKind gives sections that waited long enough the next request of their kind.
func (s *session) pairByKind() {
	for _, in := range slices.Clone(s.publishing.unpaired) {
		if t := s.publishing.find(func(t *ownTrack) bool { return t.in == nil && t.pub.Kind == in.Kind }); t != nil {
			s.pair(t, in)
		} else if t, c := s.publishing.further(func(c *furtherCodec) bool { return c.in == nil }); c != nil && in.Kind == media.Video {
			s.pairCodec(t, c, in)
		}
	}
}

// pair publishes a track that now has both its parts, as soon as its codec is known.
func (s *session) pair(t *ownTrack, in *rtc.Inbound) {
	s.publishing.unpaired = slices.DeleteFunc(s.publishing.unpaired, func(other *rtc.Inbound) bool { return other == in })
	t.in, t.pub.MID = in, in.Mid
	if t.undecided = t.guessed && len(in.Codecs) > 1; t.undecided {
		s.after(s.server.deciding, decidingDue{t.pub.SID})
		return
	}
	s.publish(t)
}

// decided publishes what waited for an offer that names its codec.
func (s *session) decided() {
	for _, t := range slices.Clone(s.publishing.tracks) {
		if t.undecided {
			s.publish(t)
		}
	}
}

func (s *session) publish(t *ownTrack) {
	t.undecided, t.pub.Muted = false, t.muted
	if err := s.part.PublishInbound(t.pub, t.in); err != nil {
		s.log.Warn("track refused", "track", t.pub.SID, "error", err)
		s.publishing.remove(t)
		s.sendUnpublished(t.pub.SID)
	}
}

// inboundWent handles a section in which the client stopped to send: it has unpublished the track.
func (s *session) inboundWent(in *rtc.Inbound) {
	s.publishing.unpaired = slices.DeleteFunc(s.publishing.unpaired, func(other *rtc.Inbound) bool { return other == in })
	t := s.publishing.find(func(t *ownTrack) bool { return t.in == in })
	if t == nil {
		s.codecWent(in)
		return
	}
	s.publishing.remove(t)
	if err := s.part.Unpublish(t.pub.SID); err != nil && !errors.Is(err, room.ErrNoPublication) {
		s.log.Debug("unpublishing", "track", t.pub.SID, "error", err)
	}
}

// reviewPublishing gives up tracks that the client may not publish any more and that the room does not know yet: of the others
// the room tells.
func (s *session) reviewPublishing() {
	for _, t := range slices.Clone(s.publishing.tracks) {
		known := slices.ContainsFunc(s.self.Publications, func(p room.Publication) bool { return p.SID == t.pub.SID })
		if known || s.self.Permission.MayPublish(t.pub.Source) {
			continue
		}
		s.publishing.remove(t)
		if t.in != nil {
			_ = s.part.Unpublish(t.pub.SID) // unless it has just ended
		}
		s.sendUnpublished(t.pub.SID)
	}
}

// ownTrackShown: the room knows the track now. What the client said of it in between is made up for.
func (s *session) ownTrackShown(pub room.Publication) {
	t := s.publishing.bySID(pub.SID)
	if t == nil {
		return
	}
	t.pub.Codec, t.pub.Backups = pub.Codec, pub.Backups
	if pub.Muted != t.muted {
		s.setMuted(t)
	}
	if pub.Width != t.pub.Width || pub.Height != t.pub.Height || pub.Stereo != t.pub.Stereo || pub.DisableDTX != t.pub.DisableDTX ||
		!slices.Equal(pub.AudioFeatures, t.pub.AudioFeatures) {
		s.changeOwn(t, func(p *room.Publication) {
			p.Width, p.Height, p.Layers = t.pub.Width, t.pub.Height, t.pub.Layers
			p.Stereo, p.DisableDTX, p.AudioFeatures = t.pub.Stereo, t.pub.DisableDTX, t.pub.AudioFeatures
		})
	}
}

// ownTrackChanged finds out whether somebody else muted the track; the client must follow.
func (s *session) ownTrackChanged(pub room.Publication) {
	t := s.publishing.bySID(pub.SID)
	if t == nil {
		return
	}
	t.pub.Backups = pub.Backups
	if pub.Muted == t.muted {
		return
	}
	t.muted = pub.Muted
	s.tellMuted(t)
}

// tellMuted has the client mute or unmute a track.
func (s *session) tellMuted(t *ownTrack) {
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_Mute{Mute: &pb.MuteTrackRequest{Sid: t.pub.SID, Muted: t.muted}}})
}

// ownTrackGone: unless the client itself has unpublished the track, it must be told. A track that only changes its codec stays. Nor is the
// client told of what ends with the connection on which it came: that goes next, the client is told to start over, and then it publishes again
// what it takes for published.
func (s *session) ownTrackGone(e room.PublicationRemoved) {
	t := s.publishing.bySID(e.Publication.SID)
	if t != nil && t.in != nil && t.in.Peer().Ending() {
		s.publishing.remove(t)
		s.self = e.Participant
		return
	}
	s.see(e.Participant)
	if t != nil && !e.Returns {
		s.publishing.remove(t)
		s.sendUnpublished(t.pub.SID)
	}
}

func (s *session) sendUnpublished(sid string) {
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_TrackUnpublished{TrackUnpublished: &pb.TrackUnpublishedResponse{TrackSid: sid}}})
}

// tellTaken tells the client, once, that a track of its has a subscriber.
func (s *session) tellTaken(sid string) {
	if t := s.publishing.bySID(sid); t != nil && t.taken.IsZero() && s.client.unknownMessages() {
		t.taken = time.Now()
		s.sendTaken(t)
	}
}

func (s *session) sendTaken(t *ownTrack) {
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_TrackSubscribed{TrackSubscribed: &pb.TrackSubscribed{TrackSid: t.pub.SID}}})
}
