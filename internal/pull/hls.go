package pull

import (
	"context"
	"errors"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/timeline"
)

const (
	requestWithin = 10 * time.Second
	// longestTarget is how long segments may be said to be for that to be waited for.
	longestTarget = 30 * time.Second
)

// What of HLS is not read.
var (
	errApart  = errors.New("the playlist has its sound apart from a picture in transport streams, which is not read: with fragmented MP4 it is")
	errDRM    = errors.New("the playlist is encrypted with SAMPLE-AES (DRM), which is not read: AES-128 is")
	errPacked = errors.New("the segments are neither transport streams nor fragmented MP4")
	errRanges = errors.New("the segments are parts of a file (EXT-X-BYTERANGE), which is not read")
)

// fetchHLS reads a live stream over HLS: transport streams, or fragmented MP4 with the sound in it or apart, either encrypted with AES-128 or not.
func fetchHLS(ctx context.Context, d Dialer, s Source, write func(*media.Frame) error, more func(), leftOut func(string)) error {
	_, u, err := s.protocol()
	if err != nil {
		return err
	}
	client := &hlsClient{http: d.Client(requestWithin)}
	defer client.http.CloseIdleConnections()
	renditions, err := openRenditions(ctx, client, u, write, more, leftOut)
	if err != nil {
		return err
	}
	return (&hlsStream{renditions: renditions, write: write, more: more, line: timeline.Timeline{Stock: true}}).run(ctx)
}

// hlsStream gives the frames of one or two renditions in their order. It belongs to one goroutine.
type hlsStream struct {
	renditions []*rendition // the picture first
	write      func(*media.Frame) error
	more       func()
	line       timeline.Timeline
	sound      timeline.SampleClock
	begun      bool
}

func (s *hlsStream) run(ctx context.Context) error {
	for {
		idle := true
		for _, r := range s.renditions {
			for len(r.queue) == 0 && len(r.todo) > 0 {
				if err := r.fetch(ctx); err != nil {
					return err
				}
				idle = false
			}
		}
		if err := s.give(); err != nil {
			return err
		}
		if !idle {
			continue
		}
		if err := s.wait(ctx); err != nil {
			return err
		}
	}
}

// give gives what is next for as long as it is known what that is.
func (s *hlsStream) give() error {
	for s.aligned() {
		var next *rendition
		for _, r := range s.renditions {
			switch {
			case len(r.queue) > 0:
				if next == nil || r.queue[0].before(next.queue[0]) {
					next = r
				}
			case !r.missing():
				return nil
			}
		}
		if next == nil {
			return nil
		}
		f := next.queue[0].frame
		next.queue[0] = queued{}
		next.queue = next.queue[1:]
		s.place(f)
		if err := s.write(f); err != nil {
			return err
		}
	}
	return nil
}

// aligned tells whether giving may begin. Sound from before the first picture is left out: it would hold that up.
func (s *hlsStream) aligned() bool {
	if s.begun || len(s.renditions) == 1 {
		return true
	}
	picture, sound := s.renditions[0], s.renditions[1]
	if picture.missing() || sound.missing() {
		s.begun = true
		return true
	}
	for len(picture.queue) > 0 && len(sound.queue) > 0 {
		if !sound.queue[0].before(picture.queue[0]) {
			s.begun = true
			return true
		}
		sound.queue = sound.queue[1:]
	}
	return false
}

// place gives a frame its time among those of the house, instead of that of its movie.
func (s *hlsStream) place(f *media.Frame) {
	offset := f.PTS - f.DTS
	dts, jumped := s.line.At(f.Kind(), uint32(f.DTS/time.Millisecond), media.Now())
	if f.Kind() == media.Audio {
		dts = s.sound.Next(dts, f.Duration, jumped)
	}
	f.DTS, f.PTS, f.Discontinuity = dts, dts+offset, f.Discontinuity || jumped
}

// wait waits until a playlist may have something new, and loads it.
func (s *hlsStream) wait(ctx context.Context) error {
	ended, until := true, silence
	for _, r := range s.renditions {
		if !r.list.Ended {
			ended, until = false, min(until, untilReload(r.list.Target, time.Since(r.loaded)))
		}
	}
	main := s.renditions[0]
	switch {
	case ended:
		return errEnded
	case time.Since(main.newest) > 3*min(main.list.Target, longestTarget)+requestWithin:
		return errSilent
	}
	timer := time.NewTimer(until)
	select {
	case <-timer.C:
	case <-ctx.Done():
		timer.Stop()
		return ctx.Err()
	}
	for _, r := range s.renditions {
		if r.list.Ended || untilReload(r.list.Target, time.Since(r.loaded)) > 0 {
			continue
		}
		if err := r.load(ctx); err != nil {
			return err
		}
		s.more()
	}
	return nil
}

// untilReload is how long to wait before a playlist is loaded again, some time after it was: its segments may have taken as long as they play.
func untilReload(target, since time.Duration) time.Duration {
	return max(min(max(target/2, 200*time.Millisecond), silence/2)-since, 0)
}
