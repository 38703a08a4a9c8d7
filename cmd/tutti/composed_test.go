package main

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/bench"
	"github.com/tuttilive/tutti/internal/bench/showload"
)

// TestComposedSourcesAreInStep has three sources publish flashes with beeps at the same moments over RTMP, each in a colour and with a tone of
// its own, and takes both from the composed program: each beep must lie by its flash, and the sources by each other.
func TestComposedSourcesAreInStep(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	for name, hls := range map[string]bool{"FLV": false, "HLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			takeTurn(t)
			span := 14 * time.Second
			if hls {
				span = 20 * time.Second // the first segments come late
			}
			r, p := start(t, "--compose", "auto"), keepPace(t)
			defer p.judge()
			server := &bench.Server{HTTP: r.HTTP, RTMP: r.RTMP, PID: os.Getpid()}
			plan := showload.Plan{
				Sources: 3, Always: 3, Time: span, Every: time.Hour, HLS: hls, Keys: devKeys,
				Settings: `{"height":360,"fps":30,"badges":false,"emphasis":false}`,
			}
			result, err := showload.Run(context.Background(), server, plan, func(s string) { t.Log(s) })
			if err != nil {
				p.wrongf("%v", err)
				return
			}
			lips, pictures, sounds := result.CalmLips, result.CalmPictures, result.CalmSounds
			t.Logf("beeps after flashes %+v, pictures of sources apart %+v, sounds %+v", lips, pictures, sounds)
			if lips.Count < 12 || pictures.Count < 4 || sounds.Count < 4 {
				t.Skip("this machine is too busy to tell")
			}
			// A busy machine makes fewer pictures, and a flash can be seen half a step from its time.
			limit := inSync
			for _, s := range result.Samples {
				if s.FPS > 0 {
					limit = max(limit, time.Second/time.Duration(2*s.FPS)+10*time.Millisecond)
				}
			}
			if lips.Median.Abs() > limit {
				p.wrongf("beeps lie %v from their flashes", lips.Median)
			}
			if pictures.Median > 2*limit || sounds.Median > 2*inSync {
				p.wrongf("pictures of sources lie %v apart, sounds %v", pictures.Median, sounds.Median)
			}
			if result.Program.SoundGaps > 0 && result.Program.Silence < 2*time.Second { // the mix makes up for no more than that
				p.wrongf("%d gaps in the sound, up to %v", result.Program.SoundGaps, result.Program.SoundGap)
			}
		})
	}
}
