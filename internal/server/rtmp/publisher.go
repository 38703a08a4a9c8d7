package rtmp

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/room"
)

const (
	// longestKeyframeInterval is how far keyframes may lie apart before the host is told.
	longestKeyframeInterval = 4 * time.Second
	// An encoder that sends faster than time passes is read no further while it is more than farAhead ahead, until it
	// is only a little ahead.
	farAhead   = 2 * time.Second
	bitAhead   = time.Second
	streamName = "rtmp"
)

// publisher turns an encoder's messages into the tracks of a participant. It belongs to its session's goroutine.
type publisher struct {
	ingest  ingest
	log     *slog.Logger
	release func()
	kicked  <-chan struct{}
	named   bool // the token gave a name

	demuxer flv.Demuxer
	tracks  [media.Video + 1]publishedTrack
	warned  map[string]bool
	lastKey time.Duration
}

type publishedTrack struct {
	sid    string
	writer frameWriter
	format *media.Format
}

// metadata names the participant after its encoder.
func (p *publisher) metadata(m flv.Metadata) {
	if p.named || m.Encoder == "" {
		return
	}
	p.named = true
	name := encoderName(m.Encoder)
	if err := p.ingest.Update(&name, nil, nil); err != nil {
		p.log.Debug("naming the participant", "error", err)
	}
}

// write takes a sound or picture message.
func (p *publisher) write(kind media.Kind, timestamp uint32, body []byte) error {
	now := media.Now()
	var f *media.Frame
	var err error
	if kind == media.Video {
		f, err = p.demuxer.Video(timestamp, body, now)
	} else {
		f, err = p.demuxer.Audio(timestamp, body, now)
	}
	if err != nil || f == nil {
		return err
	}
	t := &p.tracks[kind]
	if t.writer == nil && !f.Keyframe {
		return nil // nobody could decode it
	}
	if err := p.prepare(t, f); err != nil {
		return err
	}
	if kind == media.Video {
		p.inspect(f)
	}
	if f.Discontinuity {
		p.log.Debug("timestamps jumped or frames were lost", "kind", kind)
	}
	if err := t.writer.WriteFrame(f); err != nil {
		return fmt.Errorf("writing to track %s: %w", t.sid, err)
	}
	p.pace(f.DTS - now)
	return nil
}

// prepare publishes the track that a frame belongs to and keeps what the room knows of it true.
func (p *publisher) prepare(t *publishedTrack, f *media.Frame) error {
	if t.format == f.Format {
		return nil
	}
	if t.writer != nil && t.format.Codec != f.Format.Codec {
		if err := p.ingest.Unpublish(t.sid); err != nil {
			return err
		}
		*t = publishedTrack{}
	}
	if t.writer == nil {
		pub := room.Publication{
			SID: room.NewSID("TR_"), Name: f.Kind().String(), Kind: f.Kind(), Codec: f.Format.Codec, Source: room.Microphone,
			Width: f.Format.Width, Height: f.Format.Height, Stereo: f.Format.Channels > 1, Stream: streamName,
		}
		if pub.Kind == media.Video {
			pub.Source = room.Camera
		}
		w, err := p.ingest.publish(pub)
		if err != nil {
			return fmt.Errorf("publishing %v: %w", pub.Kind, err)
		}
		t.sid, t.writer = pub.SID, w
	} else if t.format.Width != f.Format.Width || t.format.Height != f.Format.Height {
		err := p.ingest.ChangePublication(t.sid, func(pub *room.Publication) {
			pub.Width, pub.Height = f.Format.Width, f.Format.Height
		})
		if err != nil {
			return err
		}
	}
	t.format = f.Format
	return nil
}

// Warnings that the host should see, as attributes of the participant named warningAttribute and the code.
const (
	warningAttribute = "tutti.warning."
	warnBFrames      = "b_frames"
	warnKeyframes    = "keyframe_interval"
)

// inspect looks for settings of an encoder that some viewers suffer from.
func (p *publisher) inspect(f *media.Frame) {
	if f.Format.Reordered {
		p.warn(warnBFrames, "The encoder uses B-frames, which browsers cannot show in real time. Set B-frames to 0.")
	}
	if f.DTS-p.lastKey > longestKeyframeInterval && p.lastKey != 0 && !f.Discontinuity {
		p.warn(warnKeyframes, "Keyframes are more than 4 s apart, so viewers wait long for the first picture. Set the keyframe interval to 2 s.")
	}
	if f.Keyframe {
		p.lastKey = f.DTS
	}
}

func (p *publisher) warn(code, text string) {
	if p.warned[code] {
		return
	}
	if p.warned == nil {
		p.warned = map[string]bool{}
	}
	p.warned[code] = true
	p.log.Warn("encoder settings", "code", code, "problem", text)
	if err := p.ingest.Update(nil, nil, map[string]string{warningAttribute + code: text}); err != nil {
		p.log.Debug("warning the host", "error", err)
	}
}

// pace holds an encoder back that sends a file faster than it plays.
func (p *publisher) pace(ahead time.Duration) {
	if ahead < farAhead {
		return
	}
	timer := time.NewTimer(ahead - bitAhead)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.kicked:
	}
}

// isMalformed tells whether an error is about what came from the network.
func isMalformed(err error) bool {
	return errors.Is(err, flv.ErrMalformed) || errors.Is(err, bitstream.ErrMalformed)
}
