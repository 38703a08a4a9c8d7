package push

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	gosrt "github.com/datarhei/gosrt"

	"github.com/tuttilive/tutti/internal/dial/srtdial"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/ts"
	"github.com/tuttilive/tutti/internal/studio"
)

const (
	// srtPayload is what a packet carries: seven of a transport stream.
	srtPayload = 7 * 188
	// srtBurst is how much is handed over at once; the library's queue is not much longer.
	srtBurst = 256 * srtPayload
	// bothWait is how long media of one kind wait for the other, so that the first tables name both.
	bothWait = 300 * time.Millisecond
)

// srtPlace is where to call. The stream id and the passphrase are secret.
type srtPlace struct {
	host, port           string
	streamID, passphrase string
	latency              time.Duration // 0 for the library's
}

func srtPlaceOf(u *url.URL, key string) (place, error) {
	query := u.Query()
	p := &srtPlace{host: u.Hostname(), port: u.Port(), streamID: query.Get("streamid"), passphrase: query.Get("passphrase")}
	if key != "" {
		p.streamID = key
	}
	if n := len(p.passphrase); p.port == "" || strings.Trim(u.Path, "/") != "" || len(p.streamID) > gosrt.MAX_STREAMID_SIZE ||
		n > 0 && (n < gosrt.MIN_PASSPHRASE_SIZE || n > gosrt.MAX_PASSPHRASE_SIZE) {
		return nil, ErrTarget
	}
	if mode := query.Get("mode"); mode != "" && mode != "caller" {
		return nil, ErrTarget
	}
	if text := query.Get("latency"); text != "" {
		ms, err := strconv.Atoi(text)
		if err != nil || ms < 20 || ms > 8000 {
			return nil, ErrTarget
		}
		p.latency = time.Duration(ms) * time.Millisecond
	}
	return p, nil
}

func (p *srtPlace) address() string { return "srt://" + net.JoinHostPort(p.host, p.port) }

func (p *srtPlace) secrets() []string {
	list := []string{p.streamID, p.passphrase}
	for _, part := range strings.FieldsFunc(p.streamID, func(r rune) bool { return strings.ContainsRune(",?&", r) }) {
		if _, value, ok := strings.Cut(part, "="); ok {
			list = append(list, value)
		}
	}
	return list
}

func (p *srtPlace) publish(ctx context.Context, s *session, w *studio.Watcher) error {
	config := gosrt.DefaultConfig()
	config.StreamId, config.Passphrase, config.PayloadSize = p.streamID, p.passphrase, srtPayload
	if p.latency > 0 {
		config.PeerLatency, config.ReceiverLatency = p.latency, p.latency
	}
	conn, err := srtdial.Call(ctx, s.pusher.options.Dialer, p.host, p.port, config)
	if err != nil {
		return err
	}
	defer conn.Close()
	frames, err := w.Program().Read(demandOf(s.pusher.house))
	if err != nil {
		return err
	}
	defer frames.Close()
	following, end := context.WithCancel(ctx)
	defer end()
	heard := make(chan error, 1)
	go func() {
		heard <- fmt.Errorf("the connection ends: %w", untilClosed(conn))
		end()
	}()
	s.live()
	send := func(b []byte) error {
		n := len(b)
		for len(b) > 0 {
			k := min(len(b), srtBurst)
			if _, err := conn.Write(b[:k]); err != nil {
				return fmt.Errorf("sending: %w", err)
			}
			if b = b[k:]; len(b) > 0 {
				time.Sleep(time.Millisecond) // its queue must be emptied
			}
		}
		s.sent(n)
		return nil
	}
	mux := &gathering{muxer: ts.NewMuxer()}
	for {
		f, err := frames.Next(following)
		if err == nil {
			var b []byte
			if b, err = mux.add(f); err == nil {
				err = send(b)
			}
		}
		if err != nil {
			return ended(err, heard)
		}
	}
}

// untilClosed reads what nobody sends.
func untilClosed(conn gosrt.Conn) error {
	for b := make([]byte, 1500); ; {
		if _, err := conn.Read(b); err != nil {
			return err
		}
	}
}

// gathering is a muxer that waits a moment for the second kind of media.
type gathering struct {
	muxer *ts.Muxer
	early []*media.Frame
	begun bool
	bytes []byte
}

// add gives the bytes that are to be sent now, which are good until the next call.
func (g *gathering) add(f *media.Frame) ([]byte, error) {
	g.muxer.Know(f.Format.Codec)
	g.early = append(g.early, f)
	first := g.early[0]
	if !g.begun && f.Kind() == first.Kind() && f.DTS-first.DTS < bothWait {
		return nil, nil
	}
	g.begun, g.bytes = true, g.bytes[:0]
	var err error
	for _, f := range g.early {
		if g.bytes, err = g.muxer.Append(g.bytes, f); err != nil {
			return nil, err
		}
	}
	clear(g.early)
	g.early = g.early[:0]
	return g.bytes, nil
}
