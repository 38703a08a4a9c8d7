package hlscheck

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/mux/hls/m3u8"
)

// How things must be delivered.
var (
	playlistType  = Clause{"4", "playlists are application/vnd.apple.mpegurl"}
	compressed    = Clause{"4", "playlists are given compressed to whom that suits"}
	conditional   = Clause{"cache", "playlists and media have an ETag, and whoever knows it gets 304"}
	mediaKept     = Clause{"cache", "media may be kept by caches for six target durations and more"}
	plainNotKept  = Clause{"cache", "a playlist that was not waited for is not kept for more than half a target duration"}
	waitedForKept = Clause{"cache", "a playlist that was waited for may be kept for six target durations"}
	open          = Clause{"cache", "pages of all origins may read"}
)

// answer is what came of a request.
type answer struct {
	status int
	header http.Header
	body   []byte
	took   time.Duration
}

const mostBytes = 64 << 20

// get asks for something. A body comes uncompressed.
func (w *walk) get(ctx context.Context, address string, headers ...string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Accept-Encoding", "gzip")
	r.Header.Set("Origin", "https://checker.example")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	begin := time.Now()
	resp, err := w.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body := io.Reader(resp.Body)
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(body); err != nil {
			return answer{}, err
		}
	}
	a := answer{status: resp.StatusCode, header: resp.Header}
	a.body, err = io.ReadAll(io.LimitReader(body, mostBytes))
	a.took = time.Since(begin)
	return a, err
}

// maxAge reads Cache-Control, -1 when nothing may be kept.
func (a *answer) maxAge() time.Duration {
	for d := range strings.SplitSeq(a.header.Get("Cache-Control"), ",") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(d), "max-age="); ok {
			n, err := strconv.Atoi(value)
			if err == nil {
				return time.Duration(n) * time.Second
			}
		}
	}
	return -1
}

// playlist reads a media playlist, with or without waiting.
func (w *walk) playlist(ctx context.Context, name, query string) (*m3u8.Media, error) {
	address := w.resolve(name)
	if query != "" {
		separator := "?"
		if strings.Contains(address, "?") {
			separator = "&"
		}
		address += separator + query
	}
	a, err := w.get(ctx, address)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("%s answers %d: %.200s", name, a.status, a.body)
	}
	m, err := m3u8.ParseMedia(string(a.body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	w.report.check(playlistType, strings.EqualFold(kind, "application/vnd.apple.mpegurl") || strings.EqualFold(kind, "audio/mpegurl"), "%s is %s", name, kind)
	w.report.check(compressed, a.header.Get("Content-Encoding") == "gzip", "%s", name)
	w.report.check(open, a.header.Get("Access-Control-Allow-Origin") != "", "%s", name)
	if strings.Contains(query, "_HLS_msn") {
		w.report.check(waitedForKept, a.maxAge() >= 6*m.Target, "%s: %v", name, a.header.Get("Cache-Control"))
	} else {
		w.report.check(plainNotKept, a.maxAge() <= m.Target/2, "%s: %v", name, a.header.Get("Cache-Control"))
	}
	return m, nil
}

// media reads an init segment, part or segment.
func (w *walk) media(ctx context.Context, playlist, uri string, target time.Duration) ([]byte, error) {
	address, err := relative(w.resolve(playlist), uri)
	if err != nil {
		return nil, err
	}
	a, err := w.get(ctx, address)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("%s answers %d", uri, a.status)
	}
	w.report.check(mediaKept, a.maxAge() >= 6*target, "%s: %s", uri, a.header.Get("Cache-Control"))
	w.report.check(open, a.header.Get("Access-Control-Allow-Origin") != "", "%s", uri)
	return a.body, nil
}

// again asks a second time for what has not changed.
func (w *walk) again(ctx context.Context, address string) {
	a, err := w.get(ctx, address)
	if err != nil {
		return
	}
	tag := a.header.Get("ETag")
	if b, err := w.get(ctx, address, "If-None-Match", tag); err == nil {
		// It may have changed in between.
		w.report.check(conditional, tag != "" && (b.status == http.StatusNotModified || b.header.Get("ETag") != tag), "%s: ETag %q, then %d", address, tag, b.status)
	}
}

// resolve gives the address of what the multivariant playlist names.
func (w *walk) resolve(uri string) string {
	address, err := relative(w.index, uri)
	if err != nil {
		return uri
	}
	return address
}

func relative(base, uri string) (string, error) {
	b, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	u, err := b.Parse(uri)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}
