package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	// From is which second of the recording the first one is of: before the first, where files of it were deleted since. Every is how many
	// seconds they are apart.
	From  float64 `json:"from"`
	Every float64 `json:"every"`
	Count int     `json:"count"`
	// Width and Height are those of each, Columns is how many are in a row.
	Columns int `json:"columns"`
	Width   int `json:"width"`
	Height  int `json:"height"`
}

func pictureName(id string) string { return id + ".jpg" }
func stripName(id string) string   { return id + "-strip.jpg" }

// photographer takes pictures of a show while it is recorded. It belongs to one goroutine. Its times are counted from the first tile on, in what is
// recorded.
type photographer struct {
	library *library
	id      string
	take    func() ([]byte, error)
	tiles   []*image.RGBA
	every   time.Duration
	known   float64   // what the recording had when it was looked at last
	since   time.Time // when it had become so long
}

// run takes pictures until ctx ends. Where this server decodes none there are none.
func (p *photographer) run(ctx context.Context) {
	p.begin()
	tick := time.NewTicker(lookEvery / 4)
	defer tick.Stop()
	for next := p.due(len(p.tiles)); ; {
		if p.reached() < next {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			continue
		}
		picture, err := p.take()
		if errors.Is(err, studio.ErrCannotDecode) || ctx.Err() != nil {
			return
		}
		if err == nil {
			err = p.add(picture)
		}
		if err != nil && !errors.Is(err, studio.ErrNoPicture) && !errors.Is(err, studio.ErrNotLive) {
			p.library.log.Warn("taking a picture of a recording", "recording", p.id, "error", err)
		}
		next = p.due(max(len(p.tiles), int((p.reached()-firstPicture)/p.every)+1))
	}
}

// begin takes up the strip of what was recorded before, if there is one.
func (p *photographer) begin() {
	p.every = tileEvery
	e, err := p.library.find(p.id)
	if err != nil || e.Strip == nil {
		return
	}
	content, err := os.ReadFile(p.library.path(stripName(p.id)))
	if err == nil {
		p.tiles, err = cutStrip(content, *e.Strip)
	}
	if err != nil {
		p.library.log.Warn("what a recording's strip had is lost", "recording", p.id, "error", err)
		return
	}
	p.every = seconds(e.Strip.Every)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// due is when a tile is taken.
func (p *photographer) due(n int) time.Duration { return firstPicture + time.Duration(n)*p.every }

// reached is how far the recording is. Its session tells that each lookEvery.
func (p *photographer) reached() time.Duration {
	e, err := p.library.find(p.id)
	if err != nil { // deleted; who does that ends the session
		return 0
	}
	if e.Duration != p.known || p.since.IsZero() {
		p.known, p.since = e.Duration, time.Now()
	}
	return seconds(e.Duration) + min(time.Since(p.since), lookEvery) - e.stripFrom()
}

func (e *entry) stripFrom() time.Duration {
	if e.Strip == nil {
		return 0
	}
	return seconds(e.Strip.From)
}

// add keeps a picture: the first one as it is, and each small in the strip.
func (p *photographer) add(picture []byte) error {
	full, err := jpeg.Decode(bytes.NewReader(picture))
	if err != nil {
		return err
	}
	if _, err := os.Stat(p.library.path(pictureName(p.id))); errors.Is(err, os.ErrNotExist) {
		if err := p.library.replace(pictureName(p.id), picture); err != nil {
			return err
		}
	}
	e, err := p.library.find(p.id)
	if err != nil {
		return err
	}
	left := p.leave(-e.stripFrom())
	p.append(tile(full), p.reached()-left)
	strip, err := drawStrip(p.tiles)
	if err != nil {
		return err
	}
	if err := p.library.replace(stripName(p.id), strip); err != nil {
		return err
	}
	_, err = p.library.change(p.id, true, func(e *entry) {
		e.Pictured = true
		e.Strip = &Strip{
			From: (e.stripFrom() + left).Seconds(), Every: p.every.Seconds(), Count: len(p.tiles), Columns: tileAcross, Width: tileWidth, Height: tileHeight,
		}
	})
	return err
}

// leave leaves out tiles of what was deleted of the beginning, and tells of how much.
func (p *photographer) leave(deleted time.Duration) time.Duration {
	n := int(deleted / p.every)
	p.tiles = p.tiles[min(n, len(p.tiles)):]
	return time.Duration(n) * p.every
}

// append adds a tile at a time. Where none could be taken before, that of the time before is shown.
func (p *photographer) append(t *image.RGBA, at time.Duration) {
	for {
		if len(p.tiles) == mostTiles {
			for i := range mostTiles / 2 {
				p.tiles[i] = p.tiles[2*i]
			}
			clear(p.tiles[mostTiles/2:])
			p.tiles, p.every = p.tiles[:mostTiles/2], 2*p.every
		}
		before := t
		if n := len(p.tiles); n > 0 {
			before = p.tiles[n-1]
		}
		if at < p.due(len(p.tiles)+1) {
			p.tiles = append(p.tiles, t)
			return
		}
		p.tiles = append(p.tiles, before)
	}
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

// cutStrip is the reverse of drawStrip.
func cutStrip(content []byte, s Strip) ([]*image.RGBA, error) {
	whole, err := jpeg.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	rows := (s.Count + tileAcross - 1) / tileAcross
	size := whole.Bounds().Size()
	if s.Columns != tileAcross || s.Width != tileWidth || s.Height != tileHeight || s.Every <= 0 || s.Count > mostTiles || size != image.Pt(min(s.Count, tileAcross)*tileWidth, rows*tileHeight) {
		return nil, fmt.Errorf("a strip of %v is not of %+v", size, s)
	}
	tiles := make([]*image.RGBA, s.Count)
	for i := range tiles {
		tiles[i] = image.NewRGBA(image.Rect(0, 0, tileWidth, tileHeight))
		draw.Draw(tiles[i], tiles[i].Bounds(), whole, image.Pt(i%tileAcross*tileWidth, i/tileAcross*tileHeight), draw.Src)
	}
	return tiles, nil
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
