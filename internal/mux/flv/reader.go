package flv

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Tag is one tag of an FLV stream. Its body belongs to whoever read it.
type Tag struct {
	Type TagType
	// Timestamp is in milliseconds and wraps.
	Timestamp uint32
	Body      []byte
}

// Tags goes through the tags that a Muxer wrote, sharing their bytes. It ends at the first that is cut short.
func Tags(b []byte) iter.Seq[Tag] {
	return func(yield func(Tag) bool) {
		for len(b) >= tagHeaderSize {
			t, size := tagHeader(b)
			end := tagHeaderSize + size
			if len(b) < end+4 {
				return
			}
			t.Body = b[tagHeaderSize:end:end]
			if !yield(t) {
				return
			}
			b = b[end+4:]
		}
	}
}

func tagHeader(h []byte) (t Tag, size int) {
	return Tag{
		Type:      TagType(h[0] & 0x1f),
		Timestamp: uint32(h[7])<<24 | uint32(h[4])<<16 | uint32(h[5])<<8 | uint32(h[6]),
	}, int(binary.BigEndian.Uint32(h) & 0xffffff)
}

// Reader reads the tags of an FLV stream. It belongs to one goroutine.
type Reader struct {
	br     *bufio.Reader
	tracks Tracks
	begun  bool
}

// NewReader reads an FLV stream from r.
func NewReader(r io.Reader) *Reader { return &Reader{br: bufio.NewReaderSize(r, 32<<10)} }

// Tracks is what the file header announced, after the first tag.
func (r *Reader) Tracks() Tracks { return r.tracks }

// Next reads a tag. It fails with io.EOF at the end of the stream.
func (r *Reader) Next() (Tag, error) {
	if !r.begun {
		if err := r.fileHeader(); err != nil {
			return Tag{}, err
		}
		r.begun = true
	}
	var h [tagHeaderSize]byte
	if _, err := io.ReadFull(r.br, h[:]); err != nil {
		return Tag{}, fmt.Errorf("reading a tag: %w", err)
	}
	t, size := tagHeader(h[:])
	if h[0]&0x20 != 0 {
		return Tag{}, unsupported("encrypted tag")
	}
	var err error
	if t.Body, err = r.body(size); err != nil {
		return Tag{}, err
	}
	return t, nil
}

// body reads size bytes, allocated as they come, and the size of the tag after them.
func (r *Reader) body(size int) ([]byte, error) {
	const step = 64 << 10
	b := make([]byte, 0, min(size, step))
	for len(b) < size {
		n := min(size-len(b), step)
		b = append(b, make([]byte, n)...)
		if _, err := io.ReadFull(r.br, b[len(b)-n:]); err != nil {
			return nil, cut(err)
		}
	}
	var trailer [4]byte
	if _, err := io.ReadFull(r.br, trailer[:]); err != nil {
		return nil, cut(err)
	}
	if got := binary.BigEndian.Uint32(trailer[:]); got != uint32(size+tagHeaderSize) {
		return nil, malformed("tag of %d bytes followed by a size of %d", size+tagHeaderSize, got)
	}
	return b, nil
}

func (r *Reader) fileHeader() error {
	var h [fileHeaderSize + 4]byte
	if _, err := io.ReadFull(r.br, h[:]); err != nil {
		return fmt.Errorf("reading the file header: %w", err)
	}
	if string(h[:3]) != "FLV" || h[3] != 1 || binary.BigEndian.Uint32(h[5:]) != fileHeaderSize {
		return malformed("no FLV file header")
	}
	r.tracks = Tracks{Video: h[4]&1 != 0, Audio: h[4]&4 != 0}
	return nil
}

func cut(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading a tag: %w", err)
}
