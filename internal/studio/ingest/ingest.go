// Package ingest turns the frames that an encoder sends, over whatever protocol, into the tracks of a participant, and tells the host what
// is wrong with them.
package ingest

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/track"
)

const (
	// longestKeyframeInterval is how far keyframes may lie apart before the host is told.
	longestKeyframeInterval = 4 * time.Second
	// longestWait is for how long pictures may come without a keyframe among them before the host is told.
	longestWait = 5 * time.Second
	// mostLeftOut is of how many things that are not taken the host is told.
	mostLeftOut = 8
	// farAhead is how far ahead of the time an encoder's frames may be: who sends faster than time passes is read no further until they are not.
	// Who sends live may be ahead by what was held up before its first frame, or came with it (a server's last keyframe and what follows), and is
	// not to be made later for it.
	farAhead = 2 * time.Second
	// endedWithin is how long after its tracks the encoder itself may end.
	endedWithin = time.Second
)

// Participant is what is needed of one.
type Participant interface {
	Publish(pub room.Publication) (FrameWriter, error)
	Self() room.Participant
	Unpublish(sid string) error
	ChangePublication(sid string, change func(*room.Publication)) error
	Update(name, metadata *string, attributes map[string]string) error
	Leave(why room.LeaveReason)
}

// FrameWriter is a track born as frames.
type FrameWriter interface {
	WriteFrame(f *media.Frame) error
}

// Of is the participant of a studio.
func Of(p *studio.Participant) Participant { return participant{p} }

type participant struct{ *studio.Participant }

func (p participant) Publish(pub room.Publication) (FrameWriter, error) { return p.PublishFrames(pub) }

// Publisher publishes an encoder's frames. It belongs to one goroutine.
type Publisher struct {
	Participant
	// Fetched tells that it is no encoder that sends, but a source that we fetch, and is what hosts hear.
	Fetched bool

	log    *slog.Logger
	stream string
	ended  <-chan struct{}

	tracks  [media.Video + 1]publishedTrack
	warned  map[string]bool
	lastKey time.Duration
	waits   bool          // for the first keyframe
	since   time.Duration // DTS of the first picture that waits

	inspected *media.Format // whose profile was looked at
	leftOut   []string      // what the host was told of
}

// New makes a publisher; stream names its tracks' stream. Once ended is closed it holds nobody back any more.
func New(p Participant, stream string, ended <-chan struct{}, log *slog.Logger) *Publisher {
	return &Publisher{Participant: p, stream: stream, ended: ended, log: log}
}

type publishedTrack struct {
	sid    string
	writer FrameWriter
	format *media.Format
}

// Rename gives the participant a name for people.
func (p *Publisher) Rename(name string) {
	if err := p.Update(&name, nil, nil); err != nil {
		p.log.Debug("naming the participant", "error", err)
	}
}

// Write publishes a frame. It waits where an encoder is far ahead of the time, and before it fails: who takes an encoder's tracks tells it why in a moment.
func (p *Publisher) Write(f *media.Frame) error {
	err := p.write(f)
	if err == nil {
		return nil
	}
	select {
	case <-p.ended:
	case <-time.After(endedWithin):
	}
	if errors.Is(err, track.ErrClosed) {
		return room.ErrNotAllowed
	}
	return err
}

func (p *Publisher) write(f *media.Frame) error {
	t := &p.tracks[f.Kind()]
	if t.writer == nil && !f.Keyframe {
		p.wait(f)
		return nil // nobody could decode it
	}
	if err := p.prepare(t, f); err != nil {
		return err
	}
	if f.Kind() == media.Video {
		p.inspect(f)
	}
	if f.Discontinuity {
		p.log.Debug("timestamps jumped or frames were lost", "kind", f.Kind())
	}
	if err := t.writer.WriteFrame(f); err != nil {
		return fmt.Errorf("writing to track %s: %w", t.sid, err)
	}
	p.pace(f.DTS)
	return nil
}

// wait looks for how long pictures have come that nobody can begin with.
func (p *Publisher) wait(f *media.Frame) {
	if !p.waits {
		p.waits, p.since = true, f.DTS
	}
	if f.DTS-p.since > longestWait {
		p.warn(warnNoKeyframe, p.sender()+" has sent pictures for 5 s and no keyframe, so nobody sees them. Set the keyframe interval to 2 s, and closed GOPs.")
	}
}

// prepare publishes the track that a frame belongs to and keeps what the room knows of it true.
func (p *Publisher) prepare(t *publishedTrack, f *media.Frame) error {
	if t.format == f.Format {
		return nil
	}
	if t.writer != nil && t.format.Codec != f.Format.Codec {
		if err := p.Unpublish(t.sid); err != nil {
			return err
		}
		*t = publishedTrack{}
	}
	if t.writer == nil {
		pub := room.Publication{
			SID: room.NewSID("TR_"), Name: f.Kind().String(), Kind: f.Kind(), Codec: f.Format.Codec, Source: room.Microphone,
			Width: f.Format.Width, Height: f.Format.Height, Stereo: f.Format.Channels > 1, Stream: p.stream,
		}
		if pub.Kind == media.Video {
			pub.Source = room.Camera
		}
		w, err := p.Publish(pub)
		if err != nil {
			return fmt.Errorf("publishing %v: %w", pub.Kind, err)
		}
		t.sid, t.writer = pub.SID, w
	} else if t.format.Width != f.Format.Width || t.format.Height != f.Format.Height {
		err := p.ChangePublication(t.sid, func(pub *room.Publication) {
			pub.Width, pub.Height = f.Format.Width, f.Format.Height
		})
		if err != nil {
			return err
		}
	}
	t.format = f.Format
	return nil
}

// Warnings that the host should see, as attributes of the participant (studio.WarningAttribute).
const (
	warnBFrames    = "b_frames"
	warnKeyframes  = "keyframe_interval"
	warnNoKeyframe = "no_keyframe"
	warnRotation   = "rotation"
	warnBroken     = "broken_media"
	warnLeftOut    = "left_out"
	warnProfile    = "picture_profile"
)

// Broken tells the host that what comes of a kind cannot be read.
func (p *Publisher) Broken(kind media.Kind, why error) {
	what := "sound"
	if kind == media.Video {
		what = "picture"
	}
	p.warn(warnBroken, fmt.Sprintf("%s sends a %s that cannot be read: %v.", p.sender(), what, why))
}

// LeftOut tells the host what else the encoder sends than what is taken, beside what it told before.
func (p *Publisher) LeftOut(what string) {
	if slices.Contains(p.leftOut, what) || len(p.leftOut) >= mostLeftOut {
		return
	}
	p.leftOut = append(p.leftOut, what)
	delete(p.warned, warnLeftOut)
	advice := "Send one picture in H.264 or H.265, and one sound in AAC (ADTS) or Opus."
	if p.Fetched {
		advice = "One picture is, in H.264 or H.265, and one sound, in AAC or Opus; of fragmented MP4 pictures in AV1 or VP9 too."
	}
	p.warn(warnLeftOut, p.sender()+" also sends what is not taken: "+strings.Join(p.leftOut, "; ")+". "+advice)
}

// Rotated tells the host that the encoder wants its picture turned by some degrees.
func (p *Publisher) Rotated(degrees int) {
	p.warn(warnRotation, fmt.Sprintf("%s sends its picture turned by %d° and leaves it to players to turn it back, which they do not. Turn it in the encoder.", p.sender(), degrees))
}

// inspect looks for settings of an encoder that some viewers suffer from.
func (p *Publisher) inspect(f *media.Frame) {
	if f.Format.Reordered {
		p.warn(warnBFrames, p.sender()+" uses B-frames, which browsers cannot show in real time. Set B-frames to 0.")
	}
	if f.Discontinuity {
		p.lastKey = 0 // it may lie on another time base
	}
	if f.DTS-p.lastKey > longestKeyframeInterval && p.lastKey != 0 {
		p.warn(warnKeyframes, "Keyframes are more than 4 s apart, so viewers wait long for the first picture. Set the keyframe interval to 2 s.")
	}
	if f.Keyframe {
		p.lastKey, p.waits = f.DTS, false
		p.settle(warnNoKeyframe)
		p.inspectProfile(f.Format)
		if degrees := bitstream.Rotation(f.Format.Codec, f.Payload); degrees != 0 {
			p.Rotated(degrees)
		}
	}
}

// lastPlainProfile is High: what browsers show is not beyond it (ITU-T H.264, annex A).
const lastPlainProfile = 100

// inspectProfile looks for pictures of more than 8 bit, or with more colour than 4:2:0.
func (p *Publisher) inspectProfile(f *media.Format) {
	if f.Codec != media.H264 || f == p.inspected {
		return
	}
	p.inspected = f
	if s, err := bitstream.ParseH264SPS(f.SPS); err == nil && s.Profile > lastPlainProfile {
		p.warn(warnProfile, fmt.Sprintf("The picture is H.264 in a profile (%d) that browsers and most players cannot show. Set the encoder to 8 bit and 4:2:0 (NV12, I420).", s.Profile))
	}
}

// sender is what hosts hear of who sends.
func (p *Publisher) sender() string {
	if p.Fetched {
		return "The source"
	}
	return "The encoder"
}

func (p *Publisher) warn(code, text string) {
	if p.warned[code] {
		return
	}
	if p.warned == nil {
		p.warned = map[string]bool{}
	}
	p.warned[code] = true
	p.log.Warn("encoder settings", "code", code, "problem", text)
	if err := p.Update(nil, nil, map[string]string{studio.WarningAttribute + code: text}); err != nil {
		p.log.Debug("warning the host", "error", err)
	}
}

// settle takes a warning back.
func (p *Publisher) settle(code string) {
	if !p.warned[code] {
		return
	}
	delete(p.warned, code)
	if err := p.Update(nil, nil, map[string]string{studio.WarningAttribute + code: ""}); err != nil {
		p.log.Debug("taking a warning back", "error", err)
	}
}

// pace holds an encoder back that sends a file faster than it plays, after each frame just so long that they come as evenly as they play.
func (p *Publisher) pace(at time.Duration) {
	ahead := at - media.Now()
	if ahead <= farAhead {
		return
	}
	timer := time.NewTimer(ahead - farAhead)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.ended:
	}
}
