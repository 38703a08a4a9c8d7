package hls

import (
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/mux/fmp4"
)

const (
	// soundLag is how far the sound may be behind the picture before silence is put in its place, silenceLag how far that silence is
	// behind: sound that comes again is not to find its place taken.
	soundLag   = time.Second
	silenceLag = 250 * time.Millisecond
	// together is how far apart picture and sound may change to do so at one time.
	together = 300 * time.Millisecond
	// forgettable is how much sound may be left out so that they do.
	forgettable = 50 * time.Millisecond
)

// silentFormat is AAC-LC at 48 kHz in stereo, as the server's own encoder makes it, so that the program's sound can
// follow without a break.
var silentFormat = &media.Format{Codec: media.AAC, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}

// sound cuts the program's sound where the picture is cut, or on time when there is no picture. Its samples lie without
// gaps on the timeline: jitter is smoothed, holes are filled with silence.
type sound struct {
	rendition

	format *media.Format
	heard  time.Duration // where the newest frame was that is no silence, since the stream's base
	// earliest is where the sound begins, when the picture began before it.
	earliest   time.Duration
	boundaries []soundBoundary
}

// soundBoundary is a place where the picture was cut, in media time since the stream's base.
type soundBoundary struct {
	at     time.Duration
	breaks int // discontinuities that the picture's next segment begins with, which the sound does not have yet
}

// maxBoundaries bounds those that the sound has not reached yet.
const maxBoundaries = 64

func (s *sound) write(f *media.Frame) {
	if f.Format != s.format && (s.format == nil || !sameFormat(f.Format, s.format)) && !s.change(f.Format) {
		return
	}
	s.format = f.Format
	if !s.begun() {
		s.lead(f.PTS)
	}
	s.heard = f.PTS - s.stream.base
	duration := s.track.Ticks(f.Duration)
	if duration <= 0 || f.Duration > time.Second {
		return
	}
	if s.advance(f.PTS-s.stream.base, duration) {
		s.append(f.Payload, duration+s.correction(f.PTS-s.stream.base, duration))
	}
}

// begun tells whether the sound has a place on the timeline.
func (s *sound) begun() bool { return s.published() || !s.empty() || s.picture().track != nil }

// lead makes a sound without picture the beginning of the stream.
func (s *sound) lead(at time.Duration) {
	s.stream.base, s.earliest = at, 0
	s.begin(0)
}

// restart makes a picture the beginning of the stream; what sound came before has not been seen by anybody.
func (s *sound) restart(at time.Duration) {
	s.reset()
	s.boundaries, s.heard = nil, 0
	s.earliest = at - s.stream.base
	if s.track != nil {
		s.begin(s.track.Ticks(s.earliest))
	}
}

// change goes on with another format. It tells whether frames of that format can be taken now.
func (s *sound) change(f *media.Format) bool {
	if s.track != nil && s.picture().broken > 0 {
		return false // one discontinuity for each cut of the picture
	}
	track, err := fmp4.NewTrack(soundTrack, f)
	if err != nil {
		s.stream.warn("hls_sound", "The sound cannot be heard over HLS: %v.", err)
		return false
	}
	at := s.earliest
	if s.track != nil {
		switch {
		case s.discontinuities > 0 && len(s.parts) == 0 && s.length() <= forgettable:
			s.reset() // the picture has just broken here, too
			s.begin(s.start)
		case s.takeBreak():
		case !s.empty() || s.published():
			s.cut(s.end, 1)
			s.stream.interrupt()
		}
		at = s.track.Duration(s.end)
	}
	if err := s.setTrack(track); err != nil {
		s.stream.warn("hls_sound", "The sound cannot be heard over HLS: %v.", err)
		return false
	}
	s.begin(track.Ticks(at))
	return true
}

// takeBreak tells whether the picture has broken about where the sound ends: then that break is the sound's, too, which is cut there with those before it.
func (s *sound) takeBreak() bool {
	breaks := 0
	for i, b := range s.boundaries {
		breaks += b.breaks
		if b.breaks == 1 && (b.at-s.track.Duration(s.end)).Abs() <= together {
			s.boundaries = s.boundaries[i+1:]
			s.cut(s.end, breaks)
			return true
		}
	}
	return false
}

// boundary tells that the picture was cut at a media time, with a discontinuity of its own or without.
func (s *sound) boundary(at time.Duration, discontinuity bool) {
	at -= s.stream.base
	if s.track == nil && !s.silence() {
		return
	}
	b := soundBoundary{at: at}
	if discontinuity {
		b.breaks = 1
	}
	s.boundaries = append(s.boundaries, b)
	if len(s.boundaries) > maxBoundaries {
		s.boundaries[1].breaks += s.boundaries[0].breaks
		s.boundaries = s.boundaries[1:]
	}
	// The picture is ahead: if sound was to come for the time before, it would be here.
	late := s.track.Ticks(at - soundLag)
	missing := func() bool { return s.track.Duration(late-s.end) > s.stream.limit() }
	if discontinuity && missing() {
		s.pause(at)
		return
	}
	if s.fill(late); missing() { // there is no silence of its kind
		s.miss(late)
	}
}

// pause goes on at a time as the picture does, which has not come for a while either.
func (s *sound) pause(at time.Duration) {
	breaks := 0
	for _, b := range s.boundaries {
		breaks += b.breaks
	}
	s.boundaries = nil
	s.cut(s.track.Ticks(at), breaks)
}

// keepUp has silence follow a picture that is shown at a time while there is no sound, for parts are not to wait for it.
func (s *sound) keepUp(at time.Duration) {
	if at -= s.stream.base; s.track != nil && at-s.heard > soundLag {
		s.fill(s.track.Ticks(at - silenceLag))
	}
}

// picture is the one that the sound goes with.
func (s *sound) picture() *picture { return s.stream.pictures[0] }

// silence begins a sound that the program does not have.
func (s *sound) silence() bool {
	if !s.change(silentFormat) {
		return false
	}
	s.format = silentFormat
	return true
}

// advance brings the end of the sound to where a frame begins, and tells whether the frame has a place there.
func (s *sound) advance(at time.Duration, duration int64) bool {
	want := s.track.Ticks(at)
	switch gap := want - s.end; {
	case gap <= -duration/2:
		return false // it was late, and silence stands there already
	case s.track.Duration(gap) > s.stream.limit():
		// Too long for silence: the stream pauses.
		s.cut(want, 1)
		s.stream.interrupt()
	case gap > 0 && s.empty() && !s.published() && gap < duration:
		s.begin(want)
	case gap >= duration:
		s.fill(want)
		switch rest := want - s.end; {
		case rest <= 0:
		case len(s.part) > 0:
			s.part[len(s.part)-1].Duration += uint32(rest)
			s.end += rest
		case s.empty() && !s.published():
			s.begin(want)
		case rest >= duration:
			s.end = want // what is less is made up for little by little
		}
	}
	return true
}

// correction is how much longer or shorter a frame has to be, so that the sound's end follows its source's clock: by at
// most 1 %, and so slowly that rounding and jitter do not show.
func (s *sound) correction(at time.Duration, duration int64) int64 {
	const slowness = 32
	return min(max((s.track.Ticks(at)-s.end)/slowness, -duration/100), duration/100)
}

// fill puts silence up to a place, in whole frames.
func (s *sound) fill(until int64) {
	payload, duration := bitstream.Silence(s.format)
	if payload == nil {
		return
	}
	for s.end+duration <= until {
		s.append(payload, duration)
	}
}

// append adds a sample. The segment ends behind it, if it is known by now that it has to; else, where the picture was late, before the next
// one, unless the playlist hints at another part: then that sample still makes it.
func (s *sound) append(payload []byte, duration int64) {
	if !s.promised() {
		s.cutIfTime(duration)
	}
	s.add(s.end, s.end+duration, fmp4.Sample{Payload: payload, Duration: uint32(duration), Keyframe: true})
	s.cutIfTime(duration)
}

// cutIfTime cuts at the end of the sound where the picture was cut, or for want of one; samples have a duration.
func (s *sound) cutIfTime(duration int64) {
	for len(s.boundaries) > 0 {
		b := s.boundaries[0]
		at := s.track.Ticks(b.at)
		if s.end+duration/2 < at {
			break
		}
		s.boundaries = s.boundaries[1:]
		if b.breaks > 0 || at > s.start+duration/2 {
			s.cut(s.end, b.breaks)
		}
	}
	if s.timeToCut(duration) {
		s.cut(s.end, 0)
	}
}

// timeToCut tells whether the sound must cut by itself, because there is no picture, or it stands still.
func (s *sound) timeToCut(duration int64) bool {
	if s.picture().track == nil {
		return s.end+duration/2-s.start >= s.track.Ticks(s.stream.cfg.Segment)
	}
	return s.end+duration-s.start > s.track.Ticks(s.stream.limit()) || s.bytes > maxSegmentBytes
}

// finish completes the last segment, with silence where the picture goes on for longer.
func (s *sound) finish() {
	if s.track != nil {
		if p := s.picture(); p.track != nil {
			s.fill(s.track.Ticks(min(p.track.Duration(p.end), s.track.Duration(s.end)+s.stream.limit()+soundLag)))
		}
		s.cut(s.end, 0)
	}
}
