package whip

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/studio"
)

// fakeHouse lets in who has the key "sesame" or the token "a.b.c". The room "quiet" is not live, "full" is full.
type fakeHouse struct {
	mu      sync.Mutex
	entered []*fakeParticipant
	joins   []room.Join
	watched []*fakeWatcher
	picture media.Codec
}

func (h *fakeHouse) Admit(roomName string, c studio.Credential, a studio.Action) (auth.Claims, error) {
	switch {
	case c.Key == "sesame", c.Token == "a.b.c", a == studio.ToWatch && c.Key+c.Token == "" && roomName != "locked":
		return studio.ClaimsOf(auth.Publisher, roomName), room.CheckName(roomName)
	case c.Key == "watch":
		return auth.Claims{}, auth.ErrDenied
	case c.Token == "old.old.old":
		return auth.Claims{}, auth.ErrExpired
	case c.Key+c.Token == "":
		return auth.Claims{}, auth.ErrMissing
	}
	return auth.Claims{}, auth.ErrInvalid
}

func (h *fakeHouse) AdmitPlayer(_ context.Context, roomName, _ string, c studio.Credential) (auth.Claims, error) {
	return h.Admit(roomName, c, studio.ToWatch)
}

func (h *fakeHouse) AdmitEncoder(_ context.Context, roomName, protocol string, c studio.Credential) (studio.Encoder, error) {
	claims, err := h.Admit(roomName, c, studio.ToPublish)
	return studio.Encoder{Room: roomName, Claims: claims}, err
}

func (h *fakeHouse) enter(e studio.Encoder, program room.Program, obs studio.EncoderObserver) (participant, error) {
	roomName, j := e.Room, room.Join{Identity: e.Claims.Identity, Name: program.SDK, Kind: room.Ingest, Program: program}
	if roomName == "full" {
		return nil, room.ErrFull
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	p := &fakeParticipant{self: room.Participant{SID: room.NewSID("PA_"), Identity: j.Identity}, obs: obs, left: make(chan room.LeaveReason, 1)}
	h.entered, h.joins = append(h.entered, p), append(h.joins, j)
	return p, nil
}

func (h *fakeHouse) Watch(roomName string, _ bool) (watcher, error) {
	if roomName == "quiet" {
		return nil, studio.ErrNotLive
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	w := &fakeWatcher{picture: h.picture, done: make(chan struct{}), closed: make(chan struct{})}
	h.watched = append(h.watched, w)
	return w, nil
}

func (h *fakeHouse) lastWatcher() *fakeWatcher         { return h.watched[len(h.watched)-1] }
func (h *fakeHouse) lastParticipant() *fakeParticipant { return h.entered[len(h.entered)-1] }

type fakeParticipant struct {
	self      room.Participant
	obs       studio.Observer
	published []room.Publication
	refuse    error
	left      chan room.LeaveReason
}

func (p *fakeParticipant) Self() room.Participant     { return p.self }
func (p *fakeParticipant) Leave(why room.LeaveReason) { p.left <- why }
func (p *fakeParticipant) PublishInbound(pub room.Publication, in *rtc.Inbound) error {
	p.published = append(p.published, pub)
	return p.refuse
}

type fakeWatcher struct {
	picture, given media.Codec
	done, closed   chan struct{}

	mu        sync.Mutex
	layers    []studio.Layer
	preferred media.Size
}

func (w *fakeWatcher) Layers() []studio.Layer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.layers)
}

func (w *fakeWatcher) set(layers ...studio.Layer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.layers = layers
}
func (w *fakeWatcher) Prefer(size media.Size) { w.preferred = size }

func (w *fakeWatcher) Picture() media.Codec { return w.picture }
func (w *fakeWatcher) Subscribe(p peer, picture media.Codec) error {
	w.given = picture
	return nil
}
func (w *fakeWatcher) Done() <-chan struct{} { return w.done }
func (w *fakeWatcher) Close()                { close(w.closed) }

// fakeEndpoint makes peers that take every offer with "v=0" and find a section in each of its lines "m=".
type fakeEndpoint struct {
	mu    sync.Mutex
	peers []*fakePeer
}

func (e *fakeEndpoint) NewPeer(cfg rtc.PeerConfig) (peer, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := &fakePeer{cfg: cfg, closed: make(chan struct{})}
	e.peers = append(e.peers, p)
	return p, nil
}

func (e *fakeEndpoint) last() *fakePeer { return e.peers[len(e.peers)-1] }

type fakePeer struct {
	cfg    rtc.PeerConfig
	offers []string
	once   sync.Once
	closed chan struct{}
}

func (p *fakePeer) SetOffer(sdp string) error {
	if !strings.HasPrefix(sdp, "v=0") || strings.Contains(sdp, "refuse") {
		return errors.New("no offer")
	}
	if p.offers = append(p.offers, sdp); len(p.offers) > 1 {
		return nil
	}
	for line := range strings.Lines(sdp) {
		switch {
		case strings.HasPrefix(line, "m=audio"):
			p.cfg.Handler.InboundAdded(&rtc.Inbound{Kind: media.Audio, Mid: "0"})
		case strings.HasPrefix(line, "m=video"):
			p.cfg.Handler.InboundAdded(&rtc.Inbound{Kind: media.Video, Mid: "1", RIDs: []string{"q", "h"}})
		}
	}
	return nil
}

func (p *fakePeer) CreateAnswer() (string, error) {
	return "v=0\r\na=ice-lite\r\nm=audio 9 x\r\na=mid:0\r\na=ice-ufrag:ours\r\na=ice-pwd:ourpassword\r\na=candidate:1 1 udp 1 127.0.0.1 7882 typ host\r\n" +
		"m=video 9 x\r\na=mid:1\r\na=ice-ufrag:ours\r\na=ice-pwd:ourpassword\r\n", nil
}

func (p *fakePeer) Close() {
	p.once.Do(func() {
		close(p.closed)
		go p.cfg.Handler.PeerClosed(rtc.ErrClosed)
	})
}

const offer = "v=0\r\nm=audio 9 x\r\na=ice-ufrag:theirs\r\na=ice-pwd:theirpasswordtheirpassword\r\n" +
	"m=video 9 x\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 H264/90000\r\na=candidate:1 1 udp 1 192.0.2.1 5 typ host\r\n"

func door(t testing.TB, cfg Config) (*Server, *fakeHouse, *fakeEndpoint) {
	h, e := &fakeHouse{}, &fakeEndpoint{}
	cfg.Log = slog.New(slog.DiscardHandler)
	s := newServer(h, e, cfg)
	t.Cleanup(s.Close)
	return s, h, e
}

// ask sends a request; header are pairs, of which "From" is the remote address.
func ask(s *Server, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		if header[i] == "From" {
			r.RemoteAddr = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// post makes a session and gives its address and entity tag.
func post(t testing.TB, s *Server, path string, header ...string) (location, tag string) {
	t.Helper()
	w := ask(s, "POST", path, offer, append([]string{"Content-Type", sdpType}, header...)...)
	if w.Code != 201 {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Header().Get("Location"), w.Header().Get("ETag")
}

func (h *fakeHouse) TurnAway(roomName, protocol, code, reason string) {}
