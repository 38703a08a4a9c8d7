package livekit

import (
	"cmp"
	"slices"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

// roomInfo describes a room.
func roomInfo(i studio.RoomInfo) *pb.Room {
	return &pb.Room{
		Sid: i.SID, Name: i.Name, Metadata: i.Metadata,
		CreationTime: i.CreatedAt.Unix(), CreationTimeMs: i.CreatedAt.UnixMilli(),
		NumParticipants: uint32(i.Participants), NumPublishers: uint32(i.Publishers), MaxParticipants: uint32(i.MaxParticipants),
	}
}

// participantInfo describes a participant who is in the room.
func participantInfo(p room.Participant) *pb.ParticipantInfo {
	info := &pb.ParticipantInfo{
		Sid: p.SID, Identity: p.Identity, Name: p.Name, Metadata: p.Metadata, Attributes: p.Attributes,
		State: pb.ParticipantInfo_ACTIVE, JoinedAt: p.JoinedAt.Unix(), JoinedAtMs: p.JoinedAt.UnixMilli(),
		Version: p.Version, Permission: permission(p.Permission), IsPublisher: len(p.Publications) > 0,
		Kind: participantKinds[p.Kind],
	}
	for _, pub := range p.Publications {
		info.Tracks = append(info.Tracks, trackInfo(pub))
	}
	return info
}

// departed describes a participant who is not in the room any more.
func departed(p room.Participant, why room.LeaveReason) *pb.ParticipantInfo {
	return &pb.ParticipantInfo{
		Sid: p.SID, Identity: p.Identity, Name: p.Name, Version: p.Version, Kind: participantKinds[p.Kind],
		State: pb.ParticipantInfo_DISCONNECTED, DisconnectReason: disconnectReason(why),
	}
}

var participantKinds = map[room.ParticipantKind]pb.ParticipantInfo_Kind{
	room.Person: pb.ParticipantInfo_STANDARD, room.Ingest: pb.ParticipantInfo_INGRESS, room.Agent: pb.ParticipantInfo_AGENT,
}

// kindOf translates the token's kind claim.
func kindOf(claim string) room.ParticipantKind {
	switch claim {
	case "agent":
		return room.Agent
	case "ingress":
		return room.Ingest
	}
	return room.Person
}

func permission(p room.Permission) *pb.ParticipantPermission {
	out := &pb.ParticipantPermission{
		CanSubscribe: p.Subscribe, CanPublish: p.Publish, CanPublishData: p.PublishData,
		CanUpdateMetadata: p.UpdateMetadata, Hidden: p.Hidden,
	}
	for _, s := range p.Sources {
		out.CanPublishSources = append(out.CanPublishSources, sourceToProto(s))
	}
	return out
}

func sourceToProto(s room.Source) pb.TrackSource {
	switch s {
	case room.Camera:
		return pb.TrackSource_CAMERA
	case room.Microphone:
		return pb.TrackSource_MICROPHONE
	case room.ScreenShare:
		return pb.TrackSource_SCREEN_SHARE
	case room.ScreenShareAudio:
		return pb.TrackSource_SCREEN_SHARE_AUDIO
	}
	return pb.TrackSource_UNKNOWN
}

func sourceFromProto(s pb.TrackSource) room.Source {
	switch s {
	case pb.TrackSource_CAMERA:
		return room.Camera
	case pb.TrackSource_MICROPHONE:
		return room.Microphone
	case pb.TrackSource_SCREEN_SHARE:
		return room.ScreenShare
	case pb.TrackSource_SCREEN_SHARE_AUDIO:
		return room.ScreenShareAudio
	}
	return room.OtherSource
}

// mimeType is how the protocol names a codec, empty for none.
func mimeType(c media.Codec) string {
	if c == media.NoCodec {
		return ""
	}
	return c.Kind().String() + "/" + cmp.Or(c.RTPName(), c.String())
}

// trackInfo describes a publication.
func trackInfo(p room.Publication) *pb.TrackInfo {
	info := &pb.TrackInfo{
		Sid: p.SID, Name: p.Name, Type: pb.TrackType_AUDIO, Source: sourceToProto(p.Source), Muted: p.Muted,
		MimeType: mimeType(p.Codec), Mid: p.MID, Stream: p.Stream, Encryption: pb.Encryption_Type(p.Encryption),
		DisableDtx: p.DisableDTX, DisableRed: p.DisableRED, Stereo: p.Stereo,
	}
	codec := &pb.SimulcastCodecInfo{MimeType: info.MimeType, Mid: p.MID, Cid: p.CID}
	if p.Kind == media.Video {
		info.Type = pb.TrackType_VIDEO
		info.Width, info.Height = uint32(p.Width), uint32(p.Height)
		info.Layers = layersToProto(p.Layers)
		info.Simulcast = len(p.Layers) > 1
		codec.Layers = info.Layers
		codec.VideoLayerMode = pb.VideoLayer_ONE_SPATIAL_LAYER_PER_STREAM
	}
	if p.Stereo {
		info.AudioFeatures = append(info.AudioFeatures, pb.AudioTrackFeature_TF_STEREO)
	}
	if p.DisableDTX {
		info.AudioFeatures = append(info.AudioFeatures, pb.AudioTrackFeature_TF_NO_DTX)
	}
	info.Codecs = []*pb.SimulcastCodecInfo{codec}
	return info
}

func layersToProto(layers []room.PublishedLayer) []*pb.VideoLayer {
	out := make([]*pb.VideoLayer, 0, len(layers))
	for i, l := range layers {
		out = append(out, &pb.VideoLayer{
			Quality: pb.VideoQuality(l.Quality), Width: uint32(l.Width), Height: uint32(l.Height), Bitrate: uint32(l.Bitrate),
			Rid: l.RID, SpatialLayer: int32(i),
		})
	}
	return out
}

// Limits on what a client says of its tracks.
const (
	maxLayers    = 4
	maxTextBytes = 256
	maxPixels    = 16384
	maxBitrate   = 1 << 30
)

// layersFromProto keeps what makes sense of the layers that a client announces, from small to large.
func layersFromProto(layers []*pb.VideoLayer) []room.PublishedLayer {
	var out []room.PublishedLayer
	for _, l := range layers {
		if l.GetQuality() > pb.VideoQuality_HIGH || l.GetQuality() < 0 || len(out) == maxLayers {
			continue
		}
		out = append(out, room.PublishedLayer{
			Quality: uint8(l.GetQuality()), Width: int(min(l.GetWidth(), maxPixels)), Height: int(min(l.GetHeight(), maxPixels)),
			Bitrate: int(min(l.GetBitrate(), maxBitrate)),
		})
	}
	slices.SortStableFunc(out, func(a, b room.PublishedLayer) int { return int(a.Quality) - int(b.Quality) })
	if len(out) > 1 {
		for i := range out {
			out[i].RID = [...]string{"q", "h", "f"}[out[i].Quality]
		}
	}
	return out
}

// clip bounds a text that a client chose.
func clip(s string) string {
	if len(s) <= maxTextBytes {
		return s
	}
	return s[:maxTextBytes]
}
