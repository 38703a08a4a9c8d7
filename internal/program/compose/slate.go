package compose

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"

	"github.com/tuttilive/tutti/internal/program/compose/paint"
)

// slateSide is the longest side of a slate that is kept, and that is shown.
const slateSide = 1280

// KeepSlate is an image that a host brings, PNG or JPEG, as the JPEG of at most so many bytes that is kept of it.
func KeepSlate(b []byte, limit int) ([]byte, error) {
	img, err := DecodeImage(b)
	if err != nil {
		return nil, err
	}
	w, h := slateSize(img.Bounds().Dx(), img.Bounds().Dy())
	for range 4 { // what is too rich for its size is kept smaller
		kept, err := encodeSlate(img, w, h, limit)
		if kept != nil || err != nil {
			return kept, err
		}
		w, h = slateSize(w*2/3, h*2/3)
	}
	return nil, fmt.Errorf("%w: it cannot be kept in %d bytes", ErrImage, limit)
}

// encodeSlate gives nil where an image of a size does not fit.
func encodeSlate(img image.Image, w, h, limit int) ([]byte, error) {
	small := scaledImage(img, img.Bounds(), w, h)
	for i := 3; i < len(small.Pix); i += 4 { // what is transparent is shown on black
		alpha := int(small.Pix[i])
		for c := i - 3; c < i; c++ {
			small.Pix[c] = byte(int(small.Pix[c]) * alpha / 255)
		}
		small.Pix[i] = 255
	}
	for _, quality := range []int{85, 70, 50} {
		var out bytes.Buffer
		if err := jpeg.Encode(&out, small, &jpeg.Options{Quality: quality}); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrImage, err)
		}
		if out.Len() <= limit {
			return out.Bytes(), nil
		}
	}
	return nil, nil
}

// slateSize is the size of a picture, made no larger than a slate and even.
func slateSize(w, h int) (int, int) {
	if longest := max(w, h); longest > slateSide {
		w, h = w*slateSide/longest, h*slateSide/longest
	}
	return max(w&^1, 64), max(h&^1, 64)
}

// PaintSlate is what viewers of a picture of a size see while nobody publishes: an image in its whole, or two bars where there is none. It gives
// the size that it has.
func PaintSlate(img image.Image, width, height int) *paint.Frame {
	f := paint.NewFrame(slateSize(width, height))
	if img == nil {
		f.Fill(paint.Rect{W: f.Width, H: f.Height}, paint.Color{Y: 32, U: 132, V: 126})
		bar, tall := min(f.Width, f.Height)/16&^1, min(f.Width, f.Height)/4&^1
		top, middle := (f.Height-tall)/2&^1, f.Width/2&^1
		for _, left := range []int{middle - 2*bar, middle + bar} {
			f.Fill(paint.Rect{X: left, Y: top, W: bar, H: tall}, paint.Color{Y: 150, U: 128, V: 128})
		}
		return f
	}
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	if w*f.Height > h*f.Width {
		w, h = f.Width, max(1, h*f.Width/w)
	} else {
		w, h = max(1, w*f.Height/h), f.Height
	}
	paint.NewOverlay(scaledImage(img, img.Bounds(), w, h)).Draw(f, (f.Width-w)/2&^1, (f.Height-h)/2&^1, 256)
	return f
}
