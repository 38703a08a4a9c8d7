package track

import (
	"math"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// PacketLease keeps the packet face alive.
type PacketLease struct {
	layers  *layerSet
	release func()
	once    sync.Once
}

// ReadPackets demands the packet face in a codec (the track's own, or one that it can be converted to; NoCodec is the
// track's own). A track born as frames starts its packetizer for the first lease.
func (t *Track) ReadPackets(codec media.Codec) (*PacketLease, error) {
	if codec == media.NoCodec {
		codec = t.info.Codec
	}
	if err := t.CanReadPackets(codec); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return nil, ErrClosed
	case codec != t.info.Codec:
		d, err := t.derive(conversion{to: codec})
		if err != nil {
			return nil, err
		}
		inner, err := d.track.ReadPackets(codec)
		if err != nil {
			t.drop(&d.demand)
			return nil, err
		}
		return &PacketLease{layers: inner.layers, release: func() { inner.Release(); t.leave(&d.demand) }}, nil
	case !t.BornAsFrames():
		return &PacketLease{layers: t.layers, release: func() {}}, nil
	}
	face, err := t.takePackFace()
	if err != nil {
		return nil, err
	}
	return &PacketLease{layers: t.layers, release: func() { t.leave(&face.demand) }}, nil
}

// Layers are the layers there are now, from small to large, and a channel that is closed at the next change.
func (p *PacketLease) Layers() ([]*Layer, <-chan struct{}) { return p.layers.get() }

// Release gives the lease back; only the first call counts.
func (p *PacketLease) Release() { p.once.Do(p.release) }

// FrameLease keeps the frame face alive.
type FrameLease struct {
	ring    *media.Ring[*media.Frame]
	codec   media.Codec
	track   *Track
	refresh func()       // nil where nobody can be asked
	stale   func() bool  // nil where what is read follows by itself
	writer  *frameWriter // whose frames the ring holds, nil where they are made on demand
	plain   bool         // they are read as browsers show them
	release func()       // called with the track's lock held
	once    sync.Once
}

// ReadFrames demands the frame face in a codec (the track's own, or one that it can be converted to; NoCodec is the
// track's own). While a track born as packets has frame readers, its publisher is asked for a keyframe every 2 s.
func (t *Track) ReadFrames(codec media.Codec) (*FrameLease, error) {
	return t.ReadPictures(codec, media.Size{})
}

// ReadPictures is ReadFrames of the smallest picture that is at least of a size: of that layer of a track born as packets, or of
// that rendition; of the largest where none is as large, and for the zero value. Which layer it is may change at any keyframe, as
// layers come and go.
func (t *Track) ReadPictures(codec media.Codec, at media.Size) (*FrameLease, error) {
	if codec == media.NoCodec {
		codec = t.info.Codec
	}
	if err := t.CanConvert(codec); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	if codec == t.info.Codec {
		return t.readOwnFrames(at)
	}
	return t.readConverted(conversion{to: codec, at: at})
}

// ReadPlain is ReadPictures of H.264 as browsers show it, without B-frames and with IDR pictures to begin with; what encoders send may be otherwise. That is known
// when such pictures come, or come no more, and then the lease is stale. Where they cannot be taken out the frames come as they are.
func (t *Track) ReadPlain(at media.Size) (*FrameLease, error) {
	if !t.BornAsFrames() || t.info.Codec != media.H264 {
		return t.ReadPictures(media.H264, at)
	}
	if t.writer.seen() != 0 {
		if lease, err := t.readPlain(); err == nil {
			lease.stale = func() bool { return t.writer.seen() == 0 }
			return lease, nil
		}
	}
	lease, err := t.ReadPictures(media.H264, at)
	if err != nil {
		return nil, err
	}
	lease.plain = true
	if workersAvailable(t.info.Workers) == nil {
		chosen := lease.stale
		lease.stale = func() bool { return chosen() || t.writer.seen() != 0 }
	}
	return lease, nil
}

// FromKey is a place in the ring, at the newest keyframe as it is read.
func (f *FrameLease) FromKey() *media.Cursor[*media.Frame] {
	if f.fromIDR() {
		return f.writer.fromIDR(math.MaxInt64)
	}
	return f.ring.FromKey()
}

// Seen is a frame of the ring as it is read: of ReadPlain IDR pictures alone are keyframes, unless there are none.
func (f *FrameLease) Seen(frame *media.Frame) *media.Frame {
	if f.fromIDR() {
		return forWebRTC(frame)
	}
	return frame
}

// fromIDR tells that reading begins at IDR pictures alone.
func (f *FrameLease) fromIDR() bool { return f.plain && f.writer.seen()&lacksIDR == 0 }

// readOwnFrames leases the frame face in the track's own codec. The caller holds t.mu.
func (t *Track) readOwnFrames(at media.Size) (*FrameLease, error) {
	if t.BornAsFrames() {
		writer, readers := t.writer, &t.direct
		r := t.renditionFor(at)
		if r != nil {
			writer, readers = r.writer, &r.direct
		}
		*readers++
		return &FrameLease{
			ring: writer.ring, writer: writer, codec: t.info.Codec,
			stale: func() bool {
				t.mu.Lock()
				defer t.mu.Unlock()
				return t.renditionFor(at) != r
			},
			release: func() { *readers-- },
			track:   t,
		}, nil
	}
	if t.info.Encrypted {
		return nil, ErrEncrypted
	}
	face, err := t.takeUnpackFace(at)
	if err != nil {
		return nil, err
	}
	return &FrameLease{ring: face.ring, codec: t.info.Codec, refresh: face.refresh, release: func() { t.drop(&face.demand) }, track: t}, nil
}

// readConverted leases the frames of a derived track. The caller holds t.mu.
func (t *Track) readConverted(c conversion) (*FrameLease, error) {
	d, err := t.derive(c)
	if err != nil {
		return nil, err
	}
	return &FrameLease{ring: d.track.writer.ring, codec: c.to, refresh: d.refresh, release: func() { t.drop(&d.demand) }, track: t}, nil
}

// Ring is where the frames are.
func (f *FrameLease) Ring() *media.Ring[*media.Frame] { return f.ring }

// Codec is the codec that the lease gives.
func (f *FrameLease) Codec() media.Codec { return f.codec }

// AskKeyframe asks a publisher that can be asked for a keyframe of what is read.
func (f *FrameLease) AskKeyframe() {
	if f.refresh != nil {
		f.refresh()
	}
}

// Stale tells that what the lease was asked for would now be had elsewhere: a rendition has come that suits better. It can be read
// on until that is released.
func (f *FrameLease) Stale() bool { return f.stale != nil && f.stale() }

// Release gives the lease back; only the first call counts.
func (f *FrameLease) Release() {
	f.once.Do(func() {
		f.track.mu.Lock()
		defer f.track.mu.Unlock()
		f.release()
	})
}

// demand counts the readers of something that is made on demand and ends it when it has lingered. Its track's lock
// guards it.
type demand struct {
	readers int
	linger  *time.Timer
	// changed hears whether there are readers; finish ends what was made. Both are called with the track's lock held.
	changed func(wanted bool)
	finish  func()
	over    bool
}

// take counts one more reader.
func (d *demand) take() {
	d.readers++
	if d.linger != nil {
		d.linger.Stop()
		d.linger = nil
	}
	if d.readers == 1 && d.changed != nil {
		d.changed(true)
	}
}

// leave counts one reader less.
func (t *Track) leave(d *demand) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(d)
}

// drop is leave for a caller that holds the track's lock.
func (t *Track) drop(d *demand) {
	d.readers--
	if d.readers > 0 || d.over {
		return
	}
	if d.changed != nil {
		d.changed(false)
	}
	d.linger = time.AfterFunc(Linger, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if d.readers == 0 {
			d.end()
		}
	})
}

// end ends what was made, once. The caller holds the track's lock.
func (d *demand) end() {
	if d.over {
		return
	}
	d.over = true
	if d.linger != nil {
		d.linger.Stop()
	}
	d.finish()
}
