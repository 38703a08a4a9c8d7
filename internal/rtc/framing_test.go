package rtc

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// framesOf reads a whole stream.
func framesOf(from io.Reader) (frames [][]byte, err error) {
	var f frameReader
	for {
		for {
			frame, ok, err := f.next()
			if err != nil {
				return frames, err
			}
			if !ok {
				break
			}
			frames = append(frames, bytes.Clone(frame))
		}
		if err := f.fill(from); err != nil {
			return frames, err
		}
	}
}

func TestFrames(t *testing.T) {
	long := bytes.Repeat([]byte{7}, maxDatagram)
	var stream []byte
	var want [][]byte
	for i := range 40 {
		frame := long[:(i*i*31)%(maxDatagram+1)]
		stream, want = appendFrame(stream, frame), append(want, frame)
	}
	stream, want = appendFrame(stream, long), append(want, long)
	for name, from := range map[string]io.Reader{
		"at once": bytes.NewReader(stream), "byte by byte": iotest.OneByteReader(bytes.NewReader(stream)), "half of what fits": iotest.HalfReader(bytes.NewReader(stream)),
		"with the end": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		got, err := framesOf(from)
		if !errors.Is(err, io.EOF) || len(got) != len(want) {
			t.Errorf("%s: %d frames, %v", name, len(got), err)
			continue
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("%s: frame %d has %d bytes, not %d", name, i, len(got[i]), len(want[i]))
			}
		}
	}
}

func TestFrameTooLong(t *testing.T) {
	stream := appendFrame(appendFrame(nil, []byte("good")), make([]byte, maxDatagram+1))
	if got, err := framesOf(bytes.NewReader(stream)); !errors.Is(err, errFrame) || len(got) != 1 {
		t.Errorf("%d frames, %v", len(got), err)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(appendFrame(appendFrame(nil, []byte("one")), nil), uint8(3))
	f.Add([]byte{8, 1, 0}, uint8(1))
	f.Add(appendFrame(nil, make([]byte, maxDatagram)), uint8(200))
	f.Fuzz(func(t *testing.T, stream []byte, piece uint8) {
		got, err := framesOf(pieces{bytes.NewReader(stream), int(piece) + 1})
		if err == nil || errors.Is(err, io.ErrNoProgress) {
			t.Fatalf("ended with %v", err)
		}
		// What was read is what was sent, up to a frame that is too long or not complete.
		var again []byte
		for _, frame := range got {
			if len(frame) > maxDatagram {
				t.Fatalf("a frame of %d bytes", len(frame))
			}
			again = appendFrame(again, frame)
		}
		if !bytes.HasPrefix(stream, again) {
			t.Fatalf("read %d frames that were not sent", len(got))
		}
		if rest := stream[len(again):]; errors.Is(err, io.EOF) && len(rest) >= frameHeader && len(rest) >= frameHeader+int(rest[0])<<8+int(rest[1]) {
			t.Fatalf("%d bytes with a frame were not read", len(rest))
		}
	})
}

// pieces reads so many bytes at once.
type pieces struct {
	from io.Reader
	size int
}

func (p pieces) Read(b []byte) (int, error) { return p.from.Read(b[:min(p.size, len(b))]) }
