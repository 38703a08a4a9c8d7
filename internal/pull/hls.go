package pull

import (
	"context"
	"errors"
	"sync"
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
	errAlone  = errors.New("the picture or the sound has begun anew, and the other has not")
	errRanges = errors.New("the segments are parts of a file (EXT-X-BYTERANGE), which is not read")
)

// fetchHLS reads a live stream over HLS: transport streams, or fragmented MP4 with the sound in it or apart, either encrypted with AES-128 or not.
func fetchHLS(ctx context.Context, d Dialer, s Source, to receiver) error {
	_, u, err := s.protocol()
	if err != nil {
		return err
	}
	client := d.Client(requestWithin)
	defer client.CloseIdleConnections()
	renditions, err := openRenditions(ctx, client, u)
	if err != nil {
		return err
	}
	write := func(f *media.Frame) error {
		if err := ctx.Err(); err != nil { // nothing is held back any more, and what is in stock is not to come at once
			return err
		}
		return to.Write(f)
	}
	stream := &hlsStream{write: write, more: to.More, heard: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(ctx)
	var following sync.WaitGroup
	defer following.Wait()
	defer cancel()
	for _, r := range renditions {
		r.stock = newStock(stream.heard)
		stream.parts = append(stream.parts, &hlsPart{stock: r.stock, apart: len(renditions) > 1, write: write, leftOut: to.LeftOut, newest: time.Now()})
		following.Go(func() { r.follow(ctx) })
	}
	return stream.run(ctx)
}

// hlsStream gives the frames of one or two renditions in their order. It belongs to one goroutine; each rendition's has one of its own, since what is
// given is held back until its time, and what comes next is fetched meanwhile.
type hlsStream struct {
	parts []*hlsPart // the picture first
	write func(*media.Frame) error
	more  func()
	heard chan struct{} // something new is known of a rendition
	line  timeline.Timeline
	sound timeline.SampleClock
	begun bool
}

func (s *hlsStream) run(ctx context.Context) error {
	for {
		if err := s.give(); err != nil {
			return err
		}
		var next [2]<-chan fetched // of who has nothing to give
		over := true
		for i, p := range s.parts {
			over = over && p.over
			if len(p.queue) == 0 && !p.over {
				next[i] = p.stock.segments
			}
		}
		if over {
			return errEnded
		}
		var err error
		select {
		case f := <-next[0]:
			err = s.parts[0].take(f)
		case f := <-next[1]:
			err = s.parts[1].take(f)
		case <-s.heard:
			if s.parts[0].silent() {
				err = errSilent
			}
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		s.more()
	}
}

// give gives what is next for as long as it is known what that is.
func (s *hlsStream) give() error {
	for s.aligned() {
		var next *hlsPart
		for _, p := range s.parts {
			switch {
			case len(p.queue) > 0:
				if next == nil || p.queue[0].before(next.queue[0]) {
					next = p
				}
			case !p.missing():
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
	if s.begun || len(s.parts) == 1 {
		return true
	}
	picture, sound := s.parts[0], s.parts[1]
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
	s.line.Stock = 0
	for _, p := range s.parts {
		s.line.Stock = max(s.line.Stock, p.again)
	}
	dts, jumped := s.line.At(f.Kind(), uint32(f.DTS/time.Millisecond), media.Now())
	if f.Kind() == media.Audio {
		dts = s.sound.Next(dts, f.Duration, jumped)
	}
	f.DTS, f.PTS, f.Discontinuity = dts, dts+offset, f.Discontinuity || jumped
}

// untilReload is how long to wait before a playlist is loaded again, some time after it was: its segments may have taken as long as they play.
func untilReload(target, since time.Duration) time.Duration {
	return max(min(max(target/2, 200*time.Millisecond), silence/2)-since, 0)
}
