package livekit

import (
	"slices"
	"strings"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/room"
)

// kindOf translates the token's kind claim.
func kindOf(claim string) room.ParticipantKind {
	switch claim {
	case "agent":
		return room.Agent
	case "egress":
		return room.Recorder
	case "sip":
		return room.Phone
	case "ingress":
		return room.Ingest
	}
	return room.Person
}

// Limits on what a client says of its tracks.
const (
	maxLayers    = 4
	maxTextBytes = 256
	maxPixels    = 16384
	maxBitrate   = 1 << 30
	maxRate      = 240
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

// maxFeatures bounds each list of features that a client claims.
const maxFeatures = 16

// fromEnums keeps as much as is allowed of a client's list of features, without those that have fields of their own.
func fromEnums[E ~int32](list []E, without ...E) (out []int32) {
	for _, e := range list {
		if len(out) < maxFeatures && !slices.Contains(without, e) && !slices.Contains(out, int32(e)) {
			out = append(out, int32(e))
		}
	}
	return out
}

// otherAudioFeatures are those beside stereo and DTX, which publications know by fields of their own.
func otherAudioFeatures(list []pb.AudioTrackFeature) []int32 {
	return fromEnums(list, pb.AudioTrackFeature_TF_STEREO, pb.AudioTrackFeature_TF_NO_DTX)
}

// clip bounds a text that a client chose, at a character's end: no message can carry half of one.
func clip(s string) string {
	if len(s) > maxTextBytes {
		s = s[:maxTextBytes]
	}
	return strings.ToValidUTF8(s, "")
}
