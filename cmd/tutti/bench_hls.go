package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/tuttilive/tutti/internal/bench"
	"github.com/tuttilive/tutti/internal/bench/hlsload"
)

type benchHLS struct {
	benchTarget `embed:""`
	Viewers     int           `help:"How many." default:"500"`
	Part        time.Duration `help:"Part target of the server that is started." default:"300ms"`
	Classic     bool          `help:"Viewers that poll playlists and read whole segments."`
	HTTP2       bool          `help:"Over TLS and HTTP/2, as browsers do without a proxy before the server." name:"http2"`
}

// Run measures HLS.
func (b *benchHLS) Run() error {
	b.flags = []string{"--hls-part", b.Part.String()}
	secure := ""
	if b.HTTP2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		secure = l.Addr().String()
		l.Close()
		b.flags = append(b.flags, "--https", secure)
	}
	return b.with(func(ctx context.Context, server *bench.Server) error {
		result, err := hlsload.Run(ctx, server, hlsload.Plan{
			Viewers: b.Viewers, Classic: b.Classic, Bitrate: b.Bitrate * 1000, Duration: b.Duration, Secure: secure, Floor: b.floor,
		}, progress)
		if err == nil {
			result.Print(os.Stdout)
		}
		return err
	})
}

func (b *benchHLS) floor(ctx context.Context, f *hlsload.Floor) (*bench.Server, error) {
	return bench.StartFloor(ctx, b.Core, "bench", "hls-floor", "--part", f.Part.String(), "--parts", strconv.Itoa(f.Parts),
		"--video", strconv.Itoa(f.Video), "--audio", strconv.Itoa(f.Audio), "--playlist", strconv.Itoa(f.Playlist))
}

type benchHLSFloor struct {
	HTTP     string `name:"http"`
	Part     time.Duration
	Parts    int
	Video    int
	Audio    int
	Playlist int
}

// Run serves until it is killed.
func (b *benchHLSFloor) Run() error {
	f := &hlsload.Floor{Part: b.Part, Parts: b.Parts, Video: b.Video, Audio: b.Audio, Playlist: b.Playlist}
	if err := f.Serve(b.HTTP); err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	return nil
}
