package s3

import (
	"context"
	"errors"
	"io"
)

// readAhead is how much is asked of the server at once: players ask for pieces of a movie, of which neither the first one nor the last is
// known to be the whole.
const readAhead = 1 << 20

// File is a file in a bucket, for reading. It belongs to one goroutine; whoever opened it closes it.
type File struct {
	bucket *Bucket
	ctx    context.Context
	name   string
	size   int64
	at     int64

	body io.ReadCloser // from at on; nil for none
	left int64         // bytes of it
}

// Open opens a file of a known size, as long as ctx is good. It asks the server nothing yet.
func (b *Bucket) Open(ctx context.Context, name string, size int64) *File {
	return &File{bucket: b, ctx: ctx, name: name, size: size}
}

// Read implements io.Reader.
func (f *File) Read(p []byte) (int, error) {
	if f.at >= f.size {
		return 0, io.EOF
	}
	if f.body == nil {
		to := min(f.at+readAhead, f.size)
		body, err := f.bucket.read(f.ctx, f.name, f.at, to)
		if err != nil {
			return 0, err
		}
		f.body, f.left = body, to-f.at
	}
	n, err := f.body.Read(p[:min(int64(len(p)), f.left)])
	f.at, f.left = f.at+int64(n), f.left-int64(n)
	switch {
	case f.left == 0:
		f.drop()
		err = nil
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Seek implements io.Seeker.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += f.size
	}
	if offset < 0 {
		return 0, errors.New("s3: before the beginning of a file")
	}
	if offset != f.at {
		f.drop()
		f.at = offset
	}
	return offset, nil
}

// Close implements io.Closer.
func (f *File) Close() error {
	f.drop()
	return nil
}

func (f *File) drop() {
	if f.body != nil {
		f.body.Close()
		f.body = nil
	}
}
