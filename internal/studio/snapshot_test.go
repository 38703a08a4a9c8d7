package studio

import (
	"bytes"
	"image/jpeg"
	"testing"

	"github.com/tuttilive/tutti/internal/codec"
)

func TestSnapshotsHaveTheFullRange(t *testing.T) {
	for name, c := range map[string]struct {
		y, cb, cr byte
		r, g, b   uint32
	}{
		"black": {16, 128, 128, 0, 0, 0}, "white": {235, 128, 128, 255, 255, 255}, "red": {81, 90, 240, 255, 0, 0}, "below black": {0, 128, 128, 0, 0, 0},
	} {
		p := &codec.Picture{Width: 64, Height: 64, Pix: make([]byte, codec.PictureBytes(64, 64))}
		for i := range p.Pix {
			p.Pix[i] = c.y
		}
		for i := 64 * 64; i < len(p.Pix); i++ {
			if p.Pix[i] = c.cb; i >= 64*64*5/4 {
				p.Pix[i] = c.cr
			}
		}
		encoded, err := encodeSnapshot(p)
		if err != nil {
			t.Fatal(err)
		}
		image, err := jpeg.Decode(bytes.NewReader(encoded))
		if err != nil {
			t.Fatal(err)
		}
		near := func(a, b uint32) bool { return max(a, b)-min(a, b) <= 4 }
		if r, g, b, _ := image.At(30, 30).RGBA(); !near(r>>8, c.r) || !near(g>>8, c.g) || !near(b>>8, c.b) {
			t.Errorf("%s is %d %d %d", name, r>>8, g>>8, b>>8)
		}
	}
}
