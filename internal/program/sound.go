package program

import (
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/track"
)

// catchUp is how long the old source of a sound may take to get to where the new one begins, and how old that may be.
const catchUp = 500 * time.Millisecond

// sound is a reader's sound: a track that passes through, or the mix. Both lie on media time, so a change is made where
// the one ends and the other begins.
type sound struct {
	demand []media.Codec
	steady bool
	mixer  *mixer
	now    *feed
	next   *feed
	want   soundSource
	opened time.Duration
	retry  time.Duration // when to try again to open want

	// form is what a steady sound keeps, zero before it has one; misfit is the track last seen that has another.
	form   codec.Form
	misfit *track.Track

	begun    bool
	switched bool
	// handover tells that the next source has come, but is behind the old one, which stops until that has caught up.
	handover bool
	last     time.Duration // DTS of the newest frame
	end      time.Duration // PTS where its sound ends
	at       time.Duration // when it was given
}

// soundSource names what a sound is made of: a track as it is, the mix in a form, or nothing.
type soundSource struct {
	single *track.Track
	mix    codec.Form
}

// soundOf tells what a plan means for a reader with a demand. Once its sound has begun there always is one: the mix of nothing is silence.
func soundOf(p plan, demand []media.Codec, begun bool) soundSource {
	if len(demand) == 0 || len(p.sounds) == 0 && !begun {
		return soundSource{}
	}
	if p.single != nil && slices.Contains(demand, p.single.Info().Codec) {
		return soundSource{single: p.single}
	}
	return soundSource{mix: codec.PlainForm(demand[0])}
}

func (f *feed) is(want soundSource) bool {
	return f != nil && !f.ended && f.track == want.single && f.mix == want.mix
}

// wanted is what a plan means for this sound.
func (s *sound) wanted(p plan) soundSource {
	for _, f := range []*feed{s.now, s.next} {
		if f != nil && f.misfit {
			s.misfit = f.track
		}
	}
	if p.single == s.misfit {
		p.single = nil
	}
	want := soundOf(p, s.demand, s.begun)
	if want.mix != (codec.Form{}) && s.form != (codec.Form{}) {
		want.mix = s.form
	}
	return want
}

// takes tells whether sound of a format may pass through a steady sound. The mix would be silent in the place of what can neither be
// encoded nor decoded.
func (s *sound) takes(f *media.Format, workers *codec.Workers) bool {
	form, ok := codec.FormOf(f)
	if !ok {
		return codec.CanDecode(f, workers) != nil
	}
	return s.form == (codec.Form{}) || s.form == form
}

// follow makes a plan's sound the source. from is where the sound of a track that passes through begins, if it is to
// begin in the past.
func (s *sound) follow(p plan, now, from time.Duration) {
	want := s.wanted(p)
	if want != s.want {
		s.want, s.retry = want, never
	}
	switch {
	case s.next.is(want):
		return
	case s.now.is(want):
		s.next.close()
		s.next = nil
		return
	case want == soundSource{}, now < s.retry:
		return
	}
	s.next.close()
	s.next = nil
	s.retry = now + time.Second
	s.open(want, now, from, p.singleSince)
}

// kept is since when there is sound for a picture that begins in the past: the mix is made while somebody reads it.
func (s *sound) kept(p plan, now time.Duration) time.Duration {
	want := s.wanted(p)
	if want.mix == (codec.Form{}) {
		return never
	}
	lease, err := s.mixer.output(want.mix).ReadFrames(want.mix.Codec)
	if err != nil {
		return now
	}
	defer lease.Release()
	return lease.Ring().Unbroken(now, followWithin)
}

func (s *sound) open(want soundSource, now, from, since time.Duration) {
	begin := func(lease *track.FrameLease, since time.Duration) *media.Cursor[*media.Frame] {
		if s.begun {
			from = max(s.end, now-catchUp) // a source may be seconds ahead: what comes next of it need not follow
		}
		if from > never {
			return lease.Ring().FromTime(max(from, since))
		}
		return lease.Ring().Live()
	}
	if t := want.single; t != nil {
		lease, err := t.ReadFrames(t.Info().Codec)
		if err != nil {
			return
		}
		s.next, s.opened = newFeed(t, lease, begin(lease, since)), now
		if s.steady {
			s.next.takes = func(f *media.Format) bool { return s.takes(f, t.Info().Workers) }
		}
		return
	}
	release, err := s.mixer.want(want.mix)
	if err != nil {
		return
	}
	lease, err := s.mixer.output(want.mix).ReadFrames(want.mix.Codec)
	if err != nil {
		release()
		return
	}
	s.next, s.opened = newFeed(nil, lease, begin(lease, never), release), now
	s.next.mix = want.mix
}

// candidate gives the frame that may go out next, nil when there is none now.
func (s *sound) candidate(now time.Duration) *media.Frame {
	s.tryChange(now)
	f := s.now
	if f == nil || s.handover {
		return nil
	}
	h := f.peek(now)
	for ; h != nil && s.begun && h.DTS <= s.last; h = f.peek(now) {
		f.take()
	}
	return h
}

// begin makes the mix begin with the first picture, as a track that passes through does. The mix is behind its sources, and no player shows a picture
// that has no sound of its time; so where the mix has not come to the picture yet, a frame of silence is put beside that.
func (s *sound) begin(picture, now time.Duration) *media.Frame {
	f := s.now
	newest := f.head
	if f.track != nil || newest == nil {
		return newest
	}
	for h := newest; h != nil && h.PTS+h.Duration <= picture; h = f.peek(now) {
		newest = h
		f.take()
	}
	if f.head == nil {
		f.head, f.seenAt = silenceAfter(newest, picture), now
	}
	return f.head
}

// silenceAfter is silence in place of the frame that is at a time, after another of the mix.
func silenceAfter(f *media.Frame, at time.Duration) *media.Frame {
	payload, samples := bitstream.Silence(f.Format)
	from := codec.SamplesAt(f.PTS)
	from += (codec.SamplesAt(at) - from) / samples * samples
	silent := *f
	silent.Payload = payload
	silent.PTS = codec.TimeOf(from)
	silent.DTS, silent.Duration = silent.PTS, codec.TimeOf(from+samples)-silent.PTS
	return &silent
}

// tryChange changes to the next source where the old one has got to the beginning of it.
func (s *sound) tryChange(now time.Duration) {
	f := s.next
	s.handover = s.handover && f != nil && !f.ended
	if f == nil {
		return
	}
	h := f.peek(now)
	for ; h != nil && s.begun && (h.PTS < s.end-h.Duration/2 || h.DTS <= s.last); h = f.peek(now) {
		f.take() // the old one was heard for that time
		s.handover = true
	}
	if h == nil {
		return
	}
	if old := s.now; old != nil && s.begun && h.PTS > s.end+h.Duration/2 {
		if old.peek(now) != nil || !old.ended && now-f.seenAt < catchUp {
			return
		}
	}
	s.now.close()
	s.now, s.next = f, nil
	s.switched, s.handover = s.begun, false
}

// give takes the candidate out.
func (s *sound) give(now time.Duration) *media.Frame {
	f := s.now.head
	if (s.switched || s.now.broken) && !f.Discontinuity {
		marked := *f
		marked.Discontinuity = true
		f = &marked
	}
	s.now.take()
	s.switched = false
	if s.steady && s.form == (codec.Form{}) {
		if form, ok := codec.FormOf(f.Format); ok {
			s.form = form
		}
	}
	s.begun, s.last, s.end, s.at = true, f.DTS, f.PTS+f.Duration, now
	return f
}

// expected tells whether sound comes, so that pictures may wait a little for it.
func (s *sound) expected(now time.Duration) bool {
	if !s.begun {
		return s.next != nil && now-s.opened < pictureHold
	}
	return s.now != nil && now-s.at < lively
}

func (s *sound) close() {
	s.now.close()
	s.next.close()
	s.now, s.next = nil, nil
}
