// Package track holds the track, the only thing that carries media, and its two faces: the packet face for whoever must
// have it now, the frame face for whoever must have it whole. Each face is made from the other on first demand and
// lingers 5 s after its last reader. A conversion to another codec is a derived track, made once and shared.
package track

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
)

// Linger is how long a derived face or codec stays after its last reader left.
const Linger = 5 * time.Second

var (
	// ErrClosed tells that the track has ended.
	ErrClosed = errors.New("track: the track has ended")
	// ErrEncrypted tells that the publisher encrypts end to end, so the server cannot look into the packets.
	ErrEncrypted = errors.New("track: the publisher encrypts this track end to end, so the server cannot convert it")
)

// Info is what a track is for as long as it lives.
type Info struct {
	// ID is the track's identifier in the room, "TR_..." .
	ID    string
	Kind  media.Kind
	Codec media.Codec
	// Label is used in logs.
	Label string
	// Workers convert pictures; nil converts none.
	Workers *codec.Workers
	// Encrypted tells that payloads are encrypted end to end: packets can be forwarded, frames cannot be had.
	Encrypted bool
	// Group keeps the tracks of one publisher in step; nil for a track that is alone.
	Group *ClockGroup
}

// Upstream is the way back to whoever publishes a track.
type Upstream interface {
	// RequestKeyframe asks the publisher for a keyframe of a layer; it throttles by itself.
	RequestKeyframe(layer *Layer)
}

// Track is one published sound or picture. Its publisher writes it and closes it. Readers may come from any goroutine.
//
// Close does not wait for the goroutines that make faces and conversions; they end by themselves at once.
type Track struct {
	info     Info
	up       Upstream // nil when nobody can be asked
	done     chan struct{}
	muted    atomic.Bool
	unmuted  atomic.Int64 // when it was last not muted any more, plus one
	withheld atomic.Bool
	spoke    atomic.Int64 // when the publisher stopped to speak, 0 never
	onDemand atomic.Pointer[func()]
	format   atomic.Pointer[media.Format]
	problems problems
	layers   *layerSet // the packet face
	writer   *frameWriter

	mu      sync.Mutex // guards what follows
	closed  bool
	direct  int // leases of the ring that a track born as frames has by itself
	unpacks map[media.Size]*unpackFace
	pack    *packFace
	derived map[conversion]*derivedTrack
	// renditions are replaced, never changed.
	renditions []*Rendition
}

// NewFromPackets makes a track that is born as RTP packets. Layers are added as they appear.
func NewFromPackets(info Info, up Upstream) *Track {
	t := &Track{info: info, up: up, done: make(chan struct{}), layers: newLayerSet()}
	if info.Codec == media.Opus {
		t.format.Store(rtpfmt.OpusFormat)
	}
	return t
}

// NewFromFrames makes a track that is born as frames.
func NewFromFrames(info Info) *Track {
	t := &Track{info: info, done: make(chan struct{}), layers: newLayerSet()}
	t.writer = newFrameWriter(info.Kind, &t.format)
	return t
}

func (t *Track) Info() Info { return t.info }

// BornAsFrames tells which face is the original.
func (t *Track) BornAsFrames() bool { return t.writer != nil }

// SetMuted tells readers whether the publisher has paused the track.
func (t *Track) SetMuted(muted bool) {
	if !muted && t.muted.Load() {
		t.unmuted.Store(int64(media.Now()) + 1) // before anybody finds that it is not
	}
	if t.muted.Swap(muted) == muted {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !muted {
		for _, face := range t.unpacks {
			face.refresh()
		}
	}
	for _, d := range t.derived {
		d.track.SetMuted(muted)
	}
}

func (t *Track) Muted() bool { return t.muted.Load() }

// IsFromMuting tells of what came at a time whether that is from before the track was last unmuted: nobody is to begin with it.
func (t *Track) IsFromMuting(at time.Duration) bool {
	unmuted := t.unmuted.Load()
	return unmuted != 0 && at < time.Duration(unmuted-1)
}

// SetWithheld tells forwarders to leave the track out for now: a large room hears only the loudest. Frame readers get it all the
// same.
func (t *Track) SetWithheld(withheld bool) { t.withheld.Store(withheld) }

// Withheld tells whether forwarders leave the track out. A muted one they do, whatever its publisher sends: being muted by others
// must not need its consent.
func (t *Track) Withheld() bool { return t.withheld.Load() || t.muted.Load() }

// speaks stands for the time when somebody stopped to speak who has not.
const speaks = math.MaxInt64

// SetSpeaking tells that the publisher begins to speak, or stops to. Who shares bandwidth wants to know.
func (t *Track) SetSpeaking(speaking bool, now time.Duration) {
	if speaking {
		now = speaks
	}
	t.spoke.Store(int64(now))
}

// SpokeSince tells that the publisher speaks, or has spoken at some time after at.
func (t *Track) SpokeSince(at time.Duration) bool {
	spoke := time.Duration(t.spoke.Load())
	return spoke > 0 && spoke > at
}

// Done is closed when the track ends.
func (t *Track) Done() <-chan struct{} { return t.done }

// Close ends the track and all that was derived from it. Leases stay valid: their rings give what they hold, then
// ErrClosed.
func (t *Track) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.closed = true
	close(t.done)
	if t.writer != nil {
		t.writer.ring.Close(ErrClosed)
	}
	for _, r := range t.renditions {
		r.end()
	}
	t.renditions = nil
	for _, face := range t.unpacks {
		face.end()
	}
	if t.pack != nil {
		t.pack.end()
	}
	for _, d := range t.derived {
		d.end()
	}
	layers, _ := t.layers.get()
	for _, l := range layers {
		l.Remove()
	}
}

// AddLayer adds a layer to a track born as packets; rid is empty without simulcast ("q", "h", "f" otherwise).
func (t *Track) AddLayer(rid string) *Layer {
	l := newLayer(t, rid, t.info.Codec, t.info.Group)
	t.layers.add(l)
	return l
}

// Layers are those of a track born as packets that exist now, from small to large.
func (t *Track) Layers() []*Layer {
	layers, _ := t.layers.get()
	return layers
}

// Format is the format as last seen, nil before the first frame or parameter set. Of several layers it is the one of the
// largest picture.
func (t *Track) Format() *media.Format { return t.format.Load() }

// layerFormat learns the format of a layer.
func (t *Track) layerFormat(f *media.Format) {
	layers, _ := t.layers.get()
	for _, l := range layers {
		if w, h := l.Size(); w*h > f.Width*f.Height {
			return
		}
	}
	t.format.Store(f)
}

func (t *Track) requestKeyframe(l *Layer) {
	if t.up != nil {
		l.noteRequest(media.Now())
		t.up.RequestKeyframe(l)
	}
}

// AskKeyframe asks a publisher that can be asked for a keyframe of the largest layer that is sent.
func (t *Track) AskKeyframe() {
	if t.BornAsFrames() {
		return
	}
	layers, _ := t.layers.get()
	now := media.Now()
	for i := len(layers) - 1; i >= 0; i-- {
		if layers[i].Active(now) {
			layers[i].RequestKeyframe()
			return
		}
	}
}

// Wanted tells whether anybody reads the track now, on either face and in any codec (a conversion reads for as long as it
// lingers). Packets of a track that is born as packets do not count: they are there anyway.
func (t *Track) Wanted() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, frames := t.framesWanted()
	return frames || t.pack != nil && t.pack.readers > 0
}

// FramesWanted tells whether anybody reads frames of a track, and what is the largest size that somebody asked for.
func (t *Track) FramesWanted() (largest media.Size, wanted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.framesWanted()
}

func (t *Track) framesWanted() (largest media.Size, wanted bool) {
	if t.direct > 0 {
		return media.Size{}, true
	}
	for at, face := range t.unpacks {
		switch {
		case face.readers == 0:
			continue
		case at == media.Size{}:
			return at, true
		case at.Area() > largest.Area():
			largest = at
		}
		wanted = true
	}
	return largest, wanted
}

// OnDemand has f called whenever reading the frames of a track born as packets begins or ceases. f must not block or call
// back: it is called with the track's lock held.
func (t *Track) OnDemand(f func()) { t.onDemand.Store(&f) }

// Stats is what a track carries now, over the last second.
type Stats struct {
	// Bitrate is in bit/s, FPS in pictures (or blocks of sound) a second.
	Bitrate       int
	FPS           float64
	Width, Height int
}

// Silent is for how long nothing has come, 0 before the first frame or packet.
func (t *Track) Silent() time.Duration {
	last := int64(0)
	if t.writer != nil {
		last = t.writer.meter.last.Load()
	} else {
		layers, _ := t.layers.get()
		for _, l := range layers {
			last = max(last, l.meter.last.Load())
		}
	}
	if last == 0 {
		return 0
	}
	return max(media.Now()-time.Duration(last-1), 0)
}

// Stats tells what the track carries; of several layers, the largest that is sent.
func (t *Track) Stats() Stats {
	var s Stats
	now := media.Now()
	if t.writer != nil {
		bytes, frames := t.writer.meter.rate(now)
		s.Bitrate, s.FPS = 8*bytes, float64(frames)
		if f := t.format.Load(); f != nil {
			s.Width, s.Height = f.Width, f.Height
		}
		return s
	}
	layers, _ := t.layers.get()
	for _, l := range layers {
		if l.Active(now) {
			bytes, frames := l.meter.rate(now)
			s.Bitrate, s.FPS = 8*bytes, float64(frames)
			s.Width, s.Height = l.Size()
		}
	}
	return s
}

// CanConvert tells whether the track's frames can be had in a codec here and now, and if not, why in plain words.
func (t *Track) CanConvert(to media.Codec) error {
	from := t.info.Codec
	switch {
	case to == from:
		return nil
	case t.info.Encrypted:
		return ErrEncrypted
	case to.Kind() != from.Kind():
		return fmt.Errorf("track: %s cannot be made of %s", to, from)
	case to == media.Opus || to == media.AAC:
		return nil
	case to == media.H264:
		if err := workersAvailable(t.info.Workers); err != nil {
			return fmt.Errorf("track: a picture in %s cannot be shown as %s: %w", from, to, err)
		}
		return nil
	}
	return fmt.Errorf("track: there is no conversion from %s to %s", from, to)
}

// CanReadPackets tells whether the track can be had as packets in a codec here and now, and if not, why in plain words:
// beside what CanConvert says, H.264 with B-frames or without IDR pictures must be coded anew for WebRTC.
func (t *Track) CanReadPackets(to media.Codec) error {
	if !t.BornAsFrames() && to == t.info.Codec {
		return nil
	}
	if _, err := rtpfmt.NewPacketizer(to); err != nil {
		return fmt.Errorf("track: %s cannot be sent as packets", to)
	}
	if to != t.info.Codec {
		return t.CanConvert(to)
	}
	if flaws := t.writer.seen(); flaws != 0 {
		if err := workersAvailable(t.info.Workers); err != nil {
			return fmt.Errorf("track: the picture %v, which WebRTC cannot show: %w", flaws, err)
		}
	}
	return nil
}

func workersAvailable(w *codec.Workers) error {
	if w == nil {
		return codec.ErrNoWorkers
	}
	return w.Available()
}
