package main

import (
	"context"
	"crypto/tls"

	"github.com/tuttilive/tutti/internal/config"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/turn"
)

// openTURN opens the STUN and TURN server and says what clients are told of it.
func (s *server) openTURN(c config.Server, secret string, endpoint *rtc.Endpoint, certificate *tls.Config) (*turn.Directory, error) {
	opened, err := turn.Listen(turn.Config{Secret: secret, Certificate: certificate, Log: s.log})
	if err != nil {
		return nil, err
	}
	s.onClose(func(context.Context) { s.closeQuietly(opened) })
	return &turn.Directory{}, nil
}
