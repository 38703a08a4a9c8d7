package track

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

const (
	// longestGOP is the distance of keyframes that viewers can live with. A longer GOP is cut: readers that come late in
	// it wait for the next keyframe.
	longestGOP = 10 * time.Second
	// timeWentBack is how far timestamps may step back and be mended.
	timeWentBack = time.Second
	// mostWithoutIDR is the distance of IDR pictures that WebRTC viewers can live with, who begin with no others.
	mostWithoutIDR = 4 * time.Second
	// inOrder is for how long pictures must have come in order where they did not, or might not, until it is taken for granted: coding them anew
	// begins and ends with a jolt.
	inOrder = 30 * time.Second
)

// flaws are why browsers cannot show a picture over WebRTC as it is.
type flaws uint32

const (
	hasBFrames flaws = 1 << iota
	lacksIDR
)

// String says what is seen of the picture, advice what to do about it.
func (f flaws) String() string {
	switch f {
	case hasBFrames:
		return "has B-frames"
	case lacksIDR:
		return "has no IDR pictures to begin with"
	}
	return "has B-frames, and no IDR pictures to begin with"
}

func (f flaws) advice() string {
	switch f {
	case hasBFrames:
		return "Turn B-frames off in the encoder"
	case lacksIDR:
		return "Turn open GOPs and intra refresh off in the encoder"
	}
	return "Turn B-frames, open GOPs and intra refresh off in the encoder"
}

// newFrameRing makes a ring that holds a GOP of 10 s, whole with the beginning of the next.
func newFrameRing(kind media.Kind) *media.Ring[*media.Frame] {
	if kind == media.Audio {
		return media.NewRing[*media.Frame](media.Limits{Items: 4096, Bytes: 4 << 20, Span: longestGOP + 2*time.Second})
	}
	return media.NewRing[*media.Frame](media.Limits{Items: 4096, Bytes: 32 << 20, Span: longestGOP + 2*time.Second})
}

func frameMark(f *media.Frame) media.Mark {
	return media.Mark{Bytes: len(f.Payload), Time: f.DTS, Key: f.Keyframe}
}

// frameWriter is the frame face of a track that is born as frames. Its fields but ring, meter, format, flaws and idr belong to the
// writer's goroutine.
type frameWriter struct {
	ring   *media.Ring[*media.Frame]
	meter  meter
	format *atomic.Pointer[media.Format] // the newest
	flaws  atomic.Uint32

	begun     bool
	dts       time.Duration // of the last frame
	latest    time.Duration // PTS of the last frame
	keyframe  time.Duration // DTS of the newest
	gopTooBig bool
	// disordered is the DTS of the newest picture that came out of order, or might have from then on.
	disordered time.Duration
	idr        atomic.Int64 // DTS of the newest IDR picture, never before there is one
}

func newFrameWriter(kind media.Kind, format *atomic.Pointer[media.Format]) *frameWriter {
	w := &frameWriter{ring: newFrameRing(kind), format: format}
	w.idr.Store(int64(never))
	return w
}

// WriteFrame adds a frame to a track born as frames. One goroutine writes. DTS that do not increase are mended as long as
// they step back by less than a second; a frame that steps back further is refused, and whoever writes must begin a new
// time base. Pictures before the first keyframe are left out.
func (t *Track) WriteFrame(f *media.Frame) error {
	if t.writer == nil {
		return errors.New("track: a track born as packets takes no frames")
	}
	return t.writer.write(t, f)
}

func (w *frameWriter) write(t *Track, f *media.Frame) error {
	switch {
	case f == nil || f.Format == nil || len(f.Payload) == 0:
		return errors.New("track: frame without format or payload")
	case f.Format.Codec != t.info.Codec:
		return fmt.Errorf("track: %s frame in a track of %s", f.Format.Codec, t.info.Codec)
	}
	select {
	case <-t.done:
		return ErrClosed
	default:
	}
	if !w.begun && !f.Keyframe {
		w.meter.add(media.Now(), len(f.Payload), 1) // it sends, and will be seen with its first keyframe
		return nil
	}
	if w.begun && f.DTS < w.dts-timeWentBack {
		t.problems.set(ProblemTime, "The publisher's timestamps step back.")
		return fmt.Errorf("track: DTS %v after %v", f.DTS, w.dts)
	}
	f = w.mend(f)
	w.watchOrder(f)
	if f.Keyframe && f.Format.Codec == media.H264 {
		w.watchIDR(f)
	}
	if t.info.Kind == media.Video {
		w.watchGOP(t, f)
	}
	w.begun, w.dts, w.latest = true, f.DTS, f.PTS
	w.meter.add(media.Now(), len(f.Payload), 1)
	w.ring.Append(f, frameMark(f))
	w.ring.Flush()
	return nil
}

// mend makes DTS increase, and PTS not smaller; it gives another frame where it must change one.
func (w *frameWriter) mend(f *media.Frame) *media.Frame {
	ok := (!w.begun || f.DTS > w.dts) && f.PTS >= f.DTS
	if ok {
		return f
	}
	g := *f
	if w.begun && g.DTS <= w.dts {
		g.DTS = w.dts + dtsStep
	}
	g.PTS = max(g.PTS, g.DTS)
	return &g
}

// watchOrder finds out whether pictures come in another order than they are shown. Formats say whether they may.
func (w *frameWriter) watchOrder(f *media.Frame) {
	old := w.format.Swap(f.Format)
	was := old != nil && old.Reordered
	switch {
	case old == f.Format && f.PTS < w.latest, f.Format.Reordered && !was:
		w.disordered = f.DTS
		w.note(hasBFrames, true)
	case was && !f.Format.Reordered, f.Keyframe && f.DTS-w.disordered > inOrder:
		w.note(hasBFrames, false)
	}
}

// watchIDR finds out whether IDR pictures come among the keyframes, and regularly.
func (w *frameWriter) watchIDR(f *media.Frame) {
	idr, seldom := bitstream.H264Keyframe(f.Payload), f.DTS-time.Duration(w.idr.Load()) > mostWithoutIDR
	if idr {
		w.idr.Store(int64(f.DTS))
	}
	switch {
	case !idr && seldom:
		w.note(lacksIDR, true)
	case idr && !seldom:
		w.note(lacksIDR, false)
	}
}

func (w *frameWriter) note(flaw flaws, seen bool) {
	if now := w.seen() &^ flaw; seen {
		w.flaws.Store(uint32(now | flaw))
	} else {
		w.flaws.Store(uint32(now))
	}
}

// seen are the flaws of the picture now. They are there before the frame that they are of.
func (w *frameWriter) seen() flaws { return flaws(w.flaws.Load()) }

// fromIDR begins with the newest keyframe until a time that WebRTC viewers can begin with.
func (w *frameWriter) fromIDR(until time.Duration) *media.Cursor[*media.Frame] {
	if at := time.Duration(w.idr.Load()); at != never && at <= until {
		return w.ring.FromTime(at)
	}
	return w.ring.FromKeyUntil(until)
}

// forWebRTC is a frame as browsers see it, which begin with IDR pictures alone.
func forWebRTC(f *media.Frame) *media.Frame {
	if !f.Keyframe || f.Format.Codec != media.H264 || bitstream.H264Keyframe(f.Payload) {
		return f
	}
	g := *f
	g.Keyframe = false
	return &g
}

// watchGOP reports keyframes that are too far apart.
func (w *frameWriter) watchGOP(t *Track, f *media.Frame) {
	if !w.begun {
		w.keyframe = f.DTS
	}
	long := f.DTS-w.keyframe > longestGOP
	if long && !w.gopTooBig {
		w.gopTooBig = true
		t.problems.set(ProblemGOP, "Keyframes come more than 10 seconds apart: new viewers wait long for a picture. Set the encoder's keyframe interval to 2 seconds.")
	}
	if f.Keyframe {
		if !long && w.gopTooBig {
			w.gopTooBig = false
			t.problems.clear(ProblemGOP)
		}
		w.keyframe = f.DTS
	}
}
