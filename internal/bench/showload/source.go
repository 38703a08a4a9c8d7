package showload

import (
	"context"
	"time"

	"github.com/tuttilive/tutti/internal/bench"
	"github.com/tuttilive/tutti/internal/bench/ingest"
	"github.com/tuttilive/tutti/internal/media"
)

// source publishes a clip. All sources flash and beep at the same moments after an epoch.
type source struct {
	clip   clip
	server string // host:port
	stream string // with the token in it
	epoch  time.Time
}

// run publishes until ctx ends, from the next keyframe on.
func (s *source) run(ctx context.Context) error {
	conn, err := ingest.Dial(ctx, s.server, s.stream)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	const period = 2 * time.Second
	begin := (time.Since(s.epoch)/period + 1) * period
	picture := int(begin * fps / time.Second)
	sound := int(begin/soundLoop) * soundFrames
	for s.soundAt(sound) < begin {
		sound++
	}
	for {
		video, audio := time.Duration(picture)*time.Second/fps, s.soundAt(sound)
		if bench.Pause(ctx, time.Until(s.epoch.Add(min(video, audio)))) != nil {
			return nil
		}
		var f media.Frame
		if audio < video {
			f = *s.clip.sounds[sound%soundFrames]
			f.PTS = audio - begin
			sound++
		} else {
			f = *s.clip.pictures[picture%gop]
			f.PTS = video - begin
			picture++
		}
		f.DTS = f.PTS
		if err := conn.Send(&f); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

// soundAt is when a frame of sound is captured, after the epoch.
func (s *source) soundAt(n int) time.Duration {
	return time.Duration(n/soundFrames)*soundLoop + s.clip.sounds[n%soundFrames].PTS
}
