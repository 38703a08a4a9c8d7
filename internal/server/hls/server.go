package hls

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/studio"
)

const (
	// viewerTimeout is how long a viewer counts after the last request, at least; two target durations if that is more.
	viewerTimeout = 10 * time.Second
	// afterlife is how long playlists and segments stay when a program has ended.
	afterlife = time.Minute
	// firstSegment is how long a request waits for the first segment: a little longer than the longest one.
	firstSegment = 12 * time.Second
)

// Config is what the door needs.
type Config struct {
	House *studio.House
	Cut
	// Return takes connections back that the door took over from the HTTP server, with what was read of them: for requests that are not for
	// media. Where it is nil connections stay with the HTTP server.
	Return func(net.Conn)
	Log    *slog.Logger
}

// Cut says how streams are cut. Zero values mean the muxer's defaults.
type Cut struct {
	// Segment is the least length of a segment.
	Segment time.Duration
	// Part is the part target of low-latency HLS; Classic goes without.
	Part    time.Duration
	Classic bool
	// Window is how far back viewers can go, WindowBytes how much memory that may take for each rendition.
	Window      time.Duration
	WindowBytes int
}

// Server is the door, an http.Handler for the paths below /live/. Close it after the HTTP server.
type Server struct {
	house house
	cut   Cut
	video []media.Codec
	log   *slog.Logger

	mu         sync.Mutex
	broadcasts map[string]*broadcast // by id
	programs   map[any]*broadcast    // by program
	closing    context.Context
	close      context.CancelFunc
	running    sync.WaitGroup

	audience audience

	giveBack func(net.Conn)
	lanes    *lanes // nil where connections are not kept
	standing standing
}

// New makes the door.
func New(cfg Config) *Server {
	// Every player shows H.264. What else MP4 can carry is given only where it cannot be converted.
	video := []media.Codec{media.H264}
	if cfg.House.VideoConversion() != nil {
		video = append(video, media.H265, media.AV1, media.VP9)
	}
	s := newServer(studioHouse{cfg.House}, cfg.Cut, video, cfg.Log)
	s.begin(cfg.Return)
	return s
}

// begin opens the door. With giveBack it takes over connections of players, where it can. Nobody may use it before.
func (s *Server) begin(giveBack func(net.Conn)) {
	if s.giveBack = giveBack; giveBack != nil {
		s.lanes = openLanes(s)
	}
	s.running.Go(s.reap)
}

func newServer(h house, cut Cut, video []media.Codec, log *slog.Logger) *Server {
	if log == nil {
		log = slog.Default()
	}
	s := &Server{
		house: h, cut: cut, video: video, log: log,
		broadcasts: map[string]*broadcast{}, programs: map[any]*broadcast{},
	}
	s.closing, s.close = context.WithCancel(context.Background())
	s.audience.viewers = map[viewerKey]*viewer{}
	s.audience.perAddress = map[uint64]int{}
	return s
}

// Close lets all viewers go and waits until nothing runs any more.
func (s *Server) Close() {
	s.close()
	if s.lanes != nil {
		s.lanes.close()
	}
	s.running.Wait()
	s.audience.leaveAll()
}

// reap takes viewers out who stopped asking.
func (s *Server) reap() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-s.closing.Done():
			return
		case now := <-tick.C:
			s.audience.leave(now)
			if s.lanes != nil {
				s.lanes.expire(now)
			}
		}
	}
}

var _ http.Handler = (*Server)(nil)
