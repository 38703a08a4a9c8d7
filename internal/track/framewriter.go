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
)

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

// frameWriter is the frame face of a track that is born as frames. Its fields but ring, meter, format and unplain belong to the
// writer's goroutine.
type frameWriter struct {
	ring   *media.Ring[*media.Frame]
	meter  meter
	format *atomic.Pointer[media.Format] // the newest
	// unplain tells that browsers cannot show the picture over WebRTC as it is: it has B-frames, or keyframes that are no IDR pictures.
	unplain atomic.Bool

	begun     bool
	dts       time.Duration // of the last frame
	latest    time.Duration // PTS of the last frame
	keyframe  time.Duration // DTS of the newest
	gopTooBig bool
}

func newFrameWriter(kind media.Kind, format *atomic.Pointer[media.Format]) *frameWriter {
	return &frameWriter{ring: newFrameRing(kind), format: format}
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
	if old := w.format.Load(); old != f.Format {
		w.format.Store(f.Format)
		w.unplain.Store(f.Format.Reordered)
	} else if f.PTS < w.latest {
		w.unplain.Store(true) // whatever the format says
	}
	if f.Keyframe && f.Format.Codec == media.H264 && !bitstream.H264Keyframe(f.Payload) {
		w.unplain.Store(true)
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
