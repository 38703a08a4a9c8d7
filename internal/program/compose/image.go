package compose

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // what hosts may bring
	_ "image/png"
	"io"
	"time"

	"golang.org/x/image/draw"

	"github.com/tuttilive/tutti/internal/program/compose/paint"
)

// Names of the images that a composition may have.
const (
	BackgroundImage = "background"
	LogoImage       = "logo"
)

// ImageNames are all of them.
var ImageNames = []string{BackgroundImage, LogoImage}

const (
	// MaxImageBytes bounds an image as it is brought, maxImageSide and maxImageArea its size in pixels.
	MaxImageBytes = 4 << 20
	maxImageSide  = 4096
	maxImageArea  = 4096 * 2304
	// keptSide is the longest side that is kept.
	keptSide = 1920
	// maxScans bounds the scans of a JPEG. Each costs a pass over all of its blocks, in however few bytes it comes; encoders make about ten.
	maxScans = 100
	// decodeWithin bounds the time for one image. The largest honest one takes about a second of a busy core.
	decodeWithin = 3 * time.Second
)

// ErrImage tells that an image cannot be taken.
var ErrImage = errors.New("compose: the image cannot be used")

// startOfScan is the marker before each scan of a JPEG (ITU-T T.81, section B.1.1.3). Coded data never looks like it: there a zero
// follows each 0xff.
var startOfScan = []byte{0xff, 0xda}

// DecodeImage reads a PNG or JPEG. What decoding it costs is looked at before: its size, and how often a JPEG goes over its pixels. Still it is given
// up when it takes too long.
func DecodeImage(b []byte) (image.Image, error) { return decodeImage(b, time.Now().Add(decodeWithin)) }

// hourglass gives an image away in small pieces, none after a time. Decoders cannot be interrupted, but what is in so few bytes takes them a moment.
type hourglass struct {
	b     []byte
	until time.Time
	over  bool
}

func (h *hourglass) Read(p []byte) (int, error) {
	const piece = 64
	if len(h.b) == 0 {
		return 0, io.EOF
	}
	if h.over = h.over || time.Now().After(h.until); h.over {
		return 0, ErrLong
	}
	n := copy(p[:min(len(p), piece)], h.b)
	h.b = h.b[n:]
	return n, nil
}

// ErrLong tells that reading an image took too long: on a machine that does less else it may not.
var ErrLong = errors.New("reading it takes too long")

func decodeImage(b []byte, until time.Time) (image.Image, error) {
	if len(b) > MaxImageBytes {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrImage, MaxImageBytes)
	}
	c, kind, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%w: it is neither PNG nor JPEG", ErrImage)
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxImageSide || c.Height > maxImageSide || c.Width*c.Height > maxImageArea {
		return nil, fmt.Errorf("%w: %dx%d pixels are too many", ErrImage, c.Width, c.Height)
	}
	if n := bytes.Count(b, startOfScan); kind == "jpeg" && n > maxScans {
		return nil, fmt.Errorf("%w: a JPEG of %d scans", ErrImage, n)
	}
	glass := &hourglass{b: b, until: until}
	img, _, err := image.Decode(glass)
	if glass.over {
		err = ErrLong // decoders may say something else
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrImage, err)
	}
	w, h := c.Width, c.Height
	if longest := max(w, h); longest > keptSide {
		w, h = max(1, w*keptSide/longest), max(1, h*keptSide/longest)
	}
	return scaledImage(img, img.Bounds(), w, h), nil
}

// scaledImage is a part of an image in another size.
func scaledImage(img image.Image, part image.Rectangle, w, h int) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	draw.ApproxBiLinear.Scale(out, out.Rect, img, part, draw.Src, nil)
	return out
}

// LogoPlace is where the logo lies: its upper left corner and its width, as shares of the frame's width and height.
type LogoPlace struct {
	X     float64 `json:"x"`
	Y     float64 `json:"y"`
	Width float64 `json:"width"`
}

// backdrop is the background and the logo, which are made anew only when they change.
type backdrop struct {
	colour     string
	background image.Image
	logoImage  image.Image
	logoWidth  int
	logo       *paint.Overlay
}

// setBackdrop paints the background into the base, and makes the logo.
func (s *scene) setBackdrop() {
	b, c := &s.backdrop, &s.settings
	if img := c.Images[BackgroundImage]; img != b.background || c.Background != b.colour {
		ground, _ := parseColor(c.Background)
		s.base.Fill(paint.Rect{W: s.width, H: s.height}, paint.ColorOf(ground))
		if img != nil {
			paint.NewOverlay(scaledImage(img, covering(img.Bounds(), s.width, s.height), s.width, s.height)).Draw(s.base, 0, 0, 256)
		}
		b.background, b.colour = img, c.Background
	}
	img, width := c.Images[LogoImage], int(c.LogoPlace.Width*float64(s.width))
	if img != b.logoImage || width != b.logoWidth {
		b.logo, b.logoImage, b.logoWidth = nil, img, width
		if img != nil && width > 0 {
			size := img.Bounds()
			height := min(max(1, width*size.Dy()/size.Dx()), s.height)
			b.logo = paint.NewOverlay(scaledImage(img, size, width, height))
		}
	}
	if b.logo != nil {
		s.titles = append(s.titles, placed{b.logo, int(c.LogoPlace.X * float64(s.width)), int(c.LogoPlace.Y * float64(s.height))})
	}
}

// covering is the middle of an image in the shape of w x h.
func covering(r image.Rectangle, w, h int) image.Rectangle {
	cw, ch := r.Dx(), r.Dy()
	if cw*h > w*ch {
		cw = max(1, ch*w/h)
	} else {
		ch = max(1, cw*h/w)
	}
	at := r.Min.Add(image.Pt((r.Dx()-cw)/2, (r.Dy()-ch)/2))
	return image.Rectangle{at, at.Add(image.Pt(cw, ch))}
}
