package pull

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	gosrt "github.com/datarhei/gosrt"

	"github.com/tuttilive/tutti/internal/dial"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/ts"
)

// fetchSRT calls an SRT server that sends a transport stream.
func fetchSRT(ctx context.Context, d Dialer, s Source, write func(*media.Frame, time.Duration) error, more func()) error {
	_, u, err := s.protocol()
	if err != nil {
		return err
	}
	config := gosrt.DefaultConfig()
	query := u.Query()
	config.StreamId, config.Passphrase = query.Get("streamid"), query.Get("passphrase")
	config.ConnectionTimeout = 5 * time.Second
	if ms, err := strconv.Atoi(query.Get("latency")); err == nil && ms >= 20 && ms <= 8000 {
		config.ReceiverLatency = time.Duration(ms) * time.Millisecond
	}
	address, err := resolve(ctx, d, u.Hostname(), u.Port())
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	conn, err := gosrt.Dial("srt", address, config)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	demuxer := ts.New(write)
	packet := make([]byte, 2048)
	for {
		n, err := conn.Read(packet)
		if err != nil {
			return err
		}
		more()
		if err := demuxer.Write(packet[:n], media.Now()); err != nil {
			return err
		}
	}
}

// resolve finds an address that may be connected to; what is connected to is what was looked at.
func resolve(ctx context.Context, d Dialer, host, port string) (string, error) {
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", err
	}
	for _, a := range found {
		ok, err := d.Allows(a)
		if err != nil {
			return "", err
		}
		if ok {
			return net.JoinHostPort(a.Unmap().String(), port), nil
		}
	}
	return "", fmt.Errorf("%w: %v", dial.ErrRefused, append(found, netip.Addr{})[0])
}
