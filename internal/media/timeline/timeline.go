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
	// Who comes more than farBehind behind the present, and makes up for less than catchesUp of that in standsFor, has paused without a gap
	// in its timestamps.
	farBehind = 2 * time.Second
	standsFor = 2 * time.Second
	catchesUp = 250 * time.Millisecond
	// farAhead is how far one who was laid later for that may be ahead of the present: it was its network, which has caught up.
	farAhead = time.Second
	// Who gives from a stock has run out of it when frames are given more than ranOut after their time.
	ranOut = 250 * time.Millisecond
)

// Timeline maps a publisher's 32-bit millisecond timestamps to media time. Sound and picture share one offset, fixed by
// the first timestamp of either, so they stay as far apart as their publisher wanted. The 32-bit counter may wrap. When
// a track jumps to another time base (an encoder's playlist goes on to the next file) it starts again at the present,
// and the other track follows when it jumps too. Where both come late for good they are laid later together, and back
// where it was not for good. A clock that runs a little faster or slower than ours is followed, or the publisher would be ahead
// of the present or behind it after hours. Decode times of a track always increase.
type Timeline struct {
	// Stock tells, where it is not 0, that frames do not come as they are made, but many at once (segments), and are given by us, before their time as
	// long as there are any. How far before it says nothing of the publisher's clock or network. When they come after it none were left, and as a
	// player does all goes on later from then on, never earlier again, by so much that the next is given a Stock before its time.
	Stock time.Duration

	tracks [media.Video + 1]timelineTrack
	drift  drift
	late   bool          // all that comes is far behind the present
	behind time.Duration // by how much
	since  time.Duration // when it began to be, or last made up for some of it
	laid   time.Duration // how much later all lies because of that
}

type timelineTrack struct {
	offset  time.Duration // media time of timestamp 0, but for the clock's drift
	raw     int64         // unwrapped timestamp of the last frame in milliseconds
	last    time.Duration // its decode time
	decoded bool          // a frame has come
	moved   bool          // it has been laid elsewhere since
}

// At gives the decode time of a frame that arrived at now, and whether the track jumped.
func (t *Timeline) At(kind media.Kind, timestamp uint32, now time.Duration) (dts time.Duration, jumped bool) {
	track := &t.tracks[kind]
	if !track.decoded {
		track.raw = int64(timestamp)
		t.rebase(track, now)
		track.decoded, track.last = true, t.time(track)
		t.follow(track, now)
		return track.last, false
	}
	step := time.Duration(int32(timestamp-uint32(track.raw))) * time.Millisecond
	track.raw += int64(step / time.Millisecond)
	if step < -maxStepBack || step > maxStepAhead && t.time(track) > now+maxStepAhead {
		t.rebase(track, now)
		t.drift.restart()
		track.moved = true
	}
	if by := t.moves(track, now); by != 0 {
		t.drift.restart()
		for i := range t.tracks {
			t.tracks[i].offset += by
			t.tracks[i].moved = true
		}
	}
	t.follow(track, now)
	jumped, track.moved = track.moved, false
	track.last = max(t.time(track), track.last+smallestStep)
	return track.last, jumped
}

// time is that of the track's last timestamp.
func (t *Timeline) time(track *timelineTrack) time.Duration { return track.time() + t.drift.offset }

// time is the same by the publisher's own clock.
func (t *timelineTrack) time() time.Duration { return t.offset + time.Duration(t.raw)*time.Millisecond }

// follow follows the publisher's clock.
func (t *Timeline) follow(track *timelineTrack, now time.Duration) {
	if t.Stock == 0 {
		t.drift.follow(now-track.time(), now)
	}
}

// moves tells how much later all is to lie from a track's frame on.
func (t *Timeline) moves(track *timelineTrack, now time.Duration) (by time.Duration) {
	if t.Stock == 0 {
		return t.settle(now-t.time(track), now)
	}
	newest := t.time(track)
	if other := t.other(track); other != nil {
		newest = max(newest, other.last) // one may lie behind the other in the segments
	}
	if behind := now - newest; behind > ranOut {
		return behind + t.Stock
	}
	return 0
}

// settle learns how far behind the present a frame comes, and tells how much later all is to lie from then on.
func (t *Timeline) settle(behind, now time.Duration) (by time.Duration) {
	switch {
	case behind <= farBehind:
		t.late = false
		if behind < -farAhead {
			by = -min(-behind, t.laid)
		}
	case !t.late || behind < t.behind-catchesUp:
		t.late, t.behind, t.since = true, behind, now
	case now-t.since >= standsFor:
		t.late, by = false, t.behind
	}
	t.laid += by
	return by
}

// rebase moves a track to the other one's time base when it lies there, else begins a new one at the present.
func (t *Timeline) rebase(track *timelineTrack, now time.Duration) {
	if other := t.other(track); other != nil && (other.offset != track.offset || !track.decoded) {
		raw := other.raw + int64(int32(uint32(track.raw)-uint32(other.raw))) // either may have wrapped
		at := other.offset + time.Duration(raw)*time.Millisecond + t.drift.offset
		if apart := at - other.last; apart > -sameBase && apart < sameBase {
			track.raw, track.offset = raw, other.offset
			return
		}
	}
	if track.decoded {
		now = max(now, track.last+smallestStep)
	}
	track.offset = now - time.Duration(track.raw)*time.Millisecond - t.drift.offset
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
