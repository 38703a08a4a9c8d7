package showload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/bench"
	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/flv"
)

// viewer watches the program, decodes it, and keeps figures.
type viewer struct {
	open    func(context.Context) (io.ReadCloser, error) // the program as FLV
	workers *codec.Workers
	steps   *steps
	// note tells of what should not be.
	note func(string)

	mu      sync.Mutex
	figures Program
	// by their timestamps, and when the last came.
	lastPicture, lastSound time.Duration
	pictureCame, soundCame time.Time
	since                  time.Time
	counted                int // pictures since then
}

// Program is what the viewer saw of it.
type Program struct {
	// Pictures and Sounds came; FewestPictures is how many in the worst ten seconds, a second.
	Pictures, Sounds int
	FewestPictures   float64
	// PictureGap and SoundGap are the longest distances of two by their timestamps, Silence the longest time in which nothing came at all.
	// SoundGaps is how many sounds came after at least one that is missing.
	PictureGap, SoundGap, Silence time.Duration
	SoundGaps                     int
	// Stopped is how often the program ended and had to be opened again.
	Stopped int
}

// run watches until ctx ends.
func (v *viewer) run(ctx context.Context) error {
	for first := true; ; first = false {
		err := v.watch(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if first && v.seen().Pictures == 0 {
			return fmt.Errorf("watching: %w", err)
		}
		v.mu.Lock()
		v.figures.Stopped++
		v.lastPicture, v.lastSound = 0, 0
		v.mu.Unlock()
		if bench.Pause(ctx, 200*time.Millisecond) != nil {
			return nil
		}
	}
}

func (v *viewer) seen() Program {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.figures
}

func (v *viewer) watch(ctx context.Context) error {
	program, err := v.open(ctx)
	if err != nil {
		return err
	}
	defer program.Close()
	ring := media.NewRing[*media.Frame](media.Limits{Items: 4096, Bytes: 32 << 20, Span: time.Minute})
	defer ring.Close(io.EOF)
	d, err := v.workers.Decode(ring, codec.DecoderConfig{
		Scaling:  codec.Scaling{Width: pictureWidth, Height: pictureHeight},
		Buffer:   func(w, h int) *codec.Picture { return &codec.Picture{Pix: make([]byte, codec.PictureBytes(w, h))} },
		Keyframe: func() {},
		Out:      v.look(),
	})
	if err != nil {
		return err
	}
	defer d.Close()
	hear := v.hear()
	var demuxer flv.Demuxer
	for r := flv.NewReader(program); ; {
		tag, err := r.Next()
		if err != nil {
			return err
		}
		var f *media.Frame
		at := time.Duration(tag.Timestamp) * time.Millisecond
		switch tag.Type {
		case flv.VideoTag:
			f, err = demuxer.Video(tag.Timestamp, tag.Body, at)
		case flv.AudioTag:
			f, err = demuxer.Audio(tag.Timestamp, tag.Body, at)
		}
		if err != nil {
			return err
		}
		if f == nil {
			continue
		}
		f.PTS, f.DTS = at, at // there are no B-frames; and no smoothing is wanted
		v.count(f)
		if f.Kind() == media.Audio {
			if err := hear(f); err != nil {
				return err
			}
			continue
		}
		ring.Append(f, media.Mark{Bytes: len(f.Payload), Time: f.DTS, Key: f.Keyframe})
		ring.Flush()
	}
}

// look gives what takes decoded pictures.
func (v *viewer) look() func(*codec.Picture) {
	var f flashes
	return func(p *codec.Picture) {
		for mark, begins := range f.look(p) {
			if begins {
				v.steps.onset(flashed, mark, p.PTS)
			}
		}
	}
}

// hear gives what takes coded sound.
func (v *viewer) hear() func(*media.Frame) error {
	var decoder codec.AudioDecoder
	var format *media.Format
	var b beeps
	var pcm []float32
	return func(f *media.Frame) (err error) {
		if f.Format != format {
			if decoder, err = codec.NewAudioDecoder(f.Format); err != nil {
				return err
			}
			format = f.Format
		}
		if pcm, err = decoder.Decode(pcm[:0], f.Payload); err != nil {
			return errors.Join(errors.New("decoding sound"), err)
		}
		b.hear(pcm, f.PTS-codec.TimeOf(int64(decoder.Delay())), func(mark int, at time.Duration) { v.steps.onset(beeped, mark, at) })
		return nil
	}
}

const soundFrame = 1024 * time.Second / codec.SampleRate

// count keeps figures.
func (v *viewer) count(f *media.Frame) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now, p := time.Now(), &v.figures
	if came := later(v.pictureCame, v.soundCame); !came.IsZero() {
		p.Silence = max(p.Silence, now.Sub(came))
	}
	if f.Kind() == media.Audio {
		if v.lastSound > 0 {
			gap := f.PTS - v.lastSound
			p.SoundGap = max(p.SoundGap, gap)
			// FLV counts milliseconds, and where real sound follows silence it lies where it belongs, not where a frame would end.
			if gap > 2*soundFrame-time.Millisecond || gap < 0 {
				p.SoundGaps++
				v.note(fmt.Sprintf("%v between sounds at %v", gap, f.PTS))
			}
		}
		v.lastSound, v.soundCame = f.PTS, now
		p.Sounds++
		return
	}
	if v.lastPicture > 0 {
		gap := f.PTS - v.lastPicture
		p.PictureGap = max(p.PictureGap, gap)
		if gap > time.Second {
			v.note(fmt.Sprintf("%v between pictures at %v", gap, f.PTS))
		}
	}
	v.lastPicture, v.pictureCame = f.PTS, now
	p.Pictures++
	switch passed := now.Sub(v.since); {
	case v.since.IsZero():
		v.since = now
	case passed >= 10*time.Second:
		rate := float64(v.counted) / passed.Seconds()
		if p.FewestPictures == 0 || rate < p.FewestPictures {
			p.FewestPictures = rate
		}
		v.since, v.counted = now, 0
	}
	v.counted++
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
