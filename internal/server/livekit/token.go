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
	fresh   string    // the newest that it was given in its place, "" for none
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

// refreshToken gives the client a new token with what it is given now.
func (s *session) refreshToken() {
	claims, ok := s.part.Refreshed(s.claims)
	if !ok {
		return // it has left, and will hear of it
	}
	now := time.Now()
	token, err := s.server.house.Keys().Mint(claims, refreshedLife, now)
	if err != nil {
		s.log.Error("refreshing a token", "error", err)
		return
	}
	s.token.expires, s.token.fresh = now.Add(refreshedLife), token
	s.token.start(s)
	s.sendToken()
}

func (s *session) sendToken() {
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_RefreshToken{RefreshToken: s.token.fresh}})
}
