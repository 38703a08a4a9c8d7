package paint

// Fill paints a rectangle with round corners in one colour; alpha is how much of it is seen, of 256.
func (p *Painter) Fill(f *Frame, r Rect, c Color, radius, alpha int) {
	r = r.within(f.Width, f.Height)
	if r.empty() || alpha <= 0 {
		return
	}
	radius = min(radius, r.W/2, r.H/2)
	if radius > 0 {
		p.keepCorners(f, r, radius)
	}
	if alpha >= 256 {
		f.Fill(r, c)
	} else {
		f.blend(r, c, int32(alpha))
	}
	if radius > 0 {
		p.roundCorners(f, r, radius)
	}
}

// blend mixes a colour into a rectangle.
func (f *Frame) blend(r Rect, c Color, alpha int32) {
	for i, v := range [3]byte{c.Y, c.U, c.V} {
		pix, stride, _ := f.plane(i)
		q := r.of(i)
		for y := q.Y; y < q.Y+q.H; y++ {
			line := pix[y*stride+q.X:][:q.W]
			for x, was := range line {
				line[x] = byte(int32(was) + (int32(v)-int32(was))*alpha>>8)
			}
		}
	}
}

// Border paints a line of a width along the inside of a rectangle with round corners.
func (p *Painter) Border(f *Frame, r Rect, radius, width int, c Color, alpha int) {
	r = r.within(f.Width, f.Height)
	width = max(width&^1, 2)
	if r.W < 2*width || r.H < 2*width || alpha <= 0 {
		return
	}
	size := min(radius+1, r.W/2, r.H/2) &^ 1 // corners may meet, and not overlap
	a := int32(min(alpha, 256))
	edge := max(size, width)
	f.blend(Rect{r.X + edge, r.Y, r.W - 2*edge, width}, c, a)
	f.blend(Rect{r.X + edge, r.Y + r.H - width, r.W - 2*edge, width}, c, a)
	f.blend(Rect{r.X, r.Y + edge, width, r.H - 2*edge}, c, a)
	f.blend(Rect{r.X + r.W - width, r.Y + edge, width, r.H - 2*edge}, c, a)
	for k := range 4 {
		if size <= width {
			f.blend(corner(r, k, edge), c, a)
		} else {
			p.ring(f, r, k, size, width, c, a)
		}
	}
}

// ring paints the border's line around one corner.
func (p *Painter) ring(f *Frame, r Rect, k, size, width int, c Color, alpha int32) {
	outer := p.mask(size)
	inner := p.mask(size - width)
	for i, v := range [3]byte{c.Y, c.U, c.V} {
		pix, stride, _ := f.plane(i)
		q := corner(r, k, size).of(i)
		step := size / max(q.W, 1)
		for y := range q.H {
			line := pix[(q.Y+y)*stride+q.X:][:q.W]
			for x := range line {
				mx, my := x*step, y*step
				if k&1 != 0 {
					mx = size - 1 - mx
				}
				if k&2 != 0 {
					my = size - 1 - my
				}
				m := int32(outer[my*size+mx])
				if mx >= width && my >= width {
					m -= int32(inner[(my-width)*(size-width)+mx-width])
				}
				if m > 0 {
					line[x] = byte(int32(line[x]) + (int32(v)-int32(line[x]))*m*alpha/(255*256))
				}
			}
		}
	}
}
