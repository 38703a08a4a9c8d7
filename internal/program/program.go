// Package program makes one picture and one sound of the tracks on a room's stage, on one continuous timeline.
package program

import (
	"slices"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/track"
)

const (
	// mutedCheck is how often the stage is looked at for what nobody tells: muting, and readers of the mix.
	mutedCheck = 100 * time.Millisecond
	// mixLinger is for how many checks the mix goes on that no reader of packets wants any more.
	mixLinger = 20
)

// mixedPackets is the form of the mix for readers of packets.
var mixedPackets = codec.PlainForm(media.Opus)

// Program is what everybody watches who is not in the room. It is made when a room goes live and closed when that ends.
// The sound is the mix of all sound on stage (a single source passes through); the picture is one of the tracks on stage, or
// composed of several.
// Its methods may be called from any goroutine; only Close waits.
type Program struct {
	label string
	done  chan struct{}
	mixer *mixer
	work  sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	sources []*source // in order of Add
	shown   *track.Track
	cover   *track.Track // nil for none
	stage   stage
	plan    plan
	changed chan struct{} // closed when plan changes

	packetPicture, packetSound holder
	releaseOpus                func() // of the mix for readers of packets
	unwanted                   int    // how often in a row nobody wanted it
}

// source is a track on stage.
type source struct {
	track  *track.Track
	prefer int
	gone   chan struct{}
}

// plan is what the program is made of now.
type plan struct {
	picture *track.Track // nil: none
	// composed tells that the picture is the composer's.
	composed bool
	sounds   []*track.Track
	// single is the only sound, when it can pass through.
	single *track.Track
	// lower are the lines of smaller pictures that are made of the picture for who asks for them, in falling order; nil where it is composed.
	lower []int
	// since is when the plan was made, or the picture was last muted: what the tracks have from before may never have been on the air.
	since time.Duration
	// pictureSince and singleSince are the same of the picture and of the only sound alone, where they had sent before; else never.
	pictureSince, singleSince time.Duration
}

// made are the sizes of pictures that are made of the one that passes through, from small to large.
func (p *plan) made() (sizes []media.Size) {
	for _, lines := range slices.Backward(p.lower) {
		if size, ok := p.picture.Lower(lines); ok {
			sizes = append(sizes, size)
		}
	}
	return sizes
}

// linesFor are the lines in which a picture is made that is at least of a size, 0 where the picture is to be read as it is.
func (p *plan) linesFor(size media.Size) int {
	if size == (media.Size{}) || p.picture == nil {
		return 0
	}
	for _, lines := range slices.Backward(p.lower) {
		// The other side is as the source has it.
		if lines >= min(size.Width, size.Height) {
			if _, ok := p.picture.Lower(lines); ok {
				return lines
			}
		}
	}
	return 0
}

// holder is a track and the news of its successor.
type holder struct {
	track   *track.Track
	changed chan struct{}
}

func (h *holder) set(t *track.Track) {
	if t != h.track {
		h.track = t
		close(h.changed)
		h.changed = make(chan struct{})
	}
}

// New makes a program without sources. label is used in logs. Without a composer, which stays its owner's, one picture is shown at a time.
func New(label string, c *compose.Composer) *Program {
	p := &Program{
		stage: stage{composer: c, settings: compose.Defaults()},
		label: label, done: make(chan struct{}), mixer: newMixer(label), changed: make(chan struct{}),
		packetPicture: holder{changed: make(chan struct{})}, packetSound: holder{changed: make(chan struct{})},
	}
	p.work.Go(p.watch)
	return p
}

// Add puts a track on the stage; it leaves by itself when it is closed. prefer marks a track that is shown rather than
// others (an ingest, the host's choice): the highest wins, then the first. A track that is on the stage already gets the
// new prefer.
func (p *Program) Add(t *track.Track, prefer int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.add(t, prefer)
		p.update()
	}
}

// add is Add without what follows from it. The caller holds the lock.
func (p *Program) add(t *track.Track, prefer int) {
	if s := p.find(t); s != nil {
		s.prefer = prefer
		return
	}
	s := &source{track: t, prefer: prefer, gone: make(chan struct{})}
	p.sources = append(p.sources, s)
	p.work.Go(func() {
		select {
		case <-t.Done():
			p.Remove(t)
		case <-s.gone:
		case <-p.done:
		}
	})
}

// Remove takes a track off the stage.
func (p *Program) Remove(t *track.Track) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.remove(t) {
		p.update()
	}
}

// remove is Remove without what follows from it, and tells whether the track was there. The caller holds the lock.
func (p *Program) remove(t *track.Track) bool {
	s := p.find(t)
	if s == nil {
		return false
	}
	close(s.gone)
	p.sources = slices.DeleteFunc(p.sources, func(x *source) bool { return x == s })
	if p.shown == t {
		p.shown = nil
	}
	return true
}

// Swap takes tracks off the stage and puts others on it at once, so that nothing is in between.
func (p *Program) Swap(off, on []*track.Track, prefer int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	for _, t := range on {
		p.add(t, prefer)
	}
	for _, t := range off {
		p.remove(t)
	}
	p.update()
}

func (p *Program) find(t *track.Track) *source {
	for _, s := range p.sources {
		if s.track == t {
			return s
		}
	}
	return nil
}

// Show chooses the picture; nil lets the program choose. The choice holds while the track is on the stage.
func (p *Program) Show(t *track.Track) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown = t
	p.update()
}

// Cover shows a picture in the place of all that is on the stage, until it is called with nil.
func (p *Program) Cover(t *track.Track) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cover = t
	p.update()
}

// Picture and Sound are the tracks that hold the program now, nil when there is none, and a channel that is closed when
// that changes. They are for readers of packets: switch to the new track at its next keyframe.
func (p *Program) Picture() (*track.Track, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.packetPicture.track, p.packetPicture.changed
}

// Sound: see Picture. The mix is Opus.
func (p *Program) Sound() (*track.Track, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.packetSound.track, p.packetSound.changed
}

// Sizes are those in which the picture can be had now, from small to large, by Demand.Size: the layers of the source that is shown, the
// renditions of the composed picture, or what is made of one that comes in a single size. There is none before the first picture.
func (p *Program) Sizes() []media.Size {
	plan, _ := p.current()
	if plan.picture == nil {
		return nil
	}
	return append(plan.made(), plan.picture.Sizes()...)
}

// Codecs are those in which a reader with a demand would be given the picture and the sound now, NoCodec for what there is not.
func (p *Program) Codecs(d Demand) (picture, sound media.Codec) {
	plan, _ := p.current()
	if plan.picture != nil {
		picture, _ = pictureCodec(plan.picture, d.Video)
	}
	if source := soundOf(plan, d.Audio, false); source.single != nil {
		sound = source.single.Info().Codec
	} else {
		sound = source.mix.Codec
	}
	return picture, sound
}

// pictureLull is for how long a picture may send nothing before it counts as muted.
const pictureLull = 2 * time.Second

// SendsPicture tells whether a picture is being sent that a reader with a demand is given: if it has none yet, at the next keyframe. A composed
// one is always, whatever its sources send; it takes a moment to begin with, on a busy machine a long one.
func (p *Program) SendsPicture(d Demand) bool {
	plan, _ := p.current()
	if plan.picture == nil {
		return false
	}
	if _, err := pictureCodec(plan.picture, d.Video); err != nil {
		return false
	}
	if plan.composed {
		return p.stage.composer.Problem() == nil
	}
	silent := plan.picture.Silent()
	return silent > 0 && silent < pictureLull
}

// Read opens the program for a muxer. There is one reader for a format, not one for a viewer.
//
// Frames lie on media time (media.Now), as everything in the server does: where an output wants to begin near zero, it
// subtracts the DTS of its first frame.
func (p *Program) Read(d Demand) (*Reader, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrEnded
	}
	return newReader(p, d), nil
}

// Done is closed when the program ends.
func (p *Program) Done() <-chan struct{} { return p.done }

// Close ends the program and waits until nothing of it runs any more. Readers get io.EOF; their owners close them.
func (p *Program) Close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.done)
		p.sources, p.shown = nil, nil
		p.update()
	}
	p.mu.Unlock()
	p.mixer.close()
	p.work.Wait()
}

// current is the plan and a channel that is closed when it changes.
func (p *Program) current() (plan, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.plan, p.changed
}

// update makes the plan anew and tells whom it concerns. The caller holds the lock.
func (p *Program) update() {
	next := makePlan(p.sources, p.shown)
	if next.single != nil && p.stage.mixing.of(next.single).gain != 1 {
		next.single = nil
	}
	if p.stage.compose(p.shown != nil || p.cover != nil, p.closed, media.Now()) {
		next.picture, next.composed = p.stage.composer.Output(), true
	}
	if p.cover != nil && !p.closed {
		next.picture = p.cover
	}
	if !next.composed && p.cover == nil {
		next.lower = p.stage.settings.Renditions
	}
	if next.picture != p.plan.picture || next.single != p.plan.single || !slices.Equal(next.sounds, p.plan.sounds) || !slices.Equal(next.lower, p.plan.lower) {
		p.mixer.set(next.sounds)
		next.since = media.Now()
		next.pictureSince, next.singleSince = sinceOf(next.picture, p.plan.picture, p.plan.pictureSince), sinceOf(next.single, p.plan.single, p.plan.singleSince)
		p.plan = next
		close(p.changed)
		p.changed = make(chan struct{})
	}
	if t := p.plan.picture; t != nil && t.Muted() {
		p.plan.since = media.Now() + mutedCheck
		p.plan.pictureSince = p.plan.since
	}
	p.packetPicture.set(next.picture)
	p.updatePacketSound()
}

// sinceOf is since when what a track has was on the air: for as long as before where it was there already, else from now on, or always where it has
// sent nothing yet.
func sinceOf(t, before *track.Track, was time.Duration) time.Duration {
	switch {
	case t == before:
		return was
	case t == nil, t.Format() == nil && t.Silent() == 0:
		return never
	}
	return media.Now()
}

// updatePacketSound decides what readers of packets hear. The caller holds the lock.
func (p *Program) updatePacketSound() {
	var t *track.Track
	mixed := false
	switch {
	case p.plan.single != nil:
		t = p.plan.single
	case len(p.plan.sounds) > 0:
		t, mixed = p.mixer.output(mixedPackets), true
	}
	p.packetSound.set(t)
	switch {
	case mixed && t.Wanted():
		p.unwanted = 0
		if p.releaseOpus == nil {
			p.releaseOpus, _ = p.mixer.want(mixedPackets)
		}
	case p.releaseOpus != nil:
		if p.unwanted++; !mixed || p.unwanted > mixLinger {
			p.releaseOpus()
			p.releaseOpus, p.unwanted = nil, 0
		}
	}
}

// makePlan chooses. Tracks that are encrypted end to end cannot be on the air.
func makePlan(sources []*source, shown *track.Track) plan {
	var next plan
	best := 0
	for _, s := range sources {
		info := s.track.Info()
		if info.Encrypted {
			continue
		}
		switch {
		case info.Kind == media.Audio:
			next.sounds = append(next.sounds, s.track)
		case s.track == shown:
			next.picture, best = s.track, int(^uint(0)>>1)
		case next.picture == nil || s.prefer > best:
			next.picture, best = s.track, s.prefer
		}
	}
	// The server silences what is muted: an ingest does not stop by itself.
	if len(next.sounds) == 1 && !next.sounds[0].Muted() {
		next.single = next.sounds[0]
	}
	return next
}

// watch looks at what tracks do not tell.
func (p *Program) watch() {
	tick := time.NewTicker(mutedCheck)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.mu.Lock()
			p.update()
			p.mu.Unlock()
		case <-p.done:
			return
		}
	}
}
