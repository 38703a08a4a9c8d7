package livekit

import (
	"errors"
	"slices"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
)

// muteOwn mutes or unmutes a track of the client, also one that the room does not know yet.
func (s *session) muteOwn(req *pb.MuteTrackRequest) {
	t := s.publishing.bySID(req.GetSid())
	if t == nil {
		s.respond(&pb.RequestResponse{Reason: pb.RequestResponse_NOT_FOUND, Request: &pb.RequestResponse_Mute{Mute: req}})
		return
	}
	t.muted, t.saysMuted = req.GetMuted(), req.GetMuted()
	s.setMuted(t)
}

func (s *session) setMuted(t *ownTrack) {
	t.pub.Muted = t.muted
	if err := s.part.SetMuted(t.pub.SID, t.muted); err != nil && !errors.Is(err, room.ErrNoPublication) {
		s.log.Debug("muting", "track", t.pub.SID, "error", err)
	}
}

// updateAudio takes what the client says about the sound of a track.
func (s *session) updateAudio(req *pb.UpdateLocalAudioTrack) {
	t := s.publishing.bySID(req.GetTrackSid())
	if t == nil || t.pub.Kind != media.Audio {
		s.respond(&pb.RequestResponse{Reason: pb.RequestResponse_NOT_FOUND,
			Request: &pb.RequestResponse_UpdateAudioTrack{UpdateAudioTrack: req}})
		return
	}
	stereo := slices.Contains(req.GetFeatures(), pb.AudioTrackFeature_TF_STEREO)
	noDTX := slices.Contains(req.GetFeatures(), pb.AudioTrackFeature_TF_NO_DTX)
	others := otherAudioFeatures(req.GetFeatures())
	if stereo == t.pub.Stereo && noDTX == t.pub.DisableDTX && slices.Equal(others, t.pub.AudioFeatures) {
		return
	}
	s.changeOwn(t, func(p *room.Publication) { p.Stereo, p.DisableDTX, p.AudioFeatures = stereo, noDTX, others })
}

// updateVideo takes the new size of a picture.
func (s *session) updateVideo(req *pb.UpdateLocalVideoTrack) {
	t := s.publishing.bySID(req.GetTrackSid())
	if t == nil || t.pub.Kind != media.Video {
		s.respond(&pb.RequestResponse{Reason: pb.RequestResponse_NOT_FOUND,
			Request: &pb.RequestResponse_UpdateVideoTrack{UpdateVideoTrack: req}})
		return
	}
	width, height := int(min(req.GetWidth(), maxPixels)), int(min(req.GetHeight(), maxPixels))
	s.changeOwn(t, func(p *room.Publication) { p.Width, p.Height = width, height })
}

// updateLayers is how older clients tell a new size.
func (s *session) updateLayers(req *pb.UpdateVideoLayers) {
	t := s.publishing.bySID(req.GetTrackSid())
	layers := layersFromProto(req.GetLayers())
	if t == nil || t.pub.Kind != media.Video || len(layers) == 0 {
		return
	}
	largest := layers[len(layers)-1]
	s.changeOwn(t, func(p *room.Publication) {
		p.Layers = layers
		p.Width, p.Height = largest.Width, largest.Height
	})
}

// changeOwn changes a track's description here and, when it is shown, in the room.
func (s *session) changeOwn(t *ownTrack, change func(*room.Publication)) {
	change(&t.pub)
	if err := s.part.ChangePublication(t.pub.SID, change); err != nil && !errors.Is(err, room.ErrNoPublication) {
		s.log.Debug("changing a publication", "track", t.pub.SID, "error", err)
	}
}
