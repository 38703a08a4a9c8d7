package program

import (
	"fmt"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/track"
)

// mixer mixes sounds while somebody wants the mix, and encodes it once for each form that is wanted. A goroutine for
// each sound decodes it; another mixes and encodes. All end with close or when nobody wants the mix any more.
type mixer struct {
	label string

	mu      sync.Mutex
	core    mix
	sounds  []*track.Track // what is to be mixed, also while nothing runs
	mixing  mixing
	inputs  map[*track.Track]*mixInput
	outputs map[codec.Form]*mixOutput
	running bool
	closed  bool
	wake    chan struct{} // holds one token while there is news for the goroutine that mixes
	work    sync.WaitGroup
}

// mixInput is a sound on its way into the mix.
type mixInput struct {
	in   *input
	stop chan struct{}
	err  error // why it cannot be heard
}

// mixOutput is the mix in one form.
type mixOutput struct {
	track  *track.Track
	users  int
	packer *codec.AudioPacker // while there are users
}

func newMixer(label string) *mixer {
	return &mixer{
		label: label, inputs: map[*track.Track]*mixInput{}, outputs: map[codec.Form]*mixOutput{},
		wake: make(chan struct{}, 1),
	}
}

// set says which sounds are mixed.
func (m *mixer) set(sounds []*track.Track) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sounds = sounds
	if m.running && !m.closed {
		m.reconcile()
	}
}

// shape says how sounds are mixed.
func (m *mixer) shape(how mixing) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mixing = how
	m.voice()
}

// setLead says who leads the conversation.
func (m *mixer) setLead(identity string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.core.lead = identity
}

// voice tells the inputs how they are mixed. The caller holds the lock.
func (m *mixer) voice() {
	m.core.ducking, m.core.focus = m.mixing.ducking, m.mixing.focus
	for t, i := range m.inputs {
		i.in.voicing = m.mixing.of(t)
	}
	m.core.follow()
}

// output is the track that holds the mix in a form, whether or not anybody wants it.
func (m *mixer) output(as codec.Form) *track.Track {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.outputLocked(as).track
}

func (m *mixer) outputLocked(as codec.Form) *mixOutput {
	o := m.outputs[as]
	if o == nil {
		o = &mixOutput{track: track.NewFromFrames(track.Info{
			ID: "TR_MIX_" + as.String(), Kind: media.Audio, Codec: as.Codec, Label: m.label + " mix " + as.String(),
		})}
		if m.closed {
			o.track.Close()
		}
		m.outputs[as] = o
	}
	return o
}

// want makes the mix run in a form until release is called.
func (m *mixer) want(as codec.Form) (release func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, track.ErrClosed
	}
	o := m.outputLocked(as)
	if o.users == 0 {
		if o.packer, err = codec.NewAudioPacker(as, 0); err != nil {
			return nil, fmt.Errorf("program: mix as %v: %w", as, err)
		}
	}
	o.users++
	if !m.running {
		m.running = true
		m.core.started = false
		m.reconcile()
		m.work.Go(m.run)
	}
	m.notify()
	var once sync.Once
	return func() { once.Do(func() { m.unwant(o) }) }, nil
}

func (m *mixer) unwant(o *mixOutput) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o.users--; o.users == 0 {
		o.packer = nil
		m.notify()
	}
}

func (m *mixer) notify() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// problem is why one of the sounds cannot be heard in the mix.
func (m *mixer) problem() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, i := range m.inputs {
		if i.err != nil {
			return i.err
		}
	}
	return nil
}

// close ends everything and waits.
func (m *mixer) close() {
	m.mu.Lock()
	m.closed = true
	for _, o := range m.outputs {
		o.track.Close()
	}
	m.mu.Unlock()
	m.notify()
	m.work.Wait()
}

// reconcile starts and stops inputs. The caller holds the lock.
func (m *mixer) reconcile() {
	wanted := make(map[*track.Track]bool, len(m.sounds))
	for _, t := range m.sounds {
		wanted[t] = true
		if m.inputs[t] == nil {
			i := &mixInput{in: m.core.add(), stop: make(chan struct{})}
			m.inputs[t] = i
			i.in.voicing = m.mixing.of(t)
			i.in.factor, i.in.factorBefore = i.in.voicing.gain, i.in.voicing.gain
			m.work.Go(func() { m.listen(t, i) })
		}
	}
	for t, i := range m.inputs {
		if !wanted[t] {
			m.drop(t, i)
		}
	}
	m.core.follow()
}

func (m *mixer) drop(t *track.Track, i *mixInput) {
	close(i.stop)
	delete(m.inputs, t)
	m.core.remove(i.in) // fades out, and is forgotten when it has
}

// listenAhead is how far ahead of its time sound is decoded at most. A source may send it seconds before, bit by bit or much at once.
const listenAhead = 100 * time.Millisecond

// listen decodes a sound into the mix until it is stopped or ends.
func (m *mixer) listen(t *track.Track, i *mixInput) {
	lease, err := t.ReadFrames(t.Info().Codec)
	if err != nil {
		m.fail(i, err)
		return
	}
	defer lease.Release()
	ring := lease.Ring()
	cursor := ring.FromTime(media.Now()) // what is ahead of the time may be there already
	aligner := codec.Aligner{Workers: t.Info().Workers}
	defer aligner.Close()
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	var batch [16]*media.Frame
	troubled := false
	for {
		select {
		case <-i.stop:
			return
		default:
		}
		woken := ring.Woken()
		until := media.Now() + listenAhead
		n, _, next, err := cursor.ReadUntil(batch[:], until)
		for _, f := range batch[:n] {
			pcm, at, _, err := aligner.Align(f)
			if trouble := aligner.Trouble(); (trouble != nil) != troubled {
				troubled = trouble != nil
				m.fail(i, trouble)
			}
			if err != nil {
				continue
			}
			m.mu.Lock()
			i.in.setMuted(t.Muted() || m.inputs[t] != i)
			m.core.push(i.in, pcm, at, frameSamples(f), codec.SamplesAt(media.Now()))
			m.mu.Unlock()
		}
		clear(batch[:n])
		if n > 0 {
			continue
		}
		if err != nil {
			return
		}
		if next > until {
			woken = nil
			due.Reset(next - until)
		}
		select {
		case <-woken:
		case <-due.C:
		case <-i.stop:
			return
		}
	}
}

// frameSamples is the length of a frame, 20 ms where it does not say.
func frameSamples(f *media.Frame) int64 {
	if f.Duration <= 0 {
		return blockSize
	}
	return codec.SamplesAt(f.Duration)
}

func (m *mixer) fail(i *mixInput, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i.err = err
}

// run mixes block by block until nobody wants it.
func (m *mixer) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	type job struct {
		track  *track.Track
		packer *codec.AudioPacker
	}
	var jobs []job
	var frames []*media.Frame
	for {
		now := codec.SamplesAt(media.Now())
		m.mu.Lock()
		jobs = jobs[:0]
		for _, o := range m.outputs {
			if o.users > 0 {
				jobs = append(jobs, job{o.track, o.packer})
			}
		}
		if m.closed || len(jobs) == 0 {
			m.halt()
			m.mu.Unlock()
			return
		}
		for t, i := range m.inputs {
			i.in.setMuted(t.Muted())
		}
		pcm, at, fresh, ok := m.core.next(now)
		due := m.core.due()
		m.mu.Unlock()
		if !ok {
			timer.Reset(max(codec.TimeOf(due-now), time.Millisecond))
			select {
			case <-timer.C:
			case <-m.wake:
			}
			continue
		}
		for _, j := range jobs {
			frames, _ = j.packer.Pack(frames[:0], pcm, at, fresh)
			for _, f := range frames {
				j.track.WriteFrame(f)
			}
		}
		clear(frames)
		m.sweep()
	}
}

// sweep forgets inputs that have faded out.
func (m *mixer) sweep() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.core.inputs) == len(m.inputs) {
		return
	}
	live := make(map[*input]bool, len(m.inputs))
	for _, i := range m.inputs {
		live[i.in] = true
	}
	for _, in := range append([]*input(nil), m.core.inputs...) {
		if !live[in] && in.quiet() {
			m.core.forget(in)
		}
	}
}

// halt stops all inputs. The caller holds the lock.
func (m *mixer) halt() {
	for t, i := range m.inputs {
		m.drop(t, i)
	}
	m.core.inputs = nil
	m.running = false
}
