package program

import (
	"slices"

	"github.com/tuttilive/tutti/internal/codec"
)

const (
	// blockSize is the mix's step: 20 ms, one Opus frame.
	blockSize = 960
	// delayMin and delayMax bound how far the mix is behind the present. It is as far behind as the latest source of the
	// last seconds, and a margin.
	delayMin    = 40 * codec.SampleRate / 1000
	delayMax    = 250 * codec.SampleRate / 1000
	delayMargin = 10 * codec.SampleRate / 1000
	delayStart  = 60 * codec.SampleRate / 1000
	// delayFall is by how much a block the delay shrinks: 10 ms a second.
	delayFall = 10
	// lateWindow is how long a late arrival is remembered, at least.
	lateWindow = 2 * codec.SampleRate
	// hopeless is how long all sound of a source may come too late until it is moved to where it can be heard, out of
	// step with its picture; lead is how much earlier than needed it then is.
	hopeless = 300 * codec.SampleRate / 1000
	lead     = codec.SampleRate / 10
	// inputMax bounds the sound that waits, of a source ahead of time.
	inputMax = 2 * codec.SampleRate
	// stallMax is how much of the timeline is made up for when the mixer was held up: the sound has no gap, and players have about as much in
	// their buffers. More would keep it behind the picture where the machine is too slow for long.
	stallMax = 2 * codec.SampleRate
	// ramp declicks where a source begins and ends: 2.5 ms.
	ramp = 120
)

// mix adds sounds that lie on media time, in blocks, behind the present by just so much that the sources have come. It
// knows no clock: positions and now are counted in samples of media time. It belongs to one goroutine at a time.
type mix struct {
	inputs  []*input
	started bool
	begun   bool  // there was a block, maybe before a pause
	fresh   bool  // the next block does not follow the one before
	at      int64 // position of the next block
	delay   int64
	limiter limiter
	ducking bool   // lower backgrounds while somebody speaks
	focus   bool   // lower voices while another leads
	lead    string // the identity of who leads
	spoken  int    // for how many blocks somebody still speaks
	block   [blockSize * codec.Channels]float32
}

// input is one sound in a mix.
type input struct {
	pcm, memory []float32 // what waits, and the memory that it lies in
	from        int64     // position of the first sample in pcm
	shift       int64     // added to positions of a source that is hopelessly late
	late        int64     // since when all comes too late, while tardy
	tardy       bool
	muted       bool

	// The greatest lateness in the window before and in this one, the least in this one, and when this one began.
	before, lately, least, since int64
	heard                        bool

	voicing voicing
	leader  *input // the music that a voice keeps to, nil for none
	// factor is how loud the input is made, factorBefore the same in the block before.
	factor, factorBefore float32

	gain float32    // where the ramp is: 0 silent, 1 heard
	last [2]float32 // newest sample given out, to fade from
}

func (m *mix) add() *input {
	in := &input{voicing: plain, factor: 1, factorBefore: 1}
	m.inputs = append(m.inputs, in)
	return in
}

// remove takes an input out; what it has is faded out by the next block.
func (m *mix) remove(in *input) { in.setMuted(true); in.heard = false }

// forget takes an input out at once.
func (m *mix) forget(in *input) {
	m.inputs = slices.DeleteFunc(m.inputs, func(x *input) bool { return x == in })
}

// push adds sound of an input at a position. The last frame samples of it have come just now; what is before them fills
// a pause and could not come sooner.
func (m *mix) push(in *input, pcm []float32, at, frame, now int64) {
	n := int64(len(pcm) / codec.Channels)
	if n == 0 {
		return
	}
	if in.leader != nil && in.leader.heard && in.shift != in.leader.shift {
		in.move(in.leader.shift - in.shift)
	}
	at += in.shift
	at += in.observe(now-(at+n-min(n, frame)), now)
	if m.tooLate(in, at+n, now) || in.muted {
		return
	}
	end := in.from + int64(len(in.pcm)/codec.Channels)
	switch gap := at - end; {
	case len(in.pcm) == 0:
		in.from = at
	case gap > inputMax || gap < -inputMax:
		in.pcm, in.from = in.pcm[:0], at
	case gap > 0:
		in.makeRoom(int(gap) * codec.Channels)
		in.pcm = in.pcm[:len(in.pcm)+int(gap)*codec.Channels]
		clear(in.pcm[len(in.pcm)-int(gap)*codec.Channels:])
	case gap < 0:
		pcm = pcm[min(int(-gap)*codec.Channels, len(pcm)):]
	}
	in.makeRoom(len(pcm))
	in.pcm = append(in.pcm, pcm...)
	if over := len(in.pcm) - inputMax*codec.Channels; over > 0 {
		in.pcm = in.pcm[:len(in.pcm)-over]
	}
	if m.started {
		in.discard(m.at)
	}
}

// tooLate tells that sound ends where the mix has gone past. A source that is always too late is moved.
func (m *mix) tooLate(in *input, end, now int64) bool {
	switch {
	case !m.started || end > m.at:
		in.tardy = false
		return false
	case !in.tardy:
		in.tardy, in.late = true, now
	case now-in.late >= hopeless && in.leader == nil:
		in.move(m.at - end + lead)
		in.tardy = false
	}
	return true
}

// move lays the sound of the input later, or with a negative number of samples earlier.
func (in *input) move(by int64) {
	in.shift += by
	in.before, in.lately, in.least = in.before-by, in.lately-by, in.least-by
}

// observe learns how late the first of some samples comes, and by how much the input is moved because of that: later before it would be
// too late for long, back towards its picture when it has caught up.
func (in *input) observe(late, now int64) (moved int64) {
	switch age := now - in.since; {
	case !in.heard || age >= 2*lateWindow:
		in.before, in.lately, in.least, in.since = late, late, late, now
	case age >= lateWindow:
		switch {
		case in.leader != nil:
		case in.least > delayMax-delayMargin:
			moved = lead
		case in.shift > 0 && in.lately < -lead:
			moved = -min(-lead-in.lately, in.shift)
		}
		in.move(moved)
		late -= moved
		in.before, in.lately, in.least, in.since = in.lately, late, late, now
	}
	in.heard = true
	in.lately, in.least = max(in.lately, late), min(in.least, late)
	return moved
}

// discard drops what lies before a position.
func (in *input) discard(at int64) {
	drop := at - in.from
	if drop <= 0 {
		return
	}
	drop = min(drop, int64(len(in.pcm)/codec.Channels))
	in.pcm = in.pcm[drop*codec.Channels:]
	in.from += drop
}

// makeRoom makes n more values fit behind pcm, which is moved to the front of its memory for that now and then.
func (in *input) makeRoom(n int) {
	need := len(in.pcm) + n
	if need <= cap(in.pcm) {
		return
	}
	if 2*need > cap(in.memory) {
		in.memory = make([]float32, 4*need)
	}
	in.pcm = in.memory[:copy(in.memory, in.pcm)]
}

// aim sets the delay.
func (m *mix) aim(now int64) {
	want := int64(delayMin)
	for _, in := range m.inputs {
		if in.heard && !in.muted && now-in.since < 2*lateWindow {
			want = max(want, max(in.before, in.lately)+delayMargin)
		}
	}
	want = min(want, delayMax)
	if want > m.delay {
		m.delay = want
	} else {
		m.delay = max(want, m.delay-delayFall)
	}
}

// start begins the timeline, never before where it ended.
func (m *mix) start(now int64) {
	m.delay = max(m.delay, delayStart)
	begin := (now - m.delay) / blockSize * blockSize
	if m.begun {
		begin = max(begin, m.at)
	}
	m.at, m.begun = begin, true
	m.started, m.fresh = true, true
}

// due is the position of now at which the next block can be had.
func (m *mix) due() int64 { return m.at + blockSize + m.delay }

// next gives the next block if it is time; fresh tells that it does not follow the one before. The samples are valid
// until the next call.
func (m *mix) next(now int64) (pcm []float32, at int64, fresh, ok bool) {
	if !m.started {
		m.start(now)
	}
	m.aim(now)
	if m.due() > now {
		return nil, 0, false, false
	}
	if behind := now - m.due(); behind > stallMax {
		m.at += behind / blockSize * blockSize
		m.fresh = true
	}
	clear(m.block[:])
	m.balance()
	for _, in := range m.inputs {
		in.discard(m.at)
		in.addTo(m.block[:], m.at)
	}
	m.limiter.process(m.block[:])
	at, fresh = m.at, m.fresh
	m.at += blockSize
	m.fresh = false
	return m.block[:], at, fresh, true
}

// addTo adds the input's part of the block at a position. Where it has none, it fades out and later in again.
func (in *input) addTo(block []float32, at int64) {
	have := int64(len(in.pcm) / codec.Channels)
	if have == 0 && in.gain == 0 {
		return
	}
	bend := (in.factor - in.factorBefore) / blockSize
	for i := range int64(blockSize) {
		factor := in.factorBefore + bend*float32(i+1)
		k := at + i - in.from
		if k < 0 || k >= have {
			if in.gain > 0 {
				in.gain = max(0, in.gain-1.0/ramp)
				block[2*i] += in.last[0] * in.gain
				block[2*i+1] += in.last[1] * in.gain
			}
			continue
		}
		l, r := in.pcm[2*k]*factor, in.pcm[2*k+1]*factor
		in.last = [2]float32{l, r}
		if in.gain < 1 {
			in.gain = min(1, in.gain+1.0/ramp)
			l, r = l*in.gain, r*in.gain
		}
		block[2*i] += l
		block[2*i+1] += r
	}
}

// setMuted silences an input.
func (in *input) setMuted(muted bool) {
	if muted && !in.muted {
		in.pcm = in.pcm[:0]
	}
	in.muted = muted
}

// quiet tells that nothing of the input is left to be heard.
func (in *input) quiet() bool { return len(in.pcm) == 0 && in.gain == 0 }
