package movie

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
)

// pieceLength is how long a piece is at least, and pieceLimit when it ends without waiting for a keyframe any more.
const (
	pieceLength = 4 * time.Second
	pieceLimit  = 20 * time.Second
)

// Piece is a run of whole fragments in a file, mostly from one keyframe to another: what players fetch at a time.
type Piece struct {
	Offset   int64         `json:"offset"`
	Bytes    int64         `json:"bytes"`
	Duration time.Duration `json:"duration"`
	// Header is which of the headers holds, Independent that the piece begins with a keyframe.
	Header      int  `json:"header"`
	Independent bool `json:"independent,omitempty"`
}

// Pieces are a movie as something to be played piece by piece, out of the file as it is.
type Pieces struct {
	// Headers are what a player must have read before a piece: an ftyp and a moov.
	Headers [][]byte `json:"headers"`
	Pieces  []Piece  `json:"pieces"`
}

// ReadPieces finds the pieces of a movie of some size, finished or not.
func ReadPieces(f io.ReaderAt, size int64) (p Pieces, err error) {
	defer func() {
		if r := recover(); r != nil { // the file may be damaged, and the parser is not ours
			p, err = Pieces{}, fmt.Errorf("movie: damaged file: %v", r)
		}
	}()
	kind, length, ok := header(f, 0, size)
	if !ok || kind != "ftyp" || length > maxHeaderBox {
		return Pieces{}, ErrEmpty
	}
	c := cutter{start: make([]byte, length), c: contents{trex: map[uint32]*mp4.TrexBox{}}}
	if _, err := f.ReadAt(c.start, 0); err != nil {
		return Pieces{}, fmt.Errorf("movie: %w", err)
	}
	at, end := length, size
	kind, length, ok = header(f, at, size)
	switch {
	case ok && kind == "free" && length == holeSize:
	case ok && kind == "mdat": // a finished one: what it was before is still inside
		end = at + length
	default:
		return Pieces{}, ErrEmpty
	}
	if err := c.cut(f, at+holeSize, end); err != nil {
		return Pieces{}, err
	}
	if len(c.out.Pieces) == 0 {
		return Pieces{}, ErrEmpty
	}
	return c.out, nil
}

// cutter goes through a movie's fragments.
type cutter struct {
	start []byte // the ftyp
	out   Pieces
	c     contents // for what it knows of tracks

	piece  Piece
	began  time.Duration
	until  time.Duration
	seen   bool // the piece has a picture, if it can have any
	fresh  bool // the header that holds is that of no fragment yet
	header int
}

func (c *cutter) cut(f io.ReaderAt, at, end int64) error {
	var moof *mp4.MoofBox
	var moofAt int64
	for {
		kind, length, ok := header(f, at, end)
		if !ok {
			break
		}
		switch kind {
		case "moov":
			box, err := decode(f, at, length)
			if err != nil {
				return fmt.Errorf("movie: %w", err)
			}
			moov, ok := box.(*mp4.MoovBox)
			if !ok || moov.Mvex == nil {
				return c.end() // an index whose header was not written any more
			}
			if err := c.describe(f, moov, at, length); err != nil {
				return err
			}
		case "moof":
			box, err := decode(f, at, length)
			if err != nil {
				return c.end()
			}
			moof, _ = box.(*mp4.MoofBox)
			moofAt = at
		case "mdat":
			if moof != nil {
				c.take(moof, moofAt, at+length)
			}
			moof = nil
		}
		at += length
	}
	return c.end()
}

// describe takes up another header, if it is one.
func (c *cutter) describe(f io.ReaderAt, moov *mp4.MoovBox, at, length int64) error {
	if err := c.c.describe(moov); err != nil {
		return err
	}
	b := make([]byte, length)
	if _, err := f.ReadAt(b, at); err != nil {
		return fmt.Errorf("movie: %w", err)
	}
	head := append(bytes.Clone(c.start), b...)
	if n := len(c.out.Headers); n > 0 && bytes.Equal(c.out.Headers[n-1], head) {
		return nil
	}
	c.out.Headers = append(c.out.Headers, head)
	c.fresh = true
	return nil
}

// take adds a fragment, of a moof and its mdat.
func (c *cutter) take(moof *mp4.MoofBox, at, end int64) {
	if len(c.out.Headers) == 0 {
		return
	}
	from, until, key, picture, ok := c.look(moof)
	if !ok {
		return
	}
	long := from - c.began
	if c.piece.Bytes == 0 || c.fresh || key && long >= pieceLength || long >= pieceLimit {
		c.finish(from)
		if c.fresh {
			c.header, c.fresh = len(c.out.Headers)-1, false
		}
		c.piece = Piece{Offset: at, Header: c.header}
		c.began, c.seen = from, false
	}
	if !c.seen { // sound may come before the first picture
		c.piece.Independent, c.seen = key, picture || !c.hasPictures()
	}
	c.piece.Bytes = end - c.piece.Offset
	c.until = max(c.until, until)
}

// finish ends a piece where the next one begins.
func (c *cutter) finish(at time.Duration) {
	if c.piece.Bytes > 0 {
		c.piece.Duration = max(at-c.began, time.Millisecond)
		c.out.Pieces = append(c.out.Pieces, c.piece)
	}
	c.piece = Piece{}
}

func (c *cutter) end() error {
	c.finish(c.until)
	return nil
}

// look tells when a fragment begins and ends, and whether with a keyframe, by its pictures where there are any.
func (c *cutter) look(moof *mp4.MoofBox) (from, until time.Duration, key, picture, ok bool) {
	for _, traf := range moof.Trafs {
		t := (*samples)(nil)
		if traf.Tfhd != nil {
			t = c.c.track(traf.Tfhd.TrackID)
		}
		if t == nil || traf.Tfdt == nil || traf.Trun == nil || len(traf.Trun.Samples) == 0 {
			continue
		}
		if ok && t.kind == "soun" {
			continue
		}
		picture = t.kind != "soun"
		traf.Trun.AddSampleDefaultValues(traf.Tfhd, c.c.trex[t.id])
		begin := traf.Tfdt.BaseMediaDecodeTime()
		length := uint64(0)
		for _, s := range traf.Trun.Samples {
			length += uint64(s.Dur)
		}
		from, until = t.time(begin), t.time(begin+length)
		// Sound can be begun with anywhere, but not where there are pictures too.
		key = traf.Trun.Samples[0].IsSync() && (picture || !c.hasPictures())
		ok = true
	}
	return from, until, key, picture, ok
}

func (c *cutter) hasPictures() bool {
	for _, t := range c.c.tracks {
		if t.kind != "soun" {
			return true
		}
	}
	return false
}

// time is what ticks of a track are.
func (t *samples) time(ticks uint64) time.Duration {
	scale := uint64(t.timescale)
	return time.Duration(ticks/scale)*time.Second + time.Duration(ticks%scale)*time.Second/time.Duration(scale)
}
