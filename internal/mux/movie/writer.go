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

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/fmp4"
)

const (
	// fragmentLength is how much is written at a time.
	fragmentLength = 500 * time.Millisecond
	// bothWait is how long the first frames wait for those of the other kind, so that the beginning says what there is.
	bothWait = time.Second
	// soundSlack is how far sound may lie from where the frame before it ends and still count as following it.
	soundSlack = 60 * time.Millisecond
	// pictureLength is what the last picture of all gets where nothing says how long it is.
	pictureLength = time.Second / 30
	// holeSize is that of the header of a large box.
	holeSize = 16
)

// ErrNewFile tells that a frame has another codec, or its sound another rate, than the file, which cannot go on with it.
var ErrNewFile = errors.New("movie: another codec or rate of sound needs another file")

// Writer turns frames into a movie. It belongs to one goroutine; whoever made it closes it.
type Writer struct {
	out      io.Writer
	early    []*media.Frame // until it is known what there is
	opened   bool
	start    time.Duration // DTS of the first frame
	began    time.Duration // DTS of the first frame of the fragment, while there is one
	filling  bool
	last     time.Duration
	lanes    [media.Video + 1]lane
	sequence uint32
	bytes    int64
}

// lane is one track. Each frame waits for the next one, which tells how long it lasts.
type lane struct {
	track  *fmp4.Track
	held   *media.Frame
	heldAt int64
	run    fmp4.Run
	length uint32 // of the last sample
}

// NewWriter makes a writer. It writes whole boxes, so what was written before a Write that fails is a movie.
func NewWriter(out io.Writer) *Writer { return &Writer{out: out} }

// Bytes is how much was written, Length how much time it holds.
func (w *Writer) Bytes() int64 { return w.bytes }

// Length is the time from the first frame to the last.
func (w *Writer) Length() time.Duration { return w.last - w.start }

// Formats are those of the picture and the sound at the moment, nil where there is none.
func (w *Writer) Formats() (picture, sound *media.Format) {
	format := func(k media.Kind) *media.Format {
		if t := w.lanes[k].track; t != nil {
			return t.Format()
		}
		return nil
	}
	return format(media.Video), format(media.Audio)
}

// WriteFrame takes the next frame. Frames come in order of DTS, as a program's reader gives them. It fails with ErrNewFile,
// having taken nothing, where this frame cannot be in the same file; with what package fmp4 says where it can be in none;
// else with the error of the underlying writer.
func (w *Writer) WriteFrame(f *media.Frame) error {
	if w.opened {
		return w.write(f)
	}
	if f.Kind() == media.Video && !f.Keyframe && !w.has(media.Video) {
		return nil // nobody could decode it
	}
	if _, err := fmp4.NewTrack(1, f.Format); err != nil {
		return fmt.Errorf("frame of %v: %w", f.Format.Codec, err)
	}
	w.early = append(w.early, f)
	if w.has(media.Video) && w.has(media.Audio) || f.DTS-w.early[0].DTS > bothWait {
		return w.open()
	}
	return nil
}

func (w *Writer) has(k media.Kind) bool {
	for _, f := range w.early {
		if f.Kind() == k {
			return true
		}
	}
	return false
}

// open writes the beginning and the early frames.
func (w *Writer) open() error {
	if w.opened || len(w.early) == 0 {
		return nil
	}
	for _, f := range w.early {
		if l := &w.lanes[f.Kind()]; l.track == nil {
			if err := l.describe(f.Format); err != nil {
				return err
			}
		}
	}
	early := w.early
	w.opened, w.early, w.start, w.last = true, nil, early[0].DTS, early[0].DTS
	head, err := beginning()
	if err != nil {
		return err
	}
	moov, err := w.moov()
	if err != nil {
		return err
	}
	if err := w.put(append(head, moov...)); err != nil {
		return err
	}
	for _, f := range early {
		if err := w.write(f); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) write(f *media.Frame) error {
	l := &w.lanes[f.Kind()]
	changed := l.track == nil || !sameFormat(l.track.Format(), f.Format)
	switch {
	case changed && l.track != nil && l.track.Format().Codec != f.Format.Codec, changed && l.track != nil && l.rate(f.Format) != l.track.Timescale:
		return ErrNewFile
	case l.held == nil && len(l.run.Samples) == 0 && l.length == 0 && !f.Keyframe:
		return nil
	}
	if w.filling && f.DTS-w.began >= fragmentLength {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if changed {
		fresh := lane{}
		if err := fresh.describe(f.Format); err != nil {
			return err
		}
		l.release(l.place(fresh.track, f, w.start))
		if err := w.flush(); err != nil {
			return err
		}
		l.track = fresh.track
		moov, err := w.moov()
		if err != nil {
			return err
		}
		if err := w.put(moov); err != nil {
			return err
		}
	}
	at := l.place(l.track, f, w.start)
	l.release(at)
	if f.Keyframe && f.Kind() == media.Video && w.filling { // so that what is played piece by piece has pieces to begin with
		if err := w.flush(); err != nil {
			return err
		}
	}
	if !w.filling {
		w.filling, w.began = true, f.DTS
	}
	l.held, l.heldAt = f, at
	w.last = max(w.last, f.DTS)
	return nil
}

// Close writes what is left. The writer is of no use afterwards.
func (w *Writer) Close() error {
	if err := w.open(); err != nil {
		return err
	}
	for i := range w.lanes {
		l := &w.lanes[i]
		if l.held == nil {
			continue
		}
		length := int64(l.length)
		if d := l.held.Duration; d > 0 {
			length = l.track.Ticks(d)
		}
		if length == 0 {
			length = l.track.Ticks(pictureLength)
		}
		l.release(l.heldAt + length)
	}
	return w.flush()
}

func (l *lane) describe(f *media.Format) (err error) {
	id := uint32(1)
	if f.Kind() == media.Audio {
		id = 2
	}
	l.track, err = fmp4.NewTrack(id, f)
	return err
}

// rate is the timescale that a format has: it cannot change within a track.
func (l *lane) rate(f *media.Format) uint32 {
	if f.Codec == media.AAC {
		return uint32(f.SampleRate)
	}
	return l.track.Timescale
}

// place is where a frame belongs on the track's clock: after the one before it; sound that follows on closely right at its end,
// so that what a clock jitters is not heard.
func (l *lane) place(t *fmp4.Track, f *media.Frame, start time.Duration) int64 {
	at := t.Ticks(f.DTS - start)
	if l.held == nil {
		return max(at, 0)
	}
	if d := l.held.Duration; d > 0 && f.Kind() == media.Audio {
		next := l.heldAt + t.Ticks(d)
		if slack := t.Ticks(soundSlack); at-next < slack && next-at < slack {
			return next
		}
	}
	return max(at, l.heldAt+1)
}

// release puts the frame that waits into the run, now that it is known when the next one begins.
func (l *lane) release(next int64) {
	if l.held == nil {
		return
	}
	if len(l.run.Samples) == 0 {
		l.run.Track, l.run.Start = l.track, uint64(l.heldAt)
	}
	const longest = 1<<32 - 1
	l.length = uint32(min(next-l.heldAt, longest))
	l.run.Samples = append(l.run.Samples, fmp4.Sample{
		Payload: l.held.Payload, Duration: l.length, Offset: int32(l.track.Ticks(l.held.PTS - l.held.DTS)), Keyframe: l.held.Keyframe,
	})
	l.held = nil
}

// flush writes the fragment.
func (w *Writer) flush() error {
	w.filling = false
	picture, sound := &w.lanes[media.Video].run, &w.lanes[media.Audio].run
	if len(picture.Samples)+len(sound.Samples) == 0 {
		return nil
	}
	w.sequence++
	fragment, err := fmp4.Fragment(w.sequence, *picture, *sound)
	for _, run := range []*fmp4.Run{picture, sound} {
		clear(run.Samples)
		run.Samples = run.Samples[:0]
	}
	if err != nil {
		return err
	}
	return w.put(fragment)
}

func (w *Writer) put(b []byte) error {
	n, err := w.out.Write(b)
	if err != nil {
		return err
	}
	w.bytes += int64(n)
	return nil
}

// beginning is what a movie begins with: its type, and the hole.
func beginning() ([]byte, error) {
	ftyp := mp4.NewFtyp("isom", 0x200, []string{"isom", "iso6", "mp41"})
	out := bits.NewFixedSliceWriter(int(ftyp.Size()))
	if err := ftyp.EncodeSW(out); err != nil {
		return nil, fmt.Errorf("movie: %w", err)
	}
	b := binary.BigEndian.AppendUint32(out.Bytes(), holeSize)
	b = append(b, "free"...)
	return append(b, make([]byte, holeSize-8)...), nil
}

// moov describes the tracks.
func (w *Writer) moov() ([]byte, error) {
	var tracks []*fmp4.Track
	for _, k := range []media.Kind{media.Video, media.Audio} {
		if t := w.lanes[k].track; t != nil {
			tracks = append(tracks, t)
		}
	}
	init, err := fmp4.Init(tracks...)
	if err != nil {
		return nil, err
	}
	return init[binary.BigEndian.Uint32(init):], nil // without the file's type
}

func sameFormat(a, b *media.Format) bool {
	return a == b || a.Codec == b.Codec && a.Width == b.Width && a.Height == b.Height && a.SampleRate == b.SampleRate && a.Channels == b.Channels &&
		bytes.Equal(a.SPS, b.SPS) && bytes.Equal(a.PPS, b.PPS) && bytes.Equal(a.VPS, b.VPS) && bytes.Equal(a.Config, b.Config)
}
