package program

import (
	"slices"
	"testing"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/program/compose/layout"
	"github.com/tuttilive/tutti/internal/track"
)

func TestAPictureThatPassesThroughIsMadeSmallerWhileThatIsRead(t *testing.T) {
	w := needWorkers(t)
	p := New("test", nil)
	t.Cleanup(p.Close)
	s := bare()
	s.Mode, s.Renditions = compose.ModeDirect, []int{90}
	a := publishColour(t, w, "TR_A", red)
	p.Add(a.Track, 0)
	p.Stage(nil, s)
	all := layout.Rect{W: 640, H: 360}
	whole := viewOf(t, w, p, 640, 360, Demand{Video: []media.Codec{media.H264}})
	await(t, "the picture", func() bool { return whole.sees(all, red) })
	both := []media.Size{{Width: 160, Height: 90}, {Width: 320, Height: 180}}
	if sizes := p.Sizes(); !slices.Equal(sizes, both) {
		t.Errorf("sizes %v, want %v", sizes, both)
	}
	idle := w.Running()
	small := viewOf(t, w, p, 640, 360, Demand{Video: []media.Codec{media.H264}, Size: both[0]})
	await(t, "the same, small", func() bool { return small.format().Width == 160 && small.sees(all, red) })
	if got := whole.format().Width; got != 320 {
		t.Errorf("who wants the largest gets %d", got)
	}
	await(t, "keyframes at the same times", func() bool {
		at := small.keyframes()
		return len(at) > 1 && slices.Contains(whole.keyframes(), at[len(at)-1])
	})
	b := publishColour(t, w, "TR_B", gold)
	p.Swap([]*track.Track{a.Track}, []*track.Track{b.Track}, 0)
	await(t, "another picture, small", func() bool { return small.format().Width == 160 && small.sees(all, gold) })
	s.Renditions = nil
	p.Stage(nil, s)
	await(t, "the large one where none is made any more", func() bool { return small.format().Width == 320 })
	small.inOrder(t)
	await(t, "nobody makes it", func() bool { return w.Running() == idle+2 }) // the decoder of who looks, and the encoder of the second picture
}

func TestWhoCannotMakeSmallerPicturesSaysSo(t *testing.T) {
	t.Parallel()
	none := codec.FindWorkers("off")
	for name, c := range map[string]struct {
		renditions []int
		layers     int
		want       bool
	}{
		"one size":     {[]int{180}, 1, true},
		"several come": {[]int{180}, 2, false},
		"none wanted":  {nil, 1, false},
		"no picture":   {[]int{180}, 0, false},
	} {
		p := New("test", nil)
		settings := compose.Defaults()
		settings.Mode, settings.Renditions = compose.ModeDirect, c.renditions
		if c.layers > 0 {
			camera := track.NewFromPackets(track.Info{ID: "TR_A", Kind: media.Video, Codec: media.H264, Workers: none}, nil)
			for _, rid := range []string{"q", "h"}[:c.layers] {
				camera.AddLayer(rid)
			}
			p.Add(camera, 0)
		}
		p.Stage(nil, settings)
		if got := slices.ContainsFunc(p.Warnings(), func(w Warning) bool { return w.Code == WarnRenditions && w.Text != "" }); got != c.want {
			t.Errorf("%s: %v", name, p.Warnings())
		}
		p.Close()
	}
}
