package showload

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/bench"
	"github.com/tuttilive/tutti/internal/codec"
)

// Plan is the show.
type Plan struct {
	// Sources is how many there are, at most as many as there are marks; Always of them, at least two, are on stage at any time.
	Sources, Always int
	Time            time.Duration
	// Every is about how often something is done to it.
	Every time.Duration
	// Seed makes the same show again.
	Seed uint64
	// HLS has the viewer play HLS, else FLV.
	HLS bool
	// Settings are those of the composition, as JSON.
	Settings string
	Keys     auth.Keys
	// PID is the server's process, whose workers are killed.
	PID int
}

// Most is how many sources there can be.
const Most = 5

const roomName = "long-show"

// sampleEvery is how often it is looked what the server uses.
const sampleEvery = 10 * time.Second

// Run plays the show on a server that bench.Start started and measures it.
func Run(ctx context.Context, server *bench.Server, plan Plan, progress func(string)) (*Result, error) {
	workers := codec.FindWorkers("")
	if err := workers.Available(); err != nil {
		return nil, err
	}
	defer workers.Close()
	if plan.Sources < fewest || plan.Sources > min(Most, len(marks)) {
		return nil, fmt.Errorf("there can be %d to %d sources", fewest, min(Most, len(marks)))
	}
	plan.PID, plan.Always = server.PID, max(plan.Always, fewest)
	d := &director{
		plan: plan, api: "http://" + server.HTTP + "/api/rooms/" + roomName, random: rand.New(rand.NewPCG(plan.Seed, 1)), playing: map[int]*playing{},
	}
	epoch := time.Now().Truncate(time.Second)
	for k := range plan.Sources {
		c, err := makeClip(workers, k)
		if err != nil {
			return nil, err
		}
		stream, err := streamName(plan, k)
		if err != nil {
			return nil, err
		}
		d.sources = append(d.sources, &source{clip: c, server: server.RTMP, stream: stream, epoch: epoch})
	}
	end, stop := context.WithTimeout(ctx, plan.Time)
	defer stop()
	failed := make(chan error, 2)
	directed := make(chan struct{})
	go func() {
		defer close(directed)
		if err := d.run(end); err != nil {
			failed <- err
			stop()
		}
	}()
	if err := waitLive(end, d.api); err != nil {
		stop()
		<-directed
		return nil, err
	}
	if err := d.patch(end, plan.Settings); err != nil {
		stop()
		<-directed
		return nil, err
	}
	open := openFLV("http://" + server.HTTP + "/live/" + roomName + ".flv")
	if plan.HLS {
		open = openHLS("http://" + server.HTTP + "/live/" + roomName + "/index.m3u8")
	}
	v := &viewer{open: open, workers: workers, steps: &steps{quiet: d.quiet}}
	v.note = func(s string) {
		progress(fmt.Sprintf("%v: %s; %s", time.Since(epoch).Round(time.Millisecond), s, d.lately()))
	}
	v.steps.note = v.note
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if err := v.run(end); err != nil {
			failed <- err
			stop()
		}
	}()
	r := &Result{Plan: plan}
	begin := time.Now()
	for bench.Pause(end, sampleEvery) == nil {
		s, err := bench.ReadIdle(end, server.HTTP, plan.Keys)
		if err != nil {
			if end.Err() == nil {
				failed <- err
				stop()
			}
			break
		}
		workersNow, _ := children(plan.PID)
		sample := Sample{At: time.Since(begin), Idle: s, Workers: len(workersNow), Composed: d.composed(end), Load: load()}
		r.Samples = append(r.Samples, sample)
		p := v.seen()
		progress(fmt.Sprintf("%v: %v, %d workers; %d pictures (%d a second asked), %d gaps in sound; load %.0f",
			time.Since(begin).Round(time.Second), s, len(workersNow), p.Pictures, sample.FPS, p.SoundGaps, sample.Load))
	}
	<-watched
	<-directed
	var err error
	select {
	case err = <-failed:
	default:
	}
	r.conclude(d, v)
	return r, errors.Join(err, ctx.Err())
}

func streamName(plan Plan, k int) (string, error) {
	yes := true
	claims := auth.Claims{Identity: fmt.Sprintf("source-%d", k), Name: fmt.Sprintf("Source %d", k)}
	claims.Video = auth.Grant{Room: roomName, RoomJoin: true, CanPublish: &yes}
	token, err := plan.Keys.Mint(claims, plan.Time+time.Hour, time.Now())
	return roomName + "?token=" + token, err
}

// waitLive waits until the room is on the air.
func waitLive(ctx context.Context, api string) error {
	for {
		resp, err := http.Get(api + "/live")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		if bench.Pause(ctx, 100*time.Millisecond) != nil {
			return errors.New("the room does not go on the air")
		}
	}
}
