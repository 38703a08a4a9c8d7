package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/tuttilive/tutti/internal/bench/hlscheck"
)

// checkCommand checks servers by their outside.
type checkCommand struct {
	HLS checkHLS `cmd:"" name:"hls" help:"Walk along a low-latency HLS stream and tell of each clause of RFC 8216bis whether it holds."`
}

type checkHLS struct {
	URL      string        `arg:"" help:"Address of the multivariant playlist."`
	Duration time.Duration `help:"How long to walk." default:"1m"`
}

// Run walks, and fails where a clause is broken.
func (c *checkHLS) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	result, err := hlscheck.Walk(ctx, c.URL, hlscheck.Options{Duration: c.Duration})
	if err != nil {
		return err
	}
	result.Print(os.Stdout)
	fmt.Printf("%d playlists; a part is known %v (median) to %v (worst) after its end\n", len(result.Playlists),
		result.Late[0].Round(time.Millisecond), result.Late[1].Round(time.Millisecond))
	if n := result.Broken(); n > 0 {
		return fmt.Errorf("%d clauses are broken", n)
	}
	return nil
}
