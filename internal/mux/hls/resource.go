package hls

import (
	"bytes"
	"compress/gzip"
	"hash/maphash"
	"strconv"
	"sync"

	"github.com/tuttilive/tutti/internal/media"
)

// Resource is something that a player can ask for. It is immutable and shared by all who ask.
type Resource struct {
	Type string
	// Body is the content in pieces; Size is their sum in bytes.
	Body [][]byte
	Size int
	// Gzip is the content compressed, nil where that does not pay.
	Gzip []byte
	// Tag is a strong entity tag with its quotes, GzipTag that of the compressed form (RFC 9110, section 8.8.3).
	Tag, GzipTag string
	// Playlist tells that the content changes with time; media never does.
	Playlist bool
}

const playlistType = "application/vnd.apple.mpegurl"

func newPlaylist(text string) *Resource {
	body := []byte(text)
	r := &Resource{Type: playlistType, Body: [][]byte{body}, Size: len(body), Gzip: compress(body), Playlist: true}
	r.tag()
	return r
}

func newMedia(kind media.Kind, pieces [][]byte) *Resource {
	r := &Resource{Type: contentType(kind), Body: pieces}
	for _, p := range pieces {
		r.Size += len(p)
	}
	r.tag()
	return r
}

var tagSeed = maphash.MakeSeed()

func (r *Resource) tag() {
	var h maphash.Hash
	h.SetSeed(tagSeed)
	for _, p := range r.Body {
		h.Write(p)
	}
	sum := strconv.FormatUint(h.Sum64(), 36)
	r.Tag, r.GzipTag = `"`+sum+`"`, `"`+sum+`z"`
}

var compressors = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func compress(body []byte) []byte {
	var out bytes.Buffer
	w := compressors.Get().(*gzip.Writer)
	defer compressors.Put(w)
	w.Reset(&out)
	if _, err := w.Write(body); err != nil {
		return nil
	}
	if err := w.Close(); err != nil || out.Len() >= len(body) {
		return nil
	}
	return out.Bytes()
}
