package codec

import (
	"fmt"

	"github.com/tuttilive/tutti/internal/media"
)

// smallestPicture bounds what a decoder is asked for: below, NUT would have to be read in another way.
const smallestPicture = 64

// Scaling is the size that a decoder gives to pictures, by their own. It is made even, and neither too small nor too large.
type Scaling struct {
	// Width and Height are those of a rectangle that a picture fills, whatever it has besides. With Within it fits into it.
	Width, Height int
	Within        bool
	// Shrink leaves smaller pictures as they are.
	Shrink bool
}

// size is what becomes of pictures of a format.
func (s Scaling) size(f *media.Format) (width, height int) {
	w, h := f.Width, f.Height
	switch wide := w*s.Height > s.Width*h; {
	case w <= 0 || h <= 0:
		width, height = s.Width, s.Height
	case s.Shrink && w <= s.Width && h <= s.Height:
		width, height = w, h
	case wide == s.Within:
		width, height = s.Width, h*s.Width/w+1
	default:
		width, height = w*s.Height/h+1, s.Height
	}
	return evenSide(width), evenSide(height)
}

// filter is size in ffmpeg's words. Without a format the process works the size out, so that it can begin before there is a picture. That is not always what the
// format tells: a decoder may leave what is cropped at the left.
func (s Scaling) filter(f *media.Format) string {
	const scale = "scale=w='%s':h='%s':flags=bilinear:out_range=tv,format=yuv420p"
	if f != nil {
		width, height := s.size(f)
		return fmt.Sprintf(scale, fmt.Sprint(width), fmt.Sprint(height))
	}
	flag := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	side := func(own, fixed, free string) string {
		return fmt.Sprintf("2*trunc(clip(if(%d*lte(iw,%d)*lte(ih,%d),%s,if(eq(gt(iw*%d,%d*ih),%d),%s,%s)),%d,%d)/2)",
			flag(s.Shrink), s.Width, s.Height, own, s.Height, s.Width, flag(s.Within), fixed, free, smallestPicture, maxPictureSide)
	}
	width := side("iw", fmt.Sprint(s.Width), fmt.Sprintf("trunc(iw*%d/ih)+1", s.Height))
	height := side("ih", fmt.Sprintf("trunc(ih*%d/iw)+1", s.Width), fmt.Sprint(s.Height))
	return fmt.Sprintf(scale, width, height)
}

// lower makes the shorter side so many lines.
func lower(lines int) Scaling { return Scaling{Width: lines, Height: lines} }

// Lower is the size of pictures of a format whose shorter side was made so many lines.
func Lower(f *media.Format, lines int) media.Size {
	width, height := lower(lines).size(f)
	return media.Size{Width: width, Height: height}
}

func evenSide(n int) int { return min(max(n, smallestPicture), maxPictureSide) &^ 1 }
