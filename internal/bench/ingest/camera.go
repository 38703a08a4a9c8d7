package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/tuttilive/tutti/internal/bench"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

// Camera sends one picture and one sound, as OBS would.
type Camera struct {
	conn   *Conn
	source *bench.Picture
}

// PictureFormat and SoundFormat are what it sends.
var (
	PictureFormat = &media.Format{Codec: media.H264, Width: 1280, Height: 720, SPS: bench.SPS, PPS: bench.PPS}
	SoundFormat   = &media.Format{Codec: media.AAC, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}
)

// OpenCamera begins to publish; bitrate is the picture's in bit/s. Run sends.
func OpenCamera(ctx context.Context, address, room string, bitrate int) (*Camera, error) {
	conn, err := Dial(ctx, address, room)
	if err != nil {
		return nil, err
	}
	return &Camera{conn: conn, source: bench.NewPicture(bitrate)}, nil
}

// Run sends until ctx ends: 30 pictures a second, and sound.
func (c *Camera) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	begin := time.Now()
	const soundLength = 1024 * time.Second / 48000
	var pictures, sounds time.Duration
	for {
		video, audio := pictures*time.Second/bench.FPS, sounds*soundLength
		if err := bench.Pause(ctx, time.Until(begin.Add(min(video, audio)))); err != nil {
			return nil
		}
		f := &media.Frame{Format: SoundFormat, DTS: audio, PTS: audio, Keyframe: true, Payload: make([]byte, 340)}
		if audio < video {
			sounds++
		} else {
			pictures++
			f = c.picture(video)
		}
		if err := c.conn.Send(f); err != nil && ctx.Err() == nil {
			return fmt.Errorf("publishing: %w", err)
		}
	}
}

func (c *Camera) picture(at time.Duration) *media.Frame {
	slice, key := c.source.Next(time.Now())
	return &media.Frame{Format: PictureFormat, DTS: at, PTS: at, Keyframe: key, Payload: bitstream.AppendUnit(nil, slice)}
}
