// Package track holds the track, the only thing that carries media, and its two faces: the packet face for whoever must
// have it now, the frame face for whoever must have it whole. Each face is made from the other on first demand and
// lingers 5 s after its last reader. A conversion to another codec is a derived track, made once and shared.
package track

import (
	"errors"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
)

// Linger is how long a derived face or codec stays after its last reader left.
const Linger = 5 * time.Second

// Info is what a track is for as long as it lives.
type Info struct {
	// ID is the track's identifier in the room, "TR_..." .
	ID    string
	Kind  media.Kind
	Codec media.Codec
	// Label is used in logs.
	Label string
	// Workers convert pictures; nil where there are none.
	Workers *codec.Workers
	// Encrypted tracks (end to end) can be forwarded but not read.
	Encrypted bool
	// Group holds the clock that the tracks of one publisher share; nil for a track on its own.
	Group *ClockGroup
}

// ClockGroup keeps the tracks of one publisher in sync with each other.
type ClockGroup struct{}

// NewClockGroup makes the group of one publisher's connection.
func NewClockGroup() *ClockGroup { return &ClockGroup{} }

// Upstream is the way back to whoever publishes a track.
type Upstream interface {
	// RequestKeyframe asks the publisher for a keyframe of a layer; it throttles by itself.
	RequestKeyframe(layer *Layer)
}

// Track is one published sound or picture. Its publisher writes it and closes it. Readers may come from any goroutine.
type Track struct{}

// NewFromPackets makes a track that is born as RTP packets. Layers are added as they appear.
func NewFromPackets(info Info, up Upstream) *Track { return nil }

// NewFromFrames makes a track that is born as frames.
func NewFromFrames(info Info) *Track { return nil }

func (t *Track) Info() Info { return Info{} }

// BornAsFrames tells which face is the original.
func (t *Track) BornAsFrames() bool { return false }

// SetMuted tells readers whether the publisher has paused the track.
func (t *Track) SetMuted(muted bool) {}
func (t *Track) Muted() bool         { return false }

// Done is closed when the track ends.
func (t *Track) Done() <-chan struct{} { return nil }

// Close ends the track and all that was derived from it.
func (t *Track) Close() {}

// --- the packet face

// Layer is one encoding of a track: the only one, or one of a simulcast. Its writer is one goroutine.
type Layer struct{}

// AddLayer adds a layer to a track born as packets; rid is empty without simulcast ("q", "h", "f" otherwise).
func (t *Track) AddLayer(rid string) *Layer { return nil }

func (l *Layer) Track() *Track { return nil }
func (l *Layer) RID() string   { return "" }

// Write adds a packet; Flush tells the listeners, once for a batch. The packet's Seq is extended, Start, Keyframe and the
// codec's fields are filled in. A late or repaired packet is written when it comes.
func (l *Layer) Write(p *media.Packet) {}
func (l *Layer) Flush()                {}

// SenderReport maps the publisher's clock to RTP timestamps.
func (l *Layer) SenderReport(ntp uint64, timestamp uint32, arrival time.Duration) {}

// Remove ends the layer: its publisher stopped it.
func (l *Layer) Remove() {}

// Ring is where the layer's packets are.
func (l *Layer) Ring() *PacketRing { return nil }

// MediaTime maps an RTP timestamp of the layer to media time: by sender reports once both tracks of the publisher have
// them, by arrival before. It never steps.
func (l *Layer) MediaTime(timestamp uint32) (time.Duration, bool) { return 0, false }

// Size is the picture's size as last seen in the bitstream, 0 when unknown. Bitrate is in bit/s over the last second.
func (l *Layer) Size() (width, height int) { return 0, 0 }
func (l *Layer) Bitrate() int              { return 0 }

// Active tells that packets came within the last second.
func (l *Layer) Active(now time.Duration) bool { return false }

// RequestKeyframe asks the publisher for a keyframe.
func (l *Layer) RequestKeyframe() {}

// PacketRing keeps the newest packets of a layer. One goroutine writes; readers take no lock.
type PacketRing struct{}

// Head is the arrival index of the next packet to come.
func (r *PacketRing) Head() uint64 { return 0 }

// At gives the packet with an arrival index; nil when it has been overwritten or has not come yet.
func (r *PacketRing) At(index uint64) *media.Packet { return nil }

// BySeq gives the packet with an extended sequence number; nil when it is not there.
func (r *PacketRing) BySeq(seq uint64) *media.Packet { return nil }

// LastKeyframe is the arrival index at which the newest keyframe begins.
func (r *PacketRing) LastKeyframe() (uint64, bool) { return 0, false }

// Listener hears of new packets in a layer. It is called by the writer, once for a batch, and must not block.
type Listener interface{ PacketsReady(l *Layer) }

// Listen and Unlisten change who hears of new packets: one listener for a group of readers, not one for each.
func (l *Layer) Listen(x Listener)   {}
func (l *Layer) Unlisten(x Listener) {}

// PacketLease keeps the packet face alive.
type PacketLease struct{}

// ReadPackets demands the packet face in a codec (the track's own, or one that it can be converted to).
// A track born as frames starts its packetizer for the first lease.
func (t *Track) ReadPackets(codec media.Codec) (*PacketLease, error) {
	return nil, errors.ErrUnsupported
}

// Layers are the layers there are now, from small to large, and a channel that is closed at the next change.
func (p *PacketLease) Layers() ([]*Layer, <-chan struct{}) { return nil, nil }
func (p *PacketLease) Release()                            {}

// --- the frame face

// WriteFrame adds a frame to a track born as frames. One goroutine writes.
func (t *Track) WriteFrame(f *media.Frame) error { return errors.ErrUnsupported }

// FrameLease keeps the frame face alive.
type FrameLease struct{}

// ReadFrames demands the frame face in a codec (the track's own, or one that it can be converted to). While a track born
// as packets has frame readers, its publisher is asked for a keyframe every 2 s.
func (t *Track) ReadFrames(codec media.Codec) (*FrameLease, error) {
	return nil, errors.ErrUnsupported
}

// Ring is where the frames are.
func (f *FrameLease) Ring() *media.Ring[*media.Frame] { return nil }

// Codec is the codec that the lease gives.
func (f *FrameLease) Codec() media.Codec { return media.NoCodec }
func (f *FrameLease) Release()           {}

// CanConvert tells whether the track can be read in a codec here and now, and if not, why in plain words.
func (t *Track) CanConvert(codec media.Codec) error { return nil }

// Format is the format as last seen, nil before the first frame or parameter set.
func (t *Track) Format() *media.Format { return nil }
