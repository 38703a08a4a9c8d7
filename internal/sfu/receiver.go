package sfu

import (
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

const (
	// maxLayers bounds how many simulcast layers of one section are received.
	maxLayers = 4
	// sectionEnd is how long after its last stream a section counts as ended. A new SSRC for the same layer follows the
	// old one at once.
	sectionEnd = 2 * time.Second
)

// Receiver takes one inbound section of a publisher into a track: unwraps sequence numbers, finds keyframes, asks for
// what is missing, reports what came. It closes its track when the section ends. Methods may be called from any
// goroutine.
type Receiver struct {
	inbound *rtc.Inbound

	mu      sync.Mutex
	info    track.Info
	track   *track.Track
	intakes map[string]*intake // by rid
	waiting []func(*track.Track)
	closed  bool
	// anyCodec tells that the publisher chooses the codec, moved that it has chosen another one since.
	anyCodec, moved bool
}

// NewReceiver starts to receive. info.Codec may be NoCodec: the codec of the first stream is taken then, and Track is
// available once it is known. Streams in another codec are not received; when the publisher itself chose the codec and goes on in
// another one, which browsers do whose encoder has failed, the track ends, and Moved tells why.
func NewReceiver(in *rtc.Inbound, info track.Info) *Receiver {
	r := makeReceiver(in, info)
	in.Receive(r.open)
	return r
}

func makeReceiver(in *rtc.Inbound, info track.Info) *Receiver {
	r := &Receiver{inbound: in, info: info, intakes: make(map[string]*intake), anyCodec: info.Codec == media.NoCodec}
	if !r.anyCodec {
		r.track = track.NewFromPackets(info, (*upstream)(r))
	}
	return r
}

// Track is what is received; nil until the first packet when the codec was not known before.
func (r *Receiver) Track() *track.Track {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.track
}

// OnTrack calls f once the track exists; at once if it does. f must not block: it may be called from the goroutine that
// reads packets.
func (r *Receiver) OnTrack(f func(*track.Track)) {
	r.mu.Lock()
	t := r.track
	if t == nil {
		r.waiting = append(r.waiting, f)
	}
	r.mu.Unlock()
	if t != nil {
		f(t)
	}
}

// Loudness appends how loud the packets of sound were that came since the last call, from the audio level extension
// (RFC 6464); of those that came more than 0.64 s ago nothing is known any more.
func (r *Receiver) Loudness(dst []Loudness) []Loudness {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, in := range r.intakes {
		in.mu.Lock()
		dst = in.loudness.take(dst)
		in.mu.Unlock()
	}
	return dst
}

// Inbound is the section.
func (r *Receiver) Inbound() *rtc.Inbound { return r.inbound }

// Moved tells that the track ended because its section goes on in another codec. Another Receiver of the same section takes that one.
func (r *Receiver) Moved() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.moved
}

// Close stops receiving and ends the track.
func (r *Receiver) Close() {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	r.closed = true
	t := r.track
	r.waiting = nil
	r.mu.Unlock()
	for _, in := range r.all() {
		in.mu.Lock()
		st := in.source
		in.source = nil
		in.mu.Unlock()
		if st != nil {
			caretaker.remove(st)
		}
	}
	if t != nil {
		t.Close()
	}
}

func (r *Receiver) all() []*intake {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*intake, 0, len(r.intakes))
	for _, in := range r.intakes {
		all = append(all, in)
	}
	return all
}

// open takes a new stream. A new SSRC for a layer goes on where the one before was.
func (r *Receiver) open(from *rtc.Stream) rtc.Sink {
	st := r.take(from, remote{from})
	if st == nil {
		return nil // an interface without a value in it: refused
	}
	caretaker.add(st)
	return st
}

// take makes a stream's sink, nil when it is not wanted.
func (r *Receiver) take(from *rtc.Stream, back publisher) *stream {
	r.mu.Lock()
	other := r.info.Codec != media.NoCodec && from.Codec != r.info.Codec
	if r.closed || other || r.intakes[from.RID] == nil && len(r.intakes) == maxLayers {
		r.moved = r.moved || other && r.anyCodec && !r.closed
		moved := r.moved
		r.mu.Unlock()
		if moved {
			r.Close()
		}
		return nil
	}
	if r.track == nil {
		r.info.Codec = from.Codec
		r.track = track.NewFromPackets(r.info, (*upstream)(r))
	}
	t := r.track
	in := r.intakes[from.RID]
	if in == nil {
		in = newIntake(r.info.Codec, t.AddLayer(from.RID))
		r.intakes[from.RID] = in
	}
	st := &stream{
		receiver: r, intake: in, from: back, ssrc: from.SSRC, canNack: from.CanNack,
		reception: reception{clockRate: r.info.Codec.ClockRate()},
	}
	in.mu.Lock()
	before := in.source
	in.source = st
	in.sequence.restart()
	in.losses.forget()
	in.dependencies = rtpfmt.DependencyReader{}
	in.mu.Unlock()
	waiting := r.waiting
	r.waiting = nil
	r.mu.Unlock()

	if before != nil {
		caretaker.remove(before)
	}
	for _, f := range waiting {
		f(t)
	}
	return st
}

// ended hears that a stream is over. Its layer stays: another SSRC may go on with it. When none does, the section has
// ended, and the track with it.
func (r *Receiver) ended(st *stream) {
	caretaker.remove(st)
	in := st.intake
	in.mu.Lock()
	if in.source == st {
		in.source = nil
	}
	in.mu.Unlock()
	if !r.silent() {
		return
	}
	if !r.inbound.Peer().Connected() {
		r.Close()
		return
	}
	time.AfterFunc(sectionEnd, func() {
		if r.silent() {
			r.Close()
		}
	})
}

// silent tells that there is no stream for any layer.
func (r *Receiver) silent() bool {
	for _, in := range r.all() {
		in.mu.Lock()
		source := in.source
		in.mu.Unlock()
		if source != nil {
			return false
		}
	}
	return true
}

// upstream is the receiver as its track sees it.
type upstream Receiver

// RequestKeyframe asks the publisher for a keyframe of a layer, at most once in 400 ms, the first time at once.
func (u *upstream) RequestKeyframe(l *track.Layer) {
	for _, in := range (*Receiver)(u).all() {
		if in.layer != l || in.codec.Kind() != media.Video || !in.wantKeyframe(media.Now()) {
			continue
		}
		in.mu.Lock()
		st := in.source
		in.mu.Unlock()
		if st != nil {
			st.askKeyframe()
		}
	}
}
