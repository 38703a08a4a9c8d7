package pull

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/hls/m3u8"
	"github.com/tuttilive/tutti/internal/mux/ts"
)

const (
	requestWithin = 10 * time.Second
	maxPlaylist   = 512 << 10 // bytes, unpacked
	maxSegment    = 64 << 20  // bytes
	// longestTarget is how long segments may be said to be for that to be waited for.
	longestTarget = 30 * time.Second
	// behind is how many segments before the end of a playlist fetching begins.
	behind = 3
	// gulp is how much of a segment is taken at a time, so that frames get the time at which they are read.
	gulp = 188 * 64
)

// What of HLS is not read.
var (
	errFragments = errors.New("the playlist has fragmented MP4: only transport streams are read")
	errApart     = errors.New("the playlist has its sound apart from the picture, which is not read")
	errEncrypted = errors.New("the playlist is encrypted")

	errLongPlaylist = errors.New("a playlist of more than 512 KiB")
)

// playlists reads one HLS stream.
type playlists struct {
	client *http.Client
	at     *url.URL // of the media playlist
}

// fetchHLS reads a live stream of transport streams over HLS.
func fetchHLS(ctx context.Context, d Dialer, s Source, write func(*media.Frame, time.Duration) error, more func()) error {
	_, u, err := s.protocol()
	if err != nil {
		return err
	}
	client := d.Client(requestWithin)
	defer client.CloseIdleConnections()
	p := &playlists{client: client, at: u}
	list, err := p.media(ctx)
	if err != nil {
		return err
	}
	demuxer := ts.New(write)
	next := max(list.First(), list.Next()-min(list.Next(), behind))
	loaded, newest := time.Now(), time.Now()
	for {
		for i, segment := range list.Segments {
			number := list.First() + uint64(i)
			if number < next || segment.Gap {
				continue
			}
			if segment.Map != "" {
				return errFragments
			}
			if err := p.segment(ctx, segment.URI, demuxer, more); err != nil {
				return err
			}
			next, newest = number+1, time.Now()
		}
		if list.Next() < next { // it began anew
			next = list.First()
		}
		switch {
		case list.Ended:
			return errEnded
		case time.Since(newest) > 3*min(list.Target, longestTarget)+requestWithin:
			return errSilent
		}
		timer := time.NewTimer(untilReload(list.Target, time.Since(loaded)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		if list, err = p.media(ctx); err != nil {
			return err
		}
		loaded = time.Now()
		more()
	}
}

// untilReload is how long to wait before a playlist is loaded again, some time after it was: its segments may have taken as long as they play.
func untilReload(target, since time.Duration) time.Duration {
	return max(min(max(target/2, 200*time.Millisecond), silence/2)-since, 0)
}

// media reads the media playlist, by way of a multivariant one the first time.
func (p *playlists) media(ctx context.Context) (*m3u8.Media, error) {
	text, err := p.text(ctx)
	if err == nil && m3u8.IsMultivariant(text) {
		if err = p.choose(text); err == nil {
			text, err = p.text(ctx)
		}
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "#EXT-X-KEY:"); ok && !strings.Contains(rest, "METHOD=NONE") {
			return nil, errEncrypted
		}
	}
	return m3u8.ParseMedia(text)
}

// choose takes the variant with the highest bit rate.
func (p *playlists) choose(text string) error {
	list, err := m3u8.ParseMultivariant(text)
	if err != nil {
		return err
	}
	best := m3u8.Variant{Bandwidth: -1}
	for _, v := range list.Variants {
		if v.Bandwidth > best.Bandwidth {
			best = v
		}
	}
	if best.Bandwidth < 0 {
		return m3u8.ErrNoPlaylist
	}
	for _, r := range list.Renditions {
		if r.Type == "AUDIO" && r.Group == best.Audio && r.URI != "" {
			return errApart
		}
	}
	at, err := p.at.Parse(best.URI)
	if err != nil {
		return fmt.Errorf("a variant's address: %w", err)
	}
	p.at = at
	return nil
}

func (p *playlists) get(ctx context.Context, at *url.URL) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "Tutti")
	resp, err := p.client.Do(req)
	if err != nil {
		var named *url.Error
		if errors.As(err, &named) {
			err = named.Err // the rest names the URL, query and all
		}
		return nil, fmt.Errorf("connecting: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("the server refuses: %s", resp.Status)
	}
	return resp, nil
}

func (p *playlists) text(ctx context.Context) (string, error) {
	resp, err := p.get(ctx, p.at)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	p.at = resp.Request.URL // what follows is relative to where it was found
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxPlaylist+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("reading a playlist: %w", err)
	case len(b) > maxPlaylist:
		return "", errLongPlaylist
	}
	return string(b), nil
}

// segment gives a segment to the demuxer. Who publishes holds it back when it is ahead of the time.
func (p *playlists) segment(ctx context.Context, uri string, demuxer *ts.Demuxer, more func()) error {
	at, err := p.at.Parse(uri)
	if err != nil {
		return fmt.Errorf("a segment's address: %w", err)
	}
	resp, err := p.get(ctx, at)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxSegment+1))
	resp.Body.Close()
	switch {
	case err != nil:
		return fmt.Errorf("reading a segment: %w", err)
	case len(b) > maxSegment:
		return errors.New("a segment of more than 64 MiB")
	}
	for len(b) > 0 {
		n := min(gulp, len(b))
		more()
		if err := demuxer.Write(b[:n], media.Now()); err != nil {
			return err
		}
		b = b[n:]
	}
	return demuxer.Flush(media.Now())
}
