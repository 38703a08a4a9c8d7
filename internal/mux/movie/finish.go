package movie

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"
)

// File is what Finish works on; *os.File is one.
type File interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Sync() error
}

// ErrEmpty tells that nothing can be played of a file.
var ErrEmpty = errors.New("movie: there is nothing in the file")

// Summary is what a finished movie holds.
type Summary struct {
	Bytes  int64
	Length time.Duration
	// Tracks are 1 or 2, Pictures and Sounds how many frames of each there are.
	Tracks, Pictures, Sounds int
}

// Finish makes a seekable movie of what a Writer wrote, in place. What was not written completely at the end is cut off. A
// movie that is finished already is left as it is. size is the file's.
func Finish(f File, size int64) (s Summary, err error) {
	defer func() {
		if r := recover(); r != nil { // the file may be damaged, and the parser is not ours
			err = fmt.Errorf("movie: damaged file: %v", r)
		}
	}()
	c, err := scan(f, size)
	if err != nil {
		return Summary{}, err
	}
	if c.finished {
		return Summary{Bytes: size, Length: c.length}, nil
	}
	moov, err := c.index()
	if err != nil {
		return Summary{}, err
	}
	// While the index is being written the file is a fragmented movie with something behind it, and once the header is, it is
	// an ordinary one. The order is kept on disk too.
	if err := f.Truncate(c.end); err != nil {
		return Summary{}, fmt.Errorf("movie: %w", err)
	}
	if _, err := f.WriteAt(moov, c.end); err != nil {
		return Summary{}, errors.Join(fmt.Errorf("movie: writing the index: %w", err), f.Truncate(c.end))
	}
	if err := f.Sync(); err != nil {
		return Summary{}, fmt.Errorf("movie: %w", err)
	}
	header := binary.BigEndian.AppendUint32(nil, 1) // the size follows in 64 bits
	header = append(header, "mdat"...)
	header = binary.BigEndian.AppendUint64(header, uint64(c.end-c.hole))
	if _, err := f.WriteAt(header, c.hole); err != nil {
		return Summary{}, fmt.Errorf("movie: %w", err)
	}
	s = Summary{Bytes: c.end + int64(len(moov)), Length: c.length, Tracks: len(c.tracks)}
	for _, t := range c.tracks {
		if t.kind == "soun" {
			s.Sounds += len(t.sizes)
		} else {
			s.Pictures += len(t.sizes)
		}
	}
	return s, f.Sync()
}

// index makes the moov of all samples.
func (c *contents) index() ([]byte, error) {
	const movieScale = 90000
	moov := mp4.NewMoovBox()
	mvhd := mp4.CreateMvhd()
	mvhd.Timescale = movieScale
	moov.AddChild(mvhd)
	for _, t := range c.tracks {
		if len(t.sizes) == 0 {
			continue
		}
		trak, err := t.trak(movieScale)
		if err != nil {
			return nil, err
		}
		moov.AddChild(trak)
		length := t.ended * movieScale / uint64(t.timescale)
		mvhd.Duration = max(mvhd.Duration, length)
		mvhd.NextTrackID = max(mvhd.NextTrackID, t.id+1)
	}
	if len(moov.Children) == 1 {
		return nil, ErrEmpty
	}
	if mvhd.Duration >= 1<<32 {
		mvhd.Version = 1
	}
	c.length = time.Duration(mvhd.Duration * 1000 / movieScale * uint64(time.Millisecond))
	out := bits.NewFixedSliceWriter(int(moov.Size()))
	if err := moov.EncodeSW(out); err != nil {
		return nil, fmt.Errorf("movie: writing the index: %w", err)
	}
	return out.Bytes(), nil
}

// trak describes one track: ISO 14496-12, section 8.3.
func (t *samples) trak(movieScale uint64) (*mp4.TrakBox, error) {
	kind := "video"
	if t.kind == "soun" {
		kind = "audio"
	}
	trak := mp4.CreateEmptyTrak(t.id, t.timescale, kind, "und")
	trak.Tkhd.Width, trak.Tkhd.Height = t.width, t.height
	media := t.ended - t.begin
	trak.Tkhd.Duration = t.ended * movieScale / uint64(t.timescale)
	trak.Mdia.Mdhd.Duration = media
	if trak.Tkhd.Duration >= 1<<32 {
		trak.Tkhd.Version = 1
	}
	if media >= 1<<32 {
		trak.Mdia.Mdhd.Version = 1
	}
	if t.begin > 0 { // it begins later than the movie
		elst := &mp4.ElstBox{Version: 1, Entries: []mp4.ElstEntry{
			{SegmentDuration: t.begin * movieScale / uint64(t.timescale), MediaTime: -1, MediaRateInteger: 1},
			{SegmentDuration: media * movieScale / uint64(t.timescale), MediaTime: 0, MediaRateInteger: 1},
		}}
		edts := &mp4.EdtsBox{Elst: []*mp4.ElstBox{elst}, Children: []mp4.Box{elst}}
		// Before the media, as most players expect.
		trak.Edts = edts
		trak.Children = append([]mp4.Box{trak.Children[0], edts}, trak.Children[1:]...)
	}
	stbl := mp4.NewStblBox()
	stsd := &mp4.StsdBox{}
	for _, entry := range t.entries {
		stsd.AddChild(entry)
	}
	stsz := &mp4.StszBox{SampleNumber: uint32(len(t.sizes)), SampleSize: t.sizes}
	stsc := &mp4.StscBox{}
	before := chunk{}
	offsets := make([]uint64, len(t.chunks))
	large := false
	for i, ch := range t.chunks {
		offsets[i] = uint64(ch.offset)
		large = large || ch.offset >= 1<<32
		if ch.count != before.count || ch.entry != before.entry {
			if err := stsc.AddEntry(uint32(i+1), ch.count, ch.entry); err != nil {
				return nil, fmt.Errorf("movie: %w", err)
			}
		}
		before = ch
	}
	stbl.AddChild(stsd)
	stbl.AddChild(&mp4.SttsBox{SampleCount: t.lengths.count, SampleTimeDelta: t.lengths.value})
	if kind == "video" {
		if len(t.offsets.value) > 1 || t.offsets.value[0] != 0 {
			ctts, signed := &mp4.CttsBox{Version: 1}, make([]int32, len(t.offsets.value))
			for i, v := range t.offsets.value {
				signed[i] = int32(v)
			}
			if err := ctts.AddSampleCountsAndOffset(t.offsets.count, signed); err != nil {
				return nil, fmt.Errorf("movie: %w", err)
			}
			stbl.AddChild(ctts)
		}
		stbl.AddChild(&mp4.StssBox{SampleNumber: t.sync})
	}
	stbl.AddChild(stsc)
	stbl.AddChild(stsz)
	if large {
		stbl.AddChild(&mp4.Co64Box{ChunkOffset: offsets})
	} else {
		short := make([]uint32, len(offsets))
		for i, o := range offsets {
			short[i] = uint32(o)
		}
		stbl.AddChild(&mp4.StcoBox{ChunkOffset: short})
	}
	minf := trak.Mdia.Minf
	for i, child := range minf.Children {
		if child.Type() == "stbl" {
			minf.Children[i] = stbl
		}
	}
	minf.Stbl = stbl
	return trak, nil
}
