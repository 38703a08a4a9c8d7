package sfu

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

// ErrSenderClosed is what a closed sender answers.
var ErrSenderClosed = errors.New("sfu: sender closed")

// Sender forwards a track to one peer, in one outbound stream. Sequence numbers and timestamps go on without a break
// when the layer or the whole track is changed; a change of picture happens at a keyframe. Its maker closes it. Methods
// may be called from any goroutine; they say what is wanted, and the peer's home shard, which owns all that is needed
// for forwarding, follows.
type Sender struct {
	peer subscriber
	out  *rtc.Outbound
	// codec is the preferred one; of those that may come in its place it has kind and clock rate.
	codec  media.Codec
	screen bool

	mu        sync.Mutex
	want      want
	retired   []*feed    // of tracks from before a switch that may still be forwarded
	forwarder *forwarder // nil until the outbound is ready; never changed after that
	closed    bool

	posted      atomic.Bool // the shard has been told that want has changed
	onSuspended func(bool)
	onLayer     func(was, is *track.Layer)
	nacks       nacks
	// layer is the one that a wish for a keyframe goes to; wishes belongs to the peer's reader goroutine.
	layer  atomic.Pointer[track.Layer]
	wishes wishes
	counts counts

	// What follows is owned by the shard's sender goroutine.

	now want // what want was when last looked at
	// downlink shares the way to the peer among its senders, nil when nobody estimates; shares tells that it knows of us,
	// and limit is the largest layer that it allows.
	downlink  *Downlink
	shares    bool
	limit     int
	canRepair func() bool
	caution   caution
	audience  *audience
	// current is the group that forwards, nil while nothing is sent; target is one that is waited for.
	current, target *group
	// behind is the group that it is behind in, nil mostly; cursor is the arrival index of the next packet then.
	behind   *group
	cursor   uint64
	lag      lag
	rewriter rewriter
	// goal is what is wanted of the layers within a stream, now or as soon as another is begun; wantedAt is when more than
	// is sent was last wanted or asked for.
	goal      selection
	wantedAt  time.Duration
	sentAt    time.Duration
	reportAt  time.Duration
	accounted account
	sent      *track.Layer // the last one that was
	ended     bool
}

// want is what a sender was told to do.
type want struct {
	feed   *feed
	paused bool
	wish   wish
	// priority is the subscriber's: 1 is the first, 0 none.
	priority uint32
}

type counts struct {
	packets, bytes, repaired, nacked, keyframesWanted atomic.Uint64
	lost                                              atomic.Uint32 // float32 bits
	bitrate                                           atomic.Int64  // of the last second
	limited, suspended                                atomic.Bool
}

// SenderConfig is how a sender appears to its peer.
type SenderConfig struct {
	StreamID, TrackID string
	// Codec to send; the track is converted where it can be. NoCodec takes the track's own if the packet face has it.
	Codec media.Codec
	// Fallbacks are codecs that will do, in order of preference, where the peer does not take Codec. If it comes to that,
	// nothing is sent until Switch brings a track in the codec that Outbound then tells.
	Fallbacks []media.Codec
	// RED passes redundant audio on as it comes, to a peer that takes it; others get what it is made of.
	RED bool
	// Screen tells that the picture is of a screen: it goes before faces when there is too little bandwidth.
	Screen bool
	// OnSuspended, when not nil, hears that the way carries not even the smallest layer, and that it does again. It is called
	// on the peer's home shard and must not block.
	OnSuspended func(suspended bool)
	// OnLayer, when not nil, hears that another layer is sent than before. It is called like OnSuspended.
	OnLayer func(was, is *track.Layer)
}

// NewSender makes a sender with an outbound on the peer; it sends once the peer has negotiated it. Without a track,
// which needs a codec in cfg, it sends nothing until Switch.
func NewSender(peer *rtc.Peer, t *track.Track, cfg SenderConfig) (*Sender, error) {
	codec := cfg.Codec
	var format *media.Format
	if t != nil {
		if codec == media.NoCodec {
			codec = t.Info().Codec
		}
		if f := t.Format(); f != nil && f.Codec == codec {
			format = f
		}
	}
	if codec.RTPName() == "" {
		return nil, fmt.Errorf("sfu: cannot send %v to a peer", codec)
	}
	s := &Sender{peer: peer, codec: codec, limit: unlimited, rewriter: newRewriter(uint16(rand.Uint32N(1<<15)), rand.Uint32())}
	s.downlink, _ = peer.Congestion().(*Downlink)
	s.screen, s.onSuspended = cfg.Screen, cfg.OnSuspended
	s.onLayer = cfg.OnLayer
	if t != nil {
		feed, err := openFeed(t, codec)
		if err != nil {
			return nil, fmt.Errorf("sfu: read track %s as %v: %w", t.Info().ID, codec, err)
		}
		s.want.feed = feed
	}
	out, err := peer.AddOutbound(rtc.OutboundConfig{
		Codec: codec, Fallbacks: cfg.Fallbacks, Format: format, RED: cfg.RED && codec == media.Opus,
		StreamID: cfg.StreamID, TrackID: cfg.TrackID,
		Feedback: (*feedback)(s),
	})
	if err != nil {
		if s.want.feed != nil {
			s.want.feed.close()
		}
		return nil, fmt.Errorf("sfu: add outbound: %w", err)
	}
	s.out, s.canRepair = out, out.CanRepair
	return s, nil
}

// Outbound is the stream to the peer.
func (s *Sender) Outbound() *rtc.Outbound { return s.out }

// Switch goes over to another track of the same kind and codec: at its next keyframe, until when the present one goes on.
func (s *Sender) Switch(t *track.Track) error {
	if kind := t.Info().Kind; kind != s.codec.Kind() {
		return fmt.Errorf("sfu: cannot switch from %v to %v", s.codec.Kind(), kind)
	}
	codec := s.agreed()
	next, err := openFeed(t, codec)
	if err != nil {
		return fmt.Errorf("sfu: read track %s as %v: %w", t.Info().ID, codec, err)
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		next.close()
		return ErrSenderClosed
	}
	var unused *feed
	switch before := s.want.feed; {
	case before == nil:
	case s.forwarder == nil:
		unused = before // nothing is forwarded yet, and perhaps nothing ever will be
	default:
		s.retired = append(s.retired, before)
	}
	s.want.feed = next
	s.mu.Unlock()
	if unused != nil {
		unused.close()
	}
	s.post()
	return nil
}

// agreed is the codec that was negotiated, the preferred one before.
func (s *Sender) agreed() media.Codec {
	if s.out != nil && s.out.Codec() != media.NoCodec {
		return s.out.Codec()
	}
	return s.codec
}

// SetPaused stops or resumes sending; resuming starts at a keyframe.
func (s *Sender) SetPaused(paused bool) { s.change(func(w *want) { w.paused = paused }) }

// SetSize chooses the smallest layer that is at least as large; 0, 0 means the largest.
func (s *Sender) SetSize(width, height int) {
	s.change(func(w *want) { w.wish = wish{width: width, height: height, fps: w.wish.fps} })
}

// SetLayer chooses a layer by its place from small (0) to large (2), as far as there are so many.
func (s *Sender) SetLayer(index int) {
	s.change(func(w *want) { w.wish = wish{index: index, byIndex: true, fps: w.wish.fps} })
}

// SetRate is content with so many pictures a second, where the publisher sends layers that can be left out; 0 wants all.
func (s *Sender) SetRate(fps int) { s.change(func(w *want) { w.wish.fps = fps }) }

// SetPriority puts the picture before others of the same peer when there is too little bandwidth: 1 is the very first, 0 leaves
// it to who speaks and what is shown how large.
func (s *Sender) SetPriority(priority uint32) { s.change(func(w *want) { w.priority = priority }) }

func (s *Sender) change(f func(*want)) {
	s.mu.Lock()
	before := s.want
	f(&s.want)
	changed := s.want != before
	s.mu.Unlock()
	if changed {
		s.post()
	}
}

// post has the shard look at what is wanted, once it is known which shard that is.
func (s *Sender) post() {
	s.mu.Lock()
	f := s.forwarder
	s.mu.Unlock()
	if f != nil && s.posted.CompareAndSwap(false, true) {
		f.shard.Post((*follower)(s))
	}
}

func (s *Sender) tellSuspended(suspended bool) {
	if s.onSuspended != nil {
		s.onSuspended(suspended)
	}
}

// Close stops sending and removes the outbound from the peer (a negotiation must follow).
func (s *Sender) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	open := s.retired
	if s.want.feed != nil {
		open = append(open, s.want.feed)
	}
	s.retired = nil
	f := s.forwarder
	s.mu.Unlock()

	s.peer.RemoveOutbound(s.out)
	s.post()
	for _, feed := range open {
		feed.close()
	}
	if f != nil {
		f.release()
	}
}

// Stats tells what goes to the subscriber.
func (s *Sender) Stats() SenderStats {
	st := SenderStats{
		Packets:         s.counts.packets.Load(),
		Bytes:           s.counts.bytes.Load(),
		Repaired:        s.counts.repaired.Load(),
		Nacked:          s.counts.nacked.Load(),
		KeyframesWanted: s.counts.keyframesWanted.Load(),
		Lost:            math.Float32frombits(s.counts.lost.Load()),
		Bitrate:         int(s.counts.bitrate.Load()),
		Limited:         s.counts.limited.Load(),
		Suspended:       s.counts.suspended.Load(),
	}
	s.mu.Lock()
	st.Paused = s.want.paused
	s.mu.Unlock()
	if l := s.layer.Load(); l != nil && !st.Suspended && !st.Paused {
		st.RID = l.RID()
		st.Width, st.Height = l.Size()
	}
	return st
}
