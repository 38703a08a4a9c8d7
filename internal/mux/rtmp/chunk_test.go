package rtmp

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	"github.com/bluenviron/gortmplib/pkg/rawmessage"
)

func body(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

// next is the next message that is not about chunks.
func next(r *Reader) (Message, error) {
	for {
		if m, err := r.Read(); err != nil || m.Type != TypeSetChunkSize && m.Type != TypeAbort {
			return m, err
		}
	}
}

func TestWrittenMessagesAreRead(t *testing.T) {
	messages := []Message{
		{ChunkStream: 3, Type: TypeCommandAMF0, Body: body(300)},
		{ChunkStream: 63, Type: TypeVideo, Stream: 1, Timestamp: 0xfffffe, Body: body(5000)},
		{ChunkStream: 64, Type: TypeVideo, Stream: 1, Timestamp: 0xffffff, Body: body(5000)},
		{ChunkStream: 319, Type: TypeAudio, Stream: 1, Timestamp: 0xfffffffe, Body: body(129)},
		{ChunkStream: 320, Type: TypeAudio, Stream: 1, Timestamp: 12, Body: body(128)},
		{ChunkStream: 65599, Type: TypeDataAMF0, Stream: 1, Timestamp: 5, Body: nil},
	}
	for _, chunk := range []int{128, 1, 4096, 65536} {
		var b []byte
		b = AppendMessage(b, SetChunkSize(uint32(chunk)), InitialChunkSize)
		for _, m := range messages {
			b = AppendMessage(b, m, chunk)
		}
		r := NewReader(bytes.NewReader(b), DefaultLimits)
		for i, want := range messages {
			got, err := next(r)
			if err != nil {
				t.Fatalf("chunks of %d, message %d: %v", chunk, i, err)
			}
			if !bytes.Equal(got.Body, want.Body) || got.ChunkStream != want.ChunkStream || got.Type != want.Type || got.Stream != want.Stream || got.Timestamp != want.Timestamp {
				t.Errorf("chunks of %d, message %d: %d bytes of type %d at %d", chunk, i, len(got.Body), got.Type, got.Timestamp)
			}
		}
		if _, err := r.Read(); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
		if r.Received() != uint32(len(b)) || r.pending != 0 {
			t.Errorf("%d bytes received of %d, %d pending", r.Received(), len(b), r.pending)
		}
	}
}

// TestReaderAgainstAnotherWriter reads what gortmplib writes, which uses all chunk types.
func TestReaderAgainstAnotherWriter(t *testing.T) {
	var b bytes.Buffer
	w := rawmessage.NewWriter(&b, bytecounter.NewWriter(&b), false)
	random := rand.New(rand.NewPCG(1, 2))
	var want []Message
	at := uint32(0)
	for range 500 {
		at += uint32(random.IntN(3)) * 20
		id := byte(4 + random.IntN(3))
		m := Message{ChunkStream: uint32(id), Type: TypeVideo, Stream: 1, Timestamp: at, Body: body(100 * random.IntN(4))}
		if len(m.Body) == 0 {
			m.Body = body(1)
		}
		want = append(want, m)
		err := w.Write(&rawmessage.Message{ChunkStreamID: id, Type: uint8(m.Type), MessageStreamID: 1 << 24, Timestamp: time.Duration(at) * time.Millisecond, Body: m.Body})
		if err != nil {
			t.Fatal(err)
		}
	}
	r := NewReader(&b, DefaultLimits)
	for i, m := range want {
		got, err := r.Read()
		if err != nil || !bytes.Equal(got.Body, m.Body) || got.Timestamp != m.Timestamp || got.Stream != m.Stream {
			t.Fatalf("message %d: %d bytes at %d of stream %d, want %d at %d: %v", i, len(got.Body), got.Timestamp, got.Stream, len(m.Body), m.Timestamp, err)
		}
	}
}

// TestWriterAgainstAnotherReader lets gortmplib read what we write.
func TestWriterAgainstAnotherReader(t *testing.T) {
	var b []byte
	want := []Message{
		{ChunkStream: 3, Type: TypeCommandAMF0, Body: body(300)},
		{ChunkStream: 6, Type: TypeVideo, Stream: 1, Timestamp: 40, Body: body(3000)},
		{ChunkStream: 6, Type: TypeVideo, Stream: 1, Timestamp: 80, Body: body(2)},
	}
	for _, m := range want {
		b = AppendMessage(b, m, InitialChunkSize)
	}
	br := bytes.NewReader(b)
	r := rawmessage.NewReader(br, bytecounter.NewReader(br), func(uint32) error { return nil })
	for i, m := range want {
		got, err := r.Read()
		if err != nil || !bytes.Equal(got.Body, m.Body) || got.Timestamp != time.Duration(m.Timestamp)*time.Millisecond {
			t.Errorf("message %d: %v, %v", i, got, err)
		}
	}
}

func TestChunkTypes(t *testing.T) {
	type got struct {
		timestamp uint32
		size      int
	}
	tests := map[string]struct {
		bytes []byte
		want  []got
	}{
		"deltas": {[]byte{
			4, 0, 0, 100, 0, 0, 1, 9, 1, 0, 0, 0, 'a', // type 0
			0x44, 0, 0, 20, 0, 0, 1, 9, 'b', // type 1: delta 20
			0x84, 0, 0, 30, 'c', // type 2: delta 30
			0xc4, 'd', // type 3: delta 30 again
		}, []got{{100, 1}, {120, 1}, {150, 1}, {180, 1}}},
		"type 3 behind type 0 repeats its timestamp as a delta (section 5.3.1.2.4)": {[]byte{
			4, 0, 0, 40, 0, 0, 1, 9, 1, 0, 0, 0, 'a', 0xc4, 'b',
		}, []got{{40, 1}, {80, 1}}},
		"extended timestamp in each chunk": {[]byte{
			4, 255, 255, 255, 0, 0, 129, 9, 1, 0, 0, 0, 1, 0, 0, 2,
		}, []got{{0x01000002, 129}}},
		"first chunk of type 1": {[]byte{0x42, 0, 0, 7, 0, 0, 1, 9, 'a'}, []got{{7, 1}}},
		"abort": {append(append([]byte{4, 0, 0, 1, 0, 1, 0, 9, 1, 0, 0, 0}, body(128)...),
			2, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0, 0, 4,
			4, 0, 0, 9, 0, 0, 1, 9, 1, 0, 0, 0, 'a'), []got{{9, 1}}},
	}
	extended := tests["extended timestamp in each chunk"]
	extended.bytes = append(extended.bytes, body(128)...)
	without := append(bytes.Clone(extended.bytes), 0xc4, 'z')
	extended.bytes = append(extended.bytes, 0xc4, 1, 0, 0, 2, 'z')
	tests["extended timestamp in each chunk"] = extended
	extended.bytes = append(without, 0, 0, 0, 0)
	tests["extended timestamp left out of type 3"] = extended
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := NewReader(bytes.NewReader(test.bytes), DefaultLimits)
			for i, w := range test.want {
				m, err := next(r)
				if err != nil || m.Timestamp != w.timestamp || len(m.Body) != w.size {
					t.Fatalf("message %d: %d bytes at %d: %v", i, len(m.Body), m.Timestamp, err)
				}
			}
		})
	}
}

func TestHostileChunks(t *testing.T) {
	var manyStreams, manyPending []byte
	for id := range 40 {
		manyStreams = append(manyStreams, byte(id+3), 0, 0, 0, 0, 0, 1, 9, 1, 0, 0, 0, 'a')
	}
	manyPending = AppendMessage(nil, SetChunkSize(7<<20), InitialChunkSize)
	for id := range 3 {
		manyPending = append(manyPending, byte(id+3), 0, 0, 0, 0x7f, 0, 0, 9, 1, 0, 0, 0)
		manyPending = append(manyPending, body(7<<20)...)
	}
	tests := map[string][]byte{
		"type 2 first":            {0x84, 0, 0, 0},
		"type 3 first":            {0xc4},
		"type 0 inside a message": append(append([]byte{4, 0, 0, 0, 0, 1, 0, 9, 1, 0, 0, 0}, body(128)...), 4, 0, 0, 0, 0, 1, 0, 9, 1, 0, 0, 0),
		"large picture":           {4, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0},
		"large command":           {4, 0, 0, 0, 2, 0, 0, 20, 1, 0, 0, 0},
		"large unknown":           {4, 0, 0, 0, 2, 0, 0, 99, 1, 0, 0, 0},
		"many chunk streams":      manyStreams,
		"chunk size 0":            {2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0},
		"chunk size of 2 bytes":   {2, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 1},
		"many unfinished":         manyPending,
	}
	for name, b := range tests {
		t.Run(name, func(t *testing.T) {
			r := NewReader(bytes.NewReader(b), DefaultLimits)
			for {
				_, err := r.Read()
				if errors.Is(err, ErrProtocol) {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestClaimedLengthCostsNothing claims a large message and sends little of it.
func TestClaimedLengthCostsNothing(t *testing.T) {
	b := append(AppendMessage(nil, SetChunkSize(8<<20), InitialChunkSize), 4, 0, 0, 0, 0x7f, 0, 0, 9, 1, 0, 0, 0, 'a')
	r := NewReader(bytes.NewReader(b), DefaultLimits)
	if _, err := next(r); err != io.ErrUnexpectedEOF {
		t.Fatal(err)
	}
	if held := cap(r.streams[4].body); held > growStep {
		t.Errorf("%d bytes are held for one that came", held)
	}
}

func TestHandshake(t *testing.T) {
	hello := append([]byte{3}, body(2*handshakeSize)...)
	c := &duplex{in: bytes.NewReader(hello)}
	if err := Accept(c); err != nil {
		t.Fatal(err)
	}
	answer := c.out.Bytes()
	if len(answer) != 1+2*handshakeSize || answer[0] != 3 || !bytes.Equal(answer[1+handshakeSize:], hello[1:1+handshakeSize]) {
		t.Errorf("answer of %d bytes", len(answer))
	}
	if err := Accept(&duplex{in: bytes.NewReader([]byte{6})}); !errors.Is(err, ErrEncrypted) {
		t.Errorf("RTMPE: %v", err)
	}
	if err := Accept(&duplex{in: bytes.NewReader([]byte("GET / HTTP/1.1"))}); err == nil {
		t.Error("HTTP was let in")
	}
}

type duplex struct {
	in  io.Reader
	out bytes.Buffer
}

func (d *duplex) Read(b []byte) (int, error)  { return d.in.Read(b) }
func (d *duplex) Write(b []byte) (int, error) { return d.out.Write(b) }

func FuzzReader(f *testing.F) {
	f.Add(AppendMessage(AppendMessage(nil, SetChunkSize(200), 128), Message{ChunkStream: 70, Type: TypeVideo, Timestamp: 1 << 25, Body: body(700)}, 200))
	f.Add([]byte{4, 0, 0, 100, 0, 0, 1, 9, 1, 0, 0, 0, 'a', 0x44, 0, 0, 20, 0, 0, 1, 9, 'b', 0x84, 0, 0, 30, 'c', 0xc4, 'd'})
	f.Add([]byte{1, 0, 0, 0, 0, 1, 0, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		limits := Limits{Message: 4096, Command: 1024, Streams: 4, Pending: 8192}
		r := NewReader(bytes.NewReader(b), limits)
		for {
			m, err := r.Read()
			held := 0
			for _, s := range r.streams {
				held += len(s.body)
			}
			if held != r.pending || held > limits.Pending || len(m.Body) > limits.Message || len(r.streams) > limits.Streams {
				t.Fatalf("%d bytes held, %d counted, %d streams, message of %d bytes", held, r.pending, len(r.streams), len(m.Body))
			}
			if err != nil {
				return
			}
		}
	})
}

func BenchmarkReader(b *testing.B) {
	var stream []byte
	for i := range 100 {
		stream = AppendMessage(stream, Message{ChunkStream: 6, Type: TypeVideo, Stream: 1, Timestamp: uint32(i * 33), Body: body(7000)}, 4096)
	}
	b.ReportAllocs()
	b.SetBytes(7000)
	in := bytes.NewReader(nil)
	r := NewReader(in, DefaultLimits)
	r.chunk = 4096
	for b.Loop() {
		if in.Len() == 0 && r.Buffered() == 0 {
			in.Reset(stream)
		}
		if _, err := r.Read(); err != nil {
			b.Fatal(err)
		}
	}
}

func TestMessagesAreReaddressed(t *testing.T) {
	var b []byte
	var want []Message
	for i, size := range []int{0, 1, 99, 100, 101, 250, 300} {
		m := Message{ChunkStream: 4, Type: TypeAudio, Stream: 1, Timestamp: uint32(i) * 0x400000, Body: bytes.Repeat([]byte{byte(i)}, size)}
		b = AppendMessage(b, m, 100)
		m.Stream = 77
		want = append(want, m)
	}
	r := NewReader(bytes.NewReader(append(AppendMessage(nil, SetChunkSize(100), InitialChunkSize), Readdress(b, 77, 100)...)), DefaultLimits)
	for _, w := range want {
		m, err := next(r)
		if err != nil || m.Stream != 77 || m.Timestamp != w.Timestamp || !bytes.Equal(m.Body, w.Body) {
			t.Fatalf("%+v, %v; want %+v", m, err, w)
		}
	}
}
