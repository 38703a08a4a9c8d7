package rtcload

import (
	"testing"
	"time"
)

func TestLayersThatNobodyWatchesPause(t *testing.T) {
	s := newSender(true, true, 1_700_000, Libwebrtc)
	s.watch(1)
	for i, want := range []bool{false, false, true} {
		if got := s.pictures[i].paused; got != want {
			t.Errorf("layer %d is paused: %v", i, got)
		}
	}
	before := s.pictures[2].seq
	s.sendPicture(nil, s.pictures[2], time.Now()) // would need a transport
	if s.pictures[2].seq != before {
		t.Error("a paused layer is sent")
	}
	s.watch(2)
	if _, keyframe := s.pictures[2].source.Next(time.Now()); s.pictures[2].paused || !keyframe {
		t.Error("a layer does not go on with a keyframe")
	}
	one := newSender(true, false, 1_700_000, Libwebrtc)
	one.watch(-1)
	if one.pictures[0].paused {
		t.Error("a picture without layers pauses")
	}
}

func TestLatenessIsOfTheLastPicture(t *testing.T) {
	const interval = time.Second / 30
	for since, want := range map[time.Duration]time.Duration{
		interval:                        0,
		interval + 2*time.Millisecond:   2 * time.Millisecond,
		7*interval + time.Millisecond:   time.Millisecond,
		300*interval + time.Microsecond: time.Microsecond,
	} {
		if got := lateness(since); got != want {
			t.Errorf("%v after the first: late by %v, not %v", since, got, want)
		}
	}
}
