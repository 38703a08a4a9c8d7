package api

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// page serves the page's build: assets by their hashed names, forever cacheable; index.html for everything else, since
// the page has its own routes (web/src/router.ts). Each file is compressed once.
type page struct {
	files fs.FS

	mu    sync.Mutex
	ready map[string]*pageFile
}

type pageFile struct {
	plain, gzipped []byte
	contentType    string
}

const notBuilt = `<!doctype html><meta charset="utf-8"><title>Tutti</title>
<p>The server runs, but the page was not built into it. Run <code>make run</code>, or <code>make build</code>.
<p>服务器已启动，但网页尚未编译进来。请运行 <code>make run</code> 或 <code>make build</code>。`

func newPage(files fs.FS) *page { return &page{files: files, ready: map[string]*pageFile{}} }

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refusal.Write(w, &refusal.Error{Status: http.StatusMethodNotAllowed, Code: "bad_request", Message: "this address can only be read"})
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	asset := path.Ext(name) != ""
	if !asset {
		name = "index.html"
	}
	f, err := p.file(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !asset:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(notBuilt))
		return
	case err != nil:
		refusal.Write(w, refusal.NotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body := f.plain
	if f.gzipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.gzipped
	}
	w.Write(body)
}

func (p *page) file(name string) (*pageFile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f, ok := p.ready[name]; ok {
		return f, nil
	}
	plain, err := fs.ReadFile(p.files, name)
	if err != nil {
		return nil, err
	}
	f := &pageFile{plain: plain, contentType: mime.TypeByExtension(path.Ext(name))}
	if f.contentType == "" {
		f.contentType = "application/octet-stream"
	}
	if len(plain) > 1024 && compressible(f.contentType) {
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			return nil, err
		}
		if _, err := z.Write(plain); err != nil {
			return nil, err
		}
		if err := z.Close(); err != nil {
			return nil, err
		}
		f.gzipped = b.Bytes()
	}
	p.ready[name] = f
	return f, nil
}

func compressible(contentType string) bool {
	return strings.HasPrefix(contentType, "text/") || strings.Contains(contentType, "javascript") ||
		strings.Contains(contentType, "json") || strings.Contains(contentType, "svg")
}
