package push

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/dial"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/fanout"
)

// rtmpPlace is where to publish over RTMP or RTMPS.
type rtmpPlace struct {
	secure bool
	host   string // with port
	name   string // of the host
	app    string
	stream string // secret
	tcURL  string
}

func rtmpPlaceOf(u *url.URL, key string) (place, error) {
	p := &rtmpPlace{name: u.Hostname(), secure: u.Scheme == "rtmps"}
	standard := "1935"
	if p.secure {
		standard = "443"
	}
	p.host = net.JoinHostPort(p.name, orPort(u.Port(), standard))
	path := strings.TrimPrefix(u.EscapedPath(), "/")
	if key != "" {
		p.app, p.stream = strings.TrimSuffix(path, "/"), key
		if u.RawQuery != "" {
			return nil, ErrTarget
		}
	} else {
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return nil, ErrTarget
		}
		p.app, p.stream = path[:i], path[i+1:]
		if u.RawQuery != "" {
			p.stream += "?" + u.RawQuery
		}
	}
	if p.app == "" || p.stream == "" {
		return nil, ErrTarget
	}
	p.tcURL = fmt.Sprintf("%s://%s/%s", u.Scheme, u.Host, p.app)
	return p, nil
}

func (p *rtmpPlace) address() string { return p.tcURL + "/" + dial.Hidden }

func (p *rtmpPlace) secrets() []string {
	name, query, _ := strings.Cut(p.stream, "?")
	return append([]string{p.stream, name}, secretsOf(query)...)
}

func (p *rtmpPlace) publish(ctx context.Context, s *session, w *studio.Watcher) error {
	c, err := connect(ctx, s.pusher.options.Dialer, *p)
	if err != nil {
		return err
	}
	defer c.close(p.stream)
	stream, err := shared(w, s.pusher.house, s.log)
	if err != nil {
		return err
	}
	following, end := context.WithCancel(ctx)
	defer end()
	heard := make(chan error, 1)
	go func() {
		heard <- c.listen()
		c.limit(time.Unix(1, 0))
		end()
	}()
	stopped := context.AfterFunc(ctx, func() { c.limit(time.Now().Add(partingTime)) })
	defer stopped()
	s.live()
	err = stream.Read(counter{s}).Follow(following.Done(), func(bufs [][]byte) error {
		n := 0
		for _, b := range bufs {
			n += len(b)
		}
		err := c.send(bufs)
		if err == nil {
			s.sent(n)
		}
		return err
	})
	return ended(err, heard)
}

// shared is the program as messages for publishing, made once for all targets of a room.
func shared(w *studio.Watcher, house *studio.House, log *slog.Logger) (*fanout.Stream, error) {
	demand := demandOf(house)
	return studio.Shared(w, "push", studio.Briefly, func(p *program.Program) (*fanout.Stream, func(), error) {
		reader, err := p.Read(demand)
		if err != nil {
			return nil, nil, err
		}
		s := fanout.New(reader, fanout.Expected(p, demand, fanout.Codecs{}), 0, fanout.RTMPPublish, log)
		return s, s.Close, nil
	})
}

// demandOf is H.264 wherever it can be had, since platforms take little else, and AAC.
func demandOf(house *studio.House) program.Demand {
	demand := fanout.Codecs{}.Demand(house.VideoConversion())
	if house.VideoConversion() == nil {
		demand.Video = []media.Codec{media.H264}
	}
	return demand
}

// counter counts what was sent. It is the stream's watcher.
type counter struct{ s *session }

// Sent implements fanout.Watcher.
func (c counter) Sent(n int) { c.s.sent(n) }

// Skipped implements fanout.Watcher.
func (c counter) Skipped(reason string) {
	c.s.log.Warn("pushing lost something: the way is too slow", "reason", reason)
}

// Close implements fanout.Watcher.
func (c counter) Close() {}
