package livekit

import (
	"testing"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
)

func TestParticipantInfo(t *testing.T) {
	info := participantInfo(room.Participant{
		SID: "PA_a", Identity: "alice", Name: "Alice", Version: 4, Kind: room.Ingest,
		Permission: room.Permission{Publish: true, Sources: []room.Source{room.Camera}},
		Publications: []room.Publication{{
			SID: "TR_v", CID: "c", MID: "3", Kind: media.Video, Source: room.Camera, Codec: media.H264, Width: 1280, Height: 720, Muted: true,
			Layers: []room.PublishedLayer{{RID: "q", Width: 320}, {RID: "h", Quality: 1, Width: 640}, {RID: "f", Quality: 2, Width: 1280}},
		}, {SID: "TR_a", Kind: media.Audio, Source: room.Microphone, Codec: media.Opus, DisableDTX: true}},
	})
	if info.State != pb.ParticipantInfo_ACTIVE || info.Version != 4 || !info.IsPublisher || info.Kind != pb.ParticipantInfo_INGRESS ||
		info.Permission.CanSubscribe || info.Permission.CanPublishSources[0] != pb.TrackSource_CAMERA {
		t.Errorf("participant: %v", info)
	}
	video, audio := info.Tracks[0], info.Tracks[1]
	if video.MimeType != "video/H264" || !video.Muted || len(video.Codecs[0].Layers) != 3 || video.Codecs[0].Layers[2].Rid != "f" || video.Mid != "3" {
		t.Errorf("video: %v", video)
	}
	if audio.MimeType != "audio/opus" || audio.Type != pb.TrackType_AUDIO || audio.AudioFeatures[0] != pb.AudioTrackFeature_TF_NO_DTX {
		t.Errorf("audio: %v", audio)
	}
}

func TestLayersFromProto(t *testing.T) {
	layer := func(q pb.VideoQuality, w uint32) *pb.VideoLayer {
		return &pb.VideoLayer{Quality: q, Width: w, Bitrate: 1 << 31}
	}
	got := layersFromProto([]*pb.VideoLayer{layer(pb.VideoQuality_HIGH, 1<<30), layer(pb.VideoQuality_LOW, 320), layer(pb.VideoQuality_OFF, 1), layer(99, 1), nil})
	if len(got) != 3 || got[2].RID != "f" || got[2].Width != maxPixels || got[2].Bitrate != maxBitrate || got[0].RID != "q" {
		t.Errorf("got %+v", got)
	}
	if got := layersFromProto([]*pb.VideoLayer{layer(pb.VideoQuality_HIGH, 640)}); got[0].RID != "" {
		t.Errorf("a single layer has rid %q", got[0].RID)
	}
}

func TestParticipantUpdatesTellTheNewestOfEach(t *testing.T) {
	var u participantUpdates
	u.add(&pb.ParticipantInfo{Sid: "PA_a", Version: 1})
	u.add(&pb.ParticipantInfo{Sid: "PA_b", Version: 1})
	u.add(&pb.ParticipantInfo{Sid: "PA_a", Version: 2, State: pb.ParticipantInfo_DISCONNECTED})
	if len(u.waiting) != 2 || u.waiting[0].Version != 2 || u.waiting[0].State != pb.ParticipantInfo_DISCONNECTED {
		t.Errorf("got %v", u.waiting)
	}
}

func TestSubscriptionRules(t *testing.T) {
	var r subscriptionRules
	if !r.allow("bob", "PA_b", "TR_1") {
		t.Error("without rules everybody may")
	}
	r.set(&pb.SubscriptionPermission{TrackPermissions: []*pb.TrackPermission{
		{ParticipantIdentity: "bob", TrackSids: []string{"TR_1"}}, {ParticipantSid: "PA_c", AllTracks: true},
	}})
	for _, tt := range []struct {
		identity, sid, track string
		want                 bool
	}{
		{"bob", "PA_b", "TR_1", true}, {"bob", "PA_b", "TR_2", false}, {"carol", "PA_c", "TR_2", true},
		{"dave", "PA_d", "TR_1", false}, {"", "PA_e", "TR_1", false},
	} {
		if got := r.allow(tt.identity, tt.sid, tt.track); got != tt.want {
			t.Errorf("%+v: got %v", tt, got)
		}
	}
	if r.set(&pb.SubscriptionPermission{TrackPermissions: make([]*pb.TrackPermission, maxRules+1)}) {
		t.Error("too many rules are taken")
	}
}
