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

// answer is what somebody gets who asks for media, and what caches are told of it.
type answer struct {
	resource *mux.Resource
	cache    string
}

// look gives what is asked for of a broadcast that is ready, or the playlist with whose change it may come. The error is for the player.
func (b *broadcast) look(name string, wish directives) (found answer, coming *mux.Playlist, err error) {
	snapshot := b.stream.Load().Snapshot()
	if !strings.HasSuffix(name, ".m3u8") {
		resource, coming := snapshot.Find(name)
		if resource == nil && coming == nil {
			err = refusal.NotFound
		}
		return answer{resource, "public, max-age=86400, immutable"}, coming, err
	}
	list := snapshot.Playlist(name)
	switch {
	case list == nil:
		return answer{}, nil, refusal.NotFound
	case !wish.blocks || !list.Parts():
		found.cache = "public, max-age=1"
	case list.Has(wish.msn, wish.part):
		// What such an address asks for never changes, so everybody can be served from one answer.
		found.cache = waitedFor(list.Target())
	case list.TooFar(wish.msn, wish.part):
		return answer{}, nil, errTooFar
	default:
		return answer{}, list, nil
	}
	if found.resource = list.Full(); wish.skip && list.Parts() {
		found.resource = list.Delta()
	}
	return found, nil, nil
}

// cacheTargets is for how many target durations an answer that was waited for may be kept.
const cacheTargets = 6

// waitedFor tells caches of such answers.
func waitedFor(target time.Duration) string {
	if n := int(target / time.Second); n < len(waitedForText) {
		return waitedForText[n]
	}
	return "public, max-age=" + strconv.Itoa(int(cacheTargets*target/time.Second))
}

// waitedForText has what is usual.
var waitedForText = func() (text [32]string) {
	for n := range text {
		text[n] = "public, max-age=" + strconv.Itoa(cacheTargets*n)
	}
	return text
}()

// await is look that waits.
func (b *broadcast) await(ctx context.Context, name string, wish directives) (answer, error) {
	var late <-chan struct{}
	for {
		found, coming, err := b.look(name, wish)
		if err != nil || coming == nil {
			return found, err
		}
		if err := b.wait(ctx, coming, &late); err != nil {
			return answer{}, err
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
