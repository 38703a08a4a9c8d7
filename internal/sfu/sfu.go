// Package sfu decides which packet goes to whom: receivers write what publishers send into tracks, senders read tracks
// and rewrite packets for one subscriber each. Senders are owned by the shards of their peers.
package sfu

import (
	"errors"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

// Receiver takes one inbound section of a publisher into a track: unwraps sequence numbers, finds keyframes, asks for
// what is missing, reports what came. It closes its track when the section ends.
type Receiver struct{}

// NewReceiver starts to receive. info.Codec may be NoCodec: the codec of the first stream is taken then, and Track is
// available once it is known.
func NewReceiver(in *rtc.Inbound, info track.Info) *Receiver { return nil }

// Track is what is received; nil until the first packet when the codec was not known before.
func (r *Receiver) Track() *track.Track { return nil }

// OnTrack calls f once the track exists; at once if it does.
func (r *Receiver) OnTrack(f func(*track.Track)) {}

// Level is the smoothed loudness of sound, 0 to 1, from the audio level extension.
func (r *Receiver) Level() float32 { return 0 }
func (r *Receiver) Close()         {}

// Sender forwards a track to one peer, in one outbound stream. Sequence numbers and timestamps go on without a break
// when the layer or the whole track is changed; a change of picture happens at a keyframe.
type Sender struct{}

// SenderConfig is how a sender appears to its peer.
type SenderConfig struct {
	StreamID, TrackID string
	// Codec to send; the track is converted where it can be. NoCodec takes the track's own if the packet face has it.
	Codec media.Codec
}

// NewSender makes a sender with an outbound on the peer; it sends once the peer has negotiated it.
func NewSender(peer *rtc.Peer, t *track.Track, cfg SenderConfig) (*Sender, error) {
	return nil, errors.ErrUnsupported
}

func (s *Sender) Outbound() *rtc.Outbound { return nil }

// Switch goes over to another track of the same kind and codec.
func (s *Sender) Switch(t *track.Track) error { return errors.ErrUnsupported }

// SetPaused stops or resumes sending; resuming starts at a keyframe.
func (s *Sender) SetPaused(paused bool) {}

// SetSize chooses the smallest layer that is at least as large; 0, 0 means the largest.
func (s *Sender) SetSize(width, height int) {}

// SetLayer chooses a layer by its place from small (0) to large (2), as far as there are so many.
func (s *Sender) SetLayer(index int) {}
func (s *Sender) Stats() SenderStats { return SenderStats{} }

// Close stops sending and removes the outbound from the peer (a negotiation must follow).
func (s *Sender) Close() {}

// SenderStats are totals since the start.
type SenderStats struct {
	Packets, Bytes, Repaired, Nacked uint64
	// Lost is the fraction lost in the last report, 0 to 1.
	Lost float32
}
