package compose

import (
	"testing"
	"time"
)

// run tells a shedder of frames for a time, of which the machine makes what it can: so many a second.
func run(s *shedder, from, length time.Duration, can int) (changes int) {
	for now := from; now < from+length; {
		fps := s.effort().fps
		for i := range fps {
			if s.tell(i < can, now+time.Duration(i)*time.Second/time.Duration(fps)) {
				changes++
				break
			}
		}
		now += time.Second
	}
	return changes
}

func TestSlowMachineMakesFewerThenSmallerFrames(t *testing.T) {
	s := shedder{want: effort{fps: 30, width: 1280, height: 720}}
	run(&s, time.Second, time.Minute, 30)
	if s.level != 0 {
		t.Fatalf("level %d while all goes well", s.level)
	}
	run(&s, 100*time.Second, 15*time.Second, 16)
	if got := s.effort(); got != (effort{fps: 15, width: 1280, height: 720}) {
		t.Fatalf("%+v", got)
	}
	run(&s, 120*time.Second, 10*time.Second, 9)
	if got := s.effort(); got != (effort{fps: 10, width: 640, height: 360}) {
		t.Fatalf("then %+v", got)
	}
}

func TestMoreIsTriedLessAndLessOftenWhereItIsTooMuch(t *testing.T) {
	s := shedder{want: effort{fps: 30, width: 1280, height: 720}}
	changes := run(&s, time.Second, 10*time.Minute, 20)
	if s.wait < 2*tryAfter || changes > 24 {
		t.Errorf("%d changes in ten minutes, then more is tried after %v", changes, s.wait)
	}
	run(&s, 2000*time.Second, 10*time.Minute, 30)
	if s.level != 0 {
		t.Errorf("level %d when the machine is free again", s.level)
	}
}

func TestRenditionsGoBeforeThePictureGetsSmaller(t *testing.T) {
	s := shedder{want: effort{fps: 30, width: 1280, height: 720, renditions: true}}
	want := []effort{{15, 1280, 720, true}, {15, 1280, 720, false}, {15, 852, 480, false}, {10, 640, 360, false}, {10, 640, 360, false}}
	now := time.Second
	for i, w := range want {
		for range 60 {
			now += 50 * time.Millisecond
			if s.tell(false, now) {
				break
			}
		}
		if got := s.effort(); got != w {
			t.Errorf("step %d: %+v, not %+v", i, got, w)
		}
	}
	run(&s, now, 2*time.Hour, 30)
	if got := s.effort(); got != s.want {
		t.Errorf("when the machine is free again: %+v", got)
	}
	slow := shedder{want: effort{fps: 15, width: 640, height: 360, renditions: true}}
	for now := time.Second; !slow.tell(false, now); now += 50 * time.Millisecond {
	}
	if got := slow.effort(); got != (effort{fps: 15, width: 640, height: 360}) {
		t.Errorf("of 15 a second first: %+v", got)
	}
}

func TestAnEncoderThatBeginsSaysNothingOfTheMachine(t *testing.T) {
	s := shedder{want: effort{fps: 30, width: 1280, height: 720}}
	frames := func(from, to time.Duration, begins bool) (changed bool) {
		for now := from; now < to && !changed; now += time.Second / 30 {
			changed = s.judge(false, 1, begins, now)
		}
		return changed
	}
	if frames(time.Second, 5*time.Second, true) {
		t.Fatal("less is made because the encoder takes four seconds to begin")
	}
	if !frames(5*time.Second, 9*time.Second, false) {
		t.Fatal("an encoder that has begun and takes nothing counts")
	}
	if changes := run(&s, 10*time.Second, 10*time.Minute, 20); s.wait < 2*tryAfter || changes > 24 {
		t.Errorf("%d changes in ten minutes, then more is tried after %v", changes, s.wait)
	}
}
