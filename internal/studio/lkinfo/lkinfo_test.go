package lkinfo

import (
	"testing"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
)

func TestParticipantInfo(t *testing.T) {
	info := Participant(room.Participant{
		SID: "PA_a", Identity: "alice", Name: "Alice", Version: 4, Kind: room.Ingest,
		Program:    room.Program{Protocol: 1, Capabilities: []int32{2}},
		Permission: room.Permission{Publish: true, Sources: []room.Source{room.Camera}},
		Publications: []room.Publication{{
			SID: "TR_v", CID: "c", MID: "3", Kind: media.Video, Source: room.Camera, Codec: media.H264, Width: 1280, Height: 720, Muted: true,
			Layers: []room.PublishedLayer{{RID: "q", Width: 320}, {RID: "h", Quality: 1, Width: 640}, {RID: "f", Quality: 2, Width: 1280}},
		}, {SID: "TR_a", Kind: media.Audio, Source: room.Microphone, Codec: media.Opus, DisableDTX: true,
			AudioFeatures: []int32{6}, TrailerFeatures: []int32{1}}},
	})
	if info.State != pb.ParticipantInfo_ACTIVE || info.Version != 4 || !info.IsPublisher || info.Kind != pb.ParticipantInfo_INGRESS ||
		info.ClientProtocol != 1 || info.Capabilities[0] != pb.ClientInfo_CAP_COMPRESSION_DEFLATE_RAW ||
		info.Permission.CanSubscribe || info.Permission.CanPublishSources[0] != pb.TrackSource_CAMERA {
		t.Errorf("participant: %v", info)
	}
	video, audio := info.Tracks[0], info.Tracks[1]
	if video.MimeType != "video/H264" || !video.Muted || len(video.Codecs[0].Layers) != 3 || video.Codecs[0].Layers[2].Rid != "f" || video.Mid != "3" {
		t.Errorf("video: %v", video)
	}
	if audio.MimeType != "audio/opus" || audio.Type != pb.TrackType_AUDIO || audio.AudioFeatures[0] != pb.AudioTrackFeature_TF_NO_DTX ||
		audio.AudioFeatures[1] != pb.AudioTrackFeature_TF_PRECONNECT_BUFFER || len(audio.PacketTrailerFeatures) != 1 {
		t.Errorf("audio: %v", audio)
	}
}
