package rtmp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// ErrProtocol is wrapped by all errors about what the peer sent, as opposed to errors of the connection.
var ErrProtocol = errors.New("rtmp: protocol violation")

// Limits bound what a peer can make a Reader hold.
type Limits struct {
	// Message is the largest body of a sound, picture or data message in bytes, Command that of all others.
	Message, Command int
	// Streams is how many chunk streams may be used.
	Streams int
	// Pending bounds the unfinished messages of all chunk streams together, in bytes.
	Pending int
}

var (
	// DefaultLimits suit a publisher of up to about 100 Mbit/s.
	DefaultLimits = Limits{Message: 8 << 20, Command: 64 << 10, Streams: 32, Pending: 12 << 20}
	// DialogueLimits suit whoever has yet to say what they want: commands, and no media.
	DialogueLimits = Limits{Message: 64 << 10, Command: 64 << 10, Streams: 32, Pending: 128 << 10}
)

// InitialChunkSize is the size of chunks in either direction until Set Chunk Size (section 5.4.1).
const InitialChunkSize = 128

const (
	maxChunkSize = 16 << 20
	// growStep is how much of a body is allocated before any of it has come.
	growStep = 64 << 10
)

// Reader puts chunks together to messages (section 5.3). It belongs to one goroutine.
type Reader struct {
	src      io.Reader
	br       *bufio.Reader // nil while it rests
	limits   Limits
	chunk    int
	streams  map[uint32]*chunkStream
	pending  int
	received uint32
}

type chunkStream struct {
	id        uint32
	typ       Type
	stream    uint32
	timestamp uint32
	field     uint32 // the timestamp field of the last header: what a type 3 chunk that begins a message repeats
	extended  bool
	length    int
	body      []byte
	inside    bool // a message has begun and is not complete
}

// NewReader reads from r, which should deliver what has come without waiting for more.
func NewReader(r io.Reader, limits Limits) *Reader {
	return &Reader{src: r, limits: limits, chunk: InitialChunkSize, streams: map[uint32]*chunkStream{}}
}

// Limit bounds what comes from the next message on.
func (r *Reader) Limit(l Limits) { r.limits = l }

// Received counts bytes for acknowledgements (section 5.4.3); it wraps.
func (r *Reader) Received() uint32 { return r.received }

// Buffered is how many bytes have been read from the connection and not yet used.
func (r *Reader) Buffered() int {
	if r.br == nil {
		return 0
	}
	return r.br.Buffered()
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 16<<10) }}

// Rest gives the buffer back until the next Read, and tells whether it could: not while there is something in it.
func (r *Reader) Rest() bool {
	if r.Buffered() > 0 {
		return false
	}
	if r.br != nil {
		r.br.Reset(nil)
		readers.Put(r.br)
		r.br = nil
	}
	return true
}

// Read gives the next message. Set Chunk Size and Abort have been obeyed when they are given: whoever reads may rest after any message.
func (r *Reader) Read() (Message, error) {
	if r.br == nil {
		r.br = readers.Get().(*bufio.Reader)
		r.br.Reset(r.src)
	}
	for {
		s, err := r.readChunk()
		if err != nil {
			return Message{}, err
		}
		if len(s.body) < s.length {
			continue
		}
		m := Message{ChunkStream: s.id, Type: s.typ, Stream: s.stream, Timestamp: s.timestamp, Body: s.body}
		r.pending -= len(s.body)
		s.body, s.inside = nil, false
		switch m.Type {
		case TypeSetChunkSize:
			if err := r.setChunkSize(m.Body); err != nil {
				return Message{}, err
			}
		case TypeAbort:
			r.abort(m.Body)
		}
		return m, nil
	}
}

func (r *Reader) readChunk() (*chunkStream, error) {
	format, id, err := r.basicHeader()
	if err != nil {
		return nil, err
	}
	s, err := r.chunkStream(id, format)
	if err != nil {
		return nil, err
	}
	if err := r.messageHeader(s, format); err != nil {
		return nil, err
	}
	return s, r.payload(s, min(r.chunk, s.length-len(s.body)))
}

// basicHeader reads a chunk's format and chunk stream (section 5.3.1.1).
func (r *Reader) basicHeader() (format byte, id uint32, err error) {
	b, err := r.take(1)
	if err != nil {
		return 0, 0, err
	}
	format, id = b[0]>>6, uint32(b[0]&0x3f)
	switch id {
	case 0:
		if b, err = r.take(1); err != nil {
			return 0, 0, unexpected(err)
		}
		id = 64 + uint32(b[0])
	case 1:
		if b, err = r.take(2); err != nil {
			return 0, 0, unexpected(err)
		}
		id = 64 + uint32(b[0]) + uint32(b[1])<<8
	}
	return format, id, nil
}

func (r *Reader) chunkStream(id uint32, format byte) (*chunkStream, error) {
	if s := r.streams[id]; s != nil {
		return s, nil
	}
	// A first chunk of type 1 is against the specification, but some encoders send one.
	if format > 1 {
		return nil, fmt.Errorf("%w: chunk stream %d begins with a chunk of type %d", ErrProtocol, id, format)
	}
	if len(r.streams) >= r.limits.Streams {
		return nil, fmt.Errorf("%w: more than %d chunk streams", ErrProtocol, r.limits.Streams)
	}
	s := &chunkStream{id: id}
	r.streams[id] = s
	return s, nil
}

// messageHeader reads the header of a chunk (sections 5.3.1.2 and 5.3.1.3).
func (r *Reader) messageHeader(s *chunkStream, format byte) error {
	if s.inside && format != 3 {
		return fmt.Errorf("%w: chunk of type %d inside a message", ErrProtocol, format)
	}
	b, err := r.take([4]int{11, 7, 3, 0}[format])
	if err != nil {
		return unexpected(err)
	}
	if format <= 2 {
		s.field = uint24(b)
	}
	if format <= 1 {
		s.length, s.typ = int(uint24(b[3:])), Type(b[6])
	}
	if format == 0 {
		s.stream = binary.LittleEndian.Uint32(b[7:])
	}
	if err := r.extendedTimestamp(s, format); err != nil {
		return err
	}
	if s.inside {
		return nil
	}
	if format == 0 {
		s.timestamp = s.field
	} else {
		s.timestamp += s.field
	}
	limit := r.limits.Command
	switch s.typ {
	case TypeAudio, TypeVideo, TypeDataAMF0, TypeDataAMF3, TypeAggregate:
		limit = r.limits.Message
	}
	if s.length > limit {
		return fmt.Errorf("%w: message of type %d with %d bytes, at most %d are allowed", ErrProtocol, s.typ, s.length, limit)
	}
	s.inside = true
	return nil
}

func (r *Reader) extendedTimestamp(s *chunkStream, format byte) error {
	if format <= 2 {
		s.extended = s.field == 0xffffff
	}
	if !s.extended {
		return nil
	}
	if format == 3 {
		// Some encoders leave the extended timestamp out of chunks of type 3, so it counts only when it repeats.
		b, err := r.br.Peek(4)
		if err != nil {
			return unexpected(err)
		}
		if binary.BigEndian.Uint32(b) != s.field {
			return nil
		}
	}
	b, err := r.take(4)
	if err != nil {
		return unexpected(err)
	}
	s.field = binary.BigEndian.Uint32(b)
	return nil
}

// payload reads n bytes of a body, which is allocated as it comes: a length that a peer only claims costs nothing.
func (r *Reader) payload(s *chunkStream, n int) error {
	if r.pending+n > r.limits.Pending {
		return fmt.Errorf("%w: more than %d bytes of unfinished messages", ErrProtocol, r.limits.Pending)
	}
	for n > 0 {
		have := len(s.body)
		if have == cap(s.body) {
			bigger := make([]byte, have, min(s.length, max(growStep, 2*have)))
			copy(bigger, s.body)
			s.body = bigger
		}
		step := min(n, cap(s.body)-have)
		read, err := io.ReadFull(r.br, s.body[have:have+step])
		r.received += uint32(read)
		if err != nil {
			return unexpected(err)
		}
		s.body = s.body[:have+step]
		r.pending += step
		n -= step
	}
	return nil
}

func (r *Reader) setChunkSize(body []byte) error {
	if len(body) < 4 {
		return fmt.Errorf("%w: Set Chunk Size of %d bytes", ErrProtocol, len(body))
	}
	n := binary.BigEndian.Uint32(body)
	if n == 0 || n > 1<<31-1 {
		return fmt.Errorf("%w: chunk size %d", ErrProtocol, n)
	}
	r.chunk = int(min(n, maxChunkSize))
	return nil
}

func (r *Reader) abort(body []byte) {
	if len(body) < 4 {
		return
	}
	if s := r.streams[binary.BigEndian.Uint32(body)]; s != nil {
		r.pending -= len(s.body)
		s.body, s.inside = nil, false
	}
}

// take reads a few bytes, valid until the next read.
func (r *Reader) take(n int) ([]byte, error) {
	b, err := r.br.Peek(n)
	if err != nil {
		return nil, err
	}
	r.received += uint32(n)
	_, err = r.br.Discard(n)
	return b, err
}

// unexpected turns the end of the connection inside a chunk into what it is.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func uint24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }
