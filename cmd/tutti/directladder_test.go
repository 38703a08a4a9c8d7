package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/bench/hlscheck"
	"github.com/tuttilive/tutti/internal/mux/hls/m3u8"
)

// TestAPictureThatPassesThroughIsMadeSmaller plays a picture with B-frames, which passes through, in the size in which it comes and in another that is made
// of it: both are what they are declared to be, and a strict reader finds no fault with them.
func TestAPictureThatPassesThroughIsMadeSmaller(t *testing.T) {
	needFFmpeg(t)
	t.Parallel()
	l := &ladder{running: start(t, "--compose", "auto")}
	picture := []string{"-re", "-f", "lavfi", "-i", "color=red:size=320x360:rate=10[l];color=blue:size=320x360:rate=10[r];[l][r]hstack,format=yuv420p,noise=c0s=15:c0f=t"}
	reordered := []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-b_strategy", "0", "-g", "10", "-sc_threshold", "0"}
	publish(t, slices.Concat(picture, testTone, reordered, aac, []string{"-f", "flv", "rtmp://" + l.RTMP + "/live/ladder"})...)
	l.live("ladder")
	if status := l.ask("PATCH", "/api/rooms/ladder/program", `{"mode":"direct","renditions":[180]}`, nil); status != http.StatusOK {
		t.Fatalf("the renditions are answered with %d", status)
	}
	l.findVariants()
	for _, v := range []m3u8.Variant{l.large, l.small} {
		l.looks(t, "variant "+v.URI, l.url("/live/ladder/%s", v.URI), v)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	result, err := hlscheck.Walk(ctx, l.url("/live/ladder/index.m3u8"), hlscheck.Options{Duration: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if result.Broken() > 0 {
		var said strings.Builder
		result.Print(&said)
		t.Error(said.String())
	}
}
