package hls

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// promises holds what playlists have hinted at against what came.
type promises struct {
	hints map[string]hint
	kept  int
}

type hint struct {
	number uint64
	part   int
}

// look reads what a stream hints at now, and fails where a segment ended without a part that was hinted at before, or one does not begin
// where the one before ended.
func (p *promises) look(t testing.TB, s *Snapshot) {
	t.Helper()
	for _, list := range s.playlists {
		if before, ok := p.hints[list.name]; ok && before.number < list.opening.number {
			segment := list.find(before.number)
			if segment == nil || before.part > 0 && before.part >= len(segment.Parts) {
				t.Fatalf("%s: part %d of segment %d was hinted at and never came", list.name, before.part, before.number)
			}
			p.kept++
		}
		p.hints[list.name] = hint{list.opening.number, len(list.opening.parts)}
		for i := 1; i < len(list.segments); i++ {
			before, now := list.segments[i-1], list.segments[i]
			gap := now.Start.Sub(before.Start.Add(before.Duration))
			if gap < -time.Millisecond || now.Discontinuities == 0 && gap > time.Millisecond {
				t.Fatalf("%s: segment %d begins %v from the end of the one before", list.name, now.Number, gap)
			}
		}
	}
}

func TestWhatIsHintedAtComes(t *testing.T) {
	live := func() Config {
		cfg := testConfig()
		cfg.Classic, cfg.Part = false, 300*time.Millisecond
		return cfg
	}
	// A part of sound has 14 frames and a segment 6.7 parts, so the picture must be cut just where a part of sound ends.
	t.Run("a keyframe that is late", func(t *testing.T) {
		const cut = 7 * 14 * 1024 * time.Second / 48000
		s, p := New(live()), promises{hints: map[string]hint{}}
		in := merged(video(0, 8*second, 2*second, wide), audio(0, 8*second+cut, stereo48))
		late := slices.DeleteFunc(slices.Clone(in), func(f *media.Frame) bool { return f.Kind() == media.Audio && f.PTS >= origin+8*second+cut })
		for _, f := range slices.Concat(late, video(8*second+cut, 14*second, 2*second, wide), audio(8*second+cut, 14*second, stereo48)) {
			s.Write(f)
			p.look(t, s.Snapshot())
		}
	})
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("chance ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			s, p := New(live()), promises{hints: map[string]hint{}}
			for _, f := range disorderly(r, 60*second) {
				if f.further {
					s.WriteFurther(1, f.frame)
				} else {
					s.Write(f.frame)
				}
				p.look(t, s.Snapshot())
			}
			if p.kept < 20 {
				t.Errorf("only %d hints were looked at", p.kept)
			}
		})
	}
}

// arrival is a frame that comes at a time.
type arrival struct {
	frame   *media.Frame
	order   time.Duration
	further bool
}

// disorderly makes a program as a busy machine gives it: pictures come late and with pauses, at any keyframe interval, formats change, and sound
// stops and goes on.
func disorderly(r *rand.Rand, length time.Duration) (all []arrival) {
	pause := func(most time.Duration) time.Duration { return time.Duration(r.Int64N(int64(most))) }
	for at := time.Duration(0); at < length; {
		part := second + pause(12*second)
		gop := second + pause(3*second)
		gop -= gop % fps25
		format := wide
		if r.IntN(3) == 0 {
			format = tall
		}
		late := pause(400 * time.Millisecond)
		for _, f := range video(at, at+part, gop, format) {
			if r.IntN(100) == 0 {
				late = pause(700 * time.Millisecond)
			}
			all = append(all, arrival{f, f.DTS + late, false}, arrival{f, f.DTS + late, true})
		}
		at += part
		if r.IntN(3) == 0 {
			at += pause(4 * second)
		}
	}
	for at := time.Duration(0); at < length; {
		part, format := second+pause(20*second), stereo48
		if r.IntN(4) == 0 {
			format = stereo44
		}
		for _, f := range audio(at, at+part, format) {
			all = append(all, arrival{f, f.DTS + pause(80*time.Millisecond), false})
		}
		if at += part; r.IntN(3) == 0 {
			at += pause(3 * second)
		}
	}
	latest := map[media.Kind]time.Duration{} // each kind comes in order
	slices.SortStableFunc(all, func(a, b arrival) int { return int(a.frame.DTS - b.frame.DTS) })
	for i := range all {
		kind := all[i].frame.Kind()
		latest[kind] = max(latest[kind], all[i].order)
		all[i].order = latest[kind]
	}
	slices.SortStableFunc(all, func(a, b arrival) int { return int(a.order - b.order) })
	return all
}
