package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/bench"
	"github.com/tuttilive/tutti/internal/bench/audienceload"
	"github.com/tuttilive/tutti/internal/bench/liveload"
	"github.com/tuttilive/tutti/internal/bench/rtcload"
	"github.com/tuttilive/tutti/internal/bench/showload"
)

// benchCommand measures whole servers.
type benchCommand struct {
	RTC  benchRTC  `cmd:"" name:"rtc" help:"A room full of WebRTC clients."`
	Live benchLive `cmd:"" name:"live" help:"Many HTTP-FLV or RTMP viewers of one RTMP publisher."`

	HLS      benchHLS      `cmd:"" name:"hls" help:"Many HLS viewers of one RTMP publisher."`
	HLSFloor benchHLSFloor `cmd:"" name:"hls-floor" hidden:"" help:"What bench hls compares with."`

	Show benchShow `cmd:"" name:"show" help:"A composed show to which things are done: does it go on, in step, and does the server's use stay flat?"`

	Audience benchAudience `cmd:"" name:"audience" help:"Many viewers on WebSockets, to whom a host writes."`

	Soak benchSoak `cmd:"" name:"soak" help:"Half an hour of people who come, go, vanish and come back, and a restart: does everything return to where it was?"`
}

// benchTarget is the server to measure.
type benchTarget struct {
	Server string `help:"HTTP address of a running server (in --dev mode) instead of one that is started for this." placeholder:"HOST:PORT"`
	RTMP   string `help:"That server's RTMP address." placeholder:"HOST:PORT" default:"127.0.0.1:1935"`
	PID    int    `help:"That server's process, to read its CPU and memory." name:"pid"`
	Core   int    `help:"Processor that the started server is pinned to, -1 for none." default:"0"`

	Duration time.Duration `help:"How long to measure." default:"20s"`
	Bitrate  int           `help:"Bit rate of the picture, in kbit/s." default:"1700"`

	Profile string `help:"Have the started server write its CPU profile to this file." placeholder:"FILE"`

	flags []string // more of them for the server that is started
}

// open starts the server, or takes the one that runs.
func (t *benchTarget) open(ctx context.Context) (*bench.Server, error) {
	if t.Server != "" {
		if _, _, err := net.SplitHostPort(t.Server); err != nil {
			return nil, fmt.Errorf("--server: %w", err)
		}
		if t.PID == 0 {
			return nil, fmt.Errorf("--server needs --pid, to read what the server uses")
		}
		return &bench.Server{PID: t.PID, HTTP: t.Server, RTMP: t.RTMP}, bench.PinSelf(t.Core)
	}
	if t.Profile != "" {
		t.flags = append(t.flags, "--cpu-profile", t.Profile)
	}
	wait, done := context.WithTimeout(ctx, 20*time.Second)
	defer done()
	if err := bench.PinSelf(t.Core); err != nil {
		return nil, err
	}
	return bench.Start(wait, t.Core, t.flags...)
}

// with runs a measurement on the server, until it ends or somebody interrupts it.
func (t *benchTarget) with(measure func(context.Context, *bench.Server) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	server, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer server.Close()
	return measure(ctx, server)
}

func progress(s string) { fmt.Fprintln(os.Stderr, "bench:", s) }

type benchRTC struct {
	benchTarget `embed:""`
	Mode        rtcload.Mode  `help:"fanout: one camera that many watch; meeting: all see all, each with a camera in three layers; audio: two microphones that many hear." enum:"fanout,meeting,audio" default:"fanout"`
	Subscribers int           `help:"How many clients receive (in a meeting, all of them send too)." default:"200"`
	Rooms       int           `help:"Over how many rooms they are spread, each with publishers of its own." default:"1"`
	WHEP        bool          `help:"Speak WHIP and WHEP; else LiveKit's client protocol, which other servers speak too." name:"whep"`
	Packets     rtcload.Sizes `help:"How pictures are cut into packets: as browsers do, or into packets of equal size." enum:"libwebrtc,equal" default:"libwebrtc"`
	Feedback    time.Duration `help:"How often a client reports arrivals." default:"50ms"`
	Key         string        `help:"API key of the server." default:"devkey"`
	Secret      string        `help:"API secret of the server." default:"secret"`
}

// Run measures the SFU.
func (b *benchRTC) Run() error {
	return b.with(func(ctx context.Context, server *bench.Server) error {
		result, err := rtcload.Run(ctx, server, rtcload.Plan{
			Mode: b.Mode, People: b.Subscribers, Rooms: b.Rooms, WHEP: b.WHEP, Keys: auth.Keys{Key: b.Key, Secret: b.Secret},
			Bitrate: b.Bitrate * 1000, Sizes: b.Packets, Feedback: b.Feedback, Duration: b.Duration, Core: b.Core,
		}, progress)
		if err == nil {
			result.Print(os.Stdout)
		}
		return err
	})
}

type benchLive struct {
	benchTarget `embed:""`
	Viewers     int           `help:"How many." default:"500"`
	Protocol    string        `help:"How they play." enum:"flv,rtmp" default:"flv"`
	Tick        time.Duration `help:"How long the server that is started gathers what it writes." default:"50ms"`
	Slow        int           `help:"How many viewers more come in the end who are too slow."`
}

// Run measures the fan-out of frames.
func (b *benchLive) Run() error {
	b.flags = append(b.flags, "--flv-tick", b.Tick.String(), "--rtmp-players-per-address", strconv.Itoa(b.Viewers+b.Slow+1))
	return b.with(func(ctx context.Context, server *bench.Server) error {
		result, err := liveload.Run(ctx, server, liveload.Plan{
			Viewers: b.Viewers, RTMP: b.Protocol == "rtmp", Slow: b.Slow, Bitrate: b.Bitrate * 1000, Duration: b.Duration, Core: b.Core,
		}, progress)
		if err == nil {
			result.Print(os.Stdout)
		}
		return err
	})
}

type benchAudience struct {
	benchTarget `embed:""`
	Viewers     int `help:"How many; a server needs as many descriptors, and no limit for an address." default:"10000"`
	Messages    int `help:"Messages a second." default:"5"`
	Likes       int `help:"Likes a second, from everybody in turn." default:"50"`
	Flood       int `help:"How many flood the room instead, with more messages, likes and raised hands than anybody may send; it is measured what comes through." placeholder:"N"`
	Slow        int `help:"How many read little or nothing meanwhile." placeholder:"N"`
}

// Run measures the audience's channel.
func (b *benchAudience) Run() error {
	if b.Flood > 0 {
		return b.with(func(ctx context.Context, server *bench.Server) error {
			result, err := audienceload.RunFlood(ctx, server, audienceload.FloodPlan{
				Viewers: b.Viewers, Flooding: b.Flood, Slow: b.Slow, Keys: devKeys, Duration: b.Duration,
			}, progress)
			if err == nil {
				result.Print(os.Stdout)
			}
			return err
		})
	}
	return b.with(func(ctx context.Context, server *bench.Server) error {
		result, err := audienceload.Run(ctx, server, audienceload.Plan{
			Viewers: b.Viewers, Messages: b.Messages, Likes: b.Likes, Keys: devKeys, Duration: b.Duration,
		}, progress)
		if err == nil {
			result.Print(os.Stdout)
		}
		return err
	})
}

type benchSoak struct {
	Minutes int `help:"How long, in all." default:"30"`
	Rooms   int `help:"How many rooms." default:"4"`
	People  int `help:"How many people are in each at a time, at most." default:"5"`
	Core    int `help:"Processor that the server is pinned to, -1 for none." default:"-1"`
}

// Run wears a server of its own.
func (b *benchSoak) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	server, err := bench.Start(ctx, b.Core)
	if err != nil {
		return err
	}
	defer server.Close()
	plan := rtcload.SoakPlan{Rooms: b.Rooms, People: b.People, Keys: devKeys, Time: time.Duration(b.Minutes) * time.Minute, Core: b.Core}
	result, err := rtcload.RunSoak(ctx, server, plan, progress)
	if err != nil {
		return err
	}
	result.Print(os.Stdout)
	if len(result.Problems) > 0 {
		return fmt.Errorf("%d figures did not return to where they were", len(result.Problems))
	}
	return nil
}

type benchShow struct {
	Time     time.Duration `help:"How long." default:"3m"`
	Sources  int           `help:"How many sources come and go, 2 to 5." default:"4"`
	Every    time.Duration `help:"About how often something is done to the show." default:"8s"`
	Settings string        `help:"How the program is composed." default:"{\"height\":360,\"fps\":30,\"badges\":false,\"emphasis\":false}"`
	Seed     uint64        `help:"The same show again." default:"1"`
	HLS      bool          `help:"Watch HLS, else FLV." name:"hls"`
	Core     int           `help:"Processor that the server is pinned to, -1 for none." default:"-1"`
}

// Run plays a show on a server of its own.
func (b *benchShow) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	server, err := bench.Start(ctx, b.Core, "--compose", "auto")
	if err != nil {
		return err
	}
	defer server.Close()
	plan := showload.Plan{Sources: b.Sources, Time: b.Time, Every: b.Every, HLS: b.HLS, Seed: b.Seed, Settings: b.Settings, Keys: devKeys}
	result, err := showload.Run(ctx, server, plan, progress)
	if result != nil {
		result.Print(os.Stdout)
		if err == nil && len(result.Problems) > 0 {
			err = fmt.Errorf("%d things are not as they should be", len(result.Problems))
		}
	}
	return err
}
