package hls

import (
	"slices"
	"time"
)

const (
	// leastSegments is how many segments a playlist keeps whatever they take.
	leastSegments = 3
	// windowSlack is how much shorter than it should be the window may get, so that a frame more or less makes no difference.
	windowSlack = 500 * time.Millisecond
)

// window is the segments that a playlist names, and those that it has named.
type window struct {
	segments []*Segment    // in the playlist
	retired  []*Segment    // out of it, but still served
	kept     int           // bytes in both
	total    time.Duration // of the segments in the playlist
	// removedDiscontinuities is EXT-X-DISCONTINUITY-SEQUENCE.
	removedDiscontinuities uint64
	dependent              bool          // a segment without a keyframe at its start was begun
	gone                   time.Duration // length of those out of it
}

func (w *window) add(s *Segment, length time.Duration, maxBytes int) {
	w.segments = append(w.segments, s)
	w.total += s.Duration
	w.kept += s.bytes
	w.forget(length, maxBytes)
}

// forget takes old segments out of the playlist, and lets go of those that players no longer ask for: RFC 8216bis, section 6.2.2, keeps a
// segment for as long as the playlists that named it are long.
func (w *window) forget(length time.Duration, maxBytes int) {
	for len(w.segments) > leastSegments && (w.total-w.segments[0].Duration >= length-windowSlack || w.kept > maxBytes && len(w.retired) == 0) {
		s := w.segments[0]
		w.removedDiscontinuities += uint64(s.Discontinuities)
		w.total -= s.Duration
		w.gone += s.Duration
		w.retired = append(w.retired, s)
		w.segments = slices.Delete(w.segments, 0, 1)
	}
	for len(w.retired) > 0 && (w.gone-2*w.retired[0].Duration > w.total || w.kept > maxBytes) {
		w.kept -= w.retired[0].bytes
		w.gone -= w.retired[0].Duration
		w.retired = slices.Delete(w.retired, 0, 1)
	}
}

// published tells whether a segment is complete.
func (w *window) published() bool { return len(w.segments) > 0 }

// newest is the segment that was completed last; there must be one.
func (w *window) newest() *Segment { return w.segments[len(w.segments)-1] }

// peak and mean are the bit rates of the playlist's segments in bit/s.
func (w *window) peak() (bits int) {
	for _, s := range w.segments {
		bits = max(bits, rate(s.bytes, s.Duration))
	}
	return bits
}

func (w *window) mean() int {
	var bytes int
	for _, s := range w.segments {
		bytes += s.bytes
	}
	return rate(bytes, w.total)
}

func rate(bytes int, d time.Duration) int {
	// A segment of a few frames says nothing of the rate.
	return int(float64(bytes) * 8 / max(d, 500*time.Millisecond).Seconds())
}
