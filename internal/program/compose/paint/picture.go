package paint

// Painter paints pictures into frames. It keeps scratch space and belongs to one goroutine.
type Painter struct {
	corners [4][]byte // what was under the corners
	columns []column
	masks   map[int][]byte // coverage of a corner, by radius
}

// column says of which two pixels a pixel of a scaled line is made.
type column struct {
	at     int32
	weight int32 // of the right one, of 256
}

// View is how a picture is put into a rectangle.
type View struct {
	// Contain shows the whole picture rather than filling the rectangle.
	Contain bool
	// Radius rounds the corners.
	Radius int
	// Alpha is how much of it is seen, of 256.
	Alpha int
	// Back is the colour beside a picture that is contained.
	Back Color
}

// slack is by how much sizes may differ for a picture to be copied rather than scaled: rounding to even numbers.
const slack = 2

// Picture paints a picture into a rectangle.
func (p *Painter) Picture(dst *Frame, r Rect, src *Frame, v View) {
	r = r.within(dst.Width, dst.Height)
	if r.empty() || v.Alpha <= 0 || src.Width < 2 || src.Height < 2 {
		return
	}
	radius := min(v.Radius, r.W/2, r.H/2)
	if radius > 0 {
		p.keepCorners(dst, r, radius)
	}
	if v.Contain {
		p.contain(dst, r, src, v)
	} else {
		p.scale(dst, r, src, cropTo(src, r.W, r.H), v.Alpha)
	}
	if radius > 0 {
		p.roundCorners(dst, r, radius)
	}
}

// cropTo is the middle of a picture in the shape of w x h; of its very size where they are the same but for rounding.
func cropTo(src *Frame, w, h int) Rect {
	cw, ch := src.Width, src.Height
	if cw*h > w*ch {
		cw = ch * w / h
	} else {
		ch = cw * h / w
	}
	if near(cw, w) && near(ch, h) && src.Width >= w && src.Height >= h {
		cw, ch = w, h
	}
	cw, ch = max(cw&^1, 2), max(ch&^1, 2)
	return Rect{(src.Width - cw) / 2 &^ 1, (src.Height - ch) / 2 &^ 1, cw, ch}
}

func near(a, b int) bool { return a-b <= slack && b-a <= slack }

func (p *Painter) contain(dst *Frame, r Rect, src *Frame, v View) {
	w, h := r.W, r.H
	if src.Width*h > w*src.Height {
		h = max(src.Height*w/src.Width&^1, 2)
	} else {
		w = max(src.Width*h/src.Height&^1, 2)
	}
	if near(w, src.Width) && near(h, src.Height) && src.Width <= r.W && src.Height <= r.H {
		w, h = src.Width, src.Height
	}
	in := Rect{r.X + (r.W-w)/2&^1, r.Y + (r.H-h)/2&^1, w, h}
	if v.Alpha >= 256 {
		dst.Fill(Rect{r.X, r.Y, r.W, in.Y - r.Y}, v.Back)
		dst.Fill(Rect{r.X, in.Y + h, r.W, r.Y + r.H - in.Y - h}, v.Back)
		dst.Fill(Rect{r.X, in.Y, in.X - r.X, h}, v.Back)
		dst.Fill(Rect{in.X + w, in.Y, r.X + r.W - in.X - w, h}, v.Back)
	}
	p.scale(dst, in, src, Rect{0, 0, src.Width, src.Height}, v.Alpha)
}

// scale paints a part of a picture over a rectangle that lies within the frame.
func (p *Painter) scale(dst *Frame, r Rect, src *Frame, part Rect, alpha int) {
	for i := range 3 {
		to, toStride, _ := dst.plane(i)
		from, fromStride, _ := src.plane(i)
		a, b := r.of(i), part.of(i)
		switch {
		case a.W == b.W && a.H == b.H && alpha >= 256:
			for y := range a.H {
				at := (b.Y+y)*fromStride + b.X
				copy(to[(a.Y+y)*toStride+a.X:][:a.W], from[at:at+a.W])
			}
		case a.W == b.W && a.H == b.H:
			for y := range a.H {
				at := (b.Y+y)*fromStride + b.X
				blendLine(to[(a.Y+y)*toStride+a.X:][:a.W], from[at:at+a.W], int32(alpha))
			}
		default:
			p.scalePlane(to, toStride, a, from, fromStride, b, int32(alpha))
		}
	}
}

func blendLine(to, from []byte, alpha int32) {
	from = from[:len(to)]
	for x, v := range to {
		to[x] = byte(int32(v) + (int32(from[x])-int32(v))*alpha>>8)
	}
}

// scalePlane is bilinear.
func (p *Painter) scalePlane(to []byte, toStride int, a Rect, from []byte, fromStride int, b Rect, alpha int32) {
	p.columns = columnsFor(p.columns[:0], a.W, b.W)
	for y := range a.H {
		at, weight := sample(y, a.H, b.H)
		next := min(at+1, b.H-1)
		upper := from[(b.Y+at)*fromStride+b.X:][:b.W]
		lower := from[(b.Y+next)*fromStride+b.X:][:b.W]
		line := to[(a.Y+y)*toStride+a.X:][:a.W]
		if alpha >= 256 {
			bilinear(line, upper, lower, p.columns, int32(weight))
			continue
		}
		for x := range line {
			v := mixed(upper, lower, p.columns[x], int32(weight))
			line[x] = byte(int32(line[x]) + (v-int32(line[x]))*alpha>>8)
		}
	}
}

func bilinear(line, upper, lower []byte, columns []column, weight int32) {
	columns = columns[:len(line)]
	for x := range line {
		line[x] = byte(mixed(upper, lower, columns[x], weight))
	}
}

// mixed is one pixel of four.
func mixed(upper, lower []byte, c column, weight int32) int32 {
	right := min(int(c.at)+1, len(upper)-1)
	u := int32(upper[c.at])<<8 + (int32(upper[right])-int32(upper[c.at]))*c.weight
	l := int32(lower[c.at])<<8 + (int32(lower[right])-int32(lower[c.at]))*c.weight
	return (u<<8 + (l-u)*weight + 1<<15) >> 16
}

// sample is where pixel i of n lies between pixels of m, centre to centre.
func sample(i, n, m int) (at, weight int) {
	pos := ((2*i+1)*m*128)/n - 128 // 256 a pixel
	pos = min(max(pos, 0), (m-1)*256)
	return pos >> 8, pos & 255
}

func columnsFor(out []column, n, m int) []column {
	for x := range n {
		at, weight := sample(x, n, m)
		out = append(out, column{int32(at), int32(weight)})
	}
	return out
}
