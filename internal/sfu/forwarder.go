package sfu

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

const (
	// tickInterval is how often a shard looks after what does not come with packets: reports, layers that stopped.
	tickInterval = 100 * time.Millisecond
	// batchPackets is how many packets are rewritten and sent to one subscriber at a time.
	batchPackets = 128
)

// forwarder is what the senders on one shard share. It lives while there are any. Its fields are owned by the shard's
// sender goroutine, where all its methods run; other goroutines post work.
type forwarder struct {
	shard     queue
	groups    map[*track.Layer]*group
	audiences map[*feed]*audience
	downlinks []*Downlink
	// hurried are downlinks that have something left to be sent: a probe, or what the pace holds back.
	hurried []*Downlink

	// Scratch space for one batch and one subscriber.
	packets  [batchPackets]*media.Packet
	out      [batchPackets]rtc.Packet
	prefixes []byte
	warmed   int // means nothing

	posted     atomic.Bool  // the tick waits in the shard's queue
	stepping   atomic.Bool  // a goroutine posts steps
	stepPosted atomic.Bool  // one waits in the shard's queue
	hurrying   atomic.Int32 // how many are hurried

	home  *rtc.Shard // the key in forwarders
	users int        // guarded by forwarders.mu
	stop  chan struct{}
	done  chan struct{}
}

var forwarders = struct {
	mu sync.Mutex
	of map[*rtc.Shard]*forwarder
}{of: make(map[*rtc.Shard]*forwarder)}

// forwarderOf gives a shard's forwarder to one more sender, which releases it.
func forwarderOf(shard *rtc.Shard) *forwarder {
	forwarders.mu.Lock()
	defer forwarders.mu.Unlock()
	f := forwarders.of[shard]
	if f == nil {
		f = newForwarder(shard)
		f.home = shard
		go f.tick()
		forwarders.of[shard] = f
	}
	f.users++
	return f
}

func newForwarder(shard queue) *forwarder {
	return &forwarder{
		shard:     shard,
		groups:    make(map[*track.Layer]*group),
		audiences: make(map[*feed]*audience),
		prefixes:  make([]byte, 0, 8*batchPackets),
		stop:      make(chan struct{}),
		done:      make(chan struct{}),
	}
}

func (f *forwarder) release() {
	forwarders.mu.Lock()
	f.users--
	last := f.users == 0
	if last {
		delete(forwarders.of, f.home)
	}
	forwarders.mu.Unlock()
	if last {
		close(f.stop)
		<-f.done
	}
}

// tick posts the forwarder itself every tickInterval, until release.
func (f *forwarder) tick() {
	defer close(f.done)
	ticker := time.NewTicker(tickInterval)
	defer ticker.Stop()
	for {
		select {
		case <-f.stop:
			return
		case <-ticker.C:
			if f.posted.CompareAndSwap(false, true) {
				f.shard.Post(f)
			}
		}
	}
}

// Run is one tick.
func (f *forwarder) Run(tx *rtc.Tx) { f.run(tx) }

func (f *forwarder) run(tx exit) {
	f.posted.Store(false)
	now := tx.Now()
	for _, a := range f.audiences {
		if a.feed.codec.Kind() == media.Video && a.refresh(now) {
			a.choose(tx)
		}
		for _, s := range a.senders {
			s.report(tx)
			s.remind(now)
			s.accountLater(now)
		}
	}
	for _, g := range f.groups {
		g.catchUp(tx)
		g.remind(now)
	}
	for _, d := range f.downlinks {
		d.tick(tx)
	}
}

// hurry has a downlink step every few milliseconds until it has nothing left to be sent.
func (f *forwarder) hurry(d *Downlink) {
	f.hurried = append(f.hurried, d)
	f.hurrying.Store(int32(len(f.hurried)))
	if f.stepping.CompareAndSwap(false, true) {
		go f.step()
	}
}

// step posts the next step of all that are hurried until there are none. It is the only timer for what is paced.
func (f *forwarder) step() {
	ticker := time.NewTicker(paceStep)
	defer ticker.Stop()
	for {
		if f.stepPosted.CompareAndSwap(false, true) {
			f.shard.Post((*stepper)(f))
		}
		select {
		case <-f.stop:
			return
		case <-ticker.C:
		}
		if f.hurrying.Load() == 0 {
			f.stepping.Store(false)
			// Who has come since then may have found us still stepping.
			if f.hurrying.Load() == 0 || !f.stepping.CompareAndSwap(false, true) {
				return
			}
		}
	}
}

// stepper is the forwarder as work that steps all that are hurried.
type stepper forwarder

func (p *stepper) Run(tx *rtc.Tx) { p.run(tx) }

func (p *stepper) run(tx exit) {
	f := (*forwarder)(p)
	f.stepPosted.Store(false)
	f.hurried = slices.DeleteFunc(f.hurried, func(d *Downlink) bool {
		d.hurried = d.step(tx)
		return !d.hurried
	})
	f.hurrying.Store(int32(len(f.hurried)))
}

func (f *forwarder) forgetDownlink(d *Downlink) {
	f.downlinks = slices.DeleteFunc(f.downlinks, func(x *Downlink) bool { return x == d })
	f.hurried = slices.DeleteFunc(f.hurried, func(x *Downlink) bool { return x == d })
	d.hurried = false
}

// group finds or makes the group of a layer.
func (f *forwarder) group(l *track.Layer) *group {
	g := f.groups[l]
	if g == nil {
		g = &group{forwarder: f, layer: l, ring: l.Ring(), video: l.Track().Info().Kind == media.Video}
		f.groups[l] = g
		l.Listen(g)
		g.cursor = g.ring.Head()
	}
	return g
}

// audience is the senders on one shard that read one feed. It chooses layers for them when layers come, go, stop or
// change their size. It is owned by the shard's sender goroutine.
type audience struct {
	forwarder  *forwarder
	feed       *feed
	senders    []*Sender
	layers     []*track.Layer
	candidates []candidate // of the layers, from small to large
	before     []candidate // scratch space
	posted     atomic.Bool
}

func (f *forwarder) join(s *Sender, feed *feed, now time.Duration) *audience {
	a := f.audiences[feed]
	if a == nil {
		a = &audience{forwarder: f, feed: feed}
		f.audiences[feed] = a
		feed.tell(a)
	}
	a.senders = append(a.senders, s)
	a.refresh(now)
	return a
}

func (a *audience) leave(s *Sender) {
	a.senders = without(a.senders, s)
	if len(a.senders) == 0 {
		a.feed.untell(a)
		delete(a.forwarder.audiences, a.feed)
	}
}

// wake is called by the feed, from any goroutine.
func (a *audience) wake() {
	if a.posted.CompareAndSwap(false, true) {
		a.forwarder.shard.Post(a)
	}
}

// Run follows a change of layers.
func (a *audience) Run(tx *rtc.Tx) { a.run(tx) }

func (a *audience) run(tx exit) {
	a.posted.Store(false)
	a.refresh(tx.Now())
	a.choose(tx)
}

// refresh looks at the layers and tells whether there is anything new to choose by.
func (a *audience) refresh(now time.Duration) bool {
	a.layers = a.feed.current()
	a.before, a.candidates = a.candidates, a.before[:0]
	for _, l := range a.layers {
		a.candidates = appendCandidates(a.candidates, l, now)
	}
	return !slices.Equal(a.candidates, a.before)
}

func (a *audience) choose(tx exit) {
	for _, s := range a.senders {
		s.choose(tx)
	}
}

// without removes a sender from a list whose order does not matter.
func without(list []*Sender, s *Sender) []*Sender {
	if i := slices.Index(list, s); i >= 0 {
		last := len(list) - 1
		list[i], list[last] = list[last], nil
		list = list[:last]
	}
	return list
}
