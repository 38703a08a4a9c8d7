package bench

import (
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media/bitstream"
)

func TestSPSOfTellsItsSize(t *testing.T) {
	for _, size := range [][2]int{{1280, 720}, {640, 360}, {320, 180}, {426, 240}} {
		p, err := bitstream.ParseH264SPS(SPSOf(size[0], size[1]))
		if err != nil || p.Width != size[0] || p.Height != size[1] {
			t.Errorf("%v: %+v, %v", size, p, err)
		}
	}
}

func TestPictureTellsItsAge(t *testing.T) {
	p, now := NewPicture(100_000), time.Now()
	for i, key := range []bool{true, false, true} {
		if i == 2 {
			p.Keyframe()
		}
		slice, is := p.Next(now)
		if age, ok := Age(slice, now.Add(time.Second)); !ok || age != time.Second || is != key {
			t.Errorf("picture %d: age %v, %v, keyframe %v", i, age, ok, is)
		}
	}
}
