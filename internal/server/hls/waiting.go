package hls

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	mux "github.com/tuttilive/tutti/internal/mux/hls"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// directives are what a player asks of a playlist beside its name (RFC 8216bis, section 6.2.5).
type directives struct {
	blocks bool
	msn    uint64
	part   int // -1 for the whole segment
	skip   bool
}

var (
	errDirective = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: "_HLS_msn and _HLS_part are numbers, and _HLS_part needs _HLS_msn"}
	errTooFar    = &refusal.Error{Status: http.StatusBadRequest, Code: "bad_request", Message: "the segment or part is too far in the future"}
	// errLate tells that what was waited for has not come: its publisher is slow or gone.
	errLate = &refusal.Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "what was asked for has not come in time: ask again"}
)

// parseDirectives reads a query without making a map of it.
func parseDirectives(query string) (directives, error) {
	d := directives{part: -1}
	part := false
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(pair, "=")
		switch name {
		case "_HLS_msn":
			n, err := strconv.ParseUint(value, 10, 63)
			if err != nil {
				return d, errDirective
			}
			d.blocks, d.msn = true, n
		case "_HLS_part":
			n, err := strconv.ParseUint(value, 10, 31)
			if err != nil {
				return d, errDirective
			}
			part, d.part = true, int(n)
		case "_HLS_skip":
			d.skip = value == "YES" || value == "v2"
		}
	}
	if part && !d.blocks {
		return d, errDirective
	}
	return d, nil
}

// lateAfter is after how many target durations somebody who waits is told that it will take longer.
const lateAfter = 3

// playlist gives a media playlist, when it has what is wished for. The error is for the player.
func (b *broadcast) playlist(ctx context.Context, name string, wish directives) (*mux.Playlist, error) {
	var late <-chan struct{}
	for {
		list := b.stream.Load().Snapshot().Playlist(name)
		switch {
		case list == nil:
			return nil, refusal.NotFound
		case !wish.blocks || !list.Parts() || list.Has(wish.msn, wish.part):
			return list, nil
		case late == nil && list.TooFar(wish.msn, wish.part):
			return nil, errTooFar
		}
		if err := b.wait(ctx, list, &late); err != nil {
			return nil, err
		}
	}
}

// media gives an init segment, segment or part, and waits for the part that comes next.
func (b *broadcast) media(ctx context.Context, name string) (*mux.Resource, error) {
	var late <-chan struct{}
	for {
		found, coming := b.stream.Load().Snapshot().Find(name)
		switch {
		case found != nil:
			return found, nil
		case coming == nil:
			return nil, refusal.NotFound
		}
		if err := b.wait(ctx, coming, &late); err != nil {
			return nil, err
		}
	}
}

// wait waits for the next version of a playlist, but in all not longer than until late, which the first call sets.
func (b *broadcast) wait(ctx context.Context, list *mux.Playlist, late *<-chan struct{}) error {
	if *late == nil {
		*late = b.waits.in(lateAfter * list.Target())
	}
	select {
	case <-list.Changed():
		return nil
	case <-*late:
		return errLate
	case <-ctx.Done():
		return errLate // nobody reads it
	}
}

// deadlines are moments that many wait for together, to the second, so that a waiting request needs no timer of its own.
type deadlines struct {
	mu sync.Mutex
	at map[int64]chan struct{}
}

// in gives a channel that is closed after a time, or up to a second later.
func (d *deadlines) in(wait time.Duration) <-chan struct{} {
	now := time.Now()
	second := now.Add(wait).Unix() + 1
	d.mu.Lock()
	defer d.mu.Unlock()
	if c, ok := d.at[second]; ok {
		return c
	}
	if d.at == nil {
		d.at = map[int64]chan struct{}{}
	}
	c := make(chan struct{})
	d.at[second] = c
	time.AfterFunc(time.Unix(second, 0).Sub(now), func() {
		d.mu.Lock()
		delete(d.at, second)
		d.mu.Unlock()
		close(c)
	})
	return c
}
