// Package lkinfo describes rooms, participants and tracks in the words of LiveKit's protocol, for all who speak them: the
// rooms' door, the room service and webhooks.
package lkinfo

import (
	"cmp"
	"slices"
	"time"

	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

// Room describes a room.
func Room(i studio.RoomInfo) *pb.Room {
	return &pb.Room{
		Sid: i.SID, Name: i.Name, Metadata: i.Metadata,
		CreationTime: i.CreatedAt.Unix(), CreationTimeMs: i.CreatedAt.UnixMilli(),
		NumParticipants: uint32(i.Participants), NumPublishers: uint32(i.Publishers), MaxParticipants: uint32(i.MaxParticipants),
		EmptyTimeout: uint32(i.EmptyTimeout / time.Second), DepartureTimeout: uint32(i.DepartureTimeout / time.Second),
		ActiveRecording: i.Recorded,
	}
}

// Participant describes a participant who is in the room.
func Participant(p room.Participant) *pb.ParticipantInfo {
	info := &pb.ParticipantInfo{
		Sid: p.SID, Identity: p.Identity, Name: p.Name, Metadata: p.Metadata, Attributes: p.Attributes,
		State: pb.ParticipantInfo_ACTIVE, JoinedAt: p.JoinedAt.Unix(), JoinedAtMs: p.JoinedAt.UnixMilli(),
		Version: p.Version, Permission: Permission(p.Permission), IsPublisher: len(p.Publications)+len(p.DataTracks) > 0,
		Kind: participantKinds[p.Kind], ClientProtocol: p.Program.Protocol,
		Capabilities: toEnums[pb.ClientInfo_Capability](p.Program.Capabilities),
	}
	for _, pub := range p.Publications {
		info.Tracks = append(info.Tracks, Track(pub))
	}
	for _, t := range p.DataTracks {
		info.DataTracks = append(info.DataTracks, DataTrack(t))
	}
	return info
}

// Departed describes a participant who is not in the room any more.
func Departed(p room.Participant, why room.LeaveReason) *pb.ParticipantInfo {
	return &pb.ParticipantInfo{
		Sid: p.SID, Identity: p.Identity, Name: p.Name, Version: p.Version, Kind: participantKinds[p.Kind],
		State: pb.ParticipantInfo_DISCONNECTED, DisconnectReason: Reason(why),
	}
}

// Reason is how the protocol calls a room's reason.
func Reason(why room.LeaveReason) pb.DisconnectReason {
	switch why {
	case room.LeftByItself:
		return pb.DisconnectReason_CLIENT_INITIATED
	case room.LeftDuplicate:
		return pb.DisconnectReason_DUPLICATE_IDENTITY
	case room.LeftTimeout:
		return pb.DisconnectReason_CONNECTION_TIMEOUT
	case room.LeftRemoved:
		return pb.DisconnectReason_PARTICIPANT_REMOVED
	case room.LeftRoomClosed:
		return pb.DisconnectReason_ROOM_CLOSED
	case room.LeftRoomDeleted:
		return pb.DisconnectReason_ROOM_DELETED
	case room.LeftServerShutdown:
		return pb.DisconnectReason_SERVER_SHUTDOWN
	}
	return pb.DisconnectReason_UNKNOWN_REASON
}

var participantKinds = map[room.ParticipantKind]pb.ParticipantInfo_Kind{
	room.Person: pb.ParticipantInfo_STANDARD, room.Ingest: pb.ParticipantInfo_INGRESS, room.Agent: pb.ParticipantInfo_AGENT,
	room.Recorder: pb.ParticipantInfo_EGRESS, room.Phone: pb.ParticipantInfo_SIP, room.Lent: pb.ParticipantInfo_STANDARD,
	room.Composed: pb.ParticipantInfo_AGENT,
}

// Permission describes what a participant may do.
func Permission(p room.Permission) *pb.ParticipantPermission {
	out := &pb.ParticipantPermission{
		CanSubscribe: p.Subscribe, CanPublish: p.Publish, CanPublishData: p.PublishData,
		CanUpdateMetadata: p.UpdateMetadata, Hidden: p.Hidden, Recorder: p.Recorder, Agent: p.Agent,
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

// PermissionOf is what the protocol says that somebody may do; what it does not speak of is as in before.
func PermissionOf(p *pb.ParticipantPermission, before room.Permission) room.Permission {
	perm := room.Permission{
		Publish: p.GetCanPublish(), Subscribe: p.GetCanSubscribe(), PublishData: p.GetCanPublishData(),
		UpdateMetadata: p.GetCanUpdateMetadata(), Hidden: p.GetHidden(), Admin: before.Admin,
		Recorder: p.GetRecorder(), Agent: p.GetAgent(),
	}
	for _, s := range p.GetCanPublishSources() {
		perm.Sources = append(perm.Sources, SourceOf(s))
	}
	return perm
}

// TrackSIDs are those that a request names, in either of its ways.
func TrackSIDs(r interface {
	GetTrackSids() []string
	GetParticipantTracks() []*pb.ParticipantTracks
}) []string {
	sids := slices.Clone(r.GetTrackSids())
	for _, p := range r.GetParticipantTracks() {
		sids = append(sids, p.GetTrackSids()...)
	}
	return sids
}

// SourceOf is the source that the protocol means.
func SourceOf(s pb.TrackSource) room.Source {
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

// MimeType is how the protocol names a codec, empty for none.
func MimeType(c media.Codec) string {
	if c == media.NoCodec {
		return ""
	}
	return c.Kind().String() + "/" + cmp.Or(c.RTPName(), c.String())
}

// Track describes a publication.
func Track(p room.Publication) *pb.TrackInfo {
	info := &pb.TrackInfo{
		Sid: p.SID, Name: p.Name, Type: pb.TrackType_AUDIO, Source: sourceToProto(p.Source), Muted: p.Muted,
		MimeType: MimeType(p.Codec), Mid: p.MID, Stream: p.Stream, Encryption: pb.Encryption_Type(p.Encryption),
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
	info.AudioFeatures = append(info.AudioFeatures, toEnums[pb.AudioTrackFeature](p.AudioFeatures)...)
	info.PacketTrailerFeatures = toEnums[pb.PacketTrailerFeature](p.TrailerFeatures)
	info.Codecs = []*pb.SimulcastCodecInfo{codec}
	for _, b := range p.Backups {
		info.Codecs = append(info.Codecs, &pb.SimulcastCodecInfo{
			MimeType: MimeType(b.Codec), Mid: b.MID, Cid: b.CID, Layers: info.Layers, VideoLayerMode: codec.VideoLayerMode,
		})
	}
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

func toEnums[E ~int32](list []int32) (out []E) {
	for _, n := range list {
		out = append(out, E(n))
	}
	return out
}

// DataTrack describes a data track.
func DataTrack(t room.DataTrack) *pb.DataTrackInfo {
	info := &pb.DataTrackInfo{}
	if err := proto.Unmarshal(t.Encoding, info); err != nil { // another door's words
		info = &pb.DataTrackInfo{}
	}
	info.PubHandle, info.Sid, info.Name, info.Encryption = uint32(t.Handle), t.SID, t.Name, pb.Encryption_Type(t.Encryption)
	return info
}
