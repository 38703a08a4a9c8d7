package flvload

import (
	"context"
	"fmt"
	"time"

	"github.com/tuttilive/tutti/internal/bench"
	"github.com/tuttilive/tutti/internal/bench/ingest"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

// publisher sends one picture and one sound over RTMP, as OBS would.
type publisher struct {
	conn   *ingest.Conn
	source *bench.Picture
}

var (
	pictureFormat = &media.Format{Codec: media.H264, Width: 1280, Height: 720, SPS: bench.SPS, PPS: bench.PPS}
	soundFormat   = &media.Format{Codec: media.AAC, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}
)

func publish(ctx context.Context, address, room string, bitrate int) (*publisher, error) {
	conn, err := ingest.Dial(ctx, address, room)
	if err != nil {
		return nil, err
	}
	return &publisher{conn: conn, source: bench.NewPicture(bitrate)}, nil
}

// run sends until ctx ends: 30 pictures a second, and sound.
func (p *publisher) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { p.conn.Close() })
	defer stop()
	begin := time.Now()
	const soundLength = 1024 * time.Second / 48000
	var pictures, sounds time.Duration
	for {
		video, audio := pictures*time.Second/bench.FPS, sounds*soundLength
		if err := pause(ctx, time.Until(begin.Add(min(video, audio)))); err != nil {
			return nil
		}
		f := &media.Frame{Format: soundFormat, DTS: audio, PTS: audio, Keyframe: true, Payload: make([]byte, 340)}
		if audio < video {
			sounds++
		} else {
			pictures++
			f = p.picture(video)
		}
		if err := p.conn.Send(f); err != nil && ctx.Err() == nil {
			return fmt.Errorf("publishing: %w", err)
		}
	}
}

func (p *publisher) picture(at time.Duration) *media.Frame {
	slice, key := p.source.Next(time.Now())
	return &media.Frame{Format: pictureFormat, DTS: at, PTS: at, Keyframe: key, Payload: bitstream.AppendUnit(nil, slice)}
}
