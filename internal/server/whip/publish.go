package whip

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/studio"
)

// maxSections bounds the tracks of one publisher.
const maxSections = 4

// ingestCodecs are what a publisher may send, those first that most viewers can be given unchanged.
var ingestCodecs = []media.Codec{media.Opus, media.H264, media.VP8, media.VP9, media.AV1, media.H265}

// publish answers the offer of a WHIP client.
func (s *Server) publish(x *session, r *http.Request, offer string) (answer string, err error) {
	shown := credential(r)
	if shown == (studio.Credential{}) && foreign(r) {
		return "", errOrigin
	}
	encoder, err := s.house.AdmitEncoder(r.Context(), x.path.room, "whip", shown.From(r.RemoteAddr))
	if err != nil {
		return "", err
	}
	if err := s.connect(x, offer, ingestCodecs); err != nil {
		return "", err
	}
	if x.sections() == 0 {
		return "", errNothingSent
	}
	p, err := s.house.enter(encoder, room.Program{Door: "whip", SDK: program(r.UserAgent())}, x.observer)
	if err != nil {
		return "", fmt.Errorf("entering the room: %w", err)
	}
	if err := x.entered(p); err != nil {
		return "", err
	}
	return x.peer.CreateAnswer()
}

// foreign tells whether a page of another site sends a request. Where publishing needs no key, such a page could
// publish in the name of whoever looks at it.
func foreign(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || !strings.EqualFold(u.Host, r.Host)
}

// connect makes the session's peer and sets the offer.
func (s *Server) connect(x *session, offer string, codecs []media.Codec) error {
	cfg := rtc.PeerConfig{Label: x.path.verb, Log: x.log, Handler: x, Codecs: codecs}
	if x.watcher != nil {
		cfg.Congestion = studio.Congestion()
	}
	p, err := s.endpoint.NewPeer(cfg)
	if err != nil {
		return fmt.Errorf("making a peer: %w", err)
	}
	x.peer = p
	if x.watcher != nil {
		if err := x.watcher.Subscribe(p, pictureOf(codecs)); err != nil {
			return fmt.Errorf("subscribing to the program: %w", err)
		}
	}
	if err := p.SetOffer(offer); err != nil {
		return errors.Join(errBadOffer, err)
	}
	x.negotiation.Lock()
	defer x.negotiation.Unlock()
	x.offer = offer
	return nil
}

func sourceOf(k media.Kind, second bool) room.Source {
	switch {
	case k == media.Video && second:
		return room.ScreenShare
	case k == media.Video:
		return room.Camera
	case second:
		return room.ScreenShareAudio
	}
	return room.Microphone
}

// program names a publisher after its software.
func program(userAgent string) string {
	product, _, _ := strings.Cut(userAgent, "/")
	product, _, _ = strings.Cut(strings.TrimSpace(product), " ")
	letters := strings.Trim(product, "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz") == ""
	switch {
	case product == "" || len(product) > 32 || !letters:
		return "WHIP"
	case product == "Mozilla":
		return "Browser"
	}
	return product
}
