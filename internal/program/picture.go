package program

import (
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/track"
)

const (
	// repeatAfter is the distance of repetitions of the last keyframe while the picture is muted or gone, stallAfter how
	// long a picture that should come may fail to.
	repeatAfter = time.Second
	stallAfter  = 3 * time.Second
	// fresh is how old the first picture may be while a newer keyframe can be had.
	fresh = 500 * time.Millisecond
	// kept is how old it may be where others read already: keyframes are two seconds apart then.
	kept = 2500 * time.Millisecond
	// freshWait is how long to wait for that keyframe.
	freshWait = 700 * time.Millisecond
	// switchWait is how long the old source may be behind the new one's keyframe, which may lie seconds ahead of the time, before it is given
	// up; stoppedWait the same where nothing comes of it.
	switchWait  = 2500 * time.Millisecond
	stoppedWait = 150 * time.Millisecond
	// followWithin is how far apart pictures, or sounds, may be that follow each other without something missing between them.
	followWithin = 2 * time.Second
	// mendMax is how far a picture may be behind the one before and still be moved up to it. Whatever has not got there within behindWait is
	// moved up however far that is: what is given meanwhile must not stay ahead of it for ever.
	mendMax    = 500 * time.Millisecond
	behindWait = 2500 * time.Millisecond
	// tick keeps DTS apart: the resolution of FLV.
	tick = time.Millisecond
)

// picture is a reader's picture: the frames of one source after the other. Every change of source is at a keyframe of the
// new one; the old one goes on until then.
type picture struct {
	demand []media.Codec
	size   media.Size
	plain  bool
	back   time.Duration
	floor  time.Duration // what is older than that of want was not on the air
	want   *track.Track  // what the plan says
	lines  int           // in which it is made of that, 0 for as it is
	now    *feed
	next   *feed // to change to
	opened time.Duration
	retry  time.Duration // when to try again to open want

	begun    bool
	past     bool // it begins with what others have read
	seeking  bool // only a keyframe will do
	switched bool // the next frame is of another source
	last     time.Duration
	at       time.Duration // when the last was given
	lag      time.Duration // how far DTS of the source are behind the present
	key      *media.Frame  // the newest keyframe, nil where that is not whole by itself
}

// pictureCodec is the codec in which a picture is read: its own if that is wanted, else the first that it can be had in.
func pictureCodec(t *track.Track, wanted []media.Codec) (media.Codec, error) {
	own := t.Info().Codec
	err := track.ErrEncrypted
	if t.Info().Encrypted {
		return media.NoCodec, err
	}
	if slices.Contains(wanted, own) {
		return own, nil
	}
	for _, c := range wanted {
		if err = t.CanConvert(c); err == nil {
			return c, nil
		}
	}
	return media.NoCodec, err
}

// follow makes a plan's picture the source. Where it begins with some of the past, that is not from before since.
func (p *picture) follow(plan *plan, now, since time.Duration) {
	t, lines := plan.picture, 0
	if slices.Contains(p.demand, media.H264) {
		lines = plan.linesFor(p.size)
	}
	if t != p.want || lines != p.lines {
		p.want, p.lines, p.retry = t, lines, now
		if p.next != nil {
			p.next.close()
			p.next = nil
		}
		if p.now != nil && p.now.track == t && p.now.lines == lines {
			return // back before the change
		}
		if t == nil && p.now != nil {
			p.now.close()
			p.now = nil
			p.seeking = true
		}
	}
	if t == nil || p.next != nil || p.now != nil && p.now.track == t && p.now.lines == lines && !p.now.ended && !p.now.stale() || now < p.retry {
		return
	}
	p.retry = now + time.Second
	p.open(plan, now, since)
}

func (p *picture) open(plan *plan, now, since time.Duration) {
	t := plan.picture
	c, err := pictureCodec(t, p.demand)
	if err != nil {
		// Warnings says so. What was shown before is not to be seen any more.
		p.now.close()
		p.now, p.seeking = nil, true
		return
	}
	read := t.ReadPictures
	if p.plain && c == media.H264 {
		read = func(_ media.Codec, at media.Size) (*track.FrameLease, error) { return t.ReadPlain(at) }
	}
	var lease *track.FrameLease
	if p.lines > 0 {
		lease, err = t.ReadLower(p.lines)
	} else {
		lease, err = read(c, p.size)
	}
	if err != nil {
		return
	}
	unbroken := lease.Ring().Unbroken(now, followWithin)
	cursor := lease.FromKey()
	p.floor = plan.pictureSince
	switch {
	case p.begun && p.last < now-switchWait: // nothing was given for long
		cursor = lease.Ring().FromKeyUntil(now)
	case p.begun:
		cursor = lease.Ring().FromKeyUntil(p.last) // the newest may lie seconds ahead of what was given
		p.floor = never
	}
	p.next, p.opened = newFeed(t, lease, cursor), now
	p.next.lines = p.lines
	if plan.composed {
		p.floor = never // what comes is of now, only a little behind that
	}
	if plan.composed && !p.begun {
		if h := p.next.peek(now); h != nil && h.DTS < max(plan.pictureSince, unbroken) {
			p.next.restart(lease.Ring().Live()) // it is made while somebody reads: this is what was left then
		}
	}
	if p.past = !t.BornAsFrames() && !p.begun && p.next.begins(max(p.floor, now-kept)); p.past || t.BornAsFrames() {
		if h := p.next.peek(now); p.back > 0 && !p.begun && h != nil {
			if since = max(since, now-p.back, unbroken); since < h.DTS {
				p.next.restart(lease.Ring().FromKeySince(since))
			}
		}
		return
	}
	p.next.restart(p.next.ring.Live())
	lease.AskKeyframe()
}

// candidate gives the frame that may go out next, nil when there is none now.
func (p *picture) candidate(now time.Duration) *media.Frame {
	p.tryChange(now)
	f := p.now
	if f == nil {
		return nil
	}
	muted := f.track.Muted()
	for {
		h := f.peek(now)
		switch {
		case h == nil:
			return nil
		case muted, p.seeking && !h.Keyframe:
			p.seeking = true
		case h.DTS > p.last:
			f.abreast = now
			return h
		case p.last-h.DTS < mendMax, now-f.abreast >= behindWait:
			return p.placed(h)
		default:
			p.seeking = true
		}
		f.take()
	}
}

// placed is a frame as it goes out: moved up to what was given, if it is behind that. It gets back to its own time, and so to its sound's, as that goes on.
func (p *picture) placed(f *media.Frame) *media.Frame {
	if f.DTS > p.last {
		return f
	}
	mended := *f
	mended.DTS = p.last + tick
	mended.PTS = max(mended.PTS, mended.DTS)
	return &mended
}

// tryChange changes to the next source if its keyframe has come and the old one has got there.
func (p *picture) tryChange(now time.Duration) {
	f := p.next
	if f == nil {
		return
	}
	p.rewind(now)
	for h := f.peek(now); h != nil && !p.canBegin(h, now); h = f.peek(now) {
		f.take()
	}
	if f.ended {
		f.close()
		p.next = nil
		return
	}
	if f.head == nil {
		return
	}
	if old := p.now; old != nil && !old.ended && !old.track.Muted() && !p.seeking {
		h := old.peek(now)
		comes := h != nil && h.DTS < f.head.DTS || h == nil && !old.ended && p.last < f.head.DTS && now-max(p.at, f.seenAt) < stoppedWait
		if comes && now-f.seenAt < switchWait {
			return
		}
	}
	p.now.close()
	p.now, p.next = f, nil
	p.seeking, p.switched = true, p.begun
}

// canBegin tells whether a frame of the next source can be its first.
func (p *picture) canBegin(h *media.Frame, now time.Duration) bool {
	switch {
	case !h.Keyframe, p.next.track.Muted():
		return false
	case h.DTS < p.floor:
		return false // and so is what follows it until the next one
	case p.begun:
		// A composed picture comes later than those it is made of: what is a little behind is moved up.
		behind := p.last - h.DTS
		return behind < 0 || p.next.track.BornAsFrames() && behind < mendMax || now >= p.opened+behindWait
	case p.next.track.BornAsFrames(), p.past, now >= p.opened+freshWait:
		return true
	}
	return h.DTS >= p.opened-fresh
}

// rewind takes an older keyframe when no new one came in time.
func (p *picture) rewind(now time.Duration) {
	f := p.next
	if !p.begun && !f.track.BornAsFrames() && f.head == nil && now >= p.opened+freshWait && !f.rewound {
		f.rewound = true
		f.restart(f.lease.FromKey())
	}
}

// give takes the candidate out.
func (p *picture) give(now time.Duration) *media.Frame {
	lag := now - p.now.head.DTS
	f := p.placed(p.now.head)
	if (p.switched || p.now.broken) && !f.Discontinuity {
		marked := *f
		marked.Discontinuity = true
		f = &marked
	}
	p.now.take()
	p.switched, p.seeking = false, false
	if f.Keyframe {
		p.key = nil
		if bitstream.Intra(f) {
			p.key = f
		}
	}
	if !p.begun || lag < p.lag {
		p.lag = lag
	} else {
		p.lag += (lag - p.lag) / 16
	}
	p.begun, p.last, p.at = true, f.DTS, now
	return f
}

// repetition is when the last keyframe is to be given again; ok is false when it is not.
func (p *picture) repetition() (at time.Duration, ok bool) {
	if p.key == nil {
		return 0, false
	}
	if p.now == nil || p.now.ended || p.now.track.Muted() || p.seeking {
		return p.at + repeatAfter, true
	}
	return p.at + stallAfter, true
}

// repeat gives the last keyframe again. The source can go on with a keyframe only.
func (p *picture) repeat(now time.Duration) *media.Frame {
	f := *p.key
	f.DTS = max(p.last+tick, now-p.lag)
	f.PTS, f.Discontinuity = f.DTS, false
	p.last, p.at = f.DTS, now
	p.seeking = true
	if p.now != nil && !p.now.ended && !p.now.track.Muted() {
		p.now.lease.AskKeyframe()
	}
	return &f
}

// expected tells whether pictures come, so that sound may wait a little for them.
func (p *picture) expected(now time.Duration) bool {
	switch {
	case !p.begun:
		return p.next != nil && now-p.opened < soundHold
	case p.now == nil || p.now.ended || p.now.track.Muted():
		return false
	}
	return now-p.at < lively && !p.seeking
}

func (p *picture) close() {
	p.now.close()
	p.next.close()
	p.now, p.next = nil, nil
}
