package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"

	"github.com/tuttilive/tutti/internal/config"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/server/flv"
	"github.com/tuttilive/tutti/internal/server/hls"
	"github.com/tuttilive/tutti/internal/server/rtmp"
	"github.com/tuttilive/tutti/internal/server/srt"
	"github.com/tuttilive/tutti/internal/server/whip"
	"github.com/tuttilive/tutti/internal/studio"
)

// openLiveDoors opens the doors for live streams; those that speak HTTP are added to doors.
func (s *server) openLiveDoors(c config.Server, house *studio.House, endpoint *rtc.Endpoint, secure *tls.Config, doors map[string]http.Handler) error {
	flvDoor := flv.New(flv.Options{House: house, Tick: c.FLVTick, PerAddress: c.ConnectionsPerAddress, Log: s.log})
	s.returns = newReturns()
	hlsDoor := hls.New(hls.Config{House: house, Log: s.log, Return: s.returns.give, Cut: hls.Cut{
		Segment: c.HLSSegment, Part: c.HLSPart, Classic: c.HLSPart == 0, Window: c.HLSWindow, WindowBytes: c.HLSMemory << 20,
	}})
	s.onClose(func(context.Context) { hlsDoor.Close() })
	if s.hlsKeeper != nil {
		s.hlsKeeper.Open(hlsDoor)
		s.onClose(func(context.Context) { s.hlsKeeper.Close() })
	}
	doors["/live/"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".flv") {
			flvDoor.ServeHTTP(w, r)
			return
		}
		hlsDoor.ServeHTTP(w, r)
	})

	whipDoor := whip.New(whip.Config{House: house, Endpoint: endpoint, Log: s.log})
	s.onClose(func(ctx context.Context) {
		if err := whipDoor.Shutdown(ctx); err != nil {
			s.log.Warn("ending WHIP and WHEP sessions", "error", err)
		}
	})
	doors["/whip/"], doors["/whep/"] = whipDoor, whipDoor

	if err := s.openSRT(c, house); err != nil {
		return err
	}
	if c.RTMP == config.Off {
		return nil
	}
	options := rtmp.Options{House: house, Address: c.RTMP, Tick: c.FLVTick, MaxPlayers: c.RTMPPlayers, Bound: s.connections.Encoders, Log: s.log}
	if c.RTMPS != config.Off {
		options.TLSAddress, options.TLS = c.RTMPS, secure
	}
	rtmpDoor, err := rtmp.Listen(options)
	if err != nil {
		return err
	}
	s.onClose(func(context.Context) { s.closeQuietly(rtmpDoor) })
	go func() {
		if err := rtmpDoor.Serve(); err != nil {
			s.failed <- fmt.Errorf("serving RTMP: %w", err)
		}
	}()
	return nil
}

// openSRT opens the door for SRT. Its usual port may be another program's; then it stays shut.
func (s *server) openSRT(c config.Server, house *studio.House) error {
	if c.SRT == config.Off {
		return nil
	}
	door, err := srt.Listen(srt.Options{House: house, Address: c.SRT, Passphrase: c.SRTPassphrase, Latency: c.SRTLatency, Log: s.log})
	switch {
	case err != nil && portOf(c.SRT) == config.SRTPort:
		s.log.Warn("SRT is off: its port is taken", "error", err)
		return nil
	case err != nil:
		return err
	}
	s.srtPort = portOf(c.SRT)
	s.onClose(func(context.Context) { s.closeQuietly(door) })
	go func() {
		if err := door.Serve(); err != nil {
			s.failed <- err
		}
	}()
	return nil
}
