package track

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
)

// conversion names a derived track.
type conversion struct {
	to media.Codec
	// plain asks for the track's own H.264 without B-frames and with IDR pictures.
	plain bool
	// at is the size of the pictures that are converted.
	at media.Size
	// lines are those that the shorter side becomes, 0 for as many as there are.
	lines int
}

// derivedTrack is a track made of another one's frames, while it is wanted or lingers.
type derivedTrack struct {
	demand
	track *Track
	stop  chan struct{}
	video *codec.VideoConverter // nil for sound
}

// A converter of pictures drops up to the next keyframe when it is handed more than it can hold. So what has gathered
// since the last keyframe, which it begins with, is handed over in pieces, faster than it came.
const (
	backlogPiece = 32
	backlogPause = 200 * time.Millisecond
)

// readPlain leases H.264 without B-frames and with IDR pictures.
func (t *Track) readPlain() (*FrameLease, error) {
	return t.readMade(conversion{to: media.H264, plain: true})
}

// readMade leases pictures that a worker makes.
func (t *Track) readMade(c conversion) (*FrameLease, error) {
	if err := workersAvailable(t.info.Workers); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	return t.readConverted(c)
}

// ReadLower leases H.264 that is made of the track's picture, with so many lines on the shorter side where it has more: one process for
// all who read it.
func (t *Track) ReadLower(lines int) (*FrameLease, error) {
	switch {
	case t.info.Encrypted:
		return nil, ErrEncrypted
	case t.info.Kind != media.Video:
		return nil, fmt.Errorf("track: %s has no lines", t.info.Kind)
	}
	return t.readMade(conversion{to: media.H264, lines: lines})
}

// Lower is the size of what ReadLower gives; ok is false where it gives none that is smaller than the track's own, or is not to be asked for
// one, since the publisher sends several sizes itself.
func (t *Track) Lower(lines int) (size media.Size, ok bool) {
	f := t.format.Load()
	if f == nil || min(f.Width, f.Height) <= lines || t.info.Encrypted || len(t.Layers()) > 1 || workersAvailable(t.info.Workers) != nil {
		return media.Size{}, false
	}
	return codec.Lower(f, lines), true
}

// derive counts one more reader of a conversion and starts it for the first. The caller holds t.mu.
func (t *Track) derive(c conversion) (*derivedTrack, error) {
	if d := t.derived[c]; d != nil {
		d.take()
		return d, nil
	}
	d, err := t.startConversion(c)
	if err != nil {
		t.problems.set(ProblemConversion, fmt.Sprintf("The conversion from %s to %s failed.", t.info.Codec, c.to))
		return nil, fmt.Errorf("track: conversion of %s to %s: %w", t.info.Codec, c.to, err)
	}
	d.finish = func() {
		close(d.stop)
		d.track.Close()
		delete(t.derived, c)
	}
	if t.derived == nil {
		t.derived = make(map[conversion]*derivedTrack)
	}
	t.derived[c] = d
	d.take()
	return d, nil
}

// startConversion makes the derived track and the goroutine that feeds it, which ends when d.stop is closed or the source
// ends. The caller holds t.mu.
func (t *Track) startConversion(c conversion) (*derivedTrack, error) {
	source, err := t.readOwnFrames(c.at)
	if err != nil {
		return nil, err
	}
	info := t.info
	info.Codec, info.Group = c.to, nil
	d := &derivedTrack{track: NewFromFrames(info), stop: make(chan struct{})}
	d.track.muted.Store(t.muted.Load())
	if t.info.Kind == media.Audio {
		converter, err := codec.NewAudioConverter(c.to, t.info.Workers)
		if err != nil {
			t.giveBack(source)
			return nil, err
		}
		go d.convertAudio(t, source, converter)
		return d, nil
	}
	converter, err := t.info.Workers.Convert(c.lines, func(f *media.Frame) { d.write(t, f) }, source.AskKeyframe)
	if err != nil {
		t.giveBack(source)
		return nil, err
	}
	d.video, d.track.up = converter, &converterUpstream{converter: converter}
	go d.convertVideo(source, converter)
	return d, nil
}

// giveBack releases a lease of the track's own frames for a caller that holds t.mu.
func (t *Track) giveBack(lease *FrameLease) { lease.once.Do(lease.release) }

// refresh asks for a keyframe of a converted picture.
func (d *derivedTrack) refresh() {
	if d.video != nil {
		d.video.RequestKeyframe()
	}
}

func (d *derivedTrack) convertAudio(t *Track, source *FrameLease, converter *codec.AudioConverter) {
	defer source.Release()
	defer converter.Close()
	begin := source.Ring().FromTime(media.Now()) // what is ahead of the time may be there already
	d.follow(source.Ring(), begin, 0, func(f *media.Frame) {
		frames, err := converter.Convert(f)
		if err != nil {
			t.problems.set(ProblemConversion, fmt.Sprintf("Sound cannot be converted: %v.", err))
		}
		for _, f := range frames {
			d.write(t, f)
		}
	})
}

func (d *derivedTrack) convertVideo(source *FrameLease, converter *codec.VideoConverter) {
	defer source.Release()
	defer converter.Close()
	d.follow(source.Ring(), source.Ring().FromKeyUntil(media.Now()), backlogPause, converter.Write)
}

// follow hands the frames of a ring to f until the ring or the conversion ends. While there are more than a piece, it
// pauses between pieces.
func (d *derivedTrack) follow(ring *media.Ring[*media.Frame], cursor *media.Cursor[*media.Frame], pause time.Duration, f func(*media.Frame)) {
	var batch [backlogPiece]*media.Frame
	for {
		woken := ring.Woken()
		n, _, err := cursor.Read(batch[:])
		for _, frame := range batch[:n] {
			f(frame)
		}
		clear(batch[:n])
		var rest <-chan time.Time
		switch {
		case n == len(batch):
			woken, rest = nil, time.After(pause)
		case n == 0 && err != nil:
			return
		case n > 0:
			continue
		}
		select {
		case <-woken:
		case <-rest:
		case <-d.stop:
			return
		}
	}
}

func (d *derivedTrack) write(source *Track, f *media.Frame) {
	if err := d.track.WriteFrame(f); err != nil && err != ErrClosed {
		source.problems.set(ProblemConversion, fmt.Sprintf("A conversion gave a frame that does not fit: %v.", err))
	}
}

// converterUpstream asks a converter for keyframes, at most one in half a second.
type converterUpstream struct {
	converter *codec.VideoConverter
	asked     atomic.Int64
}

func (u *converterUpstream) RequestKeyframe(*Layer) {
	now, before := int64(media.Now()), u.asked.Load()
	if now-before >= int64(500*time.Millisecond) && u.asked.CompareAndSwap(before, now) {
		u.converter.RequestKeyframe()
	}
}
