package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"

	"github.com/tuttilive/tutti/internal/api"
	"github.com/tuttilive/tutti/internal/api/metrics"
	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/cdn"
	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/config"
	"github.com/tuttilive/tutti/internal/deadline"
	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/program/compose/text"
	"github.com/tuttilive/tutti/internal/pull"
	"github.com/tuttilive/tutti/internal/push"
	"github.com/tuttilive/tutti/internal/record"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/server/audience"
	"github.com/tuttilive/tutti/internal/server/call"
	"github.com/tuttilive/tutti/internal/server/hls"
	"github.com/tuttilive/tutti/internal/server/livekit"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/turn"
	"github.com/tuttilive/tutti/internal/webhook"
	"github.com/tuttilive/tutti/web"
)

// devKeys are for trying things on one's own machine.
var devKeys = auth.Keys{Key: "devkey", Secret: "secret"}

// exitWithin is how long the server takes to end at most.
const exitWithin = 4 * time.Second

// requestsWithin is how long HTTP requests may take at the end: who stalls in one shall not keep others from being told.
const requestsWithin = time.Second

type serveCommand struct {
	config.Server `embed:""`
}

// Run serves until SIGINT or SIGTERM.
func (c *serveCommand) Run() error {
	log := c.logger()
	slog.SetDefault(log)
	c.BindDomain()
	keys, err := c.keys()
	if err != nil {
		return err
	}
	profiled, err := c.profile()
	if err != nil {
		return err
	}
	defer profiled()
	s := newServer(log)
	defer s.close()
	if err := s.open(c.Server, keys); err != nil {
		return err
	}
	greet(s.info, keys, c.Data)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go tidy(ctx)
	select {
	case <-ctx.Done():
		log.Info("stopping")
		return nil
	case err := <-s.failed:
		return err
	}
}

// profile begins to write a profile, if it is wanted, and gives what ends that.
func (c *serveCommand) profile() (end func(), err error) {
	if c.CPUProfile == "" {
		return func() {}, nil
	}
	f, err := os.Create(c.CPUProfile)
	if err != nil {
		return nil, fmt.Errorf("writing the profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("writing the profile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}

func (c *serveCommand) logger() *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // one of the enum's values
	options := &slog.HandlerOptions{Level: level}
	if c.LogJSON {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}

// keys are the stored ones, or in development mode well-known ones, as long as nobody else can reach the server.
func (c *serveCommand) keys() (auth.Keys, error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return auth.Keys{}, fmt.Errorf("making the data directory: %w", err)
	}
	if !c.Dev {
		return config.Keys(c.Data)
	}
	if c.BindDev() {
		return devKeys, nil
	}
	return config.RandomKeys(), nil
}

// server is what one process runs, in the order in which it was opened; closing goes backwards.
type server struct {
	log   *slog.Logger
	info  api.Info
	turn  *turn.Server
	calls *call.Server
	crowd *audience.Server
	// srtPort is 0 where SRT is off.
	srtPort int
	// webhooks is nil when nobody is to be told.
	webhooks *webhook.Notifier
	recorder *record.Recorder
	// hlsKeeper is nil where HLS begins with the first viewer.
	hlsKeeper *hls.Keeper
	// pusher is nil when nothing is pushed.
	pusher *push.Pusher
	// puller is nil when nothing is fetched.
	puller *pull.Puller
	// returns are connections over plain HTTP that come back from doors.
	returns *returns
	// connections are those over HTTP, with and without TLS, and what bounds the descriptors of all over TCP.
	connections *limit.Connections
	// figures are where metrics come from.
	figures metrics.Sources
	failed  chan error
	opened  []func(context.Context)
	// exitWithin is how long closing takes at most.
	exitWithin time.Duration
}

func newServer(log *slog.Logger) *server {
	return &server{log: log, failed: make(chan error, 8), exitWithin: exitWithin}
}

func (s *server) onClose(f func(context.Context)) { s.opened = append(s.opened, f) }

func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), s.exitWithin)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := len(s.opened) - 1; i >= 0; i-- {
			s.opened[i](ctx)
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
		s.log.Warn("not everything ended in time", "limit", s.exitWithin)
	}
}

func (s *server) open(c config.Server, keys auth.Keys) error {
	found := make(chan *codec.Workers, 1)
	go func() { found <- codec.FindWorkers(c.FFmpeg) }() // asks ffmpeg for its version, which takes longer than all the rest
	st, err := store.Open(c.Data, s.log)
	if err != nil {
		return err
	}
	s.onClose(func(context.Context) { st.Close() })
	policies, err := studio.OpenPolicies(st)
	if err != nil {
		return err
	}
	shows, err := studio.OpenShows(st, s.log)
	if err != nil {
		return err
	}
	s.onClose(func(context.Context) { shows.Close() })
	running, err := studio.OpenRunningRooms(st, shows.LongAway(), s.log)
	if err != nil {
		return err
	}
	s.onClose(func(context.Context) { running.Close() })
	most := c.ConnectionsPerAddress
	if c.TrustProxy { // whose connections are everybody's
		most = 0
	}
	s.connections = limit.NewConnections(most)
	s.connections.Log = s.log
	endpoint, err := s.openRTC(c)
	if err != nil {
		return err
	}
	certificate, err := s.openCertificate(c)
	if err != nil {
		return err
	}
	ice, err := s.openTURN(c, keys.Secret, endpoint, certificate.config)
	if err != nil {
		return err
	}
	workers := <-found
	workers.SetLimit(workersFor(c.Workers))
	fonts := text.Find(c.Font)
	s.onClose(func(context.Context) { workers.Close() })
	witnesses, err := s.openWebhooks(c, keys)
	if err != nil {
		return err
	}
	recorder, err := s.openRecorder(c, st)
	if err != nil {
		return err
	}
	witnesses = append(witnesses, recorder)
	if witnesses, err = s.openPusher(c, st, witnesses); err != nil {
		return err
	}
	if c.HLSAlways {
		s.hlsKeeper = hls.NewKeeper()
		witnesses = append(witnesses, s.hlsKeeper)
	}
	kinds, err := openScenes(c)
	if err != nil {
		return err
	}
	words, reviewer, err := s.openModeration(c, keys)
	if err != nil {
		return err
	}
	gate, err := s.openGate(c, keys)
	if err != nil {
		return err
	}
	if s.puller, err = s.openPuller(c, st); err != nil {
		return err
	}
	var fetcher studio.Fetcher
	if s.puller != nil {
		fetcher = s.puller
	}
	house := studio.NewHouse(studio.Options{
		Words: words, Reviewer: reviewer, Gate: gate, Fetcher: fetcher,
		Fonts: fonts, Compose: composeMode(c.Compose), Keys: keys, Rooms: policies, Scenes: kinds, Shows: shows, Running: running, Workers: workers, Dev: c.Dev, RemoteUnmute: c.RemoteUnmute, Loudest: c.Loudest, LastN: c.LastN,
		Witnesses: witnesses, PlaysTold: s.playsTold(),
		Rules:     room.Settings{MaxParticipants: c.MaxParticipants, EmptyTimeout: c.EmptyTimeout, DepartureTimeout: c.DepartureTimeout},
		AwayGrace: c.AwayGrace, ReturnGrace: c.ReturnGrace, RoomExpiry: c.RoomExpiry, Log: s.log,
	})
	recorder.Open(house)
	if s.pusher != nil {
		s.pusher.Open(house)
	}
	if s.puller != nil {
		s.puller.Open(house)
		s.onClose(func(context.Context) { s.puller.Close() }) // after the house: a room that ends sends it away
	}
	rooms := livekit.New(livekit.Config{House: house, Endpoint: endpoint, ICE: ice, Joins: c.JoinsPerAddress, Log: s.log})
	s.onClose(func(ctx context.Context) {
		if err := rooms.Shutdown(ctx); err != nil {
			s.log.Warn("ending room sessions", "error", err)
		}
	})
	doors := map[string]http.Handler{"/rtc": rooms, "/rtc/": rooms}
	s.openCalls(house, endpoint, ice, doors)
	s.openAudience(c, house, doors)
	if err := s.openLiveDoors(c, house, endpoint, certificate.config, doors); err != nil {
		return err
	}
	s.figures = metrics.Sources{
		RTC: endpoint.Stats, Rooms: rooms.Stats, Relay: s.turn.Stats, Calls: s.calls.Stats, Audience: s.crowd.Stats, Workers: workers.Running, Store: st.Size,
		Webhooks: s.webhooks.Stats,
	}
	s.figures.Connections = s.connections
	if err := s.openHTTP(c, house, endpoint, workers, fonts, certificate, doors); err != nil {
		return err
	}
	// Before all others: the HTTP servers wait for viewers, who wait for the end of what they watch.
	s.onClose(func(context.Context) { house.Close() })
	if s.pusher != nil {
		s.onClose(func(context.Context) { s.pusher.Close() })
	}
	s.onClose(func(context.Context) { recorder.Close() }) // before their shows end with the house
	return nil
}

// openRTC opens the WebRTC port and finds out which addresses to announce.
func (s *server) openRTC(c config.Server) (*rtc.Endpoint, error) {
	var announced []netip.Addr
	for _, a := range c.PublicAddress {
		ip, err := netip.ParseAddr(a)
		if err != nil {
			return nil, fmt.Errorf("public address %q: %w", a, err)
		}
		announced = append(announced, ip)
	}
	if c.STUN != "" {
		ip, err := publicAddress(c.STUN)
		if err != nil {
			s.log.Warn("public address is unknown: clients outside this network may not connect", "stun", c.STUN, "error", err)
		} else {
			announced = append(announced, ip)
		}
	}
	if len(announced) > 0 {
		announced = append(announced, lanAddresses()...) // those inside should not go through the router
	}
	overTCP := c.RTCTCP
	if overTCP == config.Off {
		overTCP = ""
	}
	endpoint, err := rtc.Listen(rtc.Config{Listen: c.RTC, ListenTCP: overTCP, Addresses: announced, BoundTCP: s.connections.Bound, Log: s.log})
	if err != nil {
		return nil, fmt.Errorf("opening the WebRTC port: %w", err)
	}
	s.onClose(func(context.Context) { endpoint.Close() })
	return endpoint, nil
}

// openHTTP opens the page, the API and the doors that speak HTTP, with and without TLS.
func (s *server) openHTTP(c config.Server, house *studio.House, endpoint *rtc.Endpoint, workers *codec.Workers, fonts *text.Fonts, certificate certificate, doors map[string]http.Handler) error {
	s.info = api.Info{
		Version: version, Dev: c.Dev, CreateRooms: c.CreateRooms, Page: strings.TrimSuffix(c.PageURL, "/"), Addresses: pageAddresses(c.HTTP, c.HTTPS, c.Domain),
		Ports: api.Ports{HTTP: portOf(c.HTTP), HTTPS: portOf(c.HTTPS), RTC: endpoint.Port(), RTCTCP: endpoint.TCPPort(), RTMP: portOf(c.RTMP), RTMPS: portOf(c.RTMPS), SRT: s.srtPort},
	}
	s.info.Ports.TURN, s.info.Ports.TURNS = s.turnPorts()
	s.info.RTMPHosts, _ = reachable(c.RTMP)
	s.info.RTMPHosts = append(plainNames(c.Domain), s.info.RTMPHosts...)
	s.info.Features.VideoConversion = workers.Available() == nil
	s.info.Features.Reasons = []api.Reason{}
	if workers.Available() != nil {
		why := "ffmpeg is not installed, or cannot be used"
		if c.FFmpeg == config.Off {
			why = "ffmpeg is switched off"
		}
		s.info.Features.Reasons = append(s.info.Features.Reasons, api.Reason{
			Code: "no_ffmpeg",
			Text: "converting pictures between codecs, because " + why + ": VP8, VP9, AV1 and B-frame sources reach only those viewers who can play them as they are, and several pictures are not composed",
		})
	}
	if err := fonts.Available(); err != nil && workers.Available() == nil {
		s.info.Features.Reasons = append(s.info.Features.Reasons, api.Reason{
			Code: "no_cjk_font",
			Text: "Chinese, Japanese and Korean names in composed pictures, because no font with them was found: install fonts-noto-cjk or name one with --font",
		})
	}
	if len(certificate.rootPEM) > 0 {
		s.info.RootCertificate = "/root.crt"
	}
	if c.Songs != "" {
		files, err := serveSongs(c.Songs)
		if err != nil {
			return err
		}
		doors["GET /songs/"] = files
	}
	handler := api.New(api.Options{
		House: house, Info: s.info, Page: web.Dist(), RootPEM: certificate.rootPEM, Doors: doors, Hosts: append(c.Host, c.Domain...), Origins: c.Origin, PlayOrigins: c.PlayOrigin,
		Fronts:        api.PlayFronts{FLV: c.FLVFront(), HLS: c.HLSFront(), WHEP: cdn.Front{Base: c.PlayWHEP}, TTL: c.PlayTTL},
		AnyoneCreates: c.CreateRooms == "anyone", TrustProxy: c.TrustProxy, FollowersPerAddress: c.AudiencePerAddress, Metrics: s.figures, Webhooks: s.webhooks, Recorder: s.recorder, Pusher: s.pusher, OperatorsPush: c.Pushers() == "operators", Puller: s.puller, OperatorsPull: c.Pullers() == "operators", Log: s.log,
	})
	var plain http.Handler = handler
	if certificate.managed != nil {
		plain = certificate.managed.HTTP(handler, portOf(c.HTTPS))
	}
	if err := s.serveHTTP(c.HTTP, plain, nil); err != nil {
		return err
	}
	if c.HTTPS != config.Off {
		if err := s.serveHTTP(c.HTTPS, handler, certificate.config); err != nil {
			return err
		}
	}
	s.onClose(func(context.Context) { handler.Stop() }) // before the servers wait for its streams
	return nil
}

func (s *server) serveHTTP(address string, handler http.Handler, tlsConfig *tls.Config) error {
	plain, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("opening HTTP: %w", err)
	}
	listener, srv := s.connections.Listen(plain), deadline.Server(handler)
	srv.TLSConfig, srv.ErrorLog = tlsConfig, slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)
	go func() {
		serve := func() error { return srv.Serve(listener) }
		if tlsConfig == nil {
			go srv.Serve(s.returns) // until Shutdown
		} else {
			serve = func() error { return srv.ServeTLS(listener, "", "") }
		}
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serving HTTP on %s: %w", address, err)
		}
	}()
	s.onClose(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, requestsWithin)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			s.closeQuietly(srv)
		}
	})
	return nil
}

// composeMode is empty where the scene decides.
func composeMode(flag string) compose.Mode {
	if flag == "scene" {
		return ""
	}
	return compose.Mode(flag)
}

// workersACore is how many ffmpeg processes there may be for each core: a decoder of a small picture takes a sixteenth of one.
const workersACore = 16

func workersFor(limit int) int {
	if limit > 0 {
		return limit
	}
	return workersACore * runtime.GOMAXPROCS(0)
}

func (s *server) closeQuietly(c io.Closer) {
	if err := c.Close(); err != nil {
		s.log.Debug("closing", "error", err)
	}
}
