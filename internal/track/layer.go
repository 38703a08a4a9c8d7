package track

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
)

// Layer is one encoding of a track: the only one, or one of a simulcast. Its writer is one goroutine; all methods but
// Write, Flush, SenderReport and Remove may be called from any.
type Layer struct {
	track *Track
	rid   string
	ring  *PacketRing
	clock *sourceClock
	meter meter
	// size is width<<32 | height, 0 when unknown.
	size atomic.Uint64
	// sizes are those of the spatial layers within the stream, nil where they are not signalled.
	sizes     atomic.Pointer[[]rtpfmt.LayerSize]
	sublayers atomic.Pointer[sublayers]

	// asked is when a keyframe was asked for of what is sent without a pause, 0 when one has come since.
	asked atomic.Int64

	listeners  atomic.Pointer[[]Listener]
	listenersM sync.Mutex // held to change listeners

	// The writer's own.
	finder    *rtpfmt.FormatFinder
	format    *media.Format
	timestamp uint32
}

// Listener hears of new packets in a layer. It is called by the writer, once for a batch, and must not block. It may be
// called once more just after Unlisten.
type Listener interface{ PacketsReady(l *Layer) }

func newLayer(t *Track, rid string, codec media.Codec, group *ClockGroup) *Layer {
	age := packetAge
	if t.BornAsFrames() {
		age = fixedPacketAge
	}
	return &Layer{
		track: t, rid: rid,
		ring:   newPacketRing(t.info.Kind, age),
		clock:  newSourceClock(codec.ClockRate(), group),
		finder: rtpfmt.NewFormatFinder(codec),
	}
}

func (l *Layer) Track() *Track { return l.track }
func (l *Layer) RID() string   { return l.rid }

// Ring is where the layer's packets are.
func (l *Layer) Ring() *PacketRing { return l.ring }

// Write adds a packet; Flush tells the listeners, once for a batch. The packet's Seq is extended, Start, Keyframe and the
// codec's fields are filled in (rtpfmt.Parse). A late or repaired packet is written when it comes; a duplicate, and a
// packet of a source that another SSRC has replaced, is dropped.
func (l *Layer) Write(p *media.Packet) {
	other := l.ring.started && l.ring.ssrc != p.SSRC
	if l.asked.Load() != 0 && !l.Active(p.Arrival) {
		l.asked.Store(0) // nothing came, so nothing went: whoever still needs a keyframe asks again
	}
	if !l.store(p) {
		return
	}
	if other {
		l.clock.restart()
	}
	l.clock.packet(p.Timestamp, p.Arrival)
	if l.asked.Load() != 0 && rtpfmt.HasRandomAccess(l.track.info.Codec, p) {
		l.asked.Store(0)
	}
	if f := l.finder.Look(p); f != l.format {
		l.setFormat(f)
	}
}

// store puts a packet into the ring and counts it.
func (l *Layer) store(p *media.Packet) bool {
	if !l.ring.write(p) {
		return false
	}
	pictures := 0
	if p.Timestamp != l.timestamp {
		l.timestamp, pictures = p.Timestamp, 1
	}
	l.meter.add(p.Arrival, max(len(p.Payload), len(p.RED)), pictures)
	l.countSublayer(p, pictures)
	return true
}

// Flush tells the listeners of what was written since the last Flush.
func (l *Layer) Flush() {
	if list := l.listeners.Load(); list != nil {
		for _, x := range *list {
			x.PacketsReady(l)
		}
	}
}

// SenderReport maps the publisher's clock to RTP timestamps.
func (l *Layer) SenderReport(ntp uint64, timestamp uint32, arrival time.Duration) {
	l.clock.report(ntp, timestamp, arrival)
}

// Remove ends the layer: its publisher stopped it.
func (l *Layer) Remove() {
	l.clock.leave()
	l.track.layers.remove(l)
}

// MediaTime maps an RTP timestamp of the layer to media time: by sender reports once all streams of the publisher have
// them, by arrival before. It bends by at most 1 %, and steps only with a new source or time base. It is false before
// the first packet.
func (l *Layer) MediaTime(timestamp uint32) (time.Duration, bool) {
	return l.clock.mediaTime(timestamp)
}

// Size is the picture's size as last seen in the bitstream, 0 when unknown.
func (l *Layer) Size() (width, height int) {
	v := l.size.Load()
	return int(v >> 32), int(v & 0xffffffff)
}

// Bitrate is that of the payloads over the last second, in bit/s.
func (l *Layer) Bitrate() int { return l.BitrateAt(media.Now()) }

// BitrateAt is the bitrate over the second before a moment that is about now.
func (l *Layer) BitrateAt(now time.Duration) int {
	if !l.Active(now) {
		return 0
	}
	bytes, _ := l.meter.rate(now)
	return 8 * bytes
}

// FPSAt is how many pictures came in the second before a moment that is about now.
func (l *Layer) FPSAt(now time.Duration) int {
	if !l.Active(now) {
		return 0
	}
	_, pictures := l.meter.rate(now)
	return pictures
}

// Active tells that packets came within the last second; or three, where so few pictures come that the next may be later, and
// not because another layer of the same picture has gone on without this one.
func (l *Layer) Active(now time.Duration) bool { return l.meter.active(now) && !l.left(now) }

// left tells that nothing came for a second while another layer went on for as long.
func (l *Layer) left(now time.Duration) bool {
	if l.meter.within(now, time.Second) {
		return false
	}
	layers, _ := l.track.layers.get()
	return slices.ContainsFunc(layers, func(other *Layer) bool { return other.meter.last.Load()-l.meter.last.Load() > int64(time.Second) })
}

// RequestKeyframe asks the publisher for a keyframe. An ingest cannot be asked: it sends keyframes when it likes.
func (l *Layer) RequestKeyframe() { l.track.requestKeyframe(l) }

// noteRequest notes that a keyframe is asked for.
func (l *Layer) noteRequest(now time.Duration) {
	if l.Active(now) {
		l.asked.CompareAndSwap(0, int64(now))
	}
}

// refuses tells that packets come, but for long no keyframe that was asked for.
func (l *Layer) refuses(now time.Duration) bool {
	at := time.Duration(l.asked.Load())
	return at != 0 && now-at > longestGOP && l.Active(now)
}

// Listen and Unlisten change who hears of new packets: one listener for a group of readers, not one for each.
func (l *Layer) Listen(x Listener) {
	l.listenersM.Lock()
	defer l.listenersM.Unlock()
	var list []Listener
	if old := l.listeners.Load(); old != nil {
		list = append(list, *old...)
	}
	list = append(list, x)
	l.listeners.Store(&list)
}

// Unlisten takes back one Listen.
func (l *Layer) Unlisten(x Listener) {
	l.listenersM.Lock()
	defer l.listenersM.Unlock()
	old := l.listeners.Load()
	if old == nil {
		return
	}
	list := slices.Clone(*old)
	if i := slices.Index(list, x); i >= 0 {
		list = slices.Delete(list, i, i+1)
		l.listeners.Store(&list)
	}
}

func (l *Layer) setFormat(f *media.Format) {
	l.format = f
	if l.track.info.Codec == media.VP9 {
		l.SetSublayerSizes(l.finder.Layers())
	}
	l.setSize(f)
	l.track.layerFormat(f)
}

func (l *Layer) setSize(f *media.Format) {
	size := uint64(f.Width)<<32 | uint64(f.Height)
	if l.size.Swap(size) != size {
		l.track.layers.resized()
	}
}

// layerSet is the layers of a track's packet face, from small to large.
type layerSet struct {
	mu      sync.Mutex
	list    []*Layer // replaced, never changed
	changed chan struct{}
	added   map[*Layer]int
}

func newLayerSet() *layerSet {
	return &layerSet{changed: make(chan struct{}), added: make(map[*Layer]int)}
}

func (s *layerSet) get() ([]*Layer, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list, s.changed
}

func (s *layerSet) add(l *Layer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.added[l] = len(s.added)
	s.replace(append(slices.Clone(s.list), l))
}

func (s *layerSet) remove(l *Layer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.list, l); i >= 0 {
		delete(s.added, l)
		s.replace(slices.Delete(slices.Clone(s.list), i, i+1))
	}
}

// resized puts the layers in order after one has learned its size.
func (s *layerSet) resized() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) > 0 {
		s.replace(slices.Clone(s.list))
	}
}

func (s *layerSet) replace(list []*Layer) {
	slices.SortStableFunc(list, func(a, b *Layer) int {
		aw, ah := a.Size()
		bw, bh := b.Size()
		if aw*ah > 0 && bw*bh > 0 && aw*ah != bw*bh {
			return aw*ah - bw*bh
		}
		if d := ridRank(a.rid) - ridRank(b.rid); d != 0 {
			return d
		}
		return s.added[a] - s.added[b]
	})
	s.list = list
	close(s.changed)
	s.changed = make(chan struct{})
}

// ridRank orders layers whose size is not known yet by the names that browsers' publishers give them.
func ridRank(rid string) int {
	switch rid {
	case "q":
		return 0
	case "h":
		return 1
	case "f":
		return 2
	}
	return 0
}
