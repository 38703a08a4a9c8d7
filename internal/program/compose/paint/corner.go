package paint

import "math"

// corner gives the k-th corner of a rectangle (left and right above, left and right below).
func corner(r Rect, k, size int) Rect {
	c := Rect{r.X, r.Y, size, size}
	if k&1 != 0 {
		c.X = r.X + r.W - size
	}
	if k&2 != 0 {
		c.Y = r.Y + r.H - size
	}
	return c
}

// keepCorners remembers what is under the corners of a rectangle.
func (p *Painter) keepCorners(f *Frame, r Rect, radius int) {
	size := (radius + 1) &^ 1
	for k := range 4 {
		kept := p.corners[k][:0]
		for i := range 3 {
			pix, stride, _ := f.plane(i)
			c := corner(r, k, size).of(i)
			for y := c.Y; y < c.Y+c.H; y++ {
				kept = append(kept, pix[y*stride+c.X:y*stride+c.X+c.W]...)
			}
		}
		p.corners[k] = kept
	}
}

// roundCorners puts back what lies outside of the rounding.
func (p *Painter) roundCorners(f *Frame, r Rect, radius int) {
	size := (radius + 1) &^ 1
	mask := p.mask(size)
	for k := range 4 {
		kept := p.corners[k]
		for i := range 3 {
			pix, stride, _ := f.plane(i)
			c := corner(r, k, size).of(i)
			step := size / c.W
			for y := range c.H {
				line := pix[(c.Y+y)*stride+c.X:][:c.W]
				for x := range line {
					mx, my := x*step, y*step
					if k&1 != 0 {
						mx = size - 1 - mx
					}
					if k&2 != 0 {
						my = size - 1 - my
					}
					if m := int32(mask[my*size+mx]); m < 255 {
						under := int32(kept[x])
						line[x] = byte(under + (int32(line[x])-under)*m/255)
					}
				}
				kept = kept[c.W:]
			}
		}
	}
}

// mask is how much of each pixel of an upper left corner lies inside a circle, of 255.
func (p *Painter) mask(size int) []byte {
	if m := p.masks[size]; m != nil {
		return m
	}
	m := make([]byte, size*size)
	for y := range size {
		for x := range size {
			m[y*size+x] = coverage(float64(size)-float64(x)-0.5, float64(size)-float64(y)-0.5, float64(size))
		}
	}
	if p.masks == nil {
		p.masks = map[int][]byte{}
	}
	if len(p.masks) > 256 { // rectangles that grow have many radii
		clear(p.masks)
	}
	p.masks[size] = m
	return m
}

// coverage is how much of the pixel at a distance from the centre is in a circle, of 255.
func coverage(dx, dy, radius float64) byte {
	d := radius - math.Hypot(dx, dy) + 0.5
	return byte(255 * min(max(d, 0), 1))
}
