package main

import (
	"context"
	"net/netip"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/config"
	"github.com/tuttilive/tutti/internal/dial"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/webhook"
)

const (
	// webhookPatience is how long a receiver may take to answer.
	webhookPatience = 10 * time.Second
	// webhooksWithin is how long receivers are told things at the end.
	webhooksWithin = time.Second
)

// openWebhooks opens the way to the application's receivers, where there are any.
func (s *server) openWebhooks(c config.Server, keys auth.Keys) ([]studio.Witness, error) {
	if len(c.Webhook) == 0 {
		return nil, nil
	}
	out, err := dialer(c)
	if err != nil {
		return nil, err
	}
	n := webhook.New(webhook.Options{URLs: c.Webhook, Keys: keys, Client: out.Client(webhookPatience), Log: s.log})
	s.webhooks = n
	s.onClose(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, webhooksWithin)
		defer cancel()
		n.Close(ctx)
	})
	return []studio.Witness{n}, nil
}

// playsTold tells applications of viewings, nil where there are none to be told.
func (s *server) playsTold() studio.PlaysTold {
	if s.webhooks == nil {
		return nil
	}
	return plays{s.webhooks}
}

type plays struct{ to *webhook.Notifier }

func (p plays) Began(in studio.RoomInfo, begun studio.PlaysBegun) {
	p.to.Tell(in, "plays_began", "plays", begun)
}
func (p plays) Ended(in studio.RoomInfo, over studio.PlaysOver) {
	p.to.Tell(in, "plays_ended", "plays", over)
}

// openGate finds whom to ask who may publish and play; nil for nobody.
func (s *server) openGate(c config.Server, keys auth.Keys) (studio.Gate, error) {
	if c.AdmitHook == "" {
		return nil, nil
	}
	out, err := dialer(c)
	if err != nil {
		return nil, err
	}
	return webhook.NewGate(webhook.GateOptions{
		URL: c.AdmitHook, Publish: c.Asks("publish"), Play: c.Asks("play"), Open: c.AdmitHookFail == "allow", Patience: c.AdmitHookTimeout,
		Remember: c.AdmitHookCache, Keys: keys, Client: out.Client(c.AdmitHookTimeout), Log: s.log,
	}), nil
}

// dialer is the way out to the application.
func dialer(c config.Server) (*dial.Dialer, error) {
	allow, err := c.DialNetworks()
	if err != nil {
		return nil, err
	}
	if c.Dev { // the application is on the same machine
		allow = append(allow, netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	}
	return dial.New(allow), nil
}
