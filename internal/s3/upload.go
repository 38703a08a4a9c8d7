package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
)

const (
	// partBytes is the size of the pieces in which large files are uploaded; the protocol has them at least 5 MiB large, and at most 10,000 of them.
	partBytes = 16 << 20
	mostParts = 9000
	// partWithin bounds the upload of one piece, and whatever else is asked of the server: one that answers by half is not waited for.
	partWithin = 10 * time.Minute
)

// Upload is an upload in pieces that has begun: with it, and the same file, another attempt goes on where this one stopped.
type Upload struct {
	ID string `json:"id"`
	// Part is how large the pieces are in bytes.
	Part int64 `json:"part"`
}

// Progress hears how an upload goes on. Its methods are called on the goroutine that uploads.
type Progress interface {
	// Began tells of an upload in pieces before the first one leaves.
	Began(Upload)
	// Sent tells how many bytes of the file the server has.
	Sent(bytes int64)
}

// Put uploads a file of a size, which must not change. earlier is an upload of it that was interrupted, zero for none.
func (b *Bucket) Put(ctx context.Context, name string, file io.ReaderAt, size int64, earlier Upload, p Progress) error {
	var err error
	if size <= b.part {
		err = b.putWhole(ctx, name, file, size)
	} else {
		err = b.putParts(ctx, name, file, size, earlier, p)
	}
	if err != nil {
		return err
	}
	there, err := b.Size(ctx, name)
	switch {
	case err != nil:
		return err
	case there != size:
		return fmt.Errorf("s3: %d bytes of %d have arrived", there, size)
	}
	p.Sent(size)
	return nil
}

func (b *Bucket) putWhole(ctx context.Context, name string, file io.ReaderAt, size int64) error {
	ctx, cancel := context.WithTimeout(ctx, b.within)
	defer cancel()
	_, err := b.core.PutObject(ctx, b.name, b.key(name), io.NewSectionReader(file, 0, size), size, "", "", minio.PutObjectOptions{ContentType: contentType})
	return known(err)
}

const contentType = "video/mp4"

// putParts uploads the pieces that the server does not have yet, and none where it has the file.
func (b *Bucket) putParts(ctx context.Context, name string, file io.ReaderAt, size int64, up Upload, p Progress) error {
	var have map[int]minio.ObjectPart
	if up.ID != "" && up.Part > 0 {
		var err error
		have, err = b.parts(ctx, name, up)
		var answer minio.ErrorResponse
		switch {
		case errors.As(err, &answer) && answer.Code == minio.NoSuchUpload: // the server has put it together already, or thrown it away
			there, err := b.Size(ctx, name)
			if err == nil && there == size {
				return nil
			}
			if err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
			up = Upload{}
		case err != nil:
			return known(err)
		}
	}
	if up.ID == "" || up.Part <= 0 {
		id, err := b.begin(ctx, name)
		if err != nil {
			return known(err)
		}
		up = Upload{ID: id, Part: max(b.part, size/mostParts+1)}
	}
	p.Began(up)
	var all []minio.CompletePart
	for n, at := 1, int64(0); at < size; n, at = n+1, at+up.Part {
		length := min(up.Part, size-at)
		part, ok := have[n]
		if !ok || part.Size != length {
			var err error
			if part, err = b.putPart(ctx, name, up.ID, n, io.NewSectionReader(file, at, length), length); err != nil {
				return known(err)
			}
		}
		all = append(all, minio.CompletePart{PartNumber: n, ETag: part.ETag})
		p.Sent(at + length)
	}
	return known(b.complete(ctx, name, up.ID, all))
}

func (b *Bucket) begin(ctx context.Context, name string) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, b.within)
	defer cancel()
	return b.core.NewMultipartUpload(ctx, b.name, b.key(name), minio.PutObjectOptions{ContentType: contentType})
}

func (b *Bucket) complete(ctx context.Context, name, id string, all []minio.CompletePart) error {
	ctx, cancel := context.WithTimeout(ctx, b.within)
	defer cancel()
	_, err := b.core.CompleteMultipartUpload(ctx, b.name, b.key(name), id, all, minio.PutObjectOptions{})
	return err
}

func (b *Bucket) putPart(ctx context.Context, name, id string, n int, data io.Reader, length int64) (minio.ObjectPart, error) {
	ctx, cancel := context.WithTimeout(ctx, b.within)
	defer cancel()
	return b.core.PutObjectPart(ctx, b.name, b.key(name), id, n, data, length, minio.PutObjectPartOptions{})
}

// parts are the pieces that the server has, by number.
func (b *Bucket) parts(ctx context.Context, name string, up Upload) (map[int]minio.ObjectPart, error) {
	have := map[int]minio.ObjectPart{}
	for marker := 0; ; {
		page, err := b.page(ctx, name, up.ID, marker)
		if err != nil {
			return nil, err
		}
		for _, part := range page.ObjectParts {
			have[part.PartNumber] = part
		}
		if !page.IsTruncated || page.NextPartNumberMarker <= marker {
			return have, nil
		}
		marker = page.NextPartNumberMarker
	}
}

// page are those that follow the one with a number.
func (b *Bucket) page(ctx context.Context, name, id string, marker int) (minio.ListObjectPartsResult, error) {
	ctx, cancel := context.WithTimeout(ctx, b.within)
	defer cancel()
	return b.core.ListObjectParts(ctx, b.name, b.key(name), id, marker, 1000)
}

// Abandon has the server throw away what an interrupted upload left there.
func (b *Bucket) Abandon(ctx context.Context, name string, up Upload) error {
	ctx, cancel := context.WithTimeout(ctx, b.within)
	defer cancel()
	err := b.core.AbortMultipartUpload(ctx, b.name, b.key(name), up.ID)
	var answer minio.ErrorResponse
	if errors.As(err, &answer) && (answer.Code == minio.NoSuchUpload || answer.Code == minio.NoSuchKey) {
		return nil
	}
	return known(err)
}
