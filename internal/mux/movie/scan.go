package movie

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"
)

// maxHeaderBox bounds the boxes that are read as a whole.
const maxHeaderBox = 16 << 20

// contents is what is in a file.
type contents struct {
	hole     int64 // where the hole is
	end      int64 // of what is complete
	finished bool
	length   time.Duration // of a finished one, and after indexing
	tracks   []*samples
	trex     map[uint32]*mp4.TrexBox
}

// samples is a track as it is collected.
type samples struct {
	id            uint32
	kind          string // of its handler: "vide", "soun"
	timescale     uint32
	width, height mp4.Fixed32
	entries       []mp4.Box // sample descriptions
	encoded       [][]byte  // the same as bytes
	entry         uint32    // the one that holds, from 1

	begin, ended uint64 // in ticks
	sizes        []uint32
	lengths      runs
	offsets      runs // of presentation times, as signed numbers
	sync         []uint32
	chunks       []chunk
}

type chunk struct {
	offset int64
	count  uint32
	entry  uint32
}

// runs is a list in which equal neighbours are counted.
type runs struct{ count, value []uint32 }

func (r *runs) add(v uint32) {
	if n := len(r.value); n > 0 && r.value[n-1] == v {
		r.count[n-1]++
		return
	}
	r.count, r.value = append(r.count, 1), append(r.value, v)
}

// stretch makes the last sample longer.
func (r *runs) stretch(by uint32) {
	n := len(r.value)
	v := r.value[n-1]
	if r.count[n-1]--; r.count[n-1] == 0 {
		r.count, r.value = r.count[:n-1], r.value[:n-1]
	}
	r.add(v + by)
}

// scan reads a file up to where it is no longer complete. A disk that fails is no end of the file.
func scan(f io.ReaderAt, size int64) (*contents, error) {
	w := &watched{ReaderAt: f}
	c, err := scanWhole(w, size)
	if w.err != nil {
		return nil, fmt.Errorf("movie: reading: %w", w.err)
	}
	return c, err
}

// watched remembers that reading failed.
type watched struct {
	io.ReaderAt
	err error
}

func (w *watched) ReadAt(b []byte, at int64) (int, error) {
	n, err := w.ReaderAt.ReadAt(b, at)
	if err != nil && !errors.Is(err, io.EOF) && w.err == nil {
		w.err = err
	}
	return n, err
}

func scanWhole(f io.ReaderAt, size int64) (*contents, error) {
	c := &contents{hole: -1, trex: map[uint32]*mp4.TrexBox{}}
	var moof *mp4.MoofBox
	var moofAt int64
	for at := int64(0); ; {
		kind, length, ok := header(f, at, size)
		if !ok || c.hole < 0 && kind != "ftyp" && kind != "free" && kind != "mdat" {
			return c, nil
		}
		switch kind {
		case "free":
			if c.hole < 0 {
				if length != holeSize {
					return nil, fmt.Errorf("movie: a hole of %d bytes", length)
				}
				c.hole = at
			}
		case "moov":
			box, err := decode(f, at, length)
			if err != nil {
				return c, nil
			}
			moov, ok := box.(*mp4.MoovBox)
			if !ok || moov.Mvex == nil {
				return c, nil // an index whose header was not written any more
			}
			if err := c.describe(moov); err != nil {
				return nil, err
			}
			c.end = at + length
		case "moof":
			box, err := decode(f, at, length)
			if err != nil {
				return c, nil
			}
			moof, _ = box.(*mp4.MoofBox)
			moofAt = at
		case "mdat":
			if c.hole < 0 {
				return c, c.readFinished(f, at+length, size)
			}
			if moof == nil || !c.collect(moof, moofAt, at+length) {
				return c, nil
			}
			moof = nil
			c.end = at + length
		}
		at += length
	}
}

// header reads that of the box at a place; not ok where no complete box is.
func header(f io.ReaderAt, at, size int64) (kind string, length int64, ok bool) {
	var b [holeSize]byte
	n, _ := f.ReadAt(b[:], at)
	if n < 8 {
		return "", 0, false
	}
	length = int64(binary.BigEndian.Uint32(b[:]))
	if length == 1 && n == holeSize {
		length = int64(binary.BigEndian.Uint64(b[8:]))
	}
	return string(b[4:8]), length, length >= 8 && length <= size-at
}

func decode(f io.ReaderAt, at, length int64) (mp4.Box, error) {
	if length > maxHeaderBox {
		return nil, fmt.Errorf("movie: a box of %d bytes", length)
	}
	b := make([]byte, length)
	if _, err := f.ReadAt(b, at); err != nil {
		return nil, err
	}
	return mp4.DecodeBoxSR(uint64(at), bits.NewFixedSliceReader(b))
}

// readFinished looks how long a finished movie is.
func (c *contents) readFinished(f io.ReaderAt, at, size int64) error {
	kind, length, ok := header(f, at, size)
	if !ok || kind != "moov" {
		return fmt.Errorf("movie: the index is missing")
	}
	c.finished = true
	var b [128]byte
	if n, _ := f.ReadAt(b[:], at+8); n == len(b) && string(b[4:8]) == "mvhd" && length > int64(n) {
		if box, err := mp4.DecodeBoxSR(0, bits.NewFixedSliceReader(b[:])); err == nil {
			if mvhd, ok := box.(*mp4.MvhdBox); ok && mvhd.Timescale > 0 {
				c.length = time.Duration(mvhd.Duration * 1000 / uint64(mvhd.Timescale) * uint64(time.Millisecond))
			}
		}
	}
	return nil
}

// describe takes up what a moov says of the tracks from here on.
func (c *contents) describe(moov *mp4.MoovBox) error {
	for _, trex := range moov.Mvex.Trexs {
		c.trex[trex.TrackID] = trex
	}
	for _, trak := range moov.Traks {
		stsd := trak.Mdia.Minf.Stbl.Stsd
		if len(stsd.Children) != 1 || trak.Mdia.Mdhd.Timescale == 0 {
			return fmt.Errorf("movie: track %d has %d descriptions", trak.Tkhd.TrackID, len(stsd.Children))
		}
		t := c.track(trak.Tkhd.TrackID)
		if t == nil {
			t = &samples{id: trak.Tkhd.TrackID, kind: trak.Mdia.Hdlr.HandlerType, timescale: trak.Mdia.Mdhd.Timescale}
			c.tracks = append(c.tracks, t)
		}
		if t.timescale != trak.Mdia.Mdhd.Timescale {
			return fmt.Errorf("movie: track %d changes its clock", t.id)
		}
		// Players make room for the largest picture.
		t.width, t.height = max(t.width, trak.Tkhd.Width), max(t.height, trak.Tkhd.Height)
		var b bytes.Buffer
		if err := stsd.Children[0].Encode(&b); err != nil {
			return fmt.Errorf("movie: track %d: %w", t.id, err)
		}
		t.entry = 0
		for i, known := range t.encoded {
			if bytes.Equal(known, b.Bytes()) {
				t.entry = uint32(i + 1)
			}
		}
		if t.entry == 0 {
			t.entries, t.encoded = append(t.entries, stsd.Children[0]), append(t.encoded, b.Bytes())
			t.entry = uint32(len(t.entries))
		}
	}
	return nil
}

func (c *contents) track(id uint32) *samples {
	for _, t := range c.tracks {
		if t.id == id {
			return t
		}
	}
	return nil
}

// collect takes up the samples of a fragment that ends at end. It tells whether the fragment is whole.
func (c *contents) collect(moof *mp4.MoofBox, at, end int64) bool {
	for _, traf := range moof.Trafs {
		t := (*samples)(nil)
		if traf.Tfhd != nil {
			t = c.track(traf.Tfhd.TrackID)
		}
		if t == nil || traf.Tfdt == nil || traf.Trun == nil || len(traf.Trun.Samples) == 0 {
			return false
		}
		trun := traf.Trun
		trun.AddSampleDefaultValues(traf.Tfhd, c.trex[t.id])
		bytes := int64(0)
		for _, s := range trun.Samples {
			bytes += int64(s.Size)
		}
		offset := at + int64(trun.DataOffset)
		if offset < at || offset+bytes > end {
			return false
		}
		t.add(trun.Samples, traf.Tfdt.BaseMediaDecodeTime(), offset)
	}
	return true
}

func (t *samples) add(list []mp4.Sample, start uint64, offset int64) {
	switch {
	case len(t.sizes) == 0:
		t.begin, t.ended = start, start
	case start > t.ended && start-t.ended < 1<<31: // something is missing
		t.lengths.stretch(uint32(start - t.ended))
		t.ended = start
	}
	t.chunks = append(t.chunks, chunk{offset, uint32(len(list)), t.entry})
	for _, s := range list {
		t.sizes = append(t.sizes, s.Size)
		t.lengths.add(s.Dur)
		t.offsets.add(uint32(s.CompositionTimeOffset))
		if s.IsSync() {
			t.sync = append(t.sync, uint32(len(t.sizes)))
		}
		t.ended += uint64(s.Dur)
	}
}
