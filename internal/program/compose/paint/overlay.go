package paint

import (
	"image"
	"image/color"
)

// Overlay is an image with transparency, ready to be laid over frames. It is immutable.
type Overlay struct {
	Width, Height int // even
	y, a          []byte
	u, v, c       []byte // colour and its transparency, in half the resolution
}

// NewOverlay converts an image.
func NewOverlay(img image.Image) *Overlay {
	b := img.Bounds()
	w, h := (b.Dx()+1)&^1, (b.Dy()+1)&^1
	o := &Overlay{Width: w, Height: h, y: make([]byte, w*h), a: make([]byte, w*h), u: make([]byte, w*h/4), v: make([]byte, w*h/4), c: make([]byte, w*h/4)}
	pixel := func(x, y int) color.NRGBA {
		if x >= b.Dx() || y >= b.Dy() {
			return color.NRGBA{}
		}
		return color.NRGBAModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
	}
	for y := 0; y < h; y += 2 {
		for x := 0; x < w; x += 2 {
			var us, vs, as int
			for k := range 4 {
				px, py := x+k&1, y+k>>1
				n := pixel(px, py)
				c := fromRGB(int(n.R), int(n.G), int(n.B))
				o.y[py*w+px], o.a[py*w+px] = c.Y, n.A
				us, vs, as = us+int(c.U)*int(n.A), vs+int(c.V)*int(n.A), as+int(n.A)
			}
			i := y/2*(w/2) + x/2
			o.u[i], o.v[i] = 128, 128
			if as > 0 {
				o.u[i], o.v[i] = byte(us/as), byte(vs/as)
			}
			o.c[i] = byte(as / 4)
		}
	}
	return o
}

// Draw lays the overlay over the frame at an even place; alpha is how much of it is seen, of 256.
func (o *Overlay) Draw(f *Frame, x, y, alpha int) {
	x, y = x&^1, y&^1
	r := Rect{x, y, o.Width, o.Height}.within(f.Width, f.Height)
	if r.empty() || alpha <= 0 {
		return
	}
	for i := range 3 {
		to, stride, _ := f.plane(i)
		from, mask, width := o.y, o.a, o.Width
		switch i {
		case 1:
			from, mask, width = o.u, o.c, o.Width/2
		case 2:
			from, mask, width = o.v, o.c, o.Width/2
		}
		q, left, top := r.of(i), x, y
		if i > 0 {
			left, top = x/2, y/2
		}
		for row := q.Y; row < q.Y+q.H; row++ {
			at := (row-top)*width + q.X - left
			line := to[row*stride+q.X:][:q.W]
			colours, cover := from[at:at+q.W], mask[at:at+q.W]
			for k, a := range cover {
				if a != 0 {
					v := int32(line[k])
					line[k] = byte(v + ((int32(colours[k])-v)*int32(a)*int32(alpha)+255*128)/(255*256))
				}
			}
		}
	}
}
