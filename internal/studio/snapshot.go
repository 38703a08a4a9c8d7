package studio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program"
)

const (
	// SnapshotAge is how old a snapshot may be that is given out again, so that any number of askers cost one picture.
	SnapshotAge = 5 * time.Second
	// snapshotWithin is how long one may take: a keyframe may have to come first.
	snapshotWithin = 8 * time.Second
	// snapshotSide is the longer side in pixels, at most.
	snapshotSide    = 640
	snapshotQuality = 80
)

var (
	// ErrNoPicture says that a program has sound only, or that no picture came in time.
	ErrNoPicture = errors.New("the program has no picture at the moment")
	// ErrCannotDecode says that this server decodes no pictures.
	ErrCannotDecode = errors.New("pictures cannot be decoded here: ffmpeg is missing")
)

// snapshot is the last picture that was taken of a program. Its lock is held while one is taken: whoever asks meanwhile waits for it.
type snapshot struct {
	mu    sync.Mutex
	image []byte
	taken time.Time
	err   error
}

// Snapshot is a JPEG of what a room's program shows, at most SnapshotAge old. It fails as Watch does, with ErrNoPicture, or where
// pictures cannot be decoded. When ctx ends the one who asks gets none, while others wait for theirs.
func (h *House) Snapshot(ctx context.Context, roomName string) ([]byte, error) {
	w, err := h.Tap(roomName)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	s := &w.air.snapshot
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.taken) > SnapshotAge {
		image, err := takeSnapshot(ctx, w.air.program, h.workers)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s.image, s.err, s.taken = image, err, time.Now()
	}
	return s.image, s.err
}

// takeSnapshot decodes from a keyframe on until there is a picture.
func takeSnapshot(ctx context.Context, p *program.Program, workers *codec.Workers) ([]byte, error) {
	if workers.Available() != nil {
		return nil, ErrCannotDecode
	}
	if source, _ := p.Picture(); source == nil {
		return nil, ErrNoPicture
	}
	ctx, cancel := context.WithTimeout(ctx, snapshotWithin)
	defer cancel()
	reader, err := p.Read(program.Demand{
		Video: []media.Codec{media.H264, media.H265, media.VP8, media.VP9, media.AV1}, Size: media.Size{Width: snapshotSide / 2, Height: snapshotSide / 2},
	})
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	pictures := make(chan *codec.Picture, 1)
	ring := media.NewRing[*media.Frame](media.Limits{Items: 512, Bytes: 8 << 20})
	decoder, err := workers.Decode(ring, codec.DecoderConfig{
		Scaling: codec.Scaling{Width: snapshotSide, Height: snapshotSide, Within: true, Shrink: true},
		Buffer: func(width, height int) *codec.Picture {
			return &codec.Picture{Pix: make([]byte, codec.PictureBytes(width, height))}
		},
		Out: func(p *codec.Picture) {
			select {
			case pictures <- p:
			default:
			}
		},
		Keyframe: func() {}, // a reader of the program asks for them itself
	})
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	go func() {
		defer ring.Close(nil)
		for begun := false; ; {
			f, err := reader.Next(ctx)
			if err != nil {
				return
			}
			if f.Kind() != media.Video || !begun && !f.Keyframe {
				continue
			}
			begun = true
			ring.Append(f, media.Mark{Key: f.Keyframe, Bytes: len(f.Payload), Time: f.DTS})
			ring.Flush()
		}
	}()
	select {
	case picture := <-pictures:
		return encodeSnapshot(picture)
	case <-ctx.Done():
	case <-p.Done():
	}
	if err := decoder.Err(); err != nil {
		return nil, fmt.Errorf("decoding a snapshot: %w", err)
	}
	return nil, ErrNoPicture
}

// encodeSnapshot writes a picture of limited range as JPEG, whose range is full (JFIF).
func encodeSnapshot(p *codec.Picture) ([]byte, error) {
	size := p.Width * p.Height
	full := image.YCbCr{
		Y: p.Pix[:size], Cb: p.Pix[size : size+size/4], Cr: p.Pix[size+size/4 : size+size/2],
		YStride: p.Width, CStride: p.Width / 2, SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rect(0, 0, p.Width, p.Height),
	}
	stretch(full.Y, 16, 219)
	stretch(full.Cb, 128, 224)
	stretch(full.Cr, 128, 224)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, &full, &jpeg.Options{Quality: snapshotQuality}); err != nil {
		return nil, fmt.Errorf("encoding a snapshot: %w", err)
	}
	return b.Bytes(), nil
}

// stretch maps a range of steps from origin, which stays where it is but for luminance (16 becomes 0), to the full one (ITU-T T.871).
func stretch(plane []byte, origin, steps int) {
	to := origin
	if origin == 16 {
		to = 0
	}
	var table [256]byte
	for v := range table {
		table[v] = byte(min(max(to+((v-origin)*255+steps/2)/steps, 0), 255))
	}
	for i, v := range plane {
		plane[i] = table[v]
	}
}
