package pull

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/mux/hls/m3u8"
)

// behind is how many segments before the end of a playlist fetching begins.
const behind = 3

// rendition is a media playlist that is followed: what it lists is fetched, ahead of what is given, as far as there is room for it. It belongs to one
// goroutine.
type rendition struct {
	client *hlsClient
	stock  *stock

	at     *url.URL
	list   *m3u8.Media
	loaded time.Time // when the playlist was
	next   uint64    // the number of the segment that is to come
	stale  time.Time // since when playlists have ended before that one; zero while they have not
	todo   []hlsSegment

	header string // the URI of what comes before segments
	// begun counts for all renditions how often the stream has begun anew, and turn is how often this one has; alone is since when it has not.
	begun *atomic.Uint64
	turn  uint64
	alone time.Time
	anew  bool // no segment has been fetched since
}

// hlsSegment is one with what holds for it.
type hlsSegment struct {
	number uint64
	period uint64 // its discontinuity sequence number: within one, times can be compared (RFC 8216bis, section 4.4.3.3)
	uri    string
	header string    // of EXT-X-MAP, "" of transport streams
	key    *m3u8.Key // nil where it is not encrypted
}

// openRenditions loads what is at an address: a media playlist, or a multivariant one and of it the variant with the highest bit rate, with its sound.
func openRenditions(ctx context.Context, client *http.Client, u *url.URL) ([]*rendition, error) {
	text, u, err := (&hlsClient{http: client}).text(ctx, u)
	if err != nil {
		return nil, err
	}
	begun := new(atomic.Uint64)
	of := func(at *url.URL) *rendition {
		return &rendition{client: &hlsClient{http: client, begun: true}, at: at, begun: begun}
	}
	if !m3u8.IsMultivariant(text) {
		r := of(u)
		return []*rendition{r}, r.read(text)
	}
	picture, sound, err := choose(text)
	if err != nil {
		return nil, err
	}
	var all []*rendition
	for _, uri := range []string{picture, sound} {
		if uri == "" {
			continue
		}
		at, err := u.Parse(uri)
		if err != nil {
			return nil, errAddress
		}
		r := of(at)
		if err := r.load(ctx); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// choose takes of the variants that can be taken the one with the highest bit rate, and the sound that belongs to it where that is apart.
func choose(text string) (picture, sound string, err error) {
	list, err := m3u8.ParseMultivariant(text)
	if err != nil {
		return "", "", err
	}
	best, taken := m3u8.Variant{Bandwidth: -1}, false
	for _, v := range list.Variants {
		if can := canTake(v.Codecs); can && !taken || can == taken && v.Bandwidth > best.Bandwidth {
			best, taken = v, can
		}
	}
	if best.Bandwidth < 0 {
		return "", "", m3u8.ErrNoPlaylist
	}
	found := false
	for _, r := range list.Renditions {
		if r.Type == "AUDIO" && r.Group == best.Audio && best.Audio != "" && (!found || r.Default) {
			found, sound = true, r.URI // without one it is in the variant (RFC 8216bis, section 4.4.6.2.1)
		}
	}
	return best.URI, sound, nil
}

// canTake tells whether all that a variant says to have can be taken. One that says nothing is believed to.
func canTake(codecs string) bool {
	for codec := range strings.SplitSeq(codecs, ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(codec), ".")
		switch strings.ToLower(name) {
		case "", "avc1", "avc3", "hvc1", "hev1", "av01", "vp09", "mp4a", "opus":
		default:
			return false
		}
	}
	return true
}

// follow fills the stock until the context ends, or no more comes.
func (r *rendition) follow(ctx context.Context) {
	f := fetched{err: r.fetchAll(ctx)}
	select {
	case r.stock.segments <- f:
	case <-ctx.Done():
	}
}

func (r *rendition) fetchAll(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicked{fmt.Sprintf("%v\n%s", p, debug.Stack())}
		}
	}()
	for {
		for len(r.todo) > 0 {
			for r.stock.bytes.Load() > mostStockedBytes {
				select {
				case <-r.stock.taken:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			f, err := r.fetch(ctx)
			if err != nil {
				return err
			}
			r.stock.bytes.Add(int64(len(f.b)))
			select {
			case r.stock.segments <- f:
			case <-ctx.Done():
				return ctx.Err()
			}
			r.stock.tell()
		}
		if err := r.wait(ctx); err != nil {
			return err
		}
	}
}

// wait waits until the playlist may have something new, and loads it.
func (r *rendition) wait(ctx context.Context) error {
	if r.list.Ended {
		return errEnded
	}
	timer := time.NewTimer(untilReload(r.list.Target, time.Since(r.loaded)))
	select {
	case <-timer.C:
	case <-ctx.Done():
		timer.Stop()
		return ctx.Err()
	}
	err := r.load(ctx)
	r.stock.dry.Store(len(r.todo) == 0)
	r.stock.tell()
	return err
}

// panicked is a panic of a rendition's goroutine, for that of its stream to go on with.
type panicked struct{ what string }

func (p *panicked) Error() string { return p.what }

// load loads the playlist.
func (r *rendition) load(ctx context.Context) error {
	text, at, err := r.client.text(ctx, r.at)
	if err != nil {
		return err
	}
	r.at = at
	return r.read(text)
}

// read takes from a playlist what is to be fetched.
func (r *rendition) read(text string) error {
	list, err := m3u8.ParseMedia(text)
	if err != nil {
		return err
	}
	switch {
	case r.list == nil:
		r.next = nearEnd(list)
	case list.Next() < r.next && r.isStale(list):
		r.loaded = time.Now()
		return nil
	case list.Next() < r.next:
		r.beginAnew(list)
	case !r.stale.IsZero():
		r.header = "" // should it have begun anew after all, and only just come so far, then another one is at the same address
	}
	if r.leftAlone(list) {
		return errAlone
	}
	r.stale = time.Time{}
	r.list, r.loaded, r.todo = list, time.Now(), r.todo[:0]
	s := hlsSegment{number: list.First(), period: r.turn<<32 + list.DiscontinuitySequence}
	for _, listed := range list.Segments {
		s.uri, s.period = listed.URI, s.period+uint64(listed.Discontinuities)
		if listed.Map != "" {
			s.header = listed.Map
		}
		if listed.Key != nil {
			s.key = listed.Key
		}
		if s.number >= r.next && !listed.Gap {
			if listed.Range {
				return errRanges
			}
			r.todo = append(r.todo, s)
		}
		s.number++
	}
	return nil
}

const (
	// staleFor, and two segments, is for how long playlists may end before what was fetched already. The server of a network in front may give
	// what it has kept; a source that began anew does so for good.
	staleFor = 5 * time.Second
	// stalest is how much older than what is known a playlist can be for it to be one that was kept.
	stalest = 30 * time.Second
)

// isStale tells whether a playlist that ends before what was fetched already is taken for an older one of the same stream, which nothing comes of. It is
// not where it is far too old for that, has other segments under the numbers of those that are known, or later ones.
func (r *rendition) isStale(list *m3u8.Media) bool {
	if r.turn < r.begun.Load() {
		return false // the one beside it has begun anew
	}
	target := min(list.Target, longestTarget)
	if behind := r.next - list.Next(); behind > uint64(stalest/max(target, time.Second)) {
		return false
	}
	known, latest := map[uint64]string{}, time.Time{}
	for i, s := range r.list.Segments {
		known[r.list.First()+uint64(i)] = s.URI
		if s.Start.After(latest) {
			latest = s.Start
		}
	}
	for i, s := range list.Segments {
		if uri, ok := known[list.First()+uint64(i)]; ok && uri != s.URI || s.Start.After(latest) && !latest.IsZero() {
			return false
		}
	}
	if r.stale.IsZero() {
		r.stale = time.Now()
	}
	return time.Since(r.stale) <= 2*target+staleFor
}

// leftAlone tells whether the rendition beside has begun anew, and this one does not: what comes of both has no common order any more.
func (r *rendition) leftAlone(list *m3u8.Media) bool {
	if r.turn == r.begun.Load() {
		r.alone = time.Time{}
		return false
	}
	if r.alone.IsZero() {
		r.alone = time.Now()
	}
	return time.Since(r.alone) > 2*min(list.Target, longestTarget)+staleFor
}

// nearEnd is the segment with which fetching begins.
func nearEnd(list *m3u8.Media) uint64 {
	return max(list.First(), list.Next()-min(list.Next(), behind))
}

// beginAnew forgets what the stream was, since its numbers begin anew: another one may be at the same addresses. It is fetched from its own beginning,
// but where so much is listed that this was long ago.
func (r *rendition) beginAnew(list *m3u8.Media) {
	r.next = list.First()
	if len(list.Segments) > 2*behind {
		r.next = nearEnd(list)
	}
	r.header, r.anew = "", true
	r.client.forgetKey()
	r.begun.CompareAndSwap(r.turn, r.turn+1)
	r.turn = r.begun.Load()
}

// fetch fetches the next segment.
func (r *rendition) fetch(ctx context.Context) (f fetched, err error) {
	asked := time.Now()
	s := r.todo[0]
	r.todo = r.todo[1:]
	f = fetched{period: s.period, movie: s.header != "", anew: r.anew, target: min(r.list.Target, longestTarget)}
	if f.b, err = r.get(ctx, s.uri, maxSegment); err != nil {
		return f, err
	}
	if f.b, err = r.decrypt(ctx, s, f.b); err != nil {
		return f, err
	}
	if s.header != r.header && s.header != "" {
		if f.header, err = r.get(ctx, s.header, maxHeader); err != nil {
			return f, err
		}
		// With the segments the header is encrypted too, which not everybody keeps to.
		if !isMovie(f.header) {
			if f.header, err = r.decrypt(ctx, s, f.header); err != nil {
				return f, err
			}
		}
		r.header = s.header
	}
	r.next, r.anew = s.number+1, false
	f.again = max(leastAgain, min(time.Since(asked), f.target))
	return f, nil
}

func (r *rendition) get(ctx context.Context, uri string, most int) ([]byte, error) {
	at, err := r.at.Parse(uri)
	if err != nil {
		return nil, errAddress
	}
	b, _, err := r.client.get(ctx, at, most)
	return b, err
}

// decrypt makes plain what is encrypted as a whole (RFC 8216bis, section 4.4.4.4).
func (r *rendition) decrypt(ctx context.Context, s hlsSegment, b []byte) ([]byte, error) {
	if s.key == nil || s.key.Method == "NONE" {
		return b, nil
	}
	if s.key.Method != "AES-128" || s.key.Format != "identity" {
		return nil, errDRM
	}
	at, err := r.at.Parse(s.key.URI)
	if err != nil {
		return nil, errAddress
	}
	key, err := r.client.key(ctx, at)
	if err != nil {
		return nil, err
	}
	iv := s.key.IV
	if iv == nil {
		iv = binary.BigEndian.AppendUint64(make([]byte, 8, 16), s.number)
	}
	return decryptCBC(b, key, iv)
}
