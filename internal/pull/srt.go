package pull

import (
	"context"
	"strconv"
	"time"

	gosrt "github.com/datarhei/gosrt"

	"github.com/tuttilive/tutti/internal/dial/srtdial"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/ts"
)

// fetchSRT calls an SRT server that sends a transport stream.
func fetchSRT(ctx context.Context, d Dialer, s Source, to receiver) error {
	_, u, err := s.protocol()
	if err != nil {
		return err
	}
	config := gosrt.DefaultConfig()
	query := u.Query()
	config.StreamId, config.Passphrase = query.Get("streamid"), query.Get("passphrase")
	if ms, err := strconv.Atoi(query.Get("latency")); err == nil && ms >= 20 && ms <= 8000 {
		config.ReceiverLatency = time.Duration(ms) * time.Millisecond
	}
	conn, err := srtdial.Call(ctx, d, u.Hostname(), u.Port(), config)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	demuxer := ts.New(to.Write)
	demuxer.LeftOut = to.LeftOut
	packet := make([]byte, 2048)
	for {
		n, err := conn.Read(packet)
		if err != nil {
			return err
		}
		to.More()
		if err := demuxer.Write(packet[:n], media.Now()); err != nil {
			return err
		}
	}
}
