// Package paint paints raw pictures (I420, limited range) into a frame: scaled, cropped, with round corners, blended. Nothing in it
// allocates for each frame, and nothing knows time.
package paint

import "image/color"

// Frame is a raw picture: three planes one after the other, colour in half the resolution. Width and Height are even.
type Frame struct {
	Width, Height int
	Pix           []byte
}

// NewFrame makes a frame; its colour is black.
func NewFrame(width, height int) *Frame {
	f := &Frame{Width: width, Height: height, Pix: make([]byte, width*height*3/2)}
	f.Fill(Rect{0, 0, width, height}, Black)
	return f
}

// Y, U and V are the planes; U and V have lines of half the width.
func (f *Frame) Y() []byte { return f.Pix[:f.Width*f.Height] }
func (f *Frame) U() []byte {
	n := f.Width * f.Height
	return f.Pix[n : n+n/4]
}
func (f *Frame) V() []byte {
	n := f.Width * f.Height
	return f.Pix[n+n/4 : n+n/2]
}

// plane gives plane i (0 is Y) with its line length and height.
func (f *Frame) plane(i int) (pix []byte, stride, height int) {
	switch i {
	case 0:
		return f.Y(), f.Width, f.Height
	case 1:
		return f.U(), f.Width / 2, f.Height / 2
	}
	return f.V(), f.Width / 2, f.Height / 2
}

// Rect is a part of a frame, in even numbers.
type Rect struct{ X, Y, W, H int }

// within cuts what is out of a frame away.
func (r Rect) within(w, h int) Rect {
	x0, y0 := max(r.X, 0), max(r.Y, 0)
	x1, y1 := min(r.X+r.W, w), min(r.Y+r.H, h)
	return Rect{x0, y0, max(x1-x0, 0), max(y1-y0, 0)}
}

func (r Rect) empty() bool { return r.W <= 0 || r.H <= 0 }

// half is the rectangle in a colour plane.
func (r Rect) half() Rect { return Rect{r.X / 2, r.Y / 2, r.W / 2, r.H / 2} }

func (r Rect) of(plane int) Rect {
	if plane == 0 {
		return r
	}
	return r.half()
}

// Color is a colour in the frame's terms.
type Color struct{ Y, U, V byte }

// Black and White of limited range.
var (
	Black = Color{16, 128, 128}
	White = Color{235, 128, 128}
)

// ColorOf converts by BT.601, limited range, as cameras of browsers do.
func ColorOf(c color.Color) Color {
	r16, g16, b16, _ := c.RGBA()
	return fromRGB(int(r16>>8), int(g16>>8), int(b16>>8))
}

func fromRGB(r, g, b int) Color {
	return Color{
		Y: byte((66*r+129*g+25*b+128)>>8 + 16),
		U: byte((-38*r-74*g+112*b+128)>>8 + 128),
		V: byte((112*r-94*g-18*b+128)>>8 + 128),
	}
}

// Fill paints a rectangle in one colour.
func (f *Frame) Fill(r Rect, c Color) {
	r = r.within(f.Width, f.Height)
	if r.empty() {
		return
	}
	for i, v := range [3]byte{c.Y, c.U, c.V} {
		pix, stride, _ := f.plane(i)
		q := r.of(i)
		for y := q.Y; y < q.Y+q.H; y++ {
			line := pix[y*stride+q.X : y*stride+q.X+q.W]
			for x := range line {
				line[x] = v
			}
		}
	}
}

// Copy makes the frame the same as another one of its size.
func (f *Frame) Copy(from *Frame) { copy(f.Pix, from.Pix) }
