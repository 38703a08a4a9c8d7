package rtc

import (
	"encoding/binary"
	"errors"
	"io"
)

const (
	// frameHeader is the length that goes before each frame.
	frameHeader = 2
	// What a connection reads at once: it begins small, since not every connection comes to carry media.
	firstFrameBuffer = 4 << 10
	maxFrameBuffer   = 16 << 10
)

// errFrame tells that a stream is not framed as it should be.
var errFrame = errors.New("rtc: frame is longer than any datagram")

// frameReader takes a TCP stream apart into frames (RFC 4571, section 2), each of which is what would be a datagram over
// UDP.
type frameReader struct {
	buffer     []byte
	start, end int
}

// fill reads more of the stream, once. Frames that were given out before are no longer valid.
func (f *frameReader) fill(from io.Reader) error {
	switch {
	case f.buffer == nil:
		f.buffer = make([]byte, firstFrameBuffer)
	case f.end == len(f.buffer) && len(f.buffer) < maxFrameBuffer:
		larger := make([]byte, min(2*len(f.buffer), maxFrameBuffer))
		f.end = copy(larger, f.buffer[f.start:f.end])
		f.buffer, f.start = larger, 0
	case f.start > 0:
		f.end = copy(f.buffer, f.buffer[f.start:f.end])
		f.start = 0
	}
	n, err := from.Read(f.buffer[f.end:])
	f.end += n
	switch {
	case n > 0:
		return nil // an error comes again
	case err == nil:
		return io.ErrNoProgress
	}
	return err
}

// next gives the next frame that is completely there; ok is false when there is none. A frame may be empty.
func (f *frameReader) next() (frame []byte, ok bool, err error) {
	have := f.buffer[f.start:f.end]
	if len(have) < frameHeader {
		return nil, false, nil
	}
	end := frameHeader + int(binary.BigEndian.Uint16(have))
	switch {
	case end-frameHeader > maxDatagram:
		return nil, false, errFrame
	case end > len(have):
		return nil, false, nil
	}
	f.start += end
	return have[frameHeader:end:end], true, nil
}

// appendFrame adds a frame to a stream.
func appendFrame(stream, frame []byte) []byte {
	return append(binary.BigEndian.AppendUint16(stream, uint16(len(frame))), frame...)
}
