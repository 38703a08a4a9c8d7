// Package timeline maps the timestamps of publishers to media time.
package timeline

import (
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

const (
	// maxStepBack is how far a track's timestamps may go back by jitter or rounding; further is another time base.
	maxStepBack = 500 * time.Millisecond
	// maxStepAhead is the largest gap in a track that lands ahead of the clock and still is taken for a gap.
	maxStepAhead = 3 * time.Second
	// sameBase is how far two tracks may lie apart on a time base that they share.
	sameBase = 3 * time.Second
	// smallestStep keeps decode times increasing when timestamps stand still.
	smallestStep = time.Millisecond
)

// Timeline maps a publisher's 32-bit millisecond timestamps to media time. Sound and picture share one offset, fixed by
// the first timestamp of either, so they stay as far apart as their publisher wanted. The 32-bit counter may wrap. When
// a track jumps to another time base (an encoder's playlist goes on to the next file) it starts again at the present,
// and the other track follows when it jumps too. Decode times of a track always increase.
type Timeline struct {
	tracks [media.Video + 1]timelineTrack
}

type timelineTrack struct {
	offset  time.Duration // media time of timestamp 0
	raw     int64         // unwrapped timestamp of the last frame in milliseconds
	last    time.Duration // its decode time
	decoded bool          // a frame has come
}

// At gives the decode time of a frame that arrived at now, and whether the track jumped.
func (t *Timeline) At(kind media.Kind, timestamp uint32, now time.Duration) (dts time.Duration, jumped bool) {
	track := &t.tracks[kind]
	if !track.decoded {
		track.raw = int64(timestamp)
		t.rebase(track, now)
		track.decoded, track.last = true, track.offset+time.Duration(track.raw)*time.Millisecond
		return track.last, false
	}
	step := time.Duration(int32(timestamp-uint32(track.raw))) * time.Millisecond
	track.raw += int64(step / time.Millisecond)
	dts = track.offset + time.Duration(track.raw)*time.Millisecond
	if step < -maxStepBack || step > maxStepAhead && dts > now+maxStepAhead {
		t.rebase(track, now)
		dts, jumped = track.offset+time.Duration(track.raw)*time.Millisecond, true
	}
	track.last = max(dts, track.last+smallestStep)
	return track.last, jumped
}

// rebase moves a track to the other one's time base when it lies there, else begins a new one at the present.
func (t *Timeline) rebase(track *timelineTrack, now time.Duration) {
	if other := t.other(track); other != nil && (other.offset != track.offset || !track.decoded) {
		raw := other.raw + int64(int32(uint32(track.raw)-uint32(other.raw))) // either may have wrapped
		at := other.offset + time.Duration(raw)*time.Millisecond
		if apart := at - other.last; apart > -sameBase && apart < sameBase {
			track.raw, track.offset = raw, other.offset
			return
		}
	}
	track.offset = max(now, track.last+smallestStep) - time.Duration(track.raw)*time.Millisecond
}

// other is the track that has begun beside this one.
func (t *Timeline) other(than *timelineTrack) *timelineTrack {
	for i := range t.tracks {
		if o := &t.tracks[i]; o != than && o.decoded {
			return o
		}
	}
	return nil
}

// SampleClock takes the rounding to milliseconds out of the times of sound: while frames follow each other without a
// gap, each begins where the one before ends.
type SampleClock struct {
	begin, end time.Duration // of the last frame
	begun      bool
}

// sampleSlack is how far the timestamps may stray from the samples before they are believed again.
const sampleSlack = 10 * time.Millisecond

// Next gives the time of a frame of a length whose timestamp says dts; jumped begins anew.
func (c *SampleClock) Next(dts, length time.Duration, jumped bool) time.Duration {
	if c.begun && !jumped && dts-c.end < sampleSlack && c.end-dts < sampleSlack {
		dts = c.end
	} else if c.begun {
		dts = max(dts, c.begin+smallestStep) // never before the frame before
	}
	c.begun, c.begin, c.end = true, dts, dts+length
	return dts
}
