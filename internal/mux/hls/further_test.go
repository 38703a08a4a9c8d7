package hls

import (
	"slices"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// A smaller size that is made of the picture comes later than it, begins in the middle of a segment and has no B-frames: its segments hold the
// same pictures as those of the same number, all the same.
func TestASizeThatIsMadeOfThePictureHasTheSameSegments(t *testing.T) {
	const reordered, late = 80 * time.Millisecond, 700 * time.Millisecond
	cfg := testConfig()
	s := New(cfg)
	type delivery struct {
		at      time.Duration
		further bool
		frame   *media.Frame
	}
	var all []delivery
	for _, f := range video(0, 14*time.Second, time.Second, wide) {
		shown := *f
		shown.PTS += reordered
		all = append(all, delivery{f.DTS, false, &shown})
		if f.DTS-origin >= 2900*time.Millisecond {
			made := *f
			made.PTS, made.DTS = f.PTS+reordered, f.DTS+reordered
			all = append(all, delivery{f.DTS + late, true, &made})
		}
	}
	for _, f := range audio(0, 14*time.Second, stereo48) {
		all = append(all, delivery{f.DTS, false, f})
	}
	slices.SortStableFunc(all, func(a, b delivery) int { return int(a.at - b.at) })
	for _, d := range all {
		if d.further {
			s.WriteFurther(1, d.frame)
		} else {
			s.Write(d.frame)
		}
	}
	main, further := s.pictures[0], s.pictures[1]
	compared := 0
	for _, made := range further.segments {
		i := slices.IndexFunc(main.segments, func(m *Segment) bool { return m.Number == made.Number })
		if i < 0 || made.Number == further.segments[0].Number {
			continue // it began within
		}
		compared++
		if got, want := made.Start.Sub(main.segments[i].Start), reordered; got != want {
			t.Errorf("segment %d begins %v after the picture's, want %v", made.Number, got, want)
		}
		if made.Duration != main.segments[i].Duration {
			t.Errorf("segment %d lasts %v, the picture's %v", made.Number, made.Duration, main.segments[i].Duration)
		}
	}
	if compared < 3 {
		t.Fatalf("%d segments compared", compared)
	}
}

// A smaller size with more keyframes than the picture is complete first: how long segments are is said by the picture all the same.
func TestASmallerSizeDoesNotSayHowLongSegmentsAre(t *testing.T) {
	s := New(testConfig())
	further := video(0, 20*second, 2*second, wide)
	for _, f := range merged(video(0, 20*second, 4*second, wide), audio(0, 20*second, stereo48)) {
		s.Write(f)
		if f.Kind() == media.Video && len(further) > 0 {
			s.WriteFurther(1, further[0])
			further = further[1:]
		}
	}
	if s.target != 4 {
		t.Errorf("the target duration is %d s", s.target)
	}
	for _, segment := range s.pictures[0].segments {
		if segment.Duration != 4*second {
			t.Errorf("segment %d lasts %v", segment.Number, segment.Duration)
		}
	}
}
