package compose

import (
	"testing"
	"time"
)

// run tells a shedder of frames for a time, of which the machine makes what it can: so many a second.
func run(s *shedder, from, length time.Duration, can int) (changes int) {
	for now := from; now < from+length; {
		fps, _, _ := s.effort(30, 1280, 720)
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
	var s shedder
	run(&s, time.Second, time.Minute, 30)
	if s.level != 0 {
		t.Fatalf("level %d while all goes well", s.level)
	}
	run(&s, 100*time.Second, 15*time.Second, 16)
	if fps, w, h := s.effort(30, 1280, 720); fps != 15 || w != 1280 || h != 720 {
		t.Fatalf("%d a second of %dx%d", fps, w, h)
	}
	run(&s, 120*time.Second, 10*time.Second, 9)
	if fps, w, h := s.effort(30, 1280, 720); fps != 10 || w != 640 || h != 360 {
		t.Fatalf("then %d a second of %dx%d", fps, w, h)
	}
}

func TestMoreIsTriedLessAndLessOftenWhereItIsTooMuch(t *testing.T) {
	var s shedder
	changes := run(&s, time.Second, 10*time.Minute, 20)
	if s.wait < 2*tryAfter || changes > 24 {
		t.Errorf("%d changes in ten minutes, then more is tried after %v", changes, s.wait)
	}
	run(&s, 2000*time.Second, 10*time.Minute, 30)
	if s.level != 0 {
		t.Errorf("level %d when the machine is free again", s.level)
	}
}
