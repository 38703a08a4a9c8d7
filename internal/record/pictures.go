package record

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"os"
	"time"

	"golang.org/x/image/draw"

	"github.com/tuttilive/tutti/internal/studio"
)

const (
	// firstPicture is how far into a recording its picture is taken: shows tend to begin with black.
	firstPicture = 3 * time.Second
	// tileEvery is how far apart the tiles of a strip are at first; each time there are mostTiles every second one is left out.
	tileEvery  = 10 * time.Second
	mostTiles  = 60
	tileAcross = 10 // in a row
	tileWidth  = 160
	tileHeight = 90
	tileLevel  = 70 // JPEG's quality
)

// Strip is a picture of small pictures of a recording, row by row.
type Strip struct {
	// Every is how many seconds they are apart, Width and Height are those of each, Columns how many are in a row.
	Every   float64 `json:"every"`
	Count   int     `json:"count"`
	Columns int     `json:"columns"`
	Width   int     `json:"width"`
	Height  int     `json:"height"`
}

func pictureName(id string) string { return id + ".jpg" }
func stripName(id string) string   { return id + "-strip.jpg" }

// photographer takes pictures of a show while it is recorded. It belongs to one goroutine.
type photographer struct {
	library *library
	id      string
	take    func() ([]byte, error)
	tiles   []*image.RGBA
	every   time.Duration
}

// run takes pictures until ctx ends. Where this server decodes none there are none.
func (p *photographer) run(ctx context.Context) {
	p.every = tileEvery
	begun := time.Now()
	next := firstPicture
	for n := 0; ; n++ {
		timer := time.NewTimer(time.Until(begun.Add(next)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		picture, err := p.take()
		if errors.Is(err, studio.ErrCannotDecode) || ctx.Err() != nil {
			return
		}
		if err == nil {
			err = p.add(picture, n == 0)
		}
		if err != nil && !errors.Is(err, studio.ErrNoPicture) && !errors.Is(err, studio.ErrNotLive) {
			p.library.log.Warn("taking a picture of a recording", "recording", p.id, "error", err)
		}
		for next <= time.Since(begun) {
			next += p.every
		}
	}
}

// add keeps a picture: the first one as it is, and each small in the strip.
func (p *photographer) add(picture []byte, first bool) error {
	full, err := jpeg.Decode(bytes.NewReader(picture))
	if err != nil {
		return err
	}
	if _, err := os.Stat(p.library.path(pictureName(p.id))); first || errors.Is(err, os.ErrNotExist) {
		if err := p.library.replace(pictureName(p.id), picture); err != nil {
			return err
		}
	}
	if len(p.tiles) == mostTiles {
		for i := range mostTiles / 2 {
			p.tiles[i] = p.tiles[2*i]
		}
		clear(p.tiles[mostTiles/2:])
		p.tiles, p.every = p.tiles[:mostTiles/2], 2*p.every
	}
	p.tiles = append(p.tiles, tile(full))
	strip, err := drawStrip(p.tiles)
	if err != nil {
		return err
	}
	if err := p.library.replace(stripName(p.id), strip); err != nil {
		return err
	}
	_, err = p.library.change(p.id, true, func(e *entry) {
		e.Pictured = true
		e.Strip = &Strip{Every: p.every.Seconds(), Count: len(p.tiles), Columns: tileAcross, Width: tileWidth, Height: tileHeight}
	})
	return err
}

// tile makes a picture as small as a tile, with black beside it where it has another shape.
func tile(full image.Image) *image.RGBA {
	t := image.NewRGBA(image.Rect(0, 0, tileWidth, tileHeight))
	draw.Draw(t, t.Bounds(), image.Black, image.Point{}, draw.Src)
	size := full.Bounds().Size()
	width, height := tileWidth, tileWidth*size.Y/max(size.X, 1)
	if height > tileHeight {
		width, height = tileHeight*size.X/max(size.Y, 1), tileHeight
	}
	at := image.Pt((tileWidth-width)/2, (tileHeight-height)/2)
	draw.ApproxBiLinear.Scale(t, image.Rectangle{at, at.Add(image.Pt(width, height))}, full, full.Bounds(), draw.Src, nil)
	return t
}

func drawStrip(tiles []*image.RGBA) ([]byte, error) {
	rows := (len(tiles) + tileAcross - 1) / tileAcross
	strip := image.NewRGBA(image.Rect(0, 0, min(len(tiles), tileAcross)*tileWidth, rows*tileHeight))
	for i, t := range tiles {
		at := image.Pt(i%tileAcross*tileWidth, i/tileAcross*tileHeight)
		draw.Draw(strip, image.Rectangle{at, at.Add(t.Bounds().Size())}, t, image.Point{}, draw.Src)
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, strip, &jpeg.Options{Quality: tileLevel})
	return b.Bytes(), err
}

// OpenPicture reads a recording's picture, or its strip.
func (r *Recorder) OpenPicture(id string, strip bool) ([]byte, error) {
	if _, err := r.library.find(id); err != nil {
		return nil, err
	}
	name := pictureName(id)
	if strip {
		name = stripName(id)
	}
	content, err := os.ReadFile(r.library.path(name))
	if errors.Is(err, os.ErrNotExist) {
		err = ErrNotFound
	}
	return content, err
}
