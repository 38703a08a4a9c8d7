package track

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
)

func TestPicturesAreReadOfTheSmallestLayerThatIsLargeEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t, media.H264, [2]int{320, 180}, [2]int{640, 360}, [2]int{1280, 720})
		defer p.track.Close()
		small, middle, whole := p.viewAt(media.Size{Width: 300, Height: 180}), p.viewAt(media.Size{Width: 600, Height: 300}), p.view()
		if at, wanted := p.track.FramesWanted(); !wanted || at != (media.Size{}) {
			t.Errorf("wanted %v, %v", at, wanted)
		}
		p.run(time.Second)
		for _, v := range []struct {
			*viewer
			width int
		}{{small, 320}, {middle, 640}, {whole, 1280}} {
			if got := formats(v.read()); len(got) == 0 || got[len(got)-1][0] != v.width {
				t.Errorf("of width %d: %v", v.width, got)
			}
		}
		if got := p.track.Sizes(); !slices.Equal(got, []media.Size{{Width: 320, Height: 180}, {Width: 640, Height: 360}, {Width: 1280, Height: 720}}) {
			t.Errorf("sizes %v", got)
		}
		whole.lease.Release()
		if at, wanted := p.track.FramesWanted(); !wanted || at.Width != 600 {
			t.Errorf("wanted %v, %v", at, wanted)
		}
		p.layers[1].paused = true // the next larger one takes its place
		p.run(3 * time.Second)
		if got := formats(middle.read()); got[len(got)-1][0] != 1280 {
			t.Errorf("without the middle: %v", got)
		}
		p.layers[2].paused = true
		p.run(3 * time.Second)
		if got := formats(middle.read()); got[len(got)-1][0] != 320 {
			t.Errorf("with the smallest only: %v", got)
		}
		small.lease.Release()
		middle.lease.Release()
	})
}

func TestRenditionsAreToFramesWhatLayersAreToPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		track := NewFromFrames(Info{Kind: media.Video, Codec: media.H264})
		defer track.Close()
		r, err := track.AddRendition("q", media.Size{Width: 640, Height: 360})
		if err != nil {
			t.Fatal(err)
		}
		write := func(r *Rendition) {
			now := media.Now()
			if err := track.WriteFrame(mediatest.Frame(mediatest.H264Format(1280, 720), true, now, mediatest.H264(true, 5000))); err != nil {
				t.Fatal(err)
			}
			if err := r.WriteFrame(mediatest.Frame(mediatest.H264Format(640, 360), true, now, mediatest.H264(true, 2000))); err != nil {
				t.Fatal(err)
			}
			time.Sleep(40 * time.Millisecond)
			synctest.Wait()
		}
		write(r)
		if r.Wanted() || track.Wanted() {
			t.Error("wanted by nobody")
		}
		widthOf := func(at media.Size) int {
			t.Helper()
			lease, err := track.ReadPictures(media.H264, at)
			if err != nil {
				t.Fatal(err)
			}
			defer lease.Release()
			var batch [8]*media.Frame
			n, _, _ := lease.Ring().FromKey().Read(batch[:])
			if n == 0 {
				return 0
			}
			return batch[0].Format.Width
		}
		for at, want := range map[media.Size]int{{}: 1280, {Width: 320, Height: 180}: 640, {Width: 640, Height: 360}: 640, {Width: 960, Height: 540}: 1280} {
			if got := widthOf(at); got != want {
				t.Errorf("for %v there is %d", at, got)
			}
		}
		small, err := track.ReadPictures(media.H264, media.Size{Width: 320, Height: 180})
		if err != nil {
			t.Fatal(err)
		}
		if !r.Wanted() || track.Wanted() || small.Stale() {
			t.Error("one who reads the rendition wants it alone")
		}
		packets, err := track.ReadPackets(media.H264)
		if err != nil {
			t.Fatal(err)
		}
		write(r)
		rids := func() (list []string) {
			layers, _ := packets.Layers()
			for _, l := range layers {
				if l.Ring().Head() == 0 {
					t.Errorf("no packets in layer %q", l.RID())
				}
				list = append(list, l.RID())
			}
			return list
		}
		if got := rids(); !slices.Equal(got, []string{"q", ""}) {
			t.Errorf("layers %q", got)
		}
		r.Remove()
		if got := rids(); !slices.Equal(got, []string{""}) {
			t.Errorf("layers without the rendition %q", got)
		}
		if _, _, err := small.Ring().FromKey().Read(make([]*media.Frame, 1)); small.Ring().Live() == nil || err != nil {
			t.Errorf("what the ring holds can be read: %v", err)
		}
		if !small.Stale() {
			t.Error("a lease of a rendition that is gone is not stale")
		}
		small.Release()
		again, err := track.AddRendition("q", media.Size{Width: 640, Height: 360})
		if err != nil {
			t.Fatal(err)
		}
		write(again)
		if got := rids(); !slices.Equal(got, []string{"q", ""}) {
			t.Errorf("layers with it again %q", got)
		}
		packets.Release()
	})
}
