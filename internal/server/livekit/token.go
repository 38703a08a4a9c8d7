package livekit

import (
	"time"

	pb "github.com/livekit/protocol/livekit"
)

// A client connects again with the token it holds, so one that expires during the session is replaced in time.
const (
	refreshBefore = 10 * time.Minute
	refreshedLife = time.Hour
)

// tokenState is the token that the client holds.
type tokenState struct {
	expires time.Time // zero when the client came without one
	timer   *time.Timer
}

// tokenExpires: the client's token expires soon.
type tokenExpires struct{}

func (t *tokenState) start(s *session) {
	t.stop()
	if !t.expires.IsZero() {
		t.timer = s.after(max(0, time.Until(t.expires)-refreshBefore), tokenExpires{})
	}
}

func (t *tokenState) stop() {
	if t.timer != nil {
		t.timer.Stop()
	}
}

// refreshToken gives the client a new token with the permissions that it has now.
func (s *session) refreshToken() {
	claims := s.claims
	claims.Name, claims.Metadata, claims.Attributes = s.self.Name, s.self.Metadata, s.self.Attributes
	p := s.self.Permission
	claims.Video.CanPublish, claims.Video.CanSubscribe, claims.Video.CanPublishData = &p.Publish, &p.Subscribe, &p.PublishData
	claims.Video.CanUpdateOwnMetadata = &p.UpdateMetadata
	claims.Video.CanPublishSources = nil
	for _, source := range p.Sources {
		claims.Video.CanPublishSources = append(claims.Video.CanPublishSources, source.String())
	}
	claims.Video.RoomAdmin, claims.Video.Hidden = p.Admin, p.Hidden
	claims.Video.Recorder, claims.Video.Agent = p.Recorder, p.Agent
	now := time.Now()
	token, err := s.server.house.Keys().Mint(claims, refreshedLife, now)
	if err != nil {
		s.log.Error("refreshing a token", "error", err)
		return
	}
	s.token.expires = now.Add(refreshedLife)
	s.token.start(s)
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_RefreshToken{RefreshToken: token}})
}
