package livekit

import (
	"errors"
	"slices"
	"strings"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
)

// A client may publish one picture in several codecs. It names the backups when it publishes, and sends one as soon as it
// is told that somebody needs it: with another request to publish, which carries the track's SID, and in a section of its own.

// furtherCodec is a further codec of a track, as the client has asked to publish it.
type furtherCodec struct {
	codec media.Codec
	cid   string
	in    *rtc.Inbound // nil before the section came
}

func (c *furtherCodec) matches(in *rtc.Inbound) bool {
	return c.in == nil && in.Kind == media.Video && (c.cid == in.TrackID || c.cid == in.StreamID)
}

// further finds a further codec and the track that it belongs to.
func (p *publishing) further(match func(*furtherCodec) bool) (*ownTrack, *furtherCodec) {
	for _, t := range p.tracks {
		if i := slices.IndexFunc(t.further, match); i >= 0 {
			return t, t.further[i]
		}
	}
	return nil, nil
}

// codecFor is the codec that the client said it wants to send in a section; NoCodec leaves it to us. Clients that want VP8
// want the protocol's default, so they get what we prefer, unless they are strict.
func (p *publishing) codecFor(strict bool, streamID, trackID string) media.Codec {
	for _, t := range p.tracks {
		for _, c := range t.further {
			if c.cid == trackID || c.cid == streamID {
				return c.codec
			}
		}
		if (t.pub.CID == trackID || t.pub.CID == streamID) && (strict || t.codec != media.VP8) {
			return t.codec
		}
	}
	return media.NoCodec
}

// addCodec answers the request to publish a track in one more codec.
func (s *session) addCodec(req *pb.AddTrackRequest, refuse func(pb.RequestResponse_Reason, string)) {
	t := s.publishing.bySID(req.GetSid())
	codec := media.NoCodec
	if list := req.GetSimulcastCodecs(); len(list) > 0 {
		codec = codecByName(list[0].GetCodec())
	}
	switch {
	case t == nil:
		refuse(pb.RequestResponse_NOT_FOUND, "there is no such track")
		return
	case t.pub.Kind != media.Video || codec.Kind() != media.Video || !slices.Contains(acceptedCodecs, codec) || codec == t.pub.Codec:
		refuse(pb.RequestResponse_UNSUPPORTED_TYPE, "the track cannot be published in this codec")
		return
	}
	if i := slices.IndexFunc(t.further, func(c *furtherCodec) bool { return c.codec == codec && c.in == nil }); i >= 0 {
		t.further = slices.Delete(t.further, i, i+1) // asked for again, perhaps under another name
	}
	if len(t.further) >= len(acceptedCodecs) {
		refuse(pb.RequestResponse_LIMIT_EXCEEDED, "too many codecs")
		return
	}
	c := &furtherCodec{codec: codec, cid: req.GetCid()}
	t.further = append(t.further, c)
	s.sendPublishedAs(c.cid, t)
	for _, in := range s.publishing.unpaired {
		if c.matches(in) {
			s.pairCodec(t, c, in)
			break
		}
	}
}

// pairCodec publishes a further codec that now has both its parts.
func (s *session) pairCodec(t *ownTrack, c *furtherCodec, in *rtc.Inbound) {
	s.publishing.unpaired = slices.DeleteFunc(s.publishing.unpaired, func(other *rtc.Inbound) bool { return other == in })
	c.in = in
	if err := s.part.PublishCodec(t.pub.SID, room.PublishedCodec{Codec: c.codec, CID: c.cid, MID: in.Mid}, in); err != nil {
		s.log.Warn("codec refused", "track", t.pub.SID, "codec", c.codec, "error", err)
		t.further = slices.DeleteFunc(t.further, func(other *furtherCodec) bool { return other == c })
	}
}

// codecWent handles a section in which the client stopped to send a further codec.
func (s *session) codecWent(in *rtc.Inbound) {
	t, c := s.publishing.further(func(c *furtherCodec) bool { return c.in == in })
	if c == nil {
		return
	}
	t.further = slices.DeleteFunc(t.further, func(other *furtherCodec) bool { return other == c })
	if err := s.part.UnpublishCodec(t.pub.SID, c.codec); err != nil && !errors.Is(err, room.ErrNoPublication) {
		s.log.Debug("unpublishing a codec", "track", t.pub.SID, "codec", c.codec, "error", err)
	}
}

// backupsFromProto are the codecs that a client would publish beside the first, where we take them.
func backupsFromProto(codecs []*pb.SimulcastCodec) []room.PublishedCodec {
	var out []room.PublishedCodec
	for _, c := range codecs {
		codec := codecByName(c.GetCodec())
		known := slices.ContainsFunc(out, func(b room.PublishedCodec) bool { return b.Codec == codec })
		if codec.Kind() == media.Video && slices.Contains(acceptedCodecs, codec) && !known {
			out = append(out, room.PublishedCodec{Codec: codec})
		}
	}
	return out
}

// tellDemand tells the client which codecs and layers of a track somebody wants, so that it sends no others.
func (s *session) tellDemand(e room.PublicationDemand) {
	t := s.publishing.bySID(e.SID)
	if t == nil {
		return
	}
	update := &pb.SubscribedQualityUpdate{TrackSid: e.SID}
	for i, d := range e.Codecs {
		c := &pb.SubscribedCodec{Codec: strings.ToLower(d.Codec.RTPName())}
		for q := pb.VideoQuality_LOW; q <= pb.VideoQuality_HIGH; q++ {
			c.Qualities = append(c.Qualities, &pb.SubscribedQuality{Quality: q, Enabled: int8(q) <= d.Quality})
		}
		update.SubscribedCodecs = append(update.SubscribedCodecs, c)
		if i == 0 {
			update.SubscribedQualities = c.Qualities // what older clients read
		}
	}
	t.demand = update
	s.sendDemand(t)
}

// sendDemand says it, also again to a client that was away.
func (s *session) sendDemand(t *ownTrack) {
	if t.demand != nil {
		s.send(&pb.SignalResponse{Message: &pb.SignalResponse_SubscribedQualityUpdate{SubscribedQualityUpdate: t.demand}})
	}
}
