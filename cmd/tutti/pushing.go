package main

import (
	"github.com/tuttilive/tutti/internal/config"
	"github.com/tuttilive/tutti/internal/push"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
)

// openPusher makes what sends shows to other servers, a further witness, unless that is off. It begins with the house.
func (s *server) openPusher(c config.Server, st *store.Store, witnesses []studio.Witness) ([]studio.Witness, error) {
	if c.Pushers() == config.Off {
		return witnesses, nil
	}
	out, err := dialer(c)
	if err != nil {
		return nil, err
	}
	targets, err := store.OpenBucket[[]push.Target](st, "push")
	if err != nil {
		return nil, err
	}
	s.pusher = push.New(push.Options{
		Dialer: out, Targets: targets, Log: s.log,
		Tell: func(in studio.RoomInfo, event string, t push.Status) { s.webhooks.Tell(in, event, "push", t) },
	})
	return append(witnesses, s.pusher), nil
}
