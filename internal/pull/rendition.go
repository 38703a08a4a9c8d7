package pull

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/url"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/fmp4"
	"github.com/tuttilive/tutti/internal/mux/hls/m3u8"
	"github.com/tuttilive/tutti/internal/mux/ts"
)

const (
	// behind is how many segments before the end of a playlist fetching begins.
	behind = 3
	// gulp is how much of a transport stream is taken at a time, so that frames get the time at which they are read.
	gulp = 188 * 64
)

// rendition is a media playlist that is followed. Of fragmented MP4 the frames of a segment wait in a queue, so that those of two renditions
// get into one order; those of a transport stream are in order already.
type rendition struct {
	client *hlsClient
	write  func(*media.Frame) error
	more   func()
	// leftOut is told what is not taken.
	leftOut func(what string)
	apart   bool // it has another one beside it

	at             *url.URL
	list           *m3u8.Media
	loaded, newest time.Time // when the playlist was loaded, and a segment was taken
	next           uint64    // the number of the segment that is to come
	stale          time.Time // since when playlists have ended before that one; zero while they have not
	todo           []hlsSegment
	queue          []queued

	transport *ts.Demuxer
	fragments *fmp4.Demuxer
	header    string // the URI of what fragments was made of
	anew      uint64 // what is added to periods, so that those since it began anew come later
}

// hlsSegment is one with what holds for it.
type hlsSegment struct {
	number uint64
	period uint64 // its discontinuity sequence number: within one, times can be compared (RFC 8216bis, section 4.4.3.3)
	uri    string
	header string    // of EXT-X-MAP, "" of transport streams
	key    *m3u8.Key // nil where it is not encrypted
}

// queued is a frame that waits, with the time of its movie.
type queued struct {
	period uint64
	frame  *media.Frame
}

func (q queued) before(other queued) bool {
	return q.period < other.period || q.period == other.period && q.frame.DTS < other.frame.DTS
}

// openRenditions loads what is at an address: a media playlist, or a multivariant one and of it the variant with the highest bit rate, with its sound.
func openRenditions(ctx context.Context, c *hlsClient, u *url.URL, write func(*media.Frame) error, more func(), leftOut func(string)) ([]*rendition, error) {
	text, u, err := c.text(ctx, u)
	if err != nil {
		return nil, err
	}
	of := func(at *url.URL) *rendition {
		return &rendition{client: c, write: write, more: more, leftOut: leftOut, at: at, newest: time.Now()}
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
		r.apart = sound != ""
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
	r.stale = time.Time{}
	r.list, r.loaded, r.todo = list, time.Now(), r.todo[:0]
	s := hlsSegment{number: list.First(), period: r.anew + list.DiscontinuitySequence}
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
	r.header, r.transport = "", nil
	r.client.forgetKey()
	r.anew += 1 << 32
}

// missing tells whether nothing is to be expected of the rendition, so that the other one goes on without it.
func (r *rendition) missing() bool {
	return len(r.queue)+len(r.todo) == 0 && (r.list.Ended || time.Since(r.newest) > 2*min(r.list.Target, longestTarget)+time.Second)
}

// fetch takes the next segment. Who publishes a transport stream's frames holds them back where they are ahead of the time.
func (r *rendition) fetch(ctx context.Context) error {
	s := r.todo[0]
	r.todo = r.todo[1:]
	b, err := r.get(ctx, s.uri, maxSegment)
	if err != nil {
		return err
	}
	if b, err = r.decrypt(ctx, s, b); err != nil {
		return err
	}
	switch {
	case s.header != "":
		err = r.takeFragments(ctx, s, b)
	case r.apart:
		err = errApart
	default:
		err = r.takeTransport(b)
	}
	r.next, r.newest = s.number+1, time.Now()
	return err
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

func (r *rendition) takeFragments(ctx context.Context, s hlsSegment, b []byte) error {
	if r.header != s.header {
		init, err := r.get(ctx, s.header, maxHeader)
		if err != nil {
			return err
		}
		// With the segments the header is encrypted too, which not everybody keeps to.
		if !isMovie(init) {
			if init, err = r.decrypt(ctx, s, init); err != nil {
				return err
			}
		}
		if r.fragments, err = fmp4.NewDemuxer(init); err != nil {
			return err
		}
		if what := r.fragments.LeftOut(); what != "" {
			r.leftOut(what)
		}
		r.header = s.header
	}
	r.more()
	frames, err := r.fragments.Segment(b)
	for _, f := range frames {
		r.queue = append(r.queue, queued{s.period, f})
	}
	return err
}

func isMovie(b []byte) bool {
	return len(b) >= 8 && (string(b[4:8]) == "ftyp" || string(b[4:8]) == "styp" || string(b[4:8]) == "moov")
}

func (r *rendition) takeTransport(b []byte) error {
	if len(b) > 1 && (bytes.HasPrefix(b, []byte("ID3")) || b[0] == 0xff && b[1]&0xe0 == 0xe0 || isMovie(b)) {
		return errPacked
	}
	if r.transport == nil {
		r.transport = ts.New(r.write)
		r.transport.Stock()
		r.transport.LeftOut = r.leftOut
	}
	for len(b) > 0 {
		n := min(gulp, len(b))
		r.more()
		if err := r.transport.Write(b[:n], media.Now()); err != nil {
			return err
		}
		b = b[n:]
	}
	return r.transport.Flush(media.Now())
}
